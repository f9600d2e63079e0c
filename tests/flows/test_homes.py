"""Facts go home: whoever publishes about a run, from whatever session, it lies under the run's own platform run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sr_adapters.file.bus import FileControlBus
from sr_adapters.file.homes import HomeFolders
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_ports import Envelope, ReasonCode, Unreachable
from tests.kit import PLATFORM as P1
from tests.kit import Lab, request
from tests.reliability.lab import request as server_request
from tests.reliability.lab import write_world
from tests.reliability.test_kill import pack as pack_folder
from tests.servers import kinesis
from tests.worlds import flag, small_world

local_kinesis = kinesis.local_kinesis
P2 = "platform_20260201T080000Z"
RUN, NEW = run_id_for("key"), run_id_for("new")
TOPIC = "fp.bus.control.v1"


class Away:
    """A bus that cannot be reached."""

    def publish(self, envelope: Envelope) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "no bus")


@pytest.fixture(params=["memory", "files"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    """Truth and an authority that several sessions share; a file bus lies in the homes of the runs."""
    made: Lab = getattr(Lab, request.param)(tmp_path)
    if request.param == "files":
        made.bus = FileControlBus(HomeFolders(str(tmp_path / "truth")))
    request.addfinalizer(made.authority.close)
    return made


def later(lab: Lab, **ports: Any) -> ScenarioRunner:
    """A process of the second session."""
    return lab.runner(platform=FixedPlatformRuns(P2), **ports)


def homes(lab: Lab) -> dict[str, list[str]]:
    """What lies on the bus by home: as the folders say where there are any, and as the envelopes do."""
    said: dict[str, list[str]] = {}
    for one in lab.published():
        said.setdefault(one.attributes["platform_run_id"], []).append(one.attributes["kind"])
    folder = lab.root / "truth" / "fraud-platform"
    topics = {one.parents[1].name: one for one in folder.glob(f"*/control_bus/{TOPIC}")}
    lying = {home: len(list(topic.glob("[0-9a-f]*.json"))) for home, topic in topics.items()}
    assert not topics or lying == {home: len(kinds) for home, kinds in said.items()}
    return said


def left_unpublished(lab: Lab) -> Outcome:
    outcome = lab.runner(bus=Away()).submit(request(engine_run_root=lab.world(small_world())))
    assert (outcome.state, outcome.published) == (RunState.READY, False)
    return outcome


def test_ready_that_another_session_publishes_lies_in_its_runs_home(lab: Lab) -> None:
    left_unpublished(lab)
    done = later(lab).resume(RUN)
    assert (done.state, done.published) == (RunState.READY, True)
    assert homes(lab) == {P1: ["READY"]}


def test_a_resubmission_from_another_session_publishes_at_home_too(lab: Lab) -> None:
    left_unpublished(lab)
    assert later(lab).submit(request()).published
    assert homes(lab) == {P1: ["READY"]}


def test_a_run_of_the_second_session_lies_in_the_second_ones_home(lab: Lab) -> None:
    lab.reuse(small_world())
    later(lab).submit(request("new", engine_run_root=lab.world(small_world("new"), "new")))
    assert homes(lab) == {P1: ["READY"], P2: ["READY"]}


def test_a_reemit_from_another_session_goes_home(lab: Lab) -> None:
    lab.reuse(small_world())
    assert later(lab).reemit(RUN, "READY_ONLY").reason_code is None
    assert homes(lab) == {P1: ["READY", "READY_REEMIT"]}
    first, again = lab.published()
    assert first.message_id == again.message_id


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("lost by postgres://sr:hunter2@db/x", "lost by postgres://sr:***@db/x"), ("lost by the bus", "lost by the bus")],
)
def test_the_reason_of_a_reemit_is_on_record_without_secrets(lab: Lab, reason: str, kept: str) -> None:
    lab.reuse(small_world())
    assert lab.runner().reemit(RUN, reason=reason).reason_code is None
    asked = lab.ledger(RUN).first("REEMIT_REQUESTED")
    assert asked is not None
    assert asked.details["reason"] == kept
    assert not any(b"hunter2" in data for data in lab.truth().values())


def test_a_terminal_fact_goes_home_and_says_its_state(lab: Lab) -> None:
    world = small_world()
    world["gates/gate.a/_passed.flag"] = flag("0" * 64)
    assert lab.reuse(world).state is RunState.QUARANTINED
    assert later(lab).reemit(RUN, "TERMINAL_ONLY").reason_code is None
    assert homes(lab) == {P1: ["TERMINAL_REEMIT"]}
    (fact,) = lab.published()
    assert fact.attributes["state"] == fact.payload["status_state"] == "QUARANTINED"


@pytest.mark.parametrize("left", [False, True], ids=["at once", "by a later resume"])
def test_that_a_run_was_superseded_is_told_in_its_own_home(lab: Lab, left: bool) -> None:
    lab.reuse(small_world())
    lab.clock.sleep(1)
    bus = {"bus": Away()} if left else {}
    root = lab.world(small_world("new"), "new")
    outcome = later(lab, **bus).submit(request("new", engine_run_root=root, supersedes=RUN))
    assert outcome.state is RunState.READY
    if left:
        assert homes(lab) == {P1: ["READY"]}
        lab.runner().resume(NEW)
    assert homes(lab) == {P1: ["READY", "RUN_SUPERSEDED"], P2: ["READY"]}
    (told,) = [one for one in lab.published() if one.attributes["kind"] == "RUN_SUPERSEDED"]
    assert (told.attributes["run_id"], told.attributes["superseded_by"]) == (RUN, NEW)
    assert told.partition_key == RUN


def test_every_fact_names_its_store(lab: Lab) -> None:
    lab.reuse(small_world())
    later(lab).submit(request("new", engine_run_root=lab.world(small_world("new"), "new"), supersedes=RUN))
    later(lab).reemit(NEW, "READY_ONLY")
    facts = lab.published()
    assert sorted(one.attributes["kind"] for one in facts) == ["READY", "READY", "READY_REEMIT", "RUN_SUPERSEDED"]
    (store,) = {(one.attributes["store_id"], one.attributes["store_uri"]) for one in facts}
    assert len(store[0]) == 32
    assert store[1] == lab.store.location()
    assert not any("state" in one.attributes for one in facts)


def test_tail_reads_all_platform_runs_and_one(lab: Lab) -> None:
    lab.reuse(small_world())
    lab.clock.sleep(1)
    later(lab).submit(request("new", engine_run_root=lab.world(small_world("new"), "new"), supersedes=RUN))
    for runner in (lab.runner(), later(lab), lab.runner(platform=FixedPlatformRuns("platform_20300101T000000Z"))):
        told = [(one.attributes["platform_run_id"], one.attributes["kind"]) for one in runner.tail()]
        assert told == [(P1, "READY"), (P2, "READY"), (P1, "RUN_SUPERSEDED")]
        assert [one.attributes["kind"] for one in runner.tail(platform_run=P1)] == ["READY", "RUN_SUPERSEDED"]
        assert list(runner.tail(platform_run="platform_20300101T000000Z")) == []
        assert list(runner.tail(from_start=False)) == []


# through profiles


def built(profile: dict[str, Any], platform: str, monkeypatch: pytest.MonkeyPatch) -> ScenarioRunner:
    """A process of this session."""
    monkeypatch.setenv("PLATFORM_RUN_ID", platform)
    policy = {"policy_id": "homes", "revision": "1", "evidence_wait_seconds": 600}
    return build_runner(profile, policy=policy, narrate=False)


@pytest.fixture
def profile(tmp_path: Path) -> dict[str, Any]:
    """Two sessions share the authority's file and the runtime root."""
    return {
        "profile": "homes",
        "runtime_root": str(tmp_path / "runs"),
        "authority": {"adapter": "sqlite", "path": str(tmp_path / "shared.db")},
        "engine": {"interface_pack": str(pack_folder(tmp_path / "pack"))},
    }


def story(profile: dict[str, Any], root: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """READY that the first session could not publish, resumed and said again by the second, and superseded there."""
    write_world(root)
    with built(profile, P1, monkeypatch) as first, monkeypatch.context() as broken:
        broken.setattr(type(first.ports.bus), "publish", Away.publish)
        assert not first.submit(server_request(engine_run_root=str(root))).published
    with built(profile, P2, monkeypatch) as second:
        assert second.resume(RUN).published
        second.reemit(RUN, "READY_ONLY")
        heir = server_request("new", engine_run_root=str(root), supersedes=RUN)
        assert second.submit(heir).state is RunState.READY
        facts = list(second.tail())
    (store,) = {(one.attributes["store_id"], one.attributes["store_uri"]) for one in facts}
    assert store[1] == Path(profile["runtime_root"]).resolve().as_uri()
    return sorted((one.attributes["platform_run_id"], one.attributes["kind"]) for one in facts)


TOLD = sorted([(P1, "READY"), (P1, "READY_REEMIT"), (P1, "RUN_SUPERSEDED"), (P2, "READY")])


def test_sessions_of_one_profile_file_facts_at_home(
    profile: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story(profile, tmp_path / "engine", monkeypatch) == TOLD
    lying = {
        home: len(list((tmp_path / "runs" / "fraud-platform" / home / "control_bus" / TOPIC).glob("[0-9a-f]*.json")))
        for home in (P1, P2)
    }
    assert lying == {P1: 3, P2: 1}


@pytest.mark.kinesis
def test_the_same_on_a_stream(
    profile: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_kinesis: str
) -> None:
    pytest.importorskip("boto3", reason="needs scenario-runner[kinesis]")
    for name, value in kinesis.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    stream = kinesis.make_stream(local_kinesis)
    bus = {"adapter": "kinesis", "stream": stream, "region": kinesis.REGION, "endpoint_url": local_kinesis}
    assert story({**profile, "control_bus": bus}, tmp_path / "engine", monkeypatch) == TOLD
