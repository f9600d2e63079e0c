"""The laws that a run was planned with, and whether this worker has them (spec: behaviour, "What may end a run").

A law that is missing here, or of another version than the plan's, is a fault of this worker's: the run rests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_domain.plan.absent_law import absence
from sr_domain.record.proofs import PlannedLaw
from sr_ports import ReasonCode
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.run.asking import Asking


@attrs.frozen(eq=False, repr=False)
class Lacking(Compared):
    """Why this worker cannot judge by a law, and whose it is."""

    code: ReasonCode
    detail: str


def origins(laws: Mapping[str, ProvidedLaw], kinds: Iterable[str]) -> tuple[PlannedLaw, ...]:
    """Where laws that are not Scenario Runner's own come from, for the record, by kind."""
    provided = [(kind, laws[kind]) for kind in sorted(set(kinds))]
    return tuple(
        PlannedLaw(kind, one.distribution, one.version) for kind, one in provided if one.runs_in is not RunsIn.OWN
    )


def law_here(run: Asking, kind: str) -> ProvidedLaw | Lacking:
    """The law of that kind, as the run was planned with it; or why it cannot be had here."""
    committed, provided = run.history.plan, run.ports.laws.get(kind)
    known = () if committed is None else committed.details.laws
    planned = next((one for one in known if one.kind == kind), None)
    if provided is None:
        wanted = "" if planned is None else f"; it was {_named(planned)} when the run was planned"
        what = f"no plugin here provides the law {absence(run.ports.laws, kind)}{wanted}"
        return Lacking(ReasonCode.UNKNOWN_HASHING_LAW, what)
    here = PlannedLaw(kind, provided.distribution, provided.version)
    if planned is not None and planned != here:
        what = f"the run was planned with the law {kind} of {_named(planned)}, and here it is {_named(here)}"
        return Lacking(ReasonCode.LAW_VERSION_CHANGED, what)
    return provided


def _named(law: PlannedLaw) -> str:
    return f"{law.distribution}=={law.version}"
