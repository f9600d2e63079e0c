"""What today's rules object to and those of the admission did not is missing, and never a conflict."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sr_domain.evidence.admitted import Admitted, Objected
from sr_domain.evidence.gates import GateMissing, GatePassed, GateVerdict
from sr_domain.evidence.outputs import Absent, OutputFiles
from sr_domain.record.proofs import Conflict
from sr_ports import EvidenceFault, FileFact, ListingRules, ReasonCode
from sr_ports.wanted import FIRST_RELEASE, TODAY

EARLIER, NEW = Admitted(now=TODAY, then=FIRST_RELEASE), Admitted(now=TODAY, then=TODAY)
FAULT, OLD_FAULT = (EvidenceFault(ReasonCode.NOT_A_FILE, "why", path) for path in ("a/zz/", "b"))
CONFLICT, OLD_CONFLICT = (Conflict("g", ReasonCode.NOT_A_FILE, "why", path=path) for path in ("a/zz/", "b"))


def found(*paths: str) -> OutputFiles:
    return OutputFiles("a", tuple(FileFact(path, 1, "t") for path in paths))


def finding(
    now: OutputFiles | Absent | EvidenceFault, then: OutputFiles | Absent | EvidenceFault
) -> Callable[[ListingRules], OutputFiles | Absent]:
    def find(rules: ListingRules) -> OutputFiles | Absent:
        result = now if rules == TODAY else then
        if isinstance(result, EvidenceFault):
            raise result
        return result

    return find


@pytest.mark.parametrize(
    ("now", "then", "judged"),
    [
        (FAULT, found("a/1"), Objected("a/zz/")),
        (FAULT, Absent("a"), Objected("a/zz/")),
        (found("a/1"), found("a/1", "a/2/x", "a/3/x"), Objected("a/2/x")),
        (Absent("a"), found("a/2/x"), Objected("a/2/x")),
        (Absent("a"), Absent("a"), Absent("a")),
        (found("a/1"), found("a/1"), found("a/1")),
        (found("a/1"), OLD_FAULT, found("a/1")),
        (found("a/1", "a/2"), found("a/1"), found("a/1", "a/2")),
    ],
)
def test_an_output_of_an_earlier_admission(
    now: OutputFiles | Absent | EvidenceFault, then: OutputFiles | Absent | EvidenceFault, judged: OutputFiles | Absent
) -> None:
    made = EARLIER.output(finding(now, then))
    assert (type(made), made) == (type(judged), judged)


@pytest.mark.parametrize(("run", "then"), [(EARLIER, OLD_FAULT), (NEW, found("a/1"))])
def test_what_both_rules_object_to_and_what_todays_object_to_in_a_new_run_is_a_conflict(
    run: Admitted, then: OutputFiles | EvidenceFault
) -> None:
    with pytest.raises(EvidenceFault) as caught:
        run.output(finding(FAULT, then))
    assert caught.value is FAULT


@pytest.mark.parametrize(
    ("run", "now", "then", "verdict"),
    [
        (EARLIER, CONFLICT, GatePassed("d"), GateMissing("a/zz/", "why")),
        (EARLIER, CONFLICT, GateMissing("f"), GateMissing("a/zz/", "why")),
        (EARLIER, CONFLICT, OLD_CONFLICT, CONFLICT),
        (EARLIER, GatePassed("d"), OLD_CONFLICT, GatePassed("d")),
        (EARLIER, GateMissing("f"), GatePassed("d"), GateMissing("f")),
        (NEW, CONFLICT, GatePassed("d"), CONFLICT),
    ],
)
def test_a_gate(run: Admitted, now: GateVerdict, then: GateVerdict, verdict: GateVerdict) -> None:
    assert run.gate(lambda rules: now if rules == TODAY else then) == verdict


@pytest.mark.parametrize(
    ("run", "then", "waits"), [(EARLIER, None, True), (EARLIER, OLD_FAULT, False), (NEW, None, False)]
)
def test_what_only_todays_rules_object_to_is_waited_for(run: Admitted, then: EvidenceFault | None, waits: bool) -> None:
    def look(rules: ListingRules) -> None:
        fault = FAULT if rules == TODAY else then
        if fault is not None:
            raise fault

    assert run.waits(look) is waits
