"""A hashing law with its provenance. Apart from its caller: every `Ports` needs this, few runs a law."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import attrs

from sr_ports import HashingLaw
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.evidence.law_traits import LawTraits
    from sr_ports import BundleView, Params

Question = Literal["digest", "stated", "members", "culprit", "notes"]
"""What a law is asked. ``stated`` and ``members`` are of a flag's bytes, the others of a bundle."""


class RunsIn(enum.Enum):
    """Where a law's code runs."""

    OWN = "own"
    """Scenario Runner's own code, wherever it runs."""
    WORKER = "worker"
    """Code of another's, in a process of its own."""
    CALLER = "caller"
    """Code of another's in this process: the decision says so."""


@attrs.frozen(eq=False, repr=False)
class ProvidedLaw(Compared):
    """A hashing law and where it came from (spec: mission, law 11). `runs_in`: where it is called.

    `prints`: its fingerprints that were made, by params.
    """

    law: HashingLaw
    distribution: str
    version: str
    runs_in: RunsIn = RunsIn.CALLER
    prints: dict[Params, str | None] = attrs.field(factory=dict, eq=False, init=False)

    @property
    def by(self) -> str:
        """Whose it is, for people."""
        return f"the law {self.law.kind} of {self.distribution} {self.version}"

    @property
    def traits(self) -> LawTraits:
        """What the law says of itself."""
        from sr_domain.evidence.law_traits import traits_of

        return traits_of(self.law)


@runtime_checkable
class WatchedLaw(Protocol):
    """A law whose call is watched from outside, so that one that hangs keeps no lease."""

    def watched(
        self, bundle: BundleView, check: Callable[[], None], question: Question = "digest", flag: bytes = b""
    ) -> Any:
        """What the law answers, whatever that is. `check`: asked now and then; what it raises ends the call.

        `flag`: the gate's, for ``stated`` and ``members``; members, and notes, come as a list. Raises what the view
        raised, `EvidenceFault` and `Unreachable` of the law's own, `LawStopped`.
        """


class LawStopped(Exception):
    """A law gave no answer, for a reason that is its own. `late`: it ran into its time limit."""

    def __init__(self, why: str, *, late: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.late = late
