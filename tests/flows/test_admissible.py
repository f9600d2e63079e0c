"""Configuration burns no key: what a worker lacks for a request is refused before anything is written or bound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_domain.encoding.ids import run_id_for
from sr_domain.plan.pack import OutputSpec
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import BadInput, ReasonCode
from tests.kit import LAWS, PLATFORM, Lab, request
from tests.worlds import FLAG, OUTPUTS, engine, pack, small_world

C = ReasonCode
FEWER_LAWS = {kind: law for kind, law in LAWS.items() if kind != "sha256_bundle_digest"}


@attrs.define
class Unready(ScriptedInvoker):
    """An invoker whose profile names no command."""

    def unready(self) -> str | None:
        return "the invoker has no command"


def unready(lab: Lab) -> Unready:
    return Unready(engine(lab.root / "e", small_world()))


def window(days: str) -> dict[str, Any]:
    return {
        "window_start_utc": "2000-01-01T00:00:00Z",
        "window_end_utc": f"{days}-01-01T00:00:00Z",
        "window_tz": "UTC",
    }


REFUSED: dict[str, tuple[ReasonCode, dict[str, Any], dict[str, Any]]] = {
    "no root to reuse": (C.STRATEGY_UNAVAILABLE, {}, {"requested_strategy": "FORCE_REUSE"}),
    "no invoker": (C.STRATEGY_UNAVAILABLE, {}, {"requested_strategy": "FORCE_INVOKE"}),
    "neither": (C.STRATEGY_UNAVAILABLE, {}, {}),
    "no invoker, and the policy denies reuse": (
        C.STRATEGY_UNAVAILABLE, {"policy": {"reuse_policy": "DENY"}}, {"engine_run_root": "{root}"},
    ),
    "an engine without a command": (C.STRATEGY_UNAVAILABLE, {"invoker": unready}, {}),
    "an engine without a command, forced": (
        C.STRATEGY_UNAVAILABLE, {"invoker": unready}, {"requested_strategy": "FORCE_INVOKE"},
    ),
    "an engine without a command, and nothing in the root": (
        C.STRATEGY_UNAVAILABLE, {"invoker": unready}, {"engine_run_root": "/nowhere"},
    ),
    "a law that is not here": (C.UNKNOWN_HASHING_LAW, {"laws": FEWER_LAWS}, {"engine_run_root": "{root}"}),
    "too many days": (C.REQUEST_INVALID, {}, {"engine_run_root": "{root}", "window": window("2020")}),
    "an output of the policy's that the pack lacks": (
        C.POLICY_INVALID, {"policy": {"traffic_output_ids": ["events", "gone"]}},
        {"engine_run_root": "{root}", "output_ids": None},
    ),
    "credentials": (C.ENGINE_ROOT_UNFIT, {}, {"engine_run_root": "s3://me:hush@bucket/x"}),
    "a query": (C.ENGINE_ROOT_UNFIT, {}, {"engine_run_root": "s3://bucket/x?token=hush"}),
    "a fragment": (C.ENGINE_ROOT_UNFIT, {}, {"engine_run_root": "file://{root}#hush"}),
    "files of another machine": (C.ENGINE_ROOT_UNFIT, {}, {"engine_run_root": "file://host{root}"}),
    "a plain file": (C.ENGINE_ROOT_UNFIT, {}, {"engine_run_root": "{root}/data/loose.bin"}),
    "below a plain file": (C.ENGINE_ROOT_UNFIT, {}, {"engine_run_root": "{root}/data/loose.bin/x"}),
    "a root that is not allowed": (
        C.ENGINE_ROOT_UNFIT, {"settings": Settings(allowed_roots=("/srv/engines",))}, {"engine_run_root": "{root}"},
    ),
    "a root whose name only begins like one": (
        C.ENGINE_ROOT_UNFIT, {"settings": Settings(allowed_roots=("/srv",))}, {"engine_run_root": "/srv2/x"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_worker_lacks_is_refused_and_the_key_stays_free(lab: Lab, name: str) -> None:
    code, wired, changes = REFUSED[name]
    root = lab.world(small_world())
    wired = {key: value(lab) if callable(value) else value for key, value in wired.items()}
    named = changes.get("engine_run_root")
    changes = changes if named is None else {**changes, "engine_run_root": named.replace("{root}", root)}
    with pytest.raises(BadInput) as caught:
        lab.runner(**wired).submit(request(**changes))
    assert caught.value.code is code
    assert "hush" not in f"{caught.value}"
    assert lab.truth() == {}
    assert lab.authority.find(run_id_for("key")).bindings == ()
    assert [one.event_kind for one in lab.listener.events] == ["RUN_REQUEST_RECEIVED", "RUN_REQUEST_REFUSED"]
    other = lab.runner().submit(request(engine_run_root=root, seed=7, request_id="another intent is welcome"))
    assert (other.state, other.is_new) == (RunState.READY, True)


def test_policy_and_pack_are_named(lab: Lab) -> None:
    with pytest.raises(BadInput) as caught:
        lab.runner(policy={"traffic_output_ids": ["gone"]}).submit(
            request(engine_run_root=lab.world(small_world()), output_ids=None)
        )
    assert all(told in caught.value.what for told in ("policy lab", "interface pack", "gone"))


@pytest.mark.parametrize(
    ("wired", "changes"),
    [
        ({}, {"engine_run_root": "file://{root}"}),
        ({}, {"engine_run_root": "file://localhost{root}"}),
        ({}, {"engine_run_root": "{root}/../engine"}),
        ({}, {"engine_run_root": "{link}"}),
        ({"settings": Settings(allowed_roots=("{base}",))}, {"engine_run_root": "{root}"}),
        ({"settings": Settings(allowed_roots=("/srv", "{root}"))}, {"engine_run_root": "file://{root}"}),
        ({"invoker": unready}, {"engine_run_root": "{root}"}),
        ({"policy": {"traffic_output_ids": ["gone"]}}, {"engine_run_root": "{root}"}),
        ({"laws": FEWER_LAWS}, {"engine_run_root": "{root}", "output_ids": ["unlawed"]}),
    ],
    ids=[
        "a URI", "this machine by name", "a way around", "a link", "allowed", "one of two", "reuse needs no engine",
        "other outputs are asked for", "a law nobody needs",
    ],
)  # fmt: skip
def test_its_innocent_twin_is_taken(lab: Lab, wired: dict[str, Any], changes: dict[str, Any]) -> None:
    root = lab.world(small_world())
    link = lab.root / "link"
    link.symlink_to(root)
    places = {"{root}": root, "{link}": str(link), "{base}": str(lab.root.resolve())}

    def placed(text: str) -> str:
        for name, place in places.items():
            text = text.replace(name, place)
        return text

    if "settings" in wired:
        wired = {"settings": Settings(allowed_roots=tuple(map(placed, wired["settings"].allowed_roots)))}
    if "laws" in wired:
        spec = OutputSpec("unlawed", "data/loose.bin", read_requires_gates=())
        wired |= {"packed": pack((*OUTPUTS, spec)), "policy": {"ungated_outputs": "ALLOW"}}
    wired = {key: value(lab) if callable(value) else value for key, value in wired.items()}
    changes = {key: placed(value) if isinstance(value, str) else value for key, value in changes.items()}
    assert lab.runner(**wired).submit(request(**changes)).state is RunState.READY


def test_a_link_does_not_lead_out_of_the_allowed_roots(lab: Lab) -> None:
    root, allowed = lab.world(small_world()), lab.root / "allowed"
    allowed.mkdir()
    (allowed / "link").symlink_to(root)
    with pytest.raises(BadInput) as caught:
        lab.runner(settings=Settings(allowed_roots=(str(allowed.resolve()),))).submit(
            request(engine_run_root=str(allowed / "link"))
        )
    assert caught.value.code is C.ENGINE_ROOT_UNFIT


def test_a_refusal_mints_no_platform_run(lab: Lab) -> None:
    class Unminted(FixedPlatformRuns):
        def current(self) -> str | None:
            return None

        def ensure(self) -> str:
            raise AssertionError("minted")

    with pytest.raises(BadInput) as caught:
        lab.runner(platform=Unminted(PLATFORM)).submit(request())
    assert caught.value.code is C.STRATEGY_UNAVAILABLE


@pytest.mark.parametrize("settled", [True, False])
def test_a_key_that_is_bound_is_answered_whatever_this_worker_lacks(lab: Lab, settled: bool) -> None:
    files = small_world()
    if not settled:
        files.pop(f"gates/gate.a/{FLAG}")
    asked = request(engine_run_root=lab.world(files))
    first = lab.runner().submit(asked)
    poor = lab.runner(laws={}, settings=Settings(allowed_roots=("/srv",)), policy={"reuse_policy": "DENY"})
    again = poor.submit(asked)
    assert (again.state, again.is_new, again.run_id) == (first.state, False, first.run_id)
    assert poor.submit({**asked, "seed": 8}).reason_code is C.EQUIVALENCE_COLLISION


def test_a_worker_without_an_engine_lets_an_admitted_run_rest(lab: Lab) -> None:
    """It was admitted elsewhere, and its holder died before the engine was started."""
    from sr_ports import Unreachable
    from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash

    dying = crash({"invoker": ScriptedInvoker(engine(lab.root / "e", small_world()))}, CrashPlan(0, Mode.BEFORE))
    with pytest.raises(Died):
        lab.runner(**dying).submit(request())
    lab.lapse()
    run_id = run_id_for("key")
    for poor in (lab.runner(), lab.runner(invoker=unready(lab))):
        with pytest.raises(Unreachable) as caught:
            poor.resume(run_id)
        assert caught.value.code is C.ENGINE_UNAVAILABLE
    status = lab.runner().status(run_id)
    assert (status.state, status.reason_code) == (RunState.EXECUTING, C.ENGINE_UNAVAILABLE)
    assert lab.runner(engine=engine(lab.root / "e", small_world())).resume(run_id).state is RunState.READY


def test_a_root_that_becomes_a_file_after_admission_is_a_conflict(lab: Lab) -> None:
    files = small_world()
    files.pop(f"gates/gate.a/{FLAG}")
    root = Path(lab.world(files))
    waiting = lab.runner().submit(request(engine_run_root=str(root)))
    root.rename(lab.root / "away")
    root.write_text("a file")
    ended = lab.runner().resume(waiting.run_id)
    assert ended.state is RunState.QUARANTINED
    assert {one["code"] for one in lab.document("quarantine", ended.run_id)["conflicts"]} == {"ENGINE_ROOT_UNFIT"}


@attrs.frozen
class NeedsSet(ScriptedInvoker):
    """An engine whose command names the set of scenarios."""

    def unready_for(self, invocation: Mapping[str, Any]) -> str | None:
        return None if "scenario_set" in invocation["scenario_binding"] else "the engine command has no value for it"


def test_a_request_that_the_command_has_no_value_for_binds_no_key(lab: Lab) -> None:
    invoker = NeedsSet(engine(lab.root / "e", small_world()))
    before = lab.truth()
    for strategy in ("FORCE_INVOKE", "AUTO"):
        with pytest.raises(BadInput) as caught:
            lab.runner(invoker=invoker).submit(request(requested_strategy=strategy))
        assert caught.value.code is C.STRATEGY_UNAVAILABLE
    assert lab.truth() == before
    asked = request(scenario={"scenario_set": ["a", "b"]})
    assert lab.runner(invoker=invoker).submit(asked).state is RunState.READY
