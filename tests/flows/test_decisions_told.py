"""Every decision reaches the sinks, once, with its phase, outcome, severity and what is known of the run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.memory.store import MemoryObjectStore
from sr_domain.encoding.ids import run_id_for
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.record.events import EVENTS, kind_of
from sr_domain.record.kinds import Kept
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_plugins.wiring.sinks import FanOut
from sr_ports import BadInput, Fault, NotFound, ObsEvent, ReasonCode, Unreachable
from tests.kit import LAWS, TTL_S, Lab, request
from tests.worlds import EVENTS as EVENTS_FOLDER
from tests.worlds import FLAG, small_world

REPO = Path(__file__).resolve().parents[2]
RUN = run_id_for("key")
PHASES = {"INGRESS", "AUTHORITY", "PLAN", "ENGINE", "EVIDENCE", "COMMIT", "REEMIT"}
OUTCOMES = {"OK", "WAITING", "FAIL", "CONFLICT", "SKIP", "RETRY"}


def heard(lab: Lab) -> list[ObsEvent]:
    """What was told since this was asked last."""
    events = list(lab.listener.events)
    lab.listener.events.clear()
    return events


def kinds(events: list[ObsEvent]) -> list[str]:
    return [one.event_kind for one in events]


def only(events: list[ObsEvent], kind: str) -> ObsEvent:
    (found,) = [one for one in events if one.event_kind == kind]
    return found


def told(event: ObsEvent) -> tuple[str, str, str]:
    return event.phase, event.outcome, event.severity


@pytest.fixture
def ready(lab: Lab) -> Lab:
    assert lab.reuse(small_world()).state is RunState.READY
    heard(lab)
    return lab


def guarded(**changes: Any) -> Settings:
    return Settings(lease_ttl_s=TTL_S, **changes)


def test_a_run_is_told_event_by_event_as_its_record_has_it_after_the_request(lab: Lab) -> None:
    lab.reuse(small_world())
    events = heard(lab)
    recorded = [one for one in events if EVENTS[one.event_kind].kept is not Kept.NOT]
    assert kinds(recorded) == lab.kinds(RUN)
    first = events[0]
    assert (first.event_kind, *told(first)) == ("RUN_REQUEST_RECEIVED", "INGRESS", "OK", "INFO")
    rev = lab.document("run_plan", RUN)["policy_rev"]
    for one in events:
        assert one.pins["run_id"] == RUN
        assert one.pins["manifest_fingerprint"] == request()["manifest_fingerprint"]
        assert one.policy_rev == rev
        assert one.phase in PHASES


def test_no_event_is_told_for_each_file_or_output(lab: Lab) -> None:
    many = {**small_world(), **{f"{EVENTS_FOLDER}/part-{number}.bin": b"more" for number in range(2, 90)}}
    assert lab.reuse(many).state is RunState.READY
    assert len(heard(lab)) < 30


def test_governance_facts_are_marked_and_not_debug(ready: Lab) -> None:
    ready.runner().reemit(RUN, "READY_ONLY")
    facts = [one for one in heard(ready) if one.event_kind.startswith("GOV_")]
    assert kinds(facts) == ["GOV_REEMIT_KEY"]
    assert all(one.governance and one.severity == "INFO" for one in facts)


def test_a_duplicate_is_told(ready: Lab) -> None:
    ready.runner().submit(request(engine_run_root=str(ready.root / "engine")))
    events = heard(ready)
    assert kinds(events) == ["RUN_REQUEST_RECEIVED", "RUN_REQUEST_DUPLICATE"]
    assert told(events[1]) == ("INGRESS", "SKIP", "INFO")


def test_a_collision_is_told(ready: Lab) -> None:
    ready.runner().submit(request(seed=8))
    events = heard(ready)
    assert kinds(events) == ["RUN_REQUEST_RECEIVED", "EQUIVALENCE_COLLISION"]
    assert told(events[1]) == ("INGRESS", "CONFLICT", "WARN")
    assert events[1].details == {"fields": "seed"}


def test_a_busy_lease_is_told_and_to_whoever_polls_quietly(lab: Lab) -> None:
    assert lab.authority.acquire(RUN, "somebody", ttl_s=TTL_S) is not None
    root = lab.world(small_world())
    assert lab.runner().submit(request(engine_run_root=root)).in_flight
    events = heard(lab)
    assert kinds(events) == ["RUN_REQUEST_RECEIVED", "LEASE_BUSY"]
    assert told(events[1]) == ("AUTHORITY", "WAITING", "INFO")
    assert lab.runner().resume(RUN).in_flight
    (polled,) = heard(lab)
    assert (polled.event_kind, polled.severity) == ("LEASE_BUSY", "DEBUG")


def test_a_denial_is_told_with_the_pins_that_were_asked_for(lab: Lab) -> None:
    lab.runner(settings=guarded(submitters=frozenset({"ann"}))).submit(request(), actor="eve")
    events = heard(lab)
    assert kinds(events) == ["RUN_REQUEST_RECEIVED", "AUTH_DENIED"]
    denial = events[1]
    assert told(denial) == ("INGRESS", "FAIL", "WARN")
    assert (denial.details["actor"], denial.details["action"]) == ("eve", "submit")
    assert denial.pins["seed"] == 7
    assert denial.policy_rev is not None


def test_a_request_that_breaks_its_contract_is_told_as_refused(lab: Lab) -> None:
    with pytest.raises(BadInput):
        lab.runner().submit(request(seed=-1))
    received, refused = heard(lab)
    assert (received.event_kind, received.details, received.pins) == ("RUN_REQUEST_RECEIVED", {}, {})
    assert (refused.event_kind, *told(refused)) == ("RUN_REQUEST_REFUSED", "INGRESS", "FAIL", "WARN")
    assert refused.details["reason_code"] == "REQUEST_INVALID"
    assert refused.pins == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"engine_run_root": "s3://user:pw@bucket"}, "ENGINE_ROOT_UNFIT"),
        ({"requested_strategy": "FORCE_INVOKE"}, "STRATEGY_UNAVAILABLE"),
    ],
)
def test_what_admission_refuses_is_received_and_refused_once(lab: Lab, changes: dict[str, str], code: str) -> None:
    with pytest.raises(BadInput):
        lab.runner().submit(request(**changes))
    received, refused = heard(lab)
    assert (received.event_kind, refused.event_kind) == ("RUN_REQUEST_RECEIVED", "RUN_REQUEST_REFUSED")
    assert (refused.details["reason_code"], refused.pins["seed"]) == (code, 7)
    assert lab.truth() == {}


def test_a_shared_store_that_is_not_told_which_platform_run_this_is_refuses_aloud(lab: Lab) -> None:
    class Shared(MemoryObjectStore):
        shared = True

    class Nowhere:
        """No platform run yet."""

        def current(self) -> None:
            return None

    with pytest.raises(BadInput) as raised:
        lab.runner(store=Shared(), platform=Nowhere()).submit(request())
    assert raised.value.code is ReasonCode.PLATFORM_RUN_REQUIRED
    assert [one.details.get("reason_code") for one in heard(lab)] == [None, "PLATFORM_RUN_REQUIRED"]


def test_a_store_that_is_away_refuses_nothing(lab: Lab) -> None:
    """The request was received; making it again goes on."""

    class Gone(MemoryObjectStore):
        def read(self, key: str, *more: Any, **how: Any) -> Any:
            raise Unreachable(ReasonCode.STORE_UNREACHABLE, "away")

    with pytest.raises(Unreachable):
        lab.runner(store=Gone()).submit(request(engine_run_root=lab.world(small_world())))
    assert [one.event_kind for one in heard(lab)] == ["RUN_REQUEST_RECEIVED"]


class Away:
    """A control bus that is away."""

    def publish(self, envelope: object) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "away")

    def close(self) -> None:
        """Nothing to let go of."""


REEMITS = {
    "published": (("READY_ONLY",), {}, ["REEMIT_REQUESTED", "REEMIT_PUBLISHED", "GOV_REEMIT_KEY"], None),
    "dry run": (("READY_ONLY",), {"dry_run": True}, ["REEMIT_REQUESTED", "REEMIT_DRY_RUN"], None),
    "mismatch": (("TERMINAL_ONLY",), {}, ["REEMIT_REQUESTED", "REEMIT_FAILED"], "REEMIT_TERMINAL_ONLY_MISMATCH"),
    "rate limited": (("BOTH",), {}, ["REEMIT_REQUESTED", "REEMIT_FAILED"], "REEMIT_RATE_LIMIT"),
    "publish failed": (("BOTH",), {}, ["REEMIT_REQUESTED", "REEMIT_FAILED"], "REEMIT_PUBLISH_FAILED"),
    "busy": (("BOTH",), {}, ["REEMIT_BUSY"], "REEMIT_BUSY"),
    "denied": (("BOTH",), {}, ["AUTH_DENIED"], "AUTH_DENIED"),
}


@pytest.mark.parametrize("how", REEMITS)
def test_a_reemit_of_every_kind_is_told(ready: Lab, how: str) -> None:
    args, options, expected, reason = REEMITS[how]
    ports: dict[str, Any] = {"bus": Away()} if how == "publish failed" else {}
    limits = {"rate limited": {"reemit_max": 0}, "denied": {"reemitters": frozenset[str]()}}
    if how == "busy":
        assert ready.authority.acquire(f"reemit:{RUN}:BOTH", "somebody", ttl_s=TTL_S) is not None
    ready.runner(settings=guarded(**limits.get(how, {})), **ports).reemit(RUN, *args, **options, actor="olga")  # type: ignore[arg-type]
    events = heard(ready)
    assert kinds(events) == expected
    assert [one.details.get("reason_code") for one in events if one.outcome not in ("OK", "SKIP")] == (
        [reason] if reason else []
    )
    assert {one.phase for one in events} <= {"REEMIT", "INGRESS"}
    assert all(one.pins["run_id"] == RUN and one.pins["seed"] == 7 for one in events)
    assert all(one.policy_rev is not None for one in events)


def test_superseding_is_told_on_both_runs_and_once(ready: Lab) -> None:
    new = run_id_for("new")
    root = str(ready.root / "engine")
    ready.runner().submit(request("new", engine_run_root=root, supersedes=RUN))
    events = heard(ready)
    told_of = {
        kind: run for kind in ("SUPERSEDE_CLAIMED", "SUPERSEDED_BY", "SUPERSEDE_PUBLISHED")
        for run in [only(events, kind).pins["run_id"]]
    }  # fmt: skip
    assert told_of == {"SUPERSEDE_CLAIMED": RUN, "SUPERSEDED_BY": RUN, "SUPERSEDE_PUBLISHED": new}
    ready.runner().submit(request("new", engine_run_root=root, supersedes=RUN))
    assert kinds(heard(ready)) == ["RUN_REQUEST_RECEIVED", "RUN_REQUEST_DUPLICATE"]
    ready.runner().submit(request("third", engine_run_root=root, supersedes=RUN))
    events = heard(ready)
    assert kinds(events) == ["RUN_REQUEST_RECEIVED", "SUPERSEDE_REFUSED"]
    assert events[1].details["reason_code"] == "SUPERSEDES_TAKEN"


def test_a_place_that_was_taken_meanwhile_is_told_as_refused(ready: Lab) -> None:
    files = small_world()
    late = files.pop("gates/gate.b/" + FLAG)
    root = ready.world(files, "later")
    for key in ("one", "two"):
        ready.runner().submit(request(key, engine_run_root=root, supersedes=RUN))
    ready.world({"gates/gate.b/" + FLAG: late}, "later")
    ready.runner().resume(run_id_for("one"))
    heard(ready)
    ready.runner().resume(run_id_for("two"))
    events = heard(ready)
    assert only(events, "SUPERSEDE_REFUSED").pins["run_id"] == run_id_for("two")
    assert only(events, "RUN_FAILED").details["reason_code"] == "SUPERSEDES_TAKEN"


def test_a_telemetry_port_that_raises_changes_no_outcome(lab: Lab) -> None:
    class Broken:
        def emit(self, event: ObsEvent) -> None:
            raise RuntimeError("no")

    root = lab.world(small_world())
    assert lab.runner(telemetry=Broken()).submit(request(engine_run_root=root)).state is RunState.READY
    assert not hasattr(lab.runner(telemetry=Broken()).reemit(RUN, "READY_ONLY"), "state")


def test_a_sink_that_hangs_is_not_waited_for(lab: Lab) -> None:
    """The run is READY, and its duplicate answered, while the sink still holds the first event."""
    gate, entered = threading.Event(), threading.Event()

    class Hangs:
        def emit(self, event: ObsEvent) -> None:
            entered.set()
            gate.wait(60)

        def close(self) -> None:
            """Nothing to let go of."""

    fan = FanOut([Hangs(), lab.listener])
    root = lab.world(small_world())
    for _ in range(2):
        assert lab.runner(telemetry=fan).submit(request(engine_run_root=root)).state is RunState.READY
    assert entered.wait(60)
    assert not gate.is_set()
    until = time.monotonic() + 30
    while "RUN_REQUEST_DUPLICATE" not in kinds(lab.listener.events):
        assert time.monotonic() < until
        time.sleep(0.005)
    gate.set()
    fan.close()
    assert fan.losses() == ()


def test_every_kind_has_a_phase_an_outcome_and_a_severity() -> None:
    for kind, one in EVENTS.items():
        assert one.phase in PHASES, kind
        assert one.outcome in OUTCOMES, kind
        assert one.severity in {"DEBUG", "INFO", "WARN", "ERROR"}, kind
        assert one.governance == kind.startswith("GOV_"), kind
    assert Counter(one.outcome for one in EVENTS.values())["OK"] > 10


def test_a_kind_of_a_later_release_is_told_in_the_words_of_its_name() -> None:
    assert kind_of("RUN_LOST_CLAIM_FAILED").story({}) == "run lost claim failed"
    assert kind_of("RUN_LOST_CLAIM_FAILED").severity == "INFO"  # nothing is read out of a name


class Law:
    """A law of acme-laws 1.2 that raises."""

    kind = "sha256_bundle_digest"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def digest(self, bundle: object) -> str:
        raise self.error


class Mute(Exception):
    """One whose own text fails."""

    def __str__(self) -> str:
        raise ZeroDivisionError


class Hollow(Unreachable):
    """An error that a law may raise, and yet none: its class never calls the port's."""

    def __init__(self) -> None:
        pass


OWN_FAULTS: list[BaseException] = [
    ZeroDivisionError("oops"), SystemExit(0), GeneratorExit(), asyncio.CancelledError(), Mute(), Hollow(),
    BadInput(ReasonCode.REQUEST_INVALID, "no"), NotFound(ReasonCode.RUN_NOT_FOUND, "no"),
    Fault(ReasonCode.INTERNAL, "no"),
]  # fmt: skip


@pytest.mark.parametrize("error", OWN_FAULTS, ids=lambda error: type(error).__name__)
def test_whatever_a_law_raises_is_named_with_its_distribution_and_version(lab: Lab, error: BaseException) -> None:
    laws = {**LAWS, Law.kind: ProvidedLaw(Law(error), "acme-laws", "1.2")}
    outcome = lab.runner(laws=laws).submit(request(engine_run_root=lab.world(small_world())))
    assert (outcome.state, outcome.reason_code) == (RunState.VERIFYING, ReasonCode.LAW_FAILED)
    assert f"the law {Law.kind} of acme-laws 1.2 failed: {type(error).__name__}" in outcome.message


def test_a_law_may_not_turn_a_store_that_is_away_into_a_verdict(lab: Lab) -> None:
    class Swallows:
        kind = Law.kind

        def digest(self, bundle: Any) -> str:
            try:
                paths = [fact.path for fact in bundle.files()]
                return str(bundle.sha256(paths))
            except Unreachable:
                raise ValueError("could not read") from None

    away = Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "the root is away")

    class Roots:
        def open(self, uri: str) -> Any:
            from sr_adapters.file.root import FileEngineRoot

            class Root(FileEngineRoot):
                def stream(self, path: str, sink: Any, **how: Any) -> Any:
                    if path.endswith(FLAG):
                        return super().stream(path, sink, **how)
                    raise away

            return Root(uri)

    laws = {**LAWS, Law.kind: ProvidedLaw(Swallows(), "acme-laws", "1.2")}
    with pytest.raises(Unreachable) as caught:
        lab.runner(laws=laws, roots=Roots()).submit(request(engine_run_root=lab.world(small_world())))
    assert caught.value is away
    assert lab.ledger(RUN).state is RunState.VERIFYING
