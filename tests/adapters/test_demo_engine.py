"""The demo engine: worlds whose flags hold under laws recomputed here, and whose faults are the ones asked for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.demo_engine.content import Filler
from sr_adapters.demo_engine.paths import EngineFault, files_of, fill
from sr_adapters.demo_engine.world import build_world
from sr_adapters.file.root import FileEngineRoot
from sr_domain.evidence.gates import GateMissing, GatePassed, GateVerdict, verify_gate
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_plugins.documents.pack import GATES, OUTPUTS, load_pack
from sr_plugins.laws import BUILTIN_LAWS
from sr_ports import Wanted
from tests.adapters.worlds import BUILTIN, INVOCATION, PINS, tree
from tests.packs import gate, output, pack_named, write_pack

LAWS = {law.kind: law for law in BUILTIN_LAWS}
PACKS = pytest.mark.parametrize("pack", ["builtin", "real"])
EVERY_GATE = pytest.mark.parametrize("gate_id", sorted(load_pack("builtin").gates))


def filled(template: str, **more: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: {**PINS, **more}[match[1]], template.strip())


def gate_map(pack: str) -> list[dict[str, Any]]:
    gates: list[dict[str, Any]] = yaml.safe_load((Path(pack) / GATES).read_text("utf-8"))["gates"]
    return gates


def flagged(root: Path, entry: Mapping[str, Any]) -> str:
    """The digest in the gate's flag, read as its two forms are written down."""
    text = (root / filled(entry["passed_flag_path_template"])).read_text("utf-8")
    field = entry["verification_method"].get("digest_field", "sha256_hex")
    if text.startswith("{"):
        return str(json.loads(text)[field])
    assert field == "sha256_hex"
    return text.removeprefix("sha256_hex = ").removesuffix("\n")


def members(root: Path, entry: Mapping[str, Any]) -> list[dict[str, str]]:
    document = json.loads((root / filled(entry["index_path_template"])).read_bytes())
    listed = document if isinstance(document, list) else next(iter(document.values()))
    excluded = entry["verification_method"].get("exclude_filenames", [])
    return [one for one in listed if one["path"].split("/")[-1] not in excluded]


def recomputed(root: Path, entry: Mapping[str, Any]) -> str:
    """The gate's digest by the table of laws, with hashlib alone."""
    method, folder = entry["verification_method"], root / filled(entry["bundle_root_template"])
    if method["kind"] == "sha256_bundle_digest":
        found = {str(one.relative_to(folder)): one for one in folder.rglob("*") if one.is_file()}
        kept = [name for name in sorted(found) if found[name].name not in method["exclude_filenames"]]
        return hashlib.sha256(b"".join(found[name].read_bytes() for name in kept)).hexdigest()
    listed = members(root, entry)
    if method["kind"] == "sha256_member_digest_concat":
        return hashlib.sha256("".join(one["sha256_hex"] for one in listed).encode()).hexdigest()
    paths = [one["path"] for one in listed]
    base = root if method.get("path_base") == "run_root" else folder
    ordered = sorted(paths) if method["ordering"] == "ascii_lex" else paths
    return hashlib.sha256(b"".join((base / path).read_bytes() for path in ordered)).hexdigest()


def verdict(root: Path, pack: str, gate_id: str) -> GateVerdict:
    spec = load_pack(pack).gates[gate_id]
    sealed = SealedGate(
        gate_id=gate_id,
        flag_path=filled(spec.passed_flag_path_template),
        bundle_root=filled(spec.bundle_root_template).rstrip("/"),
        index_path=None if spec.index_path_template is None else filled(spec.index_path_template),
        method=spec.method,
    )
    law = ProvidedLaw(LAWS[spec.method.kind], "scenario-runner", "1")
    return verify_gate(FileEngineRoot(str(root)), sealed, law, enforce_members=True, guard=lambda _read: None)


@PACKS
def test_every_flag_is_its_laws_digest(tmp_path: Path, pack: str) -> None:
    folder = pack_named(pack)
    written = build_world(folder, tmp_path, INVOCATION, size=50_000)
    gates = gate_map(folder)
    assert set(written.flags) == {entry["gate_id"] for entry in gates}
    for entry in gates:
        assert recomputed(tmp_path, entry) == flagged(tmp_path, entry) == written.flags[entry["gate_id"]]


@PACKS
def test_every_gate_passes_its_law_also_with_members_enforced(tmp_path: Path, pack: str) -> None:
    folder = pack_named(pack)
    written = build_world(folder, tmp_path, INVOCATION, size=50_000)
    for gate_id, digest in written.flags.items():
        assert verdict(tmp_path, folder, gate_id) == GatePassed(digest)


DAYS = ("2026-01-01", "2026-01-02")
DAILY = "data/{segment}/checks/utc_day={{utc_day}}/"
BY_DAY = {
    "bundle_root_template": DAILY,
    "passed_flag_path_template": DAILY + "_passed.flag",
    "index_path_template": DAILY + "index.json",
}
OVER_ROWS = {"kind": "sha256_index_json_ascii_lex_raw_bytes", "ordering": "ascii_lex", "path_base": "run_root"}


def daily_gate(segment: str, **changes: Any) -> dict[str, Any]:
    return gate(segment, **{name: template.format(segment=segment) for name, template in BY_DAY.items()}, **changes)


def of_day(entry: Mapping[str, Any], day: str) -> dict[str, Any]:
    return {**entry, **{name: entry[name].replace("{utc_day}", day) for name in BY_DAY}}


def test_a_gate_whose_paths_name_the_day_is_sealed_once_a_day(tmp_path: Path) -> None:
    over = daily_gate("over", verification_method=OVER_ROWS, authorizes_outputs=["rows"])
    outputs = [
        output("rows", path_template="data/rows/utc_day={utc_day}/part-*.bin"),
        output("checks", path_template=DAILY.format(segment="alone")),
    ]
    pack = write_pack(tmp_path / "pack", [gate("A"), daily_gate("alone"), over], outputs)
    written = build_world(pack, tmp_path / "root", INVOCATION, days=DAYS)
    daily = {f"gate.{name}@{day}" for name in ("alone", "over") for day in DAYS}
    assert set(written.flags) == {"gate.A", *daily}
    assert set(written.outputs) == {"rows"}
    for name in daily:
        gate_id, _, day = name.partition("@")
        entry = of_day(over if gate_id == "gate.over" else daily_gate("alone"), day)
        assert recomputed(tmp_path / "root", entry) == flagged(tmp_path / "root", entry) == written.flags[name]
    for day in DAYS:
        vouched = [one["path"] for one in members(tmp_path / "root", of_day(over, day)) if "rows" in one["path"]]
        assert vouched == [f"data/rows/utc_day={day}/part-0000{n}.bin" for n in (0, 1)]


@pytest.mark.parametrize("missing", [True, False])
def test_a_fault_of_a_gate_of_each_day_is_one_of_every_day(tmp_path: Path, missing: bool) -> None:
    pack = write_pack(tmp_path / "pack", [daily_gate("alone")], [output("x", read_requires_gates=["gate.alone"])])
    sound = build_world(pack, tmp_path / "sound", INVOCATION, days=DAYS)
    fail, gone = (None, "gate.alone") if missing else ("gate.alone", None)
    build_world(pack, tmp_path / "root", INVOCATION, days=DAYS, fail=fail, missing=gone)
    for day in DAYS:
        entry = of_day(daily_gate("alone"), day)
        there = (tmp_path / "root" / filled(entry["passed_flag_path_template"])).exists()
        assert there is not missing
        assert recomputed(tmp_path / "sound", entry) == sound.flags[f"gate.alone@{day}"]
        assert (recomputed(tmp_path / "root", entry) == sound.flags[f"gate.alone@{day}"]) is missing


@PACKS
def test_every_output_is_there_or_named_as_skipped(tmp_path: Path, pack: str) -> None:
    folder = pack_named(pack)
    written = build_world(folder, tmp_path, INVOCATION, size=50_000, days=["2026-01-01", "2026-01-02"])
    there = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    for entry in yaml.safe_load((Path(folder) / OUTPUTS).read_text("utf-8"))["outputs"]:
        if entry["output_id"] in written.skipped:
            assert set(re.findall(r"\{(\w+)\}", entry["path_template"])) - set(PINS) - {"utc_day"}
            continue
        for day in ("2026-01-01", "2026-01-02"):
            wanted = Wanted(filled(entry["path_template"], utc_day=day).rstrip("/"))
            assert any(map(wanted.takes, there)), entry["output_id"]


def test_the_shipped_packs_indexes_have_every_shape(tmp_path: Path) -> None:
    build_world(BUILTIN, tmp_path, INVOCATION, size=10_000)
    documents = [json.loads((tmp_path / filled(one["index_path_template"])).read_bytes()) for one in gate_map(BUILTIN)]
    shapes = {"list" if isinstance(one, list) else next(iter(one)) for one in documents}
    assert shapes == {"list", "files", "entries", "items", "members"}


def test_no_index_lists_itself_or_the_flag_and_one_is_not_sorted(tmp_path: Path) -> None:
    build_world(BUILTIN, tmp_path, INVOCATION, size=10_000)
    unsorted = 0
    for entry in gate_map(BUILTIN):
        paths = [one["path"] for one in members(tmp_path, entry)]
        names = {path.split("/")[-1] for path in paths}
        assert paths
        assert names.isdisjoint({entry["index_path_template"].split("/")[-1], "_passed.flag"})
        unsorted += paths != sorted(paths)
    assert unsorted > 0


def test_a_bundle_based_on_the_run_root_vouches_for_outputs_themselves(tmp_path: Path) -> None:
    written = build_world(BUILTIN, tmp_path, INVOCATION, size=10_000)
    entry = next(one for one in gate_map(BUILTIN) if one["verification_method"].get("path_base") == "run_root")
    listed = {one["path"] for one in members(tmp_path, entry)}
    assert listed & {path for name in entry["authorizes_outputs"] for path in written.outputs[name]}


def test_the_same_pins_give_the_same_world(tmp_path: Path) -> None:
    for name in ("one", "two", "two"):  # and once more over what is there
        build_world(BUILTIN, tmp_path / name, INVOCATION, size=20_000)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_runs_of_one_world_agree_on_what_they_share(tmp_path: Path) -> None:
    build_world(BUILTIN, tmp_path / "one", INVOCATION, size=20_000)
    build_world(BUILTIN, tmp_path / "two", {**INVOCATION, "run_id": "d" * 32, "seed": 5}, size=20_000)
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    shared = {path for path in set(one) & set(two) if "/validation/" not in path and path != "run_receipt.json"}
    assert len(shared - {"_oracle_pack_manifest.json"}) > 5
    assert all(one[path] == two[path] for path in shared - {"_oracle_pack_manifest.json"})


@pytest.mark.parametrize("total", [0, 1_000, 12_345, 3_000_000])
def test_the_size_is_that_of_the_outputs_about(tmp_path: Path, total: int) -> None:
    written = build_world(BUILTIN, tmp_path, INVOCATION, size=total, files=3)
    sizes = [(tmp_path / path).stat().st_size for path in {p for paths in written.outputs.values() for p in paths}]
    assert sum(sizes) == written.total_bytes
    assert abs(written.total_bytes - max(total, len(sizes))) < len(sizes)


@given(size=st.integers(0, 3_000_000))
@settings(max_examples=10, deadline=None)
def test_a_file_has_exactly_its_size(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    root = tmp_path_factory.mktemp("fill")
    Filler(root, "a" * 64).write("deep/x.bin", size)
    assert (root / "deep/x.bin").stat().st_size == size


def test_folders_and_globs_get_the_number_of_files_asked_for(tmp_path: Path) -> None:
    written = build_world(BUILTIN, tmp_path, INVOCATION, size=10_000, files=5)
    assert len(written.outputs["outlet_register_1A"]) == 5
    assert len(written.outputs["edge_catalogue_3B"]) == 5
    assert len(written.outputs["sealed_inputs_1A"]) == 1


@pytest.mark.parametrize("template", ["a/*/p-*.x", "a/**/p-?.x", "a/p-[0-9].x", "a/p-[!0-4].x", "a/[xyz]/", "a/b"])
def test_files_match_their_own_template(template: str) -> None:
    files = files_of(template, PINS, (), 2)
    assert files
    assert all(Wanted(template.rstrip("/")).takes(path) for path in files)


@pytest.mark.parametrize("template", ["/a", "a/../b", "../a", "a//b", "a\\b", "a/{who}", "a/{}/b", "a/}b", "", "./a"])
def test_a_path_that_leaves_the_root_or_cannot_be_filled_is_none(template: str) -> None:
    assert fill(template, PINS) is None


def test_a_pin_cannot_leave_the_root(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack", [gate("A")], [output("x", path_template="data/{scenario_id}/x.bin")])
    invocation = {**INVOCATION, "scenario_binding": {"scenario_id": ".."}}
    assert build_world(pack, tmp_path / "root", invocation).skipped == ("x",)


def test_outputs_that_are_bundles_flags_or_indexes_are_left_to_sealing(tmp_path: Path) -> None:
    entry = gate("A", verification_method={"kind": "sha256_bundle_digest", "exclude_filenames": ["_passed.flag"]})
    root = entry["bundle_root_template"]
    outputs = [
        output("bundle", path_template=root),
        output("bundle_without_slash", path_template=root.rstrip("/")),
        output("index", path_template=entry["index_path_template"]),
        output("flag", path_template=entry["passed_flag_path_template"]),
        output("report", path_template=root + "validation_report.json"),
        output("above", path_template="data/A"),
        output("beside", path_template=root + "more/part-*.bin"),
    ]
    pack = write_pack(tmp_path / "pack", [entry], outputs)
    written = build_world(pack, tmp_path / "root", INVOCATION, size=5_000)
    assert set(written.outputs) == {"report", "beside"}
    assert recomputed(tmp_path / "root", entry) == flagged(tmp_path / "root", entry)
    assert isinstance(verdict(tmp_path / "root", pack, "gate.A"), GatePassed)


def test_a_bundle_inside_another_is_sealed_first(tmp_path: Path) -> None:
    method = {"kind": "sha256_bundle_digest", "exclude_filenames": ["outer.flag"]}
    inner = gate("A", verification_method={**method, "exclude_filenames": ["_passed.flag"]})
    outer = gate("B", bundle_root_template="data/", passed_flag_path_template="data/outer.flag")
    outer["verification_method"] = method
    pack = write_pack(tmp_path / "pack", [outer, inner], [output("x")])
    build_world(pack, tmp_path / "root", INVOCATION)
    for name in ("gate.A", "gate.B"):
        assert isinstance(verdict(tmp_path / "root", pack, name), GatePassed)


def test_a_gate_without_an_index_and_with_a_flag_apart(tmp_path: Path) -> None:
    entry = gate("A", index_path_template=None, passed_flag_path_template="flags/deep/A.flag")
    pack = write_pack(tmp_path / "pack", [entry], [output("x")])
    build_world(pack, tmp_path / "root", INVOCATION)
    assert isinstance(verdict(tmp_path / "root", pack, "gate.A"), GatePassed)


def test_a_law_that_the_engine_does_not_know_gets_no_flag(tmp_path: Path) -> None:
    pack = write_pack(tmp_path / "pack", [gate("A", verification_method={"kind": "merkle"})], [output("x")])
    assert build_world(pack, tmp_path / "root", INVOCATION).flags == {}


@EVERY_GATE
def test_fail_makes_exactly_that_gate_a_conflict(tmp_path: Path, gate_id: str) -> None:
    written = build_world(BUILTIN, tmp_path / "bad", INVOCATION, size=10_000, fail=gate_id)
    build_world(BUILTIN, tmp_path / "good", INVOCATION, size=10_000)
    assert {one for one in written.flags if isinstance(verdict(tmp_path / "bad", BUILTIN, one), Conflict)} == {gate_id}
    bad, good = tree(tmp_path / "bad"), tree(tmp_path / "good")
    (spoiled,) = [path for path in good if bad[path] != good[path]]
    assert sum(a != b for a, b in zip(bad[spoiled], good[spoiled], strict=True)) == 1


def test_missing_leaves_exactly_that_flag_out(tmp_path: Path) -> None:
    gate_id = "gate.layer2.5A.validation"
    build_world(BUILTIN, tmp_path, INVOCATION, size=10_000, missing=gate_id)
    missing = {one for one in load_pack(BUILTIN).gates if isinstance(verdict(tmp_path, BUILTIN, one), GateMissing)}
    assert missing == {gate_id}


def test_omit_and_only_choose_outputs(tmp_path: Path) -> None:
    every = set(build_world(BUILTIN, tmp_path / "all", INVOCATION).outputs)
    left = build_world(BUILTIN, tmp_path / "omit", INVOCATION, omit=["zone_shares_3A"])
    assert every - set(left.outputs) == {"zone_shares_3A"}
    assert set(build_world(BUILTIN, tmp_path / "only", INVOCATION, only=["s4_labels_6B"]).outputs) == {"s4_labels_6B"}


def test_receipt_and_manifest_say_whose_world_it_is(tmp_path: Path) -> None:
    build_world(BUILTIN, tmp_path, INVOCATION)
    receipt = json.loads((tmp_path / "run_receipt.json").read_bytes())
    manifest = json.loads((tmp_path / "_oracle_pack_manifest.json").read_bytes())
    pins = ("run_id", "manifest_fingerprint", "parameter_hash", "seed")
    assert {pin: receipt[pin] for pin in pins} == {pin: INVOCATION[pin] for pin in pins}
    assert manifest["world_key"] == {
        "manifest_fingerprint": "a" * 64,
        "parameter_hash": "b" * 64,
        "scenario_id": "baseline",
        "seed": 2**64 - 1,
    }
    assert set(manifest) == {
        "version",
        "oracle_pack_id",
        "world_key",
        "engine_release",
        "catalogue_digest",
        "gate_map_digest",
        "created_at_utc",
    }
    assert all(re.fullmatch("[0-9a-f]{64}", manifest[key]) for key in manifest if key.endswith(("_id", "_digest")))


def test_a_mismatched_receipt_differs_in_the_seed_alone(tmp_path: Path) -> None:
    for name in (False, True):
        build_world(BUILTIN, tmp_path / str(name), {**INVOCATION, "seed": 7}, receipt_mismatch=name)
    right, wrong = (json.loads((tmp_path / str(name) / "run_receipt.json").read_bytes()) for name in (False, True))
    assert {key for key in right if right[key] != wrong[key]} == {"seed"}


def test_a_scenario_set_has_the_id_that_the_design_gives_it(tmp_path: Path) -> None:
    binding = {"scenario_set": ["b", "a", "b"]}
    build_world(BUILTIN, tmp_path, {**INVOCATION, "scenario_binding": binding})
    manifest = json.loads((tmp_path / "_oracle_pack_manifest.json").read_bytes())
    assert manifest["world_key"]["scenario_id"] == "scnset_" + hashlib.sha256(b"a|b").hexdigest()[:16]


@pytest.mark.parametrize(
    "wrong", [{"run_id": None}, {"seed": [1]}, {"scenario_binding": None}, {"scenario_binding": {"scenario_set": []}}]
)
def test_an_invocation_without_its_pins_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(EngineFault):
        build_world(BUILTIN, tmp_path, {**INVOCATION, **wrong})


@pytest.mark.parametrize("fault", [{"fail": "gate.none"}, {"missing": "gate.none"}, {"omit": ["no"]}, {"only": ["no"]}])
def test_a_fault_for_something_the_pack_lacks_is_refused(tmp_path: Path, fault: dict[str, Any]) -> None:
    with pytest.raises(EngineFault, match=r"the pack has no (gate\.none|no)"):
        build_world(BUILTIN, tmp_path, INVOCATION, **fault)
