"""sr pack: a commented pack is begun, added to, checked, and held against a folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sr_plugins.documents.pack import OUTPUTS, load_pack
from tests.cli.conftest import Shell
from tests.packs import gate, output, write_pack

PRINT = "ab" * 32


def test_a_new_pack_loads_and_its_comments_say_what_keys_mean(sr: Shell) -> None:
    assert sr.bare("pack", "new", "own").code == 0
    assert load_pack("own").outputs == {}
    assert sr.bare("pack", "check", "own").code == 0
    assert "# where its files lie" not in (sr.folder / "own" / OUTPUTS).read_text()
    assert sr.bare("pack", "add", "output", "orders", "orders/day={utc_day}/*.csv", "--pack", "own").code == 0
    assert "# where its files lie" in (sr.folder / "own" / OUTPUTS).read_text()
    assert load_pack("own").outputs["orders"].path_template == "orders/day={utc_day}/*.csv"
    assert sr.bare("pack", "check", "own").code == 0


def test_outputs_of_a_folder_are_inferred(sr: Shell) -> None:
    data = sr.folder / "my data"
    (data / "orders/day=2026-01-01").mkdir(parents=True)
    (data / "orders/day=2026-01-01/part 0.csv").write_text("a")
    (data / "custömers 2.parquet").write_text("b")
    (data / ".hidden").write_text("c")
    assert sr.bare("pack", "new", "own", "--from", "my data").code == 0
    outputs = {name: one.path_template for name, one in load_pack("own").outputs.items()}
    assert outputs == {"customers_2": "custömers 2.parquet", "orders": "orders/day={utc_day}/part 0.csv"}
    assert sr.bare("pack", "check", "own").code == 0


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("new", "pack"), "is there already"),
        (("add", "output", "events", "x.bin", "--pack", "pack", "--gate", "gate.up"), "already"),
        (("add", "output", "more", "x.bin", "--pack", "pack"), "--gate"),
        (("add", "output", "more", "x.bin", "--pack", "pack", "--gate", "gate.nope"), "gate.up"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_changes(sr: Shell, args: tuple[str, ...], what: str) -> None:
    before = {path: path.read_bytes() for path in (sr.folder / "pack").iterdir()}
    answer = sr("pack", *args)
    assert (answer.code, answer.error) == (2, "PACK_INVALID")
    assert what in answer.err
    assert {path: path.read_bytes() for path in (sr.folder / "pack").iterdir()} == before


@pytest.mark.parametrize(
    ("output_id", "template", "told"),
    [
        ("z", "/abs/x", "the path is absolute"),
        ("z", "a/../b", ". or .. part"),
        ("z", "data/{day}/x.csv", "did you mean {utc_day}?"),
        ("z", "data/x[9-0].csv", "ends before it begins"),
        ("bad/id", "x", "letters, digits"),
        ("", "x", "output_id"),
        ("z", "", "path_template"),
    ],
)
def test_an_output_that_the_check_would_refuse_is_not_added(
    sr: Shell, output_id: str, template: str, told: str
) -> None:
    sr.bare("pack", "new", "own")
    before = (sr.folder / "own" / OUTPUTS).read_bytes()
    answer = sr.bare("pack", "add", "output", output_id, template, "--pack", "own")
    assert (answer.code, answer.error) == (2, "PACK_INVALID")
    assert told in answer.err
    assert (sr.folder / "own" / OUTPUTS).read_bytes() == before
    assert sr.bare("pack", "add", "output", "z", "data/{utc_day}/x.csv", "--pack", "own").code == 0
    assert sr.bare("pack", "check", "own").code == 0


def test_a_folder_that_is_not_there_makes_no_pack(sr: Shell) -> None:
    answer = sr.bare("pack", "new", "own", "--from", "nowhere")
    assert (answer.code, answer.error) == (2, "DATA_UNFIT")
    assert not (sr.folder / "own").exists()


def test_the_shipped_pack_is_not_changed(sr: Shell) -> None:
    assert sr.bare("pack", "add", "output", "x", "x.bin").error == "USAGE"


def root_with(folder: Path, listed: list[str], files: list[str]) -> Path:
    """A root of one gate whose index lists some of its files."""
    bundle = folder / f"data/A/validation/manifest_fingerprint={PRINT}"
    for name in files:
        path = folder / name.format(bundle=bundle.relative_to(folder), print=PRINT)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    bundle.mkdir(parents=True, exist_ok=True)
    (bundle / "index.json").write_text(json.dumps(listed))
    (bundle / "_passed.flag").write_text(f"sha256_hex = {hashlib.sha256().hexdigest()}\n")
    return folder


LAW = {"kind": "sha256_index_json_ascii_lex_raw_bytes", "exclude_filenames": ["_passed.flag"]}
INSIDE = "data/A/validation/manifest_fingerprint={manifest_fingerprint}/part-*.csv"
ELSEWHERE = "data/x/manifest_fingerprint={manifest_fingerprint}/part-*.parquet"
CASES: dict[str, tuple[list[str], list[str], str, set[tuple[str, str]], int]] = {
    "all is listed": (["part-0.csv"], ["{bundle}/part-0.csv"], INSIDE, set(), 0),
    "a part of the bundle is left out": (
        ["part-0.csv"],
        ["{bundle}/part-0.csv", "{bundle}/part-1.csv"],
        INSIDE,
        {("error", "OUTPUT_LEFT_OUT")},
        5,
    ),
    "the gate only vouches": (
        ["part-0.csv"],
        ["{bundle}/part-0.csv", "data/x/manifest_fingerprint={print}/part-0.parquet"],
        ELSEWHERE,
        {("warning", "OUTPUT_VOUCHED")},
        0,
    ),
    "a template leads nowhere": (["part-0.csv"], ["{bundle}/part-0.csv"], ELSEWHERE, {("warning", "NO_FILES")}, 0),
    "the index is empty": ([], ["{bundle}/part-0.csv"], INSIDE, {("error", "INDEX_EMPTY")}, 5),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_pack_is_held_against_a_root(sr: Shell, case: Any) -> None:
    listed, files, template, wanted, code = case
    write_pack(sr.folder / "own", [gate("A", verification_method=LAW, authorizes_outputs=["x"])],
               [output("x", path_template=template)])  # fmt: skip
    root_with(sr.folder / "made", listed, files)
    answer = sr("--json", "contracts", "check", "own", "--root", "made")
    assert {(one["severity"], one["code"]) for one in answer.json["findings"]} == wanted
    assert answer.code == code


@pytest.mark.parametrize("flags_by", ["{utc_day}", "{utc_y}{utc_m}{utc_d}"])
@pytest.mark.parametrize("files_by", ["{utc_day}", "{utc_y}/{utc_m}/{utc_d}"])
def test_a_gate_of_each_day_is_held_against_the_files_of_its_day(sr: Shell, flags_by: str, files_by: str) -> None:
    """However flag and files spell it."""
    write_pack(
        sr.folder / "own",
        [gate("A", verification_method={**LAW, "path_base": "run_root"}, authorizes_outputs=["x"],
              bundle_root_template=f"seals/{flags_by}/", index_path_template=f"seals/{flags_by}/index.json",
              passed_flag_path_template=f"seals/{flags_by}/_passed.flag")],
        [output("x", path_template=f"x/{files_by}/*.csv")],
    )  # fmt: skip
    for day in ("01", "02"):
        tokens = {"utc_day": f"2026-03-{day}", "utc_y": "2026", "utc_m": "03", "utc_d": day}
        own, seal = f"x/{files_by.format(**tokens)}/a.csv", sr.folder / "made/seals" / flags_by.format(**tokens)
        seal.mkdir(parents=True)
        (sr.folder / "made" / own).parent.mkdir(parents=True)
        (sr.folder / "made" / own).write_text(day)
        (seal / "index.json").write_text(json.dumps([own]))
        (seal / "_passed.flag").write_text(f"sha256_hex = {hashlib.sha256(day.encode()).hexdigest()}\n")
    answer = sr("--json", "contracts", "check", "own", "--root", "made")
    assert answer.json["findings"] == []
    (sr.folder / "made/x").joinpath(files_by.format(**tokens), "late.csv").write_text("late")
    (found,) = sr("--json", "contracts", "check", "own", "--root", "made").json["findings"]
    assert found["code"] == "OUTPUT_VOUCHED"


def test_doctor_holds_the_pack_against_the_oracle_root(sr: Shell) -> None:
    write_pack(sr.folder / "own", [gate("A", verification_method=LAW, authorizes_outputs=["x"])],
               [output("x", path_template=INSIDE)])  # fmt: skip
    root = root_with(sr.folder / "made", ["part-0.csv"], ["{bundle}/part-0.csv"])
    wiring = "runtime_root: runs\nengine: {interface_pack: own, oracle_engine_run_root: made}\n"
    (sr.folder / "profile.yaml").write_text(wiring)
    assert sr("doctor").code == 0
    root_with(root, ["part-0.csv"], ["{bundle}/part-1.csv"])
    answer = sr("doctor")
    assert (answer.code, answer.error) == (5, "PACK_INVALID")
    assert "leaves out" in answer.err


def test_a_root_without_flags_or_that_is_not_there_is_told(sr: Shell) -> None:
    (sr.folder / "empty").mkdir()
    codes = {one["code"] for one in sr("--json", "pack", "check", "--root", "empty").json["findings"]}
    assert {"NO_FLAG", "NO_FILES"} <= codes
    answer = sr("--json", "pack", "check", "--root", "nowhere")
    assert (answer.code, answer.json["findings"][0]["code"]) == (5, "ENGINE_ROOT_MISSING")
