"""Evidence of a run that an earlier revision of the rules admitted and none has decided (spec: behaviour, "Revisions").

It is judged by today's rules. What they object to and those of its admission did not is missing to it: it
waits, named, and fails at its deadline, and is never quarantined for a rule that came after it.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from sr_domain.evidence.gates import GateMissing, GateUnjudged, GateVerdict
from sr_domain.evidence.outputs import Absent, OutputFiles
from sr_domain.record.proofs import Conflict
from sr_ports import EvidenceFault, ListingRules
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Objected(Absent):
    """Something is there, and today's rules do not take it as the rules of the admission did.

    It is awaited also where the output is optional: it cannot be noted as absent.
    """


@attrs.frozen(eq=False, repr=False)
class Admitted(Compared):
    """Which rules a run is judged by. `then`: those of its admission; the same as `now` for a new run.

    `late`: whether an earlier revision admitted it.
    """

    now: ListingRules
    then: ListingRules
    late: bool = False

    def output(self, find: Callable[[ListingRules], OutputFiles | Absent]) -> OutputFiles | Absent:
        """The files of an output. Raises `EvidenceFault` for what both revisions object to, `Unreachable`."""
        if self.then == self.now:
            return find(self.now)
        now, then = _tried(find, self.now), _tried(find, self.then)
        if isinstance(now, EvidenceFault):
            if isinstance(then, EvidenceFault):
                raise now
            return Objected(now.path or "")
        passed_over = [] if isinstance(then, EvidenceFault) else sorted(_paths(then) - _paths(now))
        return Objected(passed_over[0]) if passed_over else now

    def gate(self, judge: Callable[[ListingRules], GateVerdict]) -> GateVerdict:
        """The verdict on a gate. Raises `Unreachable`, `LeaseLost`."""
        verdict = judge(self.now)
        if self.then == self.now or not isinstance(verdict, Conflict):
            return verdict
        earlier = judge(self.then)
        if isinstance(earlier, GateUnjudged):
            return earlier
        return verdict if isinstance(earlier, Conflict) else GateMissing(verdict.path or "", verdict.detail)

    def waits(self, look: Callable[[ListingRules], object]) -> bool:
        """Whether what today's rules object to is only missing: those of the admission did not object to it."""
        if self.then == self.now:
            return False
        try:
            look(self.then)
        except EvidenceFault:
            return False
        return True


def _tried(
    find: Callable[[ListingRules], OutputFiles | Absent], rules: ListingRules
) -> OutputFiles | Absent | EvidenceFault:
    try:
        return find(rules)
    except EvidenceFault as fault:
        return fault


def _paths(files: OutputFiles | Absent) -> set[str]:
    return {fact.path for fact in files.facts} if isinstance(files, OutputFiles) else set()
