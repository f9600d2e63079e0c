"""Loading interface packs: what a sound one becomes, and how an unsound one is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_domain.encoding.canonical import digest_of
from sr_plugins.documents.pack import GATES, OUTPUTS, PackDocuments, load_pack, pack_folder
from sr_ports import BadInput, ReasonCode, VerificationMethod
from tests.packs import LAWS, gate, output, real_pack, write_pack

SEGMENTS = ("1A", "1B", "2A", "2B", "3A", "3B", "5A", "5B", "6A", "6B")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | WORDS | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(WORDS, VALUES, max_size=3)


def refusal(folder: str | Path) -> str:
    """What the loader says of a pack it refuses: one line under one code."""
    with pytest.raises(BadInput) as caught:
        load_pack(str(folder))
    assert caught.value.code is ReasonCode.PACK_INVALID
    assert "\n" not in str(caught.value)
    return caught.value.what


def test_an_entry_becomes_a_value_without_surrounding_white_space(tmp_path: Path) -> None:
    method = {"kind": " k ", "digest_field": "d", "ordering": "index_order ", "path_base": "run_root"}
    folder = write_pack(
        tmp_path,
        [gate("A", verification_method=method, authorizes_outputs=[" x\n"])],
        [output("x", path_template="data/x/{seed}.bin\n", availability=" optional ", schema_ref="s.yaml#/x ")],
    )
    pack = load_pack(folder)
    assert pack.outputs["x"].path_template == "data/x/{seed}.bin"
    assert pack.outputs["x"].optional
    assert pack.outputs["x"].schema_ref == "s.yaml#/x"
    assert pack.gates["gate.A"].authorizes_outputs == ("x",)
    assert pack.gates["gate.A"].method == VerificationMethod("k", "d", "index_order", "run_root", ())


def test_keys_of_a_method_that_are_not_ours_are_the_laws_own(tmp_path: Path) -> None:
    """Keys that begin with x- are nobody's."""
    method = {"kind": "k", "algorithm": "sha512", "depths": [1, {"a": None}], "x-note": "for people"}
    pack = load_pack(write_pack(tmp_path, [gate("A", verification_method=method)], []))
    assert pack.gates["gate.A"].method.params.document() == {"algorithm": "sha512", "depths": [1, {"a": None}]}


def test_what_an_entry_leaves_out_has_the_specs_default(tmp_path: Path) -> None:
    bare = {"output_id": "x", "path_template": "x.bin", "scope": "scope_global", "availability": None}
    folder = write_pack(tmp_path, [gate("A", verification_method={"kind": LAWS[0]}, index_path_template=None)], [bare])
    pack = load_pack(folder)
    assert pack.gates["gate.A"].method == VerificationMethod(LAWS[0])
    assert pack.gates["gate.A"].index_path_template is None
    assert not pack.outputs["x"].optional
    assert pack.outputs["x"].partitions == ()


def test_an_unknown_availability_counts_as_required(tmp_path: Path) -> None:
    folder = write_pack(tmp_path, [gate("A")], [output("x", availability="sometimes")])
    assert not load_pack(folder).outputs["x"].optional


BAD_ENTRIES = {
    "no gate id": ([gate("A", gate_id=None)], [], "entry 1: gate_id must be text"),
    "gate id is a number": ([gate("A"), gate("B", gate_id=5)], [], "entry 2: gate_id must be text"),
    "gate is text": (["gate.A"], [], "entry 1: it is not a mapping with gate_id"),
    "gate twice": ([gate("A"), gate("B"), gate("A")], [], "entry 3: the gate_id 'gate.A' stands twice"),
    "no flag": ([gate("A", passed_flag_path_template=None)], [], "passed_flag_path_template must be text"),
    "blank bundle root": ([gate("A", bundle_root_template="  ")], [], "bundle_root_template must be text"),
    "index is a list": ([gate("A", index_path_template=["i"])], [], "index_path_template must be text"),
    "no method": ([gate("A", verification_method=None)], [], "verification_method must be a mapping"),
    "no law": ([gate("A", verification_method={})], [], "verification_method: kind must be text"),
    "unknown ordering": (
        [gate("A", verification_method={"kind": "k", "ordering": "random"})],
        [],
        "ordering must be one of ascii_lex, index_order, members_array_order, not 'random'",
    ),
    "unknown path base": (
        [gate("A", verification_method={"kind": "k", "path_base": "/"})],
        [],
        "path_base must be one of bundle_root, run_root, not '/'",
    ),
    "excluded name is a number": (
        [gate("A", verification_method={"kind": "k", "exclude_filenames": [1]})],
        [],
        "exclude_filenames must be a list of text",
    ),
    "outputs as text": ([gate("A", authorizes_outputs="x")], [], "authorizes_outputs must be a list of text"),
    "upstream as mapping": ([gate("A", upstream_gate_dependencies={})], [], "must be a list of text"),
    "no output id": ([], [output("x", output_id=None)], "entry 1: output_id must be text"),
    "output twice": ([], [output("x"), output("x")], "entry 2: the output_id 'x' stands twice"),
    "output twice but for space": ([], [output("x"), output("x ")], "entry 2: the output_id 'x' stands twice"),
    "no template": ([], [output("x", path_template=None)], "entry 1 (x): path_template must be text"),
    "template is a number": ([], [output("x", path_template=7)], "path_template must be text"),
    "scope is a list": ([], [output("x", scope=["seed"])], "scope must be text"),
    "partitions as text": ([], [output("x", partitions="seed")], "partitions must be a list of text"),
    "availability is true": ([], [output("x", availability=True)], "availability must be text"),
    "schema ref is a mapping": ([], [output("x", schema_ref={})], "schema_ref must be text"),
    "dictionary ref is a number": ([], [output("x", dictionary_ref=1)], "dictionary_ref must be text"),
}


@pytest.mark.parametrize(("gates", "outputs", "what"), BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
def test_a_bad_entry_is_refused_with_file_and_place(
    tmp_path: Path, gates: list[Any], outputs: list[Any], what: str
) -> None:
    said = refusal(write_pack(tmp_path, gates, outputs))
    assert what in said
    assert (OUTPUTS if outputs else GATES) in said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("gates: [\n", "line 2"),
        ("gates: []\ngates: []\n", "stands twice"),
        ("outputs: []\n", "it has no list 'gates'"),
        ("gates: {a: b}\n", "it has no list 'gates'"),
        ("- gates\n", "it has no list 'gates'"),
        ("", "it has no list 'gates'"),
        ("gates: !!python/object:os.system []\n", "not allowed"),
        ("gates: \xff", "UTF-8"),
    ],
)
def test_a_document_that_is_no_gate_map_is_refused(tmp_path: Path, text: str, what: str) -> None:
    folder = write_pack(tmp_path, [], [])
    (tmp_path / GATES).write_bytes(text.encode("latin-1"))
    said = refusal(folder)
    assert what in said
    assert GATES in said


@pytest.mark.parametrize("name", [GATES, OUTPUTS])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_pack(tmp_path, [], [])
    (tmp_path / name).unlink()
    assert name in refusal(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "nowhere" in refusal(tmp_path / "nowhere")


def test_layout_comments_and_key_order_do_not_change_the_digest(tmp_path: Path) -> None:
    first = load_pack(write_pack(tmp_path / "a", [gate("A")], [output("x")])).digest
    folder = tmp_path / "b"
    folder.mkdir()
    for name, document in ((GATES, {"gates": [gate("A")]}), (OUTPUTS, {"outputs": [output("x")]})):
        backwards = {"version": "1.0 ", **document}
        text = yaml.safe_dump(backwards, sort_keys=False, default_flow_style=True, width=40)
        (folder / name).write_text(f"# another hand\n{text}", "utf-8")
    assert load_pack(str(folder)).digest == first


@pytest.mark.parametrize(
    ("gates", "outputs"),
    [
        ([gate("A", scope="seed")], [output("x")]),
        ([gate("A")], [output("x", description="other words")]),
        ([gate("A")], [output("x"), output("y")]),
        ([gate("A")], [output("x", **{"x-weight": 1.5})]),
    ],
)
def test_any_other_content_has_another_digest(tmp_path: Path, gates: list[Any], outputs: list[Any]) -> None:
    first = load_pack(write_pack(tmp_path / "a", [gate("A")], [output("x")])).digest
    assert load_pack(write_pack(tmp_path / "b", gates, outputs)).digest != first


def test_what_stands_beside_the_entries_is_covered_by_the_digest(tmp_path: Path) -> None:
    first = load_pack(write_pack(tmp_path, [gate("A")], [output("x")])).digest
    path = tmp_path / GATES
    path.write_text(path.read_text("utf-8").replace("version: '1.0'", "version: '1.1'"), "utf-8")
    assert load_pack(str(tmp_path)).digest != first


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=100, deadline=None)
def test_the_digest_is_that_of_the_canonical_json(gate_map: dict[str, Any], catalogue: dict[str, Any]) -> None:
    documents = PackDocuments(gate_map, catalogue)
    assert documents.digest() == digest_of({"catalogue": catalogue, "gate_map": gate_map})


def test_the_shipped_pack_shows_every_feature_of_a_pack() -> None:
    pack = load_pack("builtin")
    methods = [one.method for one in pack.gates.values()]
    assert sorted(one.split(".")[2] for one in pack.gates) == [
        "1A",
        "1B",
        "2A",
        "2B",
        "3A",
        "3B",
        "5A",
        "5B",
        "6A",
        "6B",
    ]
    assert {one.kind for one in methods} == set(LAWS)
    assert {one.ordering for one in methods} == {"ascii_lex", "index_order", "members_array_order"}
    assert {one.path_base for one in methods} == {"bundle_root", "run_root"}
    assert len({one.digest_field for one in methods}) > 1
    outputs = pack.outputs.values()
    pins = {pin for one in outputs for pin in one.partitions}
    assert pins == {"manifest_fingerprint", "parameter_hash", "seed", "scenario_id", "run_id", "utc_day"}
    assert {one.optional for one in outputs} == {True, False}
    assert any(one.path_template.endswith("/") for one in outputs)
    assert any(re.search(r"\*/.*\*", one.path_template) for one in outputs)
    assert any(one.read_requires_gates for one in outputs)
    assert re.search(r'\\n"$', (pack_folder("builtin") / OUTPUTS).read_text("utf-8"), re.MULTILINE)


def test_the_real_pack_loads() -> None:
    pack = load_pack(real_pack())
    assert len(pack.gates) == 10
    assert len(pack.outputs) > 300
    assert all(one.path_template == one.path_template.strip() for one in pack.outputs.values())
