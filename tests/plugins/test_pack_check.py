"""`sr contracts check`: every fault a pack can have is found and told apart, and a sound pack has none."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_plugins.documents.findings import Finding
from sr_plugins.documents.pack import GATES, OUTPUTS, load_pack
from sr_plugins.documents.pack_check import check_pack
from sr_ports import BadInput, Params, ReasonCode
from tests.packs import LAWS, gate, output, real_pack, write_pack

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ID = st.text(st.sampled_from("ABCDEF"), min_size=1, max_size=1)


def told(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.code, one.where) for one in findings]


def law(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "exclude_filenames": ["_passed.flag"], **more}


def test_a_sound_pack_has_no_findings(tmp_path: Path) -> None:
    gates = [gate("A"), gate("B", authorizes_outputs=["y"], upstream_gate_dependencies=["gate.A"])]
    assert check_pack(write_pack(tmp_path, gates, [output("x"), output("y", read_requires_gates=None)]), LAWS) == []


ERRORS: dict[str, tuple[list[Any], list[Any], str, str, str]] = {
    "authorises an output that is not there": (
        [gate("A", authorizes_outputs=["x", "ghost"])],
        [output("x")],
        "UNKNOWN_OUTPUT_ID",
        "gate.A",
        "ghost",
    ),
    "depends on a gate that is not there": (
        [gate("A", upstream_gate_dependencies=["gate.ghost"])],
        [],
        "UNKNOWN_GATE_ID",
        "gate.A",
        "gate.ghost",
    ),
    "output requires a gate that is not there": (
        [gate("A")],
        [output("x", read_requires_gates=["gate.A", "gate.ghost"])],
        "UNKNOWN_GATE_ID",
        "x",
        "gate.ghost",
    ),
    "law of no plugin": ([gate("A", verification_method=law("merkle"))], [], "UNKNOWN_HASHING_LAW", "gate.A", "merkle"),
    "gate waits for itself": (
        [gate("A", upstream_gate_dependencies=["gate.A"])],
        [],
        "GATE_CYCLE",
        "gate.A",
        "gate.A -> gate.A",
    ),
    "gates wait for each other": (
        [
            gate("A", upstream_gate_dependencies=["gate.B"]),
            gate("B", upstream_gate_dependencies=["gate.C"]),
            gate("C", upstream_gate_dependencies=["gate.A"]),
        ],
        [],
        "GATE_CYCLE",
        "gate.A",
        "gate.A -> gate.B -> gate.C -> gate.A",
    ),
    "gate twice": ([gate("A"), gate("A")], [], "DUPLICATE_ID", "gate.A", "entry 2"),
    "output twice": ([gate("A")], [output("x"), output("x")], "DUPLICATE_ID", "x", "entry 2"),
    "unknown ordering": (
        [gate("A", verification_method=law(LAWS[0], ordering="shuffled"))],
        [],
        "PACK_INVALID",
        f"{GATES} entry 1",
        "shuffled",
    ),
    "unknown path base": (
        [gate("A", verification_method=law(LAWS[0], path_base="moon"))],
        [],
        "PACK_INVALID",
        f"{GATES} entry 1",
        "moon",
    ),
    **{
        f"exclude_filenames {name!r}": (
            [gate("A", verification_method={"kind": LAWS[0], "exclude_filenames": ["_passed.flag", name]})],
            [],
            "PACK_INVALID",
            f"{GATES} entry 1",
            f"{name!r}, which matches nothing",
        )
        for name in ("*.crc", "part-?.bin", "logs/x", "logs/", "..")
    },
    "entry without id": ([{"scope": "fingerprint"}], [], "PACK_INVALID", f"{GATES} entry 1", "gate_id"),
    "entry that is text": (["gate.A"], [], "PACK_INVALID", f"{GATES} entry 1", "mapping"),
    "index law without an index": (
        [gate("A", verification_method=law(LAWS[2]), index_path_template=None)],
        [],
        "INDEX_UNNAMED",
        "gate.A",
        "index_path_template",
    ),
    "flag inside what it seals": (
        [gate("A", verification_method={"kind": LAWS[0]})],
        [],
        "FLAG_COVERED",
        "gate.A",
        "not excluded",
    ),
}


@pytest.mark.parametrize(("gates", "outputs", "code", "where", "what"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_found_once_and_named(
    tmp_path: Path, gates: list[Any], outputs: list[Any], code: str, where: str, what: str
) -> None:
    (finding,) = check_pack(write_pack(tmp_path, gates, outputs), LAWS)
    assert (finding.severity, finding.code, finding.where) == ("error", code, where)
    assert what in finding.what


BAD_PATHS = {
    "data/{release_tag}/x": "no pin fills {release_tag}",
    "data/{}/x": "no pin fills {}",
    "/etc/x": "absolute",
    "data/../x": "..",
    "data/./x": "..",
    "data//x": "empty",
    "data\\x": "backslash",
    "data/{seed/x": "brace",
    "data/}x": "brace",
    "data/\x1b/x": "control",
    "data/part-[z-a].parquet": "a range in it ends before it begins",
    "data/{seed}[9-0]/x": "a range in it ends before it begins",
}


@pytest.mark.parametrize(("template", "what"), BAD_PATHS.items())
def test_of_bad_output_templates_only_a_token_without_a_pin_is_a_warning(
    tmp_path: Path, template: str, what: str
) -> None:
    folder = write_pack(tmp_path, [gate("A")], [output("x", path_template=template), output("y")])
    (finding,) = check_pack(folder, LAWS)
    told = ("warning", "UNRESOLVED_PATH_TOKEN") if what.startswith("no pin") else ("error", "BAD_TEMPLATE")
    assert (finding.severity, finding.code, finding.where) == (*told, "x")
    assert what in finding.what
    assert finding.what.isprintable()


@pytest.mark.parametrize(
    "template", ["data/part-[a-c].bin", "data/[z]", "data/[", "data/[]-]", "data/[!a]*/**", "[^a]"]
)
def test_a_sound_pattern_is_no_finding(tmp_path: Path, template: str) -> None:
    folder = write_pack(tmp_path, [gate("A")], [output("x", path_template=template)])
    assert check_pack(folder, LAWS) == []


@pytest.mark.parametrize("key", ["passed_flag_path_template", "index_path_template"])
def test_a_flag_or_index_that_is_a_folder_is_an_error(tmp_path: Path, key: str) -> None:
    (finding,) = check_pack(write_pack(tmp_path, [gate("A", **{key: "data/x/"})], []), LAWS)
    assert (finding.severity, finding.code, finding.where) == ("error", "BAD_TEMPLATE", "gate.A")
    assert "names a folder" in finding.what


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"ordering": "index_order"}, "does not read ordering: index_order"),
        ({"path_base": "run_root"}, "does not read path_base: run_root"),
    ],
)
def test_a_setting_that_nothing_reads_is_a_warning(tmp_path: Path, settings: dict[str, Any], what: str) -> None:
    (finding,) = check_pack(write_pack(tmp_path, [gate("A", verification_method=law(LAWS[0], **settings))], []), LAWS)
    assert (finding.severity, finding.code, finding.where) == ("warning", "SETTING_UNREAD", "gate.A")
    assert what in finding.what


def test_a_law_over_parts_needs_no_index_and_leaves_the_flag_out_by_itself(tmp_path: Path) -> None:
    laws = [*LAWS, "sha256_part_list"]
    method = {"kind": "sha256_part_list", "path_base": "run_root"}
    sound = gate("A", verification_method=method, index_path_template=None)
    assert check_pack(write_pack(tmp_path, [sound], []), laws) == []
    for unread in ({"ordering": "index_order"}, {"sort": "by_size"}):
        odd = {**sound, "verification_method": {**method, **unread}}
        (finding,) = check_pack(write_pack(tmp_path, [odd], []), laws)
        assert finding.code == ("SETTING_UNREAD" if "ordering" in unread else "UNKNOWN_KEY")


@pytest.mark.parametrize(
    ("gates", "outputs", "where", "what"),
    [
        ([gate("A", authorises_outputs=["x"])], [output("x")], "gate.A", "did you mean authorizes_outputs?"),
        ([gate("A")], [output("x", read_requires_gate=["gate.nope"])], "x", "did you mean read_requires_gates?"),
        ([gate("A")], [output("x", availibility="optional")], "x", "did you mean availability?"),
        (
            [gate("A", verification_method=law(LAWS[0], exclude_file_names=[]))],
            [output("x")],
            "gate.A",
            "exclude_filen",
        ),
        ([gate("A")], [output("x", zzz=1)], "x", "it may have output_id, path_template"),
    ],
)
def test_a_key_that_is_no_word_is_an_error_and_no_pack_with_it_loads(
    tmp_path: Path, gates: list[Any], outputs: list[Any], where: str, what: str
) -> None:
    folder = write_pack(tmp_path, gates, outputs)
    (finding,) = check_pack(folder, LAWS)
    assert (finding.severity, finding.code, finding.where) == ("error", "UNKNOWN_KEY", where)
    assert what in finding.what
    with pytest.raises(BadInput, match="unknown key"):
        load_pack(folder)


def test_keys_of_documents_are_words_too(tmp_path: Path) -> None:
    folder = Path(write_pack(tmp_path, [gate("A")], [output("x")]))
    path = folder / OUTPUTS
    path.write_text(path.read_text() + "verison: 2\n")
    (finding,) = check_pack(str(folder), LAWS)
    assert (finding.code, finding.where) == ("UNKNOWN_KEY", OUTPUTS)
    with pytest.raises(BadInput, match="did you mean version"):
        load_pack(str(folder))


def test_free_keys_are_anybodys(tmp_path: Path) -> None:
    method = law(LAWS[0], **{"x-why": "theirs"})
    folder = write_pack(
        tmp_path, [gate("A", verification_method=method, **{"x-team": "a"})], [output("x", **{"x-": 1})]
    )
    assert check_pack(folder, LAWS) == []
    assert load_pack(folder).gates["gate.A"].method.params == Params({})


def test_an_output_says_its_scope(tmp_path: Path) -> None:
    folder = write_pack(tmp_path, [gate("A")], [output("x", scope=None)])
    found = [one for one in check_pack(folder, LAWS) if one.severity == "error"]
    assert [one.code for one in found] == ["PACK_INVALID"]
    assert "scope_global" in found[0].what
    with pytest.raises(BadInput, match="scope is missing"):
        load_pack(folder)


def test_a_gate_that_nothing_rests_on_is_a_note(tmp_path: Path) -> None:
    (finding,) = check_pack(write_pack(tmp_path, [gate("A"), gate("B")], [output("x")]), LAWS)
    assert (finding.severity, finding.code, finding.where) == ("warning", "GATE_IDLE", "gate.B")


def test_what_a_law_of_another_distribution_reads_it_alone_knows(tmp_path: Path) -> None:
    method = law("theirs", rounds=2)
    assert check_pack(write_pack(tmp_path, [gate("A", verification_method=method)], []), [*LAWS, "theirs"]) == []


@pytest.mark.parametrize("key", ["passed_flag_path_template", "bundle_root_template", "index_path_template"])
@pytest.mark.parametrize("template", [*BAD_PATHS, "data/{utc_day}/x", "data/*/x", "data/x?", "data/[ab]"])
def test_a_bad_template_of_a_gate_is_an_error(tmp_path: Path, key: str, template: str) -> None:
    (finding,) = check_pack(write_pack(tmp_path, [gate("A", **{key: template})], []), LAWS)
    assert (finding.severity, finding.code, finding.where) == ("error", "BAD_TEMPLATE", "gate.A")


def test_a_gate_may_name_the_day_in_bundle_and_flag(tmp_path: Path) -> None:
    root = "data/A/utc_day={utc_day}/"
    daily = {"passed_flag_path_template": f"{root}_passed.flag", "bundle_root_template": root}
    assert (
        check_pack(write_pack(tmp_path, [gate("A", **daily, index_path_template=f"{root}index.json")], []), LAWS) == []
    )


def test_a_flag_outside_its_bundle_is_fine(tmp_path: Path) -> None:
    apart = gate("A", passed_flag_path_template="flags/A.flag", verification_method={"kind": LAWS[0]})
    assert check_pack(write_pack(tmp_path, [apart], []), LAWS) == []


WARNINGS = {
    "no gate": (output("x", read_requires_gates=None), "OUTPUT_UNGATED", "no gate"),
    "id no locator takes": (output("x y"), "LOCATOR_SCHEMA_INVALID", "letters"),
    "scope of no pin": (output("x", scope="scope_moon"), "SCOPE_UNKNOWN", "moon"),
    "scope beyond partitions": (
        output("x", scope="scope_seed_manifest_fingerprint"),
        "INSTANCE_SCOPE_MISSING",
        "names seed",
    ),
    "partition of no pin": (output("x", partitions=["manifest_fingerprint", "sed"]), "PARTITION_UNKNOWN", "'sed'"),
    "unknown availability": (output("x", availability="sometimes"), "AVAILABILITY_UNKNOWN", "required"),
}


@pytest.mark.parametrize(("entry", "code", "what"), WARNINGS.values(), ids=WARNINGS.keys())
def test_what_a_single_output_suffers_is_a_warning(tmp_path: Path, entry: Any, code: str, what: str) -> None:
    found = check_pack(write_pack(tmp_path, [gate("A")], [entry]), LAWS)
    (finding,) = [one for one in found if one.code != "GATE_IDLE"]
    assert (finding.severity, finding.code, finding.where) == ("warning", code, entry["output_id"])
    assert what in finding.what


def test_a_gates_scope_of_no_pin_is_a_warning(tmp_path: Path) -> None:
    (finding,) = check_pack(write_pack(tmp_path, [gate("A", scope="moon")], []), LAWS)
    assert (finding.severity, finding.code) == ("warning", "SCOPE_UNKNOWN")


def test_a_broken_gate_is_not_reported_as_missing_too(tmp_path: Path) -> None:
    gates = [gate("A", verification_method=None), gate("B", upstream_gate_dependencies=["gate.A"])]
    findings = check_pack(write_pack(tmp_path, gates, [output("x", read_requires_gates=["gate.B", "gate.A"])]), LAWS)
    assert told(findings) == [("error", "PACK_INVALID", f"{GATES} entry 1")]


def test_errors_come_before_warnings(tmp_path: Path) -> None:
    gates = [gate("A", authorizes_outputs=["ghost"])]
    findings = check_pack(write_pack(tmp_path, gates, [output("x", read_requires_gates=None)]), LAWS)
    assert [one.severity for one in findings] == ["error", "warning"]


def test_a_pack_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        check_pack(str(tmp_path), LAWS)
    assert caught.value.code is ReasonCode.PACK_INVALID


@given(edges=st.lists(st.tuples(ID, ID), max_size=12))
@QUICK
def test_a_cycle_is_found_exactly_when_there_is_one(tmp_path: Path, edges: list[tuple[str, str]]) -> None:
    upstream = {name: sorted({f"gate.{up}" for down, up in edges if down == name}) for name in "ABCDEF"}
    gates = [gate(name, upstream_gate_dependencies=ups) for name, ups in upstream.items()]
    cycles = [one for one in check_pack(write_pack(tmp_path, gates, []), LAWS) if one.code == "GATE_CYCLE"]
    left = dict(upstream)
    while free := [name for name, ups in left.items() if not {up.removeprefix("gate.") for up in ups} & set(left)]:
        for name in free:
            del left[name]
    assert len(cycles) == (1 if left else 0)
    for one in cycles:
        way = [step.removeprefix("gate.") for step in one.what.split(" -> ")]
        assert way[0] == way[-1]
        assert all((down, up) in edges for down, up in itertools.pairwise(way))


CONTRACT = """
prep:
  x: {type: object}
  list: [{a: 1}, {b: 2}]
  odd/na~me: {}
anchored: {$id: "#here"}
$defs: {deep: {$anchor: there}}
datasets: [{id: x}]
"""


def with_contracts(folder: Path, entry: dict[str, Any], name: str = "contracts/deep/schemas.1A.yaml") -> list[Finding]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CONTRACT, "utf-8")
    return check_pack(write_pack(folder, [gate("A")], [entry]), LAWS)


@pytest.mark.parametrize(
    "fragment",
    ["/prep/x", "/prep/list/1/b", "/prep/odd~1na~0me", "/prep%2Fx", "prep", "here", "#here", "there", "x", ""],
)
@pytest.mark.parametrize("key", ["schema_ref", "dictionary_ref"])
def test_a_ref_resolves_by_pointer_or_by_anchor(tmp_path: Path, key: str, fragment: str) -> None:
    findings = with_contracts(tmp_path, output("x", **{key: f"far/away/schemas.1A.yaml#{fragment}"}))
    assert findings == []


@pytest.mark.parametrize("fragment", ["/prep/y", "/prep/list/2", "/prep/list/x", "/prep/x/type/z", "nobody", "/", "/X"])
@pytest.mark.parametrize("key", ["schema_ref", "dictionary_ref"])
def test_a_ref_that_leads_nowhere_is_an_error(tmp_path: Path, key: str, fragment: str) -> None:
    (finding,) = with_contracts(tmp_path, output("x", **{key: f"schemas.1A.yaml#{fragment}"}))
    assert (finding.severity, finding.code, finding.where) == ("error", "REF_UNRESOLVED", "x")
    assert "leads nowhere" in finding.what


def test_a_gates_refs_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "schemas.1A.yaml").write_text(CONTRACT, "utf-8")
    refs = {"index_schema_ref": "schemas.1A.yaml#/prep/x", "receipt_schema_ref": "schemas.1A.yaml#/prep/nothing"}
    (finding,) = check_pack(write_pack(tmp_path, [gate("A", **refs)], []), LAWS)
    assert (finding.code, finding.where) == ("REF_UNRESOLVED", "gate.A")


def test_a_pack_without_contracts_gets_one_warning(tmp_path: Path) -> None:
    refs = {"schema_ref": "schemas.1A.yaml#/prep/x", "dictionary_ref": "dictionary.yaml#x"}
    folder = write_pack(tmp_path, [gate("A")], [output("x", **refs), output("y", schema_ref="schemas.2A.yaml#/y")])
    (finding,) = check_pack(folder, LAWS)
    assert (finding.severity, finding.code) == ("warning", "REFS_UNCHECKED")
    assert "2 schema refs and 1 dictionary refs" in finding.what


def test_a_pack_with_contracts_must_hold_all_that_its_refs_name(tmp_path: Path) -> None:
    (tmp_path / "schemas.1A.yaml").write_text(CONTRACT, "utf-8")
    outputs = [output("x", schema_ref="schemas.1A.yaml#/prep/x"), output("y", schema_ref="schemas.2A.yaml#/y")]
    (finding,) = check_pack(write_pack(tmp_path, [gate("A")], outputs), LAWS)
    assert (finding.severity, finding.code, finding.where) == ("error", "REF_UNRESOLVED", "y")
    assert "does not hold" in finding.what


def test_schemas_without_dictionaries_are_checked_by_themselves(tmp_path: Path) -> None:
    findings = with_contracts(
        tmp_path, output("x", schema_ref="schemas.1A.yaml#/prep/y", dictionary_ref="dictionary.yaml#x")
    )
    assert told(findings) == [("error", "REF_UNRESOLVED", "x"), ("warning", "REFS_UNCHECKED", str(tmp_path))]


@pytest.mark.parametrize("text", [b"prep: [", b"\xff\xfe", b"a: 1\na: 2\n"])
def test_a_contract_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "schemas.1A.yaml").write_bytes(text)
    folder = write_pack(tmp_path, [gate("A")], [output("x", schema_ref="schemas.1A.yaml#/prep/x")])
    assert told(check_pack(folder, LAWS)) == [("error", "CONTRACT_INVALID", "schemas.1A.yaml")]


def test_a_contract_outside_the_pack_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("prep: [", "utf-8")
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "schemas.1A.yaml").symlink_to(outside)
    entry = output("x", schema_ref="schemas.1A.yaml#/prep/x")
    assert [one.code for one in check_pack(write_pack(folder, [gate("A")], [entry]), LAWS)] == ["REFS_UNCHECKED"]


def test_what_is_told_is_one_printable_line(tmp_path: Path) -> None:
    evil = "x\x1b[2J\ny"
    folder = write_pack(tmp_path, [gate("A", authorizes_outputs=[evil])], [output(evil, read_requires_gates=None)])
    findings = check_pack(folder, LAWS)
    assert findings
    assert all(one.where.isprintable() and one.what.isprintable() for one in findings)


def test_the_shipped_pack_has_no_fault_but_two_outputs_without_a_gate() -> None:
    assert told(check_pack("builtin", LAWS)) == [
        ("warning", "OUTPUT_UNGATED", "segment_reports"),
        ("warning", "OUTPUT_UNGATED", "tariff_table"),
    ]


def test_the_real_pack_has_no_errors() -> None:
    findings = check_pack(real_pack(), LAWS)
    assert [one for one in findings if one.severity == "error"] == []
    assert [one.where for one in findings if one.code == "UNRESOLVED_PATH_TOKEN"] == ["tzdb_release"]
