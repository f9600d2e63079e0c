"""The facts view is enough: where the bytes are, which parts they have, a proof a day, and whose run id is in paths."""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.memory.root import MemoryEngineRoot
from sr_domain.plan.pack import InterfacePack, OutputSpec
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import EngineRoot, ReasonCode
from tests.kit import BASE, WAIT_S, Lab, request
from tests.worlds import FLAG, GATES, OUTPUTS, PH, WORLD, engine, flag, gate, law, pack, receipt, sha, small_world

OWN = "e" * 32
"""The run id of an engine run that SR did not start."""
TWO_DAYS = {**request()["window"], "window_end_utc": "2026-01-03T00:00:00Z"}
DAYS = ("2026-01-01", "2026-01-02")
ROOTS = st.sampled_from(["/data/engine", "/x", "s3://bucket/prefix"])


def spec(output_id: str, template: str, **more: Any) -> OutputSpec:
    """An output that gate.a covers."""
    return OutputSpec(output_id, template, read_requires_gates=("gate.a",), **more)


def packed(*outputs: OutputSpec, gates: tuple[Any, ...] = GATES[:1]) -> InterfacePack:
    return pack((*OUTPUTS, *outputs), gates)


def ready(lab: Lab, files: dict[str, bytes], packed: InterfacePack, *output_ids: str, **changes: Any) -> dict[str, Any]:
    """The facts view of a run over these files. `name`: of the engine root's folder."""
    root = lab.world({**small_world(), **files}, changes.pop("name", "engine"))
    runner = lab.runner(packed=packed)
    outcome = runner.submit(request(engine_run_root=root, output_ids=list(output_ids), **changes))
    assert outcome.state is RunState.READY, outcome
    assert not runner.audit(outcome.run_id).findings
    assert runner.verify(outcome.run_id).ok
    return lab.document("run_facts_view", outcome.run_id)


def consumer(facts: dict[str, Any], truth: dict[str, bytes]) -> dict[str, str]:
    """What a consumer without SR reads by the view and the part lists alone: content digests by path."""
    found = {}
    for one in facts["locators"]:
        path, digest = one["path"], one["content_digest"]["hex"]
        key = f"{BASE}/part_lists/{digest}.json"
        if not path.endswith("/") and not any(mark in path for mark in "*?["):
            assert key not in truth
            found[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            continue
        segments = path.rstrip("/").split("/")
        wild = [at for at, segment in enumerate(segments) if any(mark in segment for mark in "*?[")]
        base = "/".join(segments[: wild[0]] if wild else segments)
        parts = json.loads(truth[key])
        for part in parts:
            data = (Path(base) / part["path"]).read_bytes()
            assert (part["sha256"], part["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
        canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        found[path] = hashlib.sha256(canonical).hexdigest()
    return found


# --- paths and root ---


def test_a_consumer_finds_and_proves_all_bytes_by_the_view_and_the_part_lists(lab: Lab) -> None:
    outcome = lab.reuse(small_world())
    facts = lab.document("run_facts_view", outcome.run_id)
    wanted = {one["path"]: one["content_digest"]["hex"] for one in facts["locators"]}
    assert consumer(facts, lab.truth()) == wanted
    for receipt_ in facts["gate_receipts"]:
        assert all(Path(path).exists() for path in receipt_["artifacts"].values())
    for one in facts["instance_receipts"]:
        assert one["target_ref"] in facts["locators"]


def test_the_root_is_in_view_and_ready_whether_there_is_a_manifest_or_not(lab: Lab) -> None:
    runner = lab.runner(settings=Settings(oracle_root="s3://worlds/all", environment="lab"))
    root = lab.world(small_world())
    outcome = runner.submit(request(engine_run_root=root))
    facts, signal = (lab.document(kind, outcome.run_id) for kind in ("run_facts_view", "ready_signal"))
    assert facts["oracle_pack_ref"] == {"engine_run_root": root, "oracle_root": "s3://worlds/all"}
    assert signal["oracle_pack_ref"] == facts["oracle_pack_ref"]
    policy = facts["policy_rev"]
    assert facts["provenance"] == {
        "environment": "lab", "config_revision": policy["revision"], "run_config_digest": policy["content_digest"]
    }  # fmt: skip
    assert (
        "oracle_root" not in lab.document("run_facts_view", lab.reuse(small_world(), key="b").run_id)["oracle_pack_ref"]
    )


def test_the_same_evidence_below_another_root_has_the_same_hash(lab: Lab) -> None:
    views = []
    for name in ("one", "another"):
        outcome = lab.runner().submit(request(name, engine_run_root=lab.world(small_world(), name)))
        views.append(lab.document("run_facts_view", outcome.run_id))
    assert views[0]["bundle_hash"] == views[1]["bundle_hash"]
    assert views[0]["locators"] != views[1]["locators"]
    other = lab.world({**small_world(), "data/loose.bin": b"other"}, "third")
    more = lab.runner(policy={"ungated_outputs": "ALLOW"}).submit(
        request("c", engine_run_root=other, output_ids=["world", "events", "daily", "loose"])
    )
    assert lab.document("run_facts_view", more.run_id)["bundle_hash"] != views[0]["bundle_hash"]


# --- part lists ---


def test_every_output_of_several_files_has_its_list_whatever_its_scope(lab: Lab) -> None:
    facts = ready(lab, {"data/pair/a": b"1", "data/pair/b": b"2"}, packed(spec("pair", "data/pair/")), "pair", "world")
    (pair, world) = facts["locators"]
    parts = [{"path": name, "sha256": sha(data), "size": 1} for name, data in (("a", b"1"), ("b", b"2"))]
    listed = json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    assert lab.truth()[f"{BASE}/part_lists/{sha(listed)}.json"] == listed
    assert pair["content_digest"]["hex"] == sha(listed)
    assert pair["path"] == f"{lab.root}/engine/data/pair/"
    assert world["path"] == f"{lab.root}/engine/{WORLD}"
    assert "instance_receipts" not in facts
    assert not [key for key in lab.truth() if key.endswith("bundle_manifest.json")]


@pytest.mark.parametrize(
    ("template", "files", "path"),
    [
        ("data/o/", ["data/o/x.bin"], "data/o/x.bin"),
        ("data/o", ["data/o/x.bin"], "data/o/x.bin"),
        ("data/o/*.bin", ["data/o/x.bin"], "data/o/x.bin"),
        ("data/**/x.*", ["data/o/p/x.bin"], "data/o/p/x.bin"),
        ("data/o", ["data/o/x.bin", "data/o/y"], "data/o/"),
        ("data/o/*/x", ["data/o/1/x", "data/o/2/x"], "data/o/*/x"),
        ("data/o/", ["data/o/x[1].bin"], "data/o/"),
        ("data/o/*.bin", ["data/o/x?.bin"], "data/o/*.bin"),
    ],
)
def test_what_a_path_is_follows_from_its_letters(lab: Lab, template: str, files: list[str], path: str) -> None:
    facts = ready(lab, {name: name.encode() for name in files}, packed(spec("o", template)), "o")
    (locator,) = facts["locators"]
    assert locator["path"] == f"{lab.root}/engine/{path}"
    listed = path.endswith("/") or "*" in path
    assert (f"{BASE}/part_lists/{locator['content_digest']['hex']}.json" in lab.truth()) is listed
    assert consumer(facts, lab.truth()) == {locator["path"]: locator["content_digest"]["hex"]}


NAMES = st.text("ab/*?[].", min_size=1, max_size=5).filter(
    lambda name: all(part not in ("", ".", "..") for part in name.split("/"))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(NAMES, min_size=1, max_size=4), template=st.sampled_from(["o/", "o/**", "o/*"]), root=ROOTS)
def test_a_path_that_is_a_file_has_no_list_and_any_other_has_one(
    tmp_path: Path, names: set[str], template: str, root: str
) -> None:
    files = {f"o/{name}": name.encode() for name in names}
    lab, roots = Lab.memory(tmp_path), OneRoot(MemoryEngineRoot({**small_world(), **files}, root))
    runner = lab.runner(packed=packed(spec("o", template)), roots=roots)
    outcome = runner.submit(request(engine_run_root=root, output_ids=["o"]))
    taken = [name for name in names if template != "o/*" or fnmatchcase(name.split("/")[0], "*")]
    assert taken
    assert outcome.state is RunState.READY, outcome
    (locator,) = lab.document("run_facts_view", outcome.run_id)["locators"]
    path, digest = locator["path"], locator["content_digest"]["hex"]
    below = path.removeprefix(roots.root.uri.rstrip("/") + "/")
    standing = lab.truth().get(f"{BASE}/part_lists/{digest}.json")
    if below in files and not any(mark in below for mark in "*?["):
        assert (standing, digest) == (None, sha(files[below]))
        return
    assert standing is not None
    assert sha(standing) == digest
    assert below == template
    assert [one["path"] for one in json.loads(standing)] == sorted(names)
    assert runner.verify(outcome.run_id).ok


@attrs.frozen
class OneRoot:
    """The one engine root there is."""

    root: MemoryEngineRoot

    def open(self, uri: str) -> EngineRoot:
        return self.root.anew()


@pytest.mark.parametrize("spoilt", ["gone", "altered"])
def test_a_part_list_that_is_gone_or_altered_is_found(lab: Lab, spoilt: str) -> None:
    outcome = lab.runner(packed=packed(spec("pair", "data/pair/"))).submit(
        request(
            engine_run_root=lab.world({**small_world(), "data/pair/a": b"1", "data/pair/b": b"2"}), output_ids=["pair"]
        )
    )
    (key,) = [key for key in lab.truth() if "/part_lists/" in key]
    lab.store.delete(key)
    if spoilt == "altered":
        lab.store.create(key, b"[]")
    (finding,) = lab.runner().audit(outcome.run_id).findings
    code = ReasonCode.TRUTH_MISSING if spoilt == "gone" else ReasonCode.TRUTH_ALTERED
    assert (finding.code, finding.where) == (code, key)


def test_a_run_that_waits_or_conflicts_writes_no_receipt_and_no_list(lab: Lab) -> None:
    files = small_world()
    held = files.pop(f"gates/gate.c/{FLAG}")
    outcome = lab.reuse(files)
    assert outcome.state is RunState.WAITING_EVIDENCE
    assert not [key for key in lab.truth() if "/instance_receipts/" in key or "/part_lists/" in key]
    lab.world({f"gates/gate.c/{FLAG}": held, f"gates/gate.a/{FLAG}": flag("0" * 64)})
    assert lab.runner().resume(outcome.run_id).state is RunState.QUARANTINED
    assert not [key for key in lab.truth() if "/instance_receipts/" in key or "/part_lists/" in key]


# --- days ---


def days(*, second: bytes = b"daily 1") -> dict[str, bytes]:
    folder = f"data/daily/parameter_hash={PH}"
    return {f"{folder}/utc_day={DAYS[1]}/part-{at}.bin": second + bytes([at]) for at in (0, 1)}


def test_an_output_over_several_days_has_a_locator_a_digest_and_a_receipt_a_day(lab: Lab) -> None:
    plain = packed(gates=(gate("gate.a", law("sha256_bundle_digest"), "daily"),))
    facts = ready(lab, days(), plain, "daily", window=TWO_DAYS)
    folder = f"{lab.root}/engine/data/daily/parameter_hash={PH}"
    assert [one["path"] for one in facts["locators"]] == [
        f"{folder}/utc_day={DAYS[0]}/part-0.bin", f"{folder}/utc_day={DAYS[1]}/part-*.bin"
    ]  # fmt: skip
    assert consumer(facts, lab.truth()) == {one["path"]: one["content_digest"]["hex"] for one in facts["locators"]}
    kept = [one["artifacts"]["receipt_path"] for one in facts["instance_receipts"]]
    assert [path.split("/")[-2] for path in kept] == [f"utc_day={day}" for day in DAYS]
    assert all(path in lab.truth() for path in kept)
    assert [one["target_ref"] for one in facts["instance_receipts"]] == facts["locators"]
    assert "{" not in json.dumps([facts["locators"], facts["instance_receipts"]]).replace('{"', "")
    # Another window over one of these days is of the same scope, and no drift.
    later = {**TWO_DAYS, "window_start_utc": "2026-01-02T00:00:00Z"}
    assert len(ready(lab, days(), plain, "daily", window=later, run_equivalence_key="later")["locators"]) == 1


def test_one_day_with_other_bytes_is_drift_of_that_day(lab: Lab) -> None:
    plain = packed(gates=(gate("gate.a", law("sha256_bundle_digest"), "daily"),))
    ready(lab, days(), plain, "daily", window=TWO_DAYS)
    root = lab.world({**small_world(), **days(second=b"other")})
    ended = lab.runner(packed=plain).submit(
        request("again", engine_run_root=root, output_ids=["daily"], window=TWO_DAYS)
    )
    assert ended.reason_code is ReasonCode.INSTANCE_RECEIPT_DRIFT
    (kept,) = lab.document("quarantine", ended.run_id)["conflicts"]
    assert kept["changes"]["changed"] == ["part-0.bin", "part-1.bin"]
    assert f"utc_day={DAYS[1]}" in kept["changes"]["refused"]["artifacts"]["receipt_path"]


@pytest.mark.parametrize(
    ("path", "digest", "code"),
    [
        (f"{DAYS[0]}/part-*.bin", "0" * 64, ReasonCode.INSTANCE_RECEIPT_ORPHAN),
        (f"{DAYS[0]}/part-*.bin", sha(b"daily 0"), None),
        (f"{DAYS[1]}/part-*.bin", "0" * 64, None),
        ("{utc_day}/part-*.bin", "0" * 64, None),
    ],
    ids=["other bytes of the day", "the day's bytes", "another day", "several days"],
)
def test_a_receipt_of_revision_1_counts_where_it_is_of_this_one_day(
    lab: Lab, path: str, digest: str, code: ReasonCode | None
) -> None:
    world = {"manifest_fingerprint": "a" * 64, "parameter_hash": PH}
    key = f"{BASE}/instance_receipts/output_id=daily/" + "/".join(f"{name}={value}" for name, value in world.items())
    proven = {"algo": "sha256", "hex": digest}
    target = {"output_id": "daily", "parameter_hash": PH, "content_digest": proven,
              "path": f"data/daily/parameter_hash={PH}/utc_day={path}"}  # fmt: skip
    stood = {"output_id": "daily", "status": "PASS", "scope": world, "target_ref": target, "target_digest": proven}
    lab.store.create(f"{key}/instance_receipt.json", json.dumps(stood).encode())
    outcome = lab.reuse(small_world())
    assert outcome.reason_code is code, outcome


def daily_gate(**changes: Any) -> Any:
    made = gate("gate.day", law("sha256_bundle_digest"), "world")
    folder = "gates/day={utc_day}"
    named: dict[str, Any] = {
        "passed_flag_path_template": f"{folder}/{FLAG}",
        "bundle_root_template": f"{folder}/",
        **changes,
    }
    return attrs.evolve(made, **named)


def daily_bundles(*which: str, spoilt: str = "") -> dict[str, bytes]:
    files = {}
    for day in which:
        files[f"gates/day={day}/report"] = b"bad" if day == spoilt else day.encode()
        files[f"gates/day={day}/{FLAG}"] = flag(sha(day.encode()))
    return files


def test_a_gate_that_names_the_day_is_judged_once_a_day(lab: Lab) -> None:
    facts = ready(lab, daily_bundles(*DAYS), pack(gates=(daily_gate(),)), "world", window=TWO_DAYS)
    told = [(one["gate_id"], one["digest"]["hex"], one["artifacts"]) for one in facts["gate_receipts"]]
    root = f"{lab.root}/engine/gates"
    assert told == [
        ("gate.day", sha(day.encode()), {"validation_bundle_root": f"{root}/day={day}/",
                                         "passed_flag_path": f"{root}/day={day}/{FLAG}"}) for day in DAYS
    ]  # fmt: skip


@pytest.mark.parametrize("late", DAYS)
def test_a_day_that_is_missing_is_named_and_awaited(lab: Lab, late: str) -> None:
    there = [day for day in DAYS if day != late]
    root = lab.world({**small_world(), **daily_bundles(*there)})
    runner = lab.runner(packed=pack(gates=(daily_gate(),)))
    asked = request(engine_run_root=root, output_ids=["world"], window=TWO_DAYS)
    waiting = runner.submit(asked)
    assert (waiting.state, waiting.missing) == (RunState.WAITING_EVIDENCE, (f"gate.day@{late}",))
    told = {one.id: (one.verdict, one.detail) for one in runner.explain(waiting.run_id).gates}
    verdict, detail = told.pop(f"gate.day@{late}")
    assert (verdict, detail.startswith("no passed flag"), detail.endswith("still not there")) == ("MISSING", True, True)
    assert told == {f"gate.day@{there[0]}": ("PASS", "")}
    assert runner.submit(asked).state is RunState.WAITING_EVIDENCE
    lab.world(daily_bundles(late))
    assert runner.submit(asked).state is RunState.READY


def test_a_day_that_contradicts_itself_is_named(lab: Lab) -> None:
    root = lab.world({**small_world(), **daily_bundles(*DAYS, spoilt=DAYS[1])})
    runner = lab.runner(packed=pack(gates=(daily_gate(),)))
    ended = runner.submit(request(engine_run_root=root, output_ids=["world"], window=TWO_DAYS))
    assert ended.state is RunState.QUARANTINED
    assert [one["subject"] for one in lab.document("quarantine", ended.run_id)["conflicts"]] == [f"gate.day@{DAYS[1]}"]


@pytest.mark.parametrize("place", ["passed_flag_path_template", "bundle_root_template"])
def test_a_gate_whose_bundle_or_flag_alone_names_the_day_cannot_be_planned(lab: Lab, place: str) -> None:
    root = lab.world(small_world())
    runner = lab.runner(packed=pack(gates=(daily_gate(**{place: "gates/fixed"}),)))
    ended = runner.submit(request(engine_run_root=root, output_ids=["world"], window=TWO_DAYS))
    assert (ended.state, ended.reason_code) == (RunState.FAILED, ReasonCode.UNRESOLVED_PATH_TOKEN)
    assert "gate.day" in ended.message
    assert "{utc_day}" in ended.message


# --- the engine's own run id ---


MINE = spec(
    "mine", "data/mine/run_id={run_id}/x.bin", scope="scope_run_id", partitions=("manifest_fingerprint", "run_id")
)
FREE = spec("free", "data/free/run_id={run_id}/x.bin", optional=True)
MINE_PATH = f"data/mine/run_id={OWN}/x.bin"


def test_reuse_takes_the_engines_own_run_id_from_its_receipt(lab: Lab) -> None:
    facts = ready(lab, {**receipt(run_id=OWN.upper()), MINE_PATH: b"m"}, packed(MINE), "mine")
    (locator,), (proof,) = facts["locators"], facts["instance_receipts"]
    assert (locator["run_id"], locator["path"]) == (OWN, f"{lab.root}/engine/{MINE_PATH}")
    assert proof["scope"]["run_id"] == OWN
    assert f"/run_id={OWN}/" in proof["artifacts"]["receipt_path"]
    assert facts["pins"]["run_id"] == facts["run_id"] != OWN
    decided = lab.ledger(facts["run_id"]).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert decided.details["engine_run_id"] == OWN
    (item,) = lab.runner().explain(facts["run_id"]).outputs
    assert item.path == MINE_PATH


def test_without_a_receipt_it_is_the_runs_own_and_the_receipt_is_missing_too(lab: Lab) -> None:
    files = {name: data for name, data in small_world().items() if name != "run_receipt.json"}
    runner = lab.runner(packed=packed(MINE))
    asked = request(engine_run_root=lab.world({**files, MINE_PATH: b"m"}), output_ids=["mine"])
    waiting = runner.submit(asked)
    assert (waiting.state, waiting.missing) == (RunState.WAITING_EVIDENCE, ("mine", "run_receipt.json"))
    assert [one.id for one in runner.explain(waiting.run_id).outputs] == ["run_receipt.json", "mine"]
    lab.world(receipt(run_id=OWN))
    assert runner.submit(asked).state is RunState.READY


def test_without_a_receipt_a_path_of_the_runs_own_id_is_found(lab: Lab) -> None:
    files = {name: data for name, data in small_world().items() if name != "run_receipt.json"}
    runner = lab.runner(packed=packed(MINE))
    run_id = runner.plan(request()).request.run_id
    asked = request(engine_run_root=lab.world({**files, f"data/mine/run_id={run_id}/x.bin": b"m"}), output_ids=["mine"])
    outcome = runner.submit(asked)
    assert outcome.state is RunState.READY
    decided = lab.ledger(outcome.run_id).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert "engine_run_id" not in decided.details


@pytest.mark.parametrize("comes", [True, False])
def test_an_optional_output_is_noted_absent_once_the_receipt_or_the_deadline_has_come(lab: Lab, comes: bool) -> None:
    files = {name: data for name, data in small_world().items() if name != "run_receipt.json"}
    runner = lab.runner(packed=packed(FREE))
    asked = request(engine_run_root=lab.world(files), output_ids=["free", "world"])
    waiting = runner.submit(asked)
    assert waiting.missing == ("free", "run_receipt.json")
    if comes:
        lab.world(receipt(run_id=OWN))
    else:
        lab.clock.sleep(WAIT_S)
    outcome = runner.submit(asked)
    assert outcome.state is RunState.READY
    assert "OPTIONAL_MISSING:free" in lab.document("run_facts_view", outcome.run_id)["evidence_notes"]


@pytest.mark.parametrize("change", [{"seed": 8}, {"parameter_hash": "c" * 64}, {"manifest_fingerprint": "c" * 64}])
def test_the_receipt_of_another_world_is_a_conflict(lab: Lab, change: dict[str, Any]) -> None:
    ended = lab.reuse({**small_world(), **receipt(**change)})
    assert ended.state is RunState.QUARANTINED
    (kept,) = lab.document("quarantine", ended.run_id)["conflicts"]
    assert (kept["subject"], kept["code"]) == ("run_receipt.json", "ENGINE_RECEIPT_MISMATCH")
    assert lab.runner().explain(ended.run_id).outputs[0].verdict == "CONFLICT"


def test_the_receipt_of_the_same_world_by_another_run_is_none(lab: Lab) -> None:
    assert lab.reuse({**small_world(), **receipt(run_id=OWN)}).state is RunState.READY


def test_an_engine_that_was_started_must_name_the_runs_own_id(lab: Lab) -> None:
    files = {**small_world(), **receipt(run_id=OWN)}
    wired = lab.runner(engine=engine(lab.root / "made", files), policy={"attempt_limit": 1})
    ended = wired.submit(request(requested_strategy="FORCE_INVOKE"))
    assert ended.reason_code is ReasonCode.ENGINE_RECEIPT_MISMATCH
