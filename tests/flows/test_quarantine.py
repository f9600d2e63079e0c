"""IP5: evidence that contradicts itself is quarantined, with both sides kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.plan.pack import OutputSpec
from sr_domain.record.states import RunState
from sr_ports import ReasonCode
from tests.kit import WAIT_S, Lab, request
from tests.worlds import DAILY, EVENTS, FLAG, OUTPUTS, WORLD, flag, pack, sha, small_world

Spoil = Callable[[dict[str, bytes]], None]


def put(path: str, data: bytes) -> Spoil:
    return lambda files: files.update({path: data})


def drop(path: str) -> Spoil:
    return lambda files: files.__delitem__(path)


def index(*members: object) -> Spoil:
    return put("gates/gate.c/index.json", json.dumps(members).encode())


R = ReasonCode
SPOILS: list[tuple[str, Spoil, str, ReasonCode]] = [
    ("a changed byte", put("gates/gate.a/z.csv", b"1,3"), "gate.a", R.GATE_DIGEST_MISMATCH),
    ("an added file", put("gates/gate.a/more.csv", b"x"), "gate.a", R.GATE_DIGEST_MISMATCH),
    ("a removed file", drop("gates/gate.a/z.csv"), "gate.a", R.GATE_DIGEST_MISMATCH),
    ("an indexed output changed", put(WORLD, b"The world"), "gate.c", R.GATE_DIGEST_MISMATCH),
    ("a flag of something else", put(f"gates/gate.b/{FLAG}", flag("0" * 64)), "gate.b", R.GATE_DIGEST_MISMATCH),
    ("a flag without digest", put(f"gates/gate.a/{FLAG}", b"ok"), "gate.a", R.FLAG_MALFORMED),
    ("a JSON flag without the field", put(f"gates/gate.a/{FLAG}", b'{"x": 1}'), "gate.a", R.FLAG_MALFORMED),
    ("an enormous flag", put(f"gates/gate.a/{FLAG}", b" " * 70_000), "gate.a", R.DOCUMENT_TOO_LARGE),
    ("an index that is no JSON", put("gates/gate.c/index.json", b"{]"), "gate.c", R.INDEX_MALFORMED),
    ("an index of another shape", put("gates/gate.c/index.json", b'{"parts": []}'), "gate.c", R.INDEX_MALFORMED),
    ("a key twice", put("gates/gate.c/index.json", b'{"files":[],"files":["a"]}'), "gate.c", R.INDEX_MALFORMED),
    ("an empty index", index(), "gate.c", R.INDEX_EMPTY),
    ("an index of the flag alone", index(f"gates/gate.c/{FLAG}"), "gate.c", R.INDEX_EMPTY),
    ("a member without digest", put("gates/gate.b/index.json", b'["report.json"]'), "gate.b", R.INDEX_MALFORMED),
    *((f"a path {bad!r}", index(bad), "gate.c", R.PATH_ESCAPES) for bad in (
        "../secret", "data/../../secret", "/etc/hostname", "./../secret", "..\\secret")),
    *((f"a path {bad!r}", index(bad), "gate.c", R.INDEX_MALFORMED) for bad in ("a\0b", "a\nb")),
    *((f"a path {bad!r}", index(bad), "gate.c", R.NOT_A_FILE) for bad in ("data/", "./", "data/.", ".")),
]  # fmt: skip


COMING: list[tuple[str, Spoil, str, ReasonCode]] = [
    ("an empty flag", put(f"gates/gate.a/{FLAG}", b""), "gate.a", R.FLAG_MALFORMED),
    ("a JSON flag cut off", put(f"gates/gate.a/{FLAG}", b'{"sha256_hex": "'), "gate.a", R.FLAG_MALFORMED),
    ("a flag cut off", put(f"gates/gate.a/{FLAG}", b"sha256_hex = 00ab"), "gate.a", R.FLAG_MALFORMED),
    ("an index cut off", put("gates/gate.c/index.json", b"{"), "gate.c", R.INDEX_MALFORMED),
    ("an indexed file absent", index("data/gone.bin"), "gate.c", R.INDEXED_FILE_ABSENT),
    *((f"a path {bad!r}", index(bad), "gate.c", R.INDEXED_FILE_ABSENT) for bad in ("data//x", "./x", "{seed}")),
]  # fmt: skip
"""What may be on its way, and is a contradiction where it has not come at the deadline."""


@pytest.mark.parametrize(("spoil", "subject", "code"), [one[1:] for one in SPOILS], ids=[one[0] for one in SPOILS])
def test_a_contradiction_is_quarantined_and_named(lab: Lab, spoil: Spoil, subject: str, code: ReasonCode) -> None:
    files = small_world()
    spoil(files)
    outcome = lab.reuse(files)
    assert (outcome.state, outcome.reason_code) == (RunState.QUARANTINED, ReasonCode.EVIDENCE_CONFLICT)
    kept = lab.document("quarantine", outcome.run_id)
    assert (subject, code.value) in [(one["subject"], one["code"]) for one in kept["conflicts"]]
    assert outcome.message.isprintable()
    assert lab.document("run_status", outcome.run_id)["state"] == "QUARANTINED"
    assert lab.published() == []
    assert not [key for key in lab.truth() if "/run_facts_view/" in key or "/ready_signal/" in key]


@pytest.mark.parametrize(("spoil", "subject", "code"), [one[1:] for one in COMING], ids=[one[0] for one in COMING])
def test_what_may_be_on_its_way_is_awaited_and_at_the_deadline_a_contradiction(
    lab: Lab, spoil: Spoil, subject: str, code: ReasonCode
) -> None:
    files = small_world()
    spoil(files)
    outcome = lab.reuse(files)
    assert (outcome.state, outcome.missing) == (RunState.WAITING_EVIDENCE, (subject,))
    record = lab.truth()
    again = lab.runner().submit(request())  # a poll
    assert (again.state, lab.truth()) == (RunState.WAITING_EVIDENCE, record)
    (item,) = [one for one in lab.runner().explain(outcome.run_id).gates if one.verdict == "MISSING"]
    assert (item.id, item.detail.endswith("still not there"), len(item.detail) > 20) == (subject, True, True)
    lab.clock.sleep(WAIT_S + 1)
    assert lab.runner().submit(request()).state is RunState.QUARANTINED
    kept = lab.document("quarantine", outcome.run_id)
    assert [(one["subject"], one["code"]) for one in kept["conflicts"]] == [(subject, code.value)]
    assert kept["missing"] == [subject]


@pytest.mark.parametrize("spoil", [one[1] for one in COMING], ids=[one[0] for one in COMING])
def test_what_was_on_its_way_and_came_is_evidence(lab: Lab, spoil: Spoil) -> None:
    files = small_world()
    spoil(files)
    assert lab.reuse(files).state is RunState.WAITING_EVIDENCE
    lab.world(small_world())
    assert lab.runner().submit(request()).state is RunState.READY


def test_a_mismatch_keeps_expected_and_actual(lab: Lab) -> None:
    files = small_world()
    files["gates/gate.a/z.csv"] = b"1,3"
    (kept,) = lab.document("quarantine", lab.reuse(files).run_id)["conflicts"]
    assert (kept["expected"], kept["actual"]) == (sha(b"{}1,2"), sha(b"{}1,3"))


def test_a_link_that_leaves_the_root_is_a_conflict(lab: Lab) -> None:
    secret = lab.root / "secret"
    secret.write_bytes(b"the world")
    files = small_world()
    root = Path(lab.world({path: data for path, data in files.items() if path != WORLD}))
    (root / WORLD).parent.mkdir(parents=True, exist_ok=True)
    (root / WORLD).symlink_to(secret)
    outcome = lab.runner().submit(request(engine_run_root=str(root)))
    assert outcome.state is RunState.QUARANTINED
    codes = {(one["subject"], one["code"]) for one in lab.document("quarantine", outcome.run_id)["conflicts"]}
    assert codes == {("world", "PATH_ESCAPES"), ("gate.c", "PATH_ESCAPES")}


@pytest.mark.parametrize("linked", [WORLD, "data"])
def test_a_link_that_stays_inside_is_a_conflict_too_and_one_that_stands_beside_is_none(lab: Lab, linked: str) -> None:
    root = Path(lab.world(small_world()))
    (root / "beside").symlink_to("data")
    assert lab.runner().submit(request("twin", engine_run_root=str(root))).state is RunState.READY
    (root / linked).rename(root / "elsewhere")
    (root / linked).symlink_to(root / "elsewhere")
    outcome = lab.runner().submit(request(engine_run_root=str(root)))
    assert outcome.state is RunState.QUARANTINED
    conflicts = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert {(one["code"], one["path"]) for one in conflicts} == {("PATH_ESCAPES", linked)}


def test_a_conflict_outweighs_what_is_missing_and_both_are_kept(lab: Lab) -> None:
    files = small_world()
    files["gates/gate.a/z.csv"] = b"1,3"
    del files[f"{EVENTS}/part-0.bin"], files[f"{EVENTS}/part-1.bin"]
    outcome = lab.reuse(files)
    assert outcome.state is RunState.QUARANTINED
    assert lab.document("quarantine", outcome.run_id)["missing"] == ["events"]


def test_a_quarantined_run_stays_so_when_the_files_are_mended(lab: Lab) -> None:
    files = small_world()
    files["gates/gate.a/z.csv"] = b"1,3"
    lab.reuse(files)
    before = lab.truth()
    again = lab.reuse(small_world())
    assert again.state is RunState.QUARANTINED
    assert lab.truth() == before
    assert lab.reuse(small_world(), key="another").state is RunState.READY


def test_members_are_checked_only_when_the_policy_asks(lab: Lab) -> None:
    files = small_world()
    files["gates/gate.b/report.json"] = b"[1]"
    root = lab.world(files)
    lax = lab.runner().submit(request("lax", engine_run_root=root))
    assert lax.state is RunState.READY
    strict = lab.runner(policy={"member_digests": "ENFORCE"}).submit(request("strict", engine_run_root=root))
    assert strict.state is RunState.QUARANTINED
    (kept,) = lab.document("quarantine", strict.run_id)["conflicts"]
    assert (kept["code"], kept["path"]) == ("MEMBER_DIGEST_MISMATCH", "report.json")


def test_drift_fails_and_keeps_what_stood_and_what_was_refused(lab: Lab) -> None:
    first = lab.reuse(small_world())
    files = small_world()
    files[f"{EVENTS}/part-1.bin"] = b"other 1"
    files[f"{EVENTS}/part-2.bin"] = b"events 2"
    outcome = lab.reuse(files, key="another")
    assert (outcome.state, outcome.reason_code) == (RunState.FAILED, ReasonCode.INSTANCE_RECEIPT_DRIFT)
    (kept,) = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert kept["changes"]["changed"] == ["part-1.bin"]
    assert kept["changes"]["added"] == ["part-2.bin"]
    was, now = (kept["changes"][side]["target_digest"]["hex"] for side in ("stood", "refused"))
    assert was != now
    by = f"by run {first.run_id}"
    assert outcome.message == f"events: this scope was proven with digest {was} {by}, now it has digest {now}"
    assert kept["changes"]["resting"] == [first.run_id]


def changed(**changes: Any) -> tuple[OutputSpec, ...]:
    """The small pack's outputs, `events` with these changes."""
    return tuple(attrs.evolve(one, **changes) if one.output_id == "events" else one for one in OUTPUTS)


def test_the_same_bytes_of_other_pins_are_drift_that_says_so(lab: Lab) -> None:
    first = lab.reuse(small_world())
    packed = pack(changed(partitions=("manifest_fingerprint", "parameter_hash", "seed")))
    outcome = lab.runner(packed=packed).submit(request("another", engine_run_root=lab.world(small_world())))
    assert outcome.reason_code is ReasonCode.INSTANCE_RECEIPT_DRIFT
    by = f"by run {first.run_id}"
    assert outcome.message.endswith(f"proven with the same bytes {by}, but its receipt differs in pins")


def test_the_same_bytes_under_another_schema_or_root_are_no_drift(lab: Lab) -> None:
    lab.reuse(small_world())
    root = lab.world(small_world(), "elsewhere")
    outcome = lab.runner(packed=pack(changed(schema_ref="v2"))).submit(request("another", engine_run_root=root))
    assert outcome.state is RunState.READY, outcome
    assert not lab.runner().audit(outcome.run_id).findings
    (view,) = [one for one in lab.document("run_facts_view", outcome.run_id)["instance_receipts"]
               if one["output_id"] == "events"]  # fmt: skip
    assert view["target_ref"]["path"] == f"{root}/{EVENTS}/"


def test_an_unreadable_root_is_no_verdict_at_all(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_adapters.file.root import FileEngineRoot
    from sr_ports import FileFact, Unreachable

    root = lab.world(small_world())

    def stat(self: FileEngineRoot, path: str, *how: object, **more: object) -> FileFact | None:
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, f"{path}: input/output error")

    with monkeypatch.context() as broken, pytest.raises(Unreachable):
        broken.setattr(FileEngineRoot, "stat", stat)
        lab.runner().submit(request(engine_run_root=root))
    assert lab.published() == []
    assert lab.runner().submit(request()).state is RunState.READY, f"{DAILY} was there all along"
