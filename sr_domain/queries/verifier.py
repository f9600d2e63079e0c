"""What re-proving a facts view needs, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.queries.finding import Finding
from sr_ports import Clock, EngineRoots, ObjectStore, SignatureChecker, WorkPool


@attrs.frozen
class Verifier:
    """What a consumer needs to re-prove: where truth and bytes are, and how gates are judged.

    `progress`: called with one line for each thing that was proven, and now and then while a
    long read goes on. `signed_by`: whose attestation there must be; None where none is asked for. `check`: asked
    while bytes are read; may raise to end that.
    """

    store: ObjectStore
    roots: EngineRoots
    laws: Mapping[str, ProvidedLaw]
    pool: WorkPool
    clock: Clock
    progress: Callable[[str], None] = lambda line: None
    signed_by: SignatureChecker | None = None
    check: Callable[[], None] = lambda: None


INPUTS = ("facts_view", "outputs", "root", "plan", "record")
"""What a verification rests on. `outputs`: their digests; `root`: where paths begin; `record`: up to its decision."""


@attrs.frozen
class Input:
    """Something that a verification rests on, one of `INPUTS`, and whether the signature binds it."""

    name: str
    bound: bool


@attrs.frozen
class Proof:
    """What came of reading outputs, or of judging gates.

    `proven`: how many of them are what they were. `not_judged`: ids of those that could not be judged;
    what stood in the way is among the findings.
    """

    findings: tuple[Finding, ...] = ()
    proven: int = 0
    not_judged: tuple[str, ...] = ()


@attrs.frozen
class Verification:
    """What came of it. `engine_run_root`: where bytes were looked for; None where that cannot be told.

    `proven_outputs`, `proven_gates`: how many locators and gate receipts had their bytes read again and
    hold. `not_judged`: ids of outputs and gates that nothing can be said of, and the findings tell why.
    `superseded_by`: the run's successor, the successor's own, and so on to the newest.
    `rests_on`: what was used, and whether the signature binds it; empty where none was asked for.
    """

    run_id: str
    engine_run_root: str | None
    findings: tuple[Finding, ...]
    proven_outputs: int = 0
    proven_gates: int = 0
    superseded_by: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()
    rests_on: tuple[Input, ...] = ()

    @property
    def unbound(self) -> tuple[str, ...]:
        """Names of what was used and no signature binds."""
        return tuple(one.name for one in self.rests_on if not one.bound)

    @property
    def ok(self) -> bool:
        return not self.findings

    def document(self) -> dict[str, Any]:
        """JSON form, for machines; `rests_on` only where a signature was asked for."""
        return {
            "run_id": self.run_id,
            "ok": self.ok,
            "engine_run_root": self.engine_run_root,
            "proven_outputs": self.proven_outputs,
            "proven_gates": self.proven_gates,
            "not_judged": list(self.not_judged),
            "superseded_by": self.superseded_by[0] if self.superseded_by else None,
            "newest_run_id": self.superseded_by[-1] if self.superseded_by else None,
            "findings": [one.document() for one in self.findings],
            **({"rests_on": [attrs.asdict(one) for one in self.rests_on]} if self.rests_on else {}),
        }
