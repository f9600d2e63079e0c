"""From a folder of files to READY: init, seal, submit, verify, in whatever shape the folder comes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sr_adapters.cli.app import run
from sr_plugins.uses.check import check_root
from tests.cli.conftest import Answer, Shell

QUICK = {"policy_id": "quick", "revision": "1", "settle_seconds": 0}
DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A working folder with nothing in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SR_PROFILE", raising=False)
    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    return Shell(tmp_path, capsys)


def fill(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def daily(name: str = "part-0.csv", days: tuple[str, ...] = DAYS, top: str = "orders") -> dict[str, str]:
    return {f"{top}/{day}/{name}": f"{name} of {day}" for day in days}


SPELT = {
    "20260101": ("orders/{y}{m}{d}/p.csv", "orders/{{utc_y}}{{utc_m}}{{utc_d}}/p.csv"),
    "three folders": ("orders/{y}/{m}/{d}/p.csv", "orders/{{utc_y}}/{{utc_m}}/{{utc_d}}/p.csv"),
    "at the top": ("{y}/{m}/{d}/orders.csv", "{{utc_y}}/{{utc_m}}/{{utc_d}}/orders.csv"),
    "named folders": (
        "orders/year={y}/month={m}/day={d}/p.csv",
        "orders/year={{utc_y}}/month={{utc_m}}/day={{utc_d}}/p.csv",
    ),
    "in a name": ("orders_{y}{m}{d}.csv", "orders_{{utc_y}}{{utc_m}}{{utc_d}}.csv"),
    "the last folder's file": ("orders/{y}/{m}/{d}.csv", "orders/{{utc_y}}/{{utc_m}}/{{utc_d}}.csv"),
    "with a clock": (
        "orders/at-{y}{m}{d}T120000Z-0.csv",
        "orders/at-{{utc_y}}{{utc_m}}{{utc_d}}T120000Z-0.csv",
    ),
    "twice": ("orders/{y}-{m}-{d}/o_{y}_{m}_{d}.csv", "orders/{{utc_day}}/o_{{utc_y}}_{{utc_m}}_{{utc_d}}.csv"),
}


@pytest.mark.parametrize(("path", "template"), SPELT.values(), ids=SPELT.keys())
def test_a_day_is_a_day_however_it_is_spelt(own: Shell, path: str, template: str) -> None:
    files = [path.format(y=day[:4], m=day[5:7], d=day[8:]) for day in DAYS]
    fill(own.folder / "data", {one: one for one in files})
    found = done(own.bare("--json", "init", "data")).json
    (orders,) = found["outputs"]
    assert (orders["output_id"], orders["path_template"], orders["days"]) == ("orders", template.format(), list(DAYS))
    done(own.bare("seal", "--day", DAYS[1]))
    (listed,) = (own.folder / "data/_sr").glob("*/index.json")
    assert [one["path"] for one in json.loads(listed.read_text())] == [files[1]]
    ready = done(own.bare("--json", "submit", "request.yaml")).json
    (shown,) = done(own.bare("--json", "open", ready["run_id"], "orders")).json["files"]
    assert shown["path"].endswith(files[1])
    (own.folder / "data" / files[1]).unlink()
    done(own.bare("seal", "--day", DAYS[0]))
    (own.folder / "data" / files[0]).unlink()
    missing = own.bare("--json", "check", "data").json
    assert [one["verdict"] for one in missing["outputs"]] == ["MISSING"]


@pytest.mark.parametrize(
    "path",
    [
        "blobs/e4f20260101ab.bin", "a/20261301/x", "a/12345678/x", "v/2026/01/x", "t/1767225600000.csv",
        "a/120260101/x",        "a/2026/13/01/x", "p/20260101-9", "a/20260101123456/x",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_day_is_none(own: Shell, path: str) -> None:
    """But for one with a hyphen, which is a day: the twin."""
    fill(own.folder / "data", {path: "x"})
    found = done(own.bare("--json", "init", "data")).json
    assert (found["window"] is not None) is (path == "p/20260101-9")


def test_data_of_no_day_are_sealed_of_none(own: Shell) -> None:
    fill(own.folder / "data", {"Größe.csv": "1"})
    assert done(own.bare("--json", "init", "data")).json["outputs"][0]["output_id"] == "Grosse"
    assert "sealed data: 1 file, 1 B" in done(own.bare("seal")).out
    assert "such as request.yaml" in own.bare("submit").err
    again = own.bare("init", "data")
    assert "sr.yaml, pack/, request.yaml are there already; add --force" in again.err


FOLDERS: dict[str, dict[str, str]] = {
    "one file": {"only.csv": "1"},
    "two formats": {f"sales/{at}.{end}": f"{at}" for at in range(3) for end in ("csv", "parquet")},
    "accents and spaces": {"Größe & Preis/día 1/año.csv": "x", "日本語.csv": "y", "O'Brien $x.csv": "z"},
    "empty files": {"a/x.csv": "", "b.csv": ""},
    "hidden files": {"a/x.csv": "1", "a/.DS_Store": "2", ".hidden": "3"},
    "deep": {"/".join(f"level{at}" for at in range(40)) + "/x.csv": "1"},
    "checksums of its own": {"a/x.csv": "1", "SHA256SUMS": "6b86  a/x.csv\n"},
    "days with a gap": {f"2026/03/0{day}/orders.csv": f"{day}" for day in (1, 2, 4)},
}


@pytest.mark.parametrize("files", FOLDERS.values(), ids=FOLDERS.keys())
def test_a_folder_of_any_shape_is_ready_broken_mended_and_read(own: Shell, files: dict[str, str]) -> None:
    data = fill(own.folder / "data", files)
    found = done(own.bare("--json", "init", "data")).json
    for words in (["seal"], ["check", "data"], ["submit", "request.yaml"]):
        done(own.bare(*words))
    run = own.bare("--json", "list").json["runs"][0]["run_id"]
    parts = [one for output in found["outputs"]
             for one in done(own.bare("--json", "open", run, output["output_id"])).json["files"]]  # fmt: skip
    read = {Path(one["path"]).relative_to(data).as_posix() for one in parts}
    assert read == {name for name in files if not any(part.startswith(".") for part in name.split("/"))}
    broken = data / min(read)
    kept = broken.read_bytes()
    for damage, how in ((lambda: broken.write_bytes(kept + b"!"), "ROTTED"), (broken.unlink, "MOVED")):
        damage()
        told = own.bare("verify", run)
        assert (told.code, how in told.err, broken.name in told.err) == (5, True, True)
        assert all("; " in line for line in told.err.splitlines()), "each has a next step"
        broken.write_bytes(kept)
        done(own.bare("verify", run))


def request(folder: Path) -> Any:
    return yaml.safe_load((folder / "request.yaml").read_text())


def done(answer: Answer) -> Answer:
    assert answer.code == 0, answer.err
    return answer


def to_ready(sr: Shell, data: str = "data") -> str:
    """The run id of the folder's own run, which is READY and verified."""
    done(sr.bare("init", data))
    done(sr.bare("seal"))
    run_id: str = json.loads(done(sr.bare("--json", "submit", "request.yaml")).out)["run_id"]
    assert "proven" in done(sr.bare("verify", run_id)).out
    return run_id


SHAPES: dict[str, Mapping[str, str]] = {
    "one file": {"orders.csv": "1"},
    "nested days": daily(),
    "days first": {f"{day}/{name}": day for day in DAYS for name in ("orders.csv", "customers/all.csv")},
    "hive days": {f"orders/region={one}/date={day}/a.parquet": one for day in DAYS for one in ("eu", "us")},
    "days in names": {f"orders-{day}.csv": day for day in DAYS},
    "two formats": {"orders/a.csv": "1", "orders/b.parquet": "2", "customers.json": "{}"},
    "stems that clash": {"orders.csv": "1", "orders.parquet": "2", "orders/part.csv": "3"},
    "spaces and accents": {"Bestellungen 2026/März 1.csv": "1", "été/ü/ß.csv": "2", "日本/語.csv": "3"},
    "wildcard signs": {"a*b/we[ird]?.csv": "1", "a*b/x{y}.csv": "2", "**/z.csv": "3", "q?.csv": "4"},
    "blanks at the ends": {" lead/x.csv ": "1", "trail ": "2"},
    "a day is lacking": {**daily(), **daily(days=DAYS[::2], top="events")},
    "files with and without days": {**daily(), "orders/README.md": "read me", "orders/schema/v1.json": "{}"},
    "different depths": {"t/a.csv": "1", "t/b/c.csv": "2", "t/b/d/e/f.csv": "3"},
    "dot files beside": {"orders/a.csv": "1", "orders/b.csv": "2", "orders/.DS_Store": "x", ".git/config": "y"},
    "empty files": {"orders/a.csv": "", "orders/b.csv": "", "nothing.txt": ""},
    "very many side by side": {f"file-{n}.txt": str(n) for n in range(150)} | {"other.csv": "1"},
    "no such days": {"orders/2026-02-30/a.csv": "1", "orders/9999-12-31/a.csv": "2"},
    "words that YAML knows": {"true/no.csv": "1", "null.csv": "2", "1e3/0x1.csv": "3", "- x: y/#z.csv": "4"},
}


@pytest.mark.parametrize("files", SHAPES.values(), ids=SHAPES)
def test_a_folder_of_any_shape_reaches_ready(own: Shell, files: Mapping[str, str]) -> None:
    fill(own.folder / "data", files)
    (own.folder / "data" / "an empty folder").mkdir()
    run_id = to_ready(own)
    facts = json.loads(own.bare("--json", "facts", run_id).out)
    told = "".join(part.read_text() for part in own.folder.glob("runs/**/part_lists/*.json")) + json.dumps(facts)
    data = [path for path in files if not any(name.startswith(".") for name in path.split("/"))]
    index = json.loads(next((own.folder / "data" / "_sr").glob("*/index.json")).read_text())
    assert sorted(one["path"] for one in index) == sorted(data)
    assert all(".DS_Store" not in told and ".git" not in told for _ in data)


def test_the_working_folder_may_be_the_data_itself(own: Shell) -> None:
    fill(own.folder, {"orders.csv": "1", ".hidden": "x"})
    first = to_ready(own, ".")
    done(own.bare("init", "--force"))
    assert yaml.safe_load((own.folder / "pack" / "engine_outputs.catalogue.yaml").read_text())["outputs"] == [
        {
            "output_id": "orders",
            "path_template": "orders.csv",
            "scope": "scope_manifest_fingerprint",
            "partitions": ["manifest_fingerprint"],
            "availability": "required",
            "read_requires_gates": [f"gate.{own.folder.name}"],
        }
    ]
    done(own.bare("seal"))
    assert json.loads(own.bare("--json", "submit", "request.yaml").out)["run_id"] == first, "nothing is new"


@pytest.mark.slow
def test_ten_thousand_files(own: Shell) -> None:
    folder = own.folder / "data" / "orders"
    folder.mkdir(parents=True)
    for number in range(10_000):
        (folder / f"part-{number}.csv").write_bytes(b"%d" % number)
    to_ready(own)


def test_nothing_else_is_written_and_sealing_again_writes_nothing(own: Shell) -> None:
    data = fill(own.folder / "data", daily())
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    done(own.bare("init", "data"))
    assert sorted(one.name for one in own.folder.iterdir()) == ["data", "pack", "request.yaml", "sr.yaml"]
    assert {path for path in data.rglob("*") if path.is_file()} == set(before), "init touches no data"
    first = json.loads(own.bare("--json", "seal").out)
    written = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    assert {path for path in written if path not in before} == {
        data / "_sr" / first["manifest_fingerprint"] / name for name in ("index.json", "_passed.flag")
    }
    text = (own.folder / "request.yaml").read_bytes()
    again = json.loads(own.bare("--json", "seal").out)
    assert (first["written"], again["written"]) == (True, False)
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()} == written
    assert (own.folder / "request.yaml").read_bytes() == text


def test_a_daily_job_seals_and_proves_one_day(own: Shell) -> None:
    data = fill(own.folder / "data", {**daily(), "customers.csv": "c"})
    to_ready(own)
    fill(data, daily(days=("2026-01-04",)))
    (data / "orders" / DAYS[0] / "part-0.csv").write_text("changed since: another day's business")
    told = json.loads(done(own.bare("--json", "seal", "--day", "2026-01-04")).out)
    assert told["files"] == 2
    assert told["run_equivalence_key"].startswith("data-2026-01-04-")
    index = json.loads((data / "_sr" / told["manifest_fingerprint"] / "index.json").read_text())
    assert [one["path"] for one in index] == ["customers.csv", "orders/2026-01-04/part-0.csv"]
    run_id = json.loads(done(own.bare("--json", "submit", "request.yaml")).out)["run_id"]
    assert done(own.bare("verify", run_id)).code == 0
    span = json.loads(done(own.bare("--json", "seal", "--window", "2026-01-02..2026-01-03")).out)
    assert span["window"]["window_end_utc"] == "2026-01-04T00:00:00Z"
    assert span["files"] == 3


def test_pins_are_what_they_are_made_from(own: Shell) -> None:
    fill(own.folder / "data", {"orders.csv": "1"})
    (own.folder / "params.yaml").write_text("b: 1\na: two\n")
    done(own.bare("init", "data", "--name", "Sales of May"))
    (own.folder / "request.yaml").write_text((own.folder / "request.yaml").read_text().replace("seed: 0", "seed: 7"))
    done(own.bare("seal", "--params", "params.yaml"))
    made = request(own.folder)
    index = own.folder / "data" / "_sr" / made["manifest_fingerprint"] / "index.json"
    assert sha256(index.read_bytes()).hexdigest() == made["manifest_fingerprint"]
    assert sha256(b'{"a":"two","b":1}').hexdigest() == made["parameter_hash"]
    assert made["run_equivalence_key"] == f"Sales_of_May-1970-01-01-{made['manifest_fingerprint'][:12]}"
    assert made["seed"] == 7, "what a person wrote there stays"


def test_a_profile_in_the_working_folder_is_taken_where_no_other_is_named(own: Shell) -> None:
    fill(own.folder / "data", {"orders.csv": "1"})
    run_id = to_ready(own)
    assert f"next: sr facts {run_id}" in own.bare("submit", "request.yaml").out
    assert f"next: sr --profile local facts {run_id}" in own.bare("--profile", "local", "status", run_id).out


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no files": (lambda data: None, "no data file"),
    "a link": (lambda data: (data / "latest").symlink_to("orders"), "symbolic link"),
    "a link inside": (lambda data: (fill(data, {"o/a": "1"}) / "o" / "l").symlink_to("a"), "symbolic link"),
    "a FIFO": (lambda data: os.mkfifo(data / "pipe"), "FIFO"),
    "a line end in a name": (lambda data: fill(data, {"orders\n2.csv": "1"}), "name"),
    "a backslash in a name": (lambda data: fill(data, {"orders\\2.csv": "1"}), "backslash"),
    "a name that is no text": (lambda data: Path(os.fsdecode(os.fsencode(data) + b"/\xff.csv")).touch(), "name"),
    "a dot file in the way": (lambda data: fill(data, {"o/a/x.csv": "1", "o/y.csv": "2", "o/.h/z.csv": "3"}), ".h/z"),
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_cannot_be_proven_is_refused_in_one_line_and_nothing_is_written(own: Shell, named: str) -> None:
    make, why = REFUSED[named]
    (own.folder / "data").mkdir()
    make(own.folder / "data")
    told = own.bare("init", "data")
    assert (told.code, told.error) == (2, "DATA_UNFIT")
    assert why in told.err
    assert [one.name for one in own.folder.iterdir()] == ["data"]


def test_what_came_later_is_refused_or_told_when_it_is_sealed(own: Shell) -> None:
    data = fill(own.folder / "data", {**daily(), "customers.csv": "c"})
    done(own.bare("init", "data"))
    fill(data, {"none.csv": "1"})
    assert "none.csv' is in no output" in done(own.bare("seal")).err
    for args, why in (
        (("--day", "2026-01-09"), "orders has no file at 'orders/2026-01-09/part-0.csv'"),
        (("--window", "2026-01-02"), "names no days"),
        (("--window", "2026-01-03..2026-01-01"), "names no days"),
        (("--day", "2026-02-30"), "names no days"),
        (("--day", "2026-01-01", "--window", "2026-01-01..2026-01-02"), "two ways"),
        (("elsewhere",), "not there"),
        (("request.yaml",), "is a file"),
        (("s3://bucket/data",), "no folder of this machine"),
        (("--params", "absent.yaml"), "cannot be read"),
    ):
        told = own.bare("seal", *args)
        assert told.code == 2, args
        assert told.error
        assert why in told.err, args
    (data / "customers.csv").rename(data / "moved")
    assert own.bare("seal").error == "DATA_UNFIT"
    (data / "moved").rename(data / "customers.csv")
    (data / "run_receipt.json").write_text("{}")
    assert "run_receipt.json" in own.bare("seal").err
    (data / "run_receipt.json").unlink()
    (data / "orders" / DAYS[0] / "extra.csv").symlink_to("part-0.csv")
    assert "symbolic link" in own.bare("seal").err


def test_init_never_writes_over_what_is_there(own: Shell) -> None:
    fill(own.folder / "data", {"orders.csv": "1"})
    (own.folder / "request.yaml").write_text("mine")
    told = own.bare("init", "data")
    assert (told.code, told.error) == (2, "USAGE")
    assert "request.yaml is there already" in told.err
    assert sorted(one.name for one in own.folder.iterdir()) == ["data", "request.yaml"]
    done(own.bare("init", "data", "--force"))
    assert request(own.folder)["engine_run_root"] == "data"


def test_nothing_half_written_where_a_file_cannot_take_its_place(own: Shell) -> None:
    fill(own.folder / "data", {"orders.csv": "1"})
    (own.folder / "pack").write_text("a file in the folder's place")
    told = own.bare("init", "data", "--force")
    assert (told.code, told.error) == (2, "USAGE")
    assert sorted(one.name for one in own.folder.iterdir()) == ["data", "pack"]
    assert own.bare("seal").error == "DATA_UNFIT", "nothing says what the data are"


def test_a_unix_socket_is_no_data(own: Shell, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("data/s")
        assert "a socket" in own.bare("init", "data").err


@pytest.mark.parametrize("sign", ["SHA256SUMS", "bagit.txt"])
def test_a_folder_that_brings_its_own_gate_is_recognised(own: Shell, sign: str) -> None:
    fill(own.folder / "data", {"data/orders.csv": "1", sign: "x"})
    assert sign[:5].upper() in done(own.bare("init", "data")).err.upper()


# What a folder proves now


def test_check_proves_a_folder_and_leaves_no_trace(own: Shell) -> None:
    data = fill(own.folder / "data", {**daily(), "customers.csv": "c"})
    done(own.bare("init", "data"))
    assert own.bare("check", "data").error == "DATA_UNFIT", "nothing is sealed yet"
    done(own.bare("seal"))
    before = sorted(own.folder.rglob("*"))
    told = done(own.bare("--json", "check", "data")).json
    assert told["verdict"] == "COMPLETE"
    assert [(one["id"], one["verdict"]) for one in told["gates"]] == [("gate.data", "PASS")]
    assert [(one["id"], one["verdict"], one["files"]) for one in told["outputs"]] == [
        ("customers", "PROVEN", 1), *[("orders", "PROVEN", 1)] * 3
    ]  # fmt: skip
    assert sorted(own.folder.rglob("*")) == before
    (flag,) = data.glob("_sr/*/_passed.flag")
    stated = flag.read_bytes()
    for cut in (b"", stated[:20]):
        flag.write_bytes(cut)
        assert (own.bare("check", "data").code, own.bare("check", "data").error) == (3, "EVIDENCE_WAITING")
    flag.write_bytes(stated)
    (data / "orders" / DAYS[1] / "part-0.csv").unlink()
    assert own.bare("check", "data").code == 3


def test_check_names_the_byte_that_changed_and_a_run_agrees(own: Shell) -> None:
    data = fill(own.folder / "data", {**daily(), "customers.csv": "c"})
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    (data / "orders" / DAYS[1] / "part-0.csv").write_text("x")
    (own.folder / "policy.yaml").write_text(yaml.safe_dump(QUICK))
    done(own.bare("policy", "seal", "policy.yaml"))
    told = own.bare("--policy", "policy.yaml", "check", "data")
    assert (told.code, told.error) == (5, "EVIDENCE_CONFLICT")
    assert f"orders/{DAYS[1]}/part-0.csv is not what the index says" in told.err
    assert own.bare("--policy", "policy.yaml", "submit", "request.yaml").code == 5


# An engine


ENGINE = """\
import os, pathlib, sys
root = pathlib.Path(os.environ["SR_ENGINE_RUN_ROOT"])
for number in range(int(sys.argv[1])):
    (root / "orders").mkdir(exist_ok=True)
    (root / "orders" / f"part-{number}.csv").write_text(os.environ["SR_SEED"] + os.environ["SR_MANIFEST_FINGERPRINT"])
print("made for", os.environ["SR_RUN_ID"], os.environ["SR_SCENARIO_ID"], os.environ["SR_PARAMETER_HASH"])
sys.exit(int(sys.argv[2]))
"""


def engine(own: Shell, parts: int = 2, code: int = 0) -> None:
    """A folder whose engine makes so many parts and ends so."""
    (own.folder / "engine.py").write_text(ENGINE)
    fill(own.folder / "sample", {"orders/part-0.csv": "1", "orders/part-1.csv": "2"})
    command = f"{sys.executable} engine.py {parts} {code}"
    done(own.bare("init", "sample", "--name", "sales", "--engine", command, "--force"))


def test_an_engine_s_program_writes_neither_flag_nor_receipt(own: Shell) -> None:
    engine(own)
    made = request(own.folder)
    assert "engine_run_root" not in made
    told = json.loads(done(own.bare("--json", "submit", "request.yaml")).out)
    (receipt,) = own.folder.glob("runs/engine_runs/*/*/run_receipt.json")
    assert json.loads(receipt.read_text()) == {
        "run_id": told["run_id"],
        **{name: made[name] for name in ("manifest_fingerprint", "parameter_hash", "seed")},
    }
    assert (receipt.parent / "_sr" / made["manifest_fingerprint"] / "_passed.flag").is_file()
    assert done(own.bare("verify", told["run_id"])).code == 0
    assert done(own.bare("check", str(receipt.parent))).code == 0


def test_an_engine_needs_a_sample_of_what_it_makes(own: Shell) -> None:
    (own.folder / "sample").mkdir()
    assert "run it once" in own.bare("init", "sample", "--engine", "make it").err
    fill(own.folder / "sample", {"orders.csv": "1"})
    assert own.bare("init", "sample", "--engine", "").error == "USAGE"
    assert own.bare("init", "sample", "--engine", "a 'quote").error == "USAGE"


def test_an_engine_s_world_is_named_by_what_it_is_made_from(own: Shell) -> None:
    engine(own)
    first = request(own.folder)
    engine(own)
    assert request(own.folder) == first
    engine(own, parts=3)
    assert request(own.folder)["manifest_fingerprint"] != first["manifest_fingerprint"]
    engine(own)
    done(own.bare("seal", "--day", "2026-01-05"))
    other = request(own.folder)
    assert other["manifest_fingerprint"] != first["manifest_fingerprint"]
    assert other["run_equivalence_key"].startswith("sales-2026-01-05-")


def test_the_program_s_exit_code_is_passed_on_and_nothing_is_sealed(
    own: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine(own)
    root = own.folder / "root"
    root.mkdir()
    invocation = {"run_id": "1" * 32, "manifest_fingerprint": "a" * 64, "parameter_hash": "b" * 64, "seed": 4}
    monkeypatch.setenv(
        "SR_ENGINE_INVOCATION_JSON", json.dumps({**invocation, "scenario_binding": {"scenario_set": ["x"]}})
    )
    monkeypatch.setenv("SR_ENGINE_RUN_ROOT", str(root))
    assert own.bare("--json", "engine", "--", sys.executable, "engine.py", "1", "7").json["exit_code"] == 7
    assert not (root / "_sr").exists()
    assert own.bare("engine", "--", sys.executable, "-c", "import os, signal; os.kill(os.getpid(), 15)").code == 143
    assert own.bare("engine", "--", "no-such-program").error == "ENGINE_COMMAND_UNUSABLE"
    assert own.bare("--json", "engine", "--", sys.executable, "engine.py", "2", "0").json["files"] == 2
    assert (root / "_sr" / ("a" * 64) / "_passed.flag").is_file()
    assert json.loads((root / "run_receipt.json").read_text()) == invocation
    monkeypatch.delenv("SR_ENGINE_INVOCATION_JSON")
    assert own.bare("engine", "--", "true").error == "DATA_UNFIT"


# Whatever lies in a folder


NAMES = st.sampled_from(
    ["orders", "part-0.csv", "part-1.csv", "2026-01-01", "2026-01-02", "d=2026-01-01", "x-2026-01-02.csv", ".h",
     "a b", "é", "[x]", "*", "{y}", "q?", "_sr", "runs", "pack", "a\\b", "n\nl", "n.gz", "日.parquet"]
)  # fmt: skip
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TREES = st.dictionaries(PATHS, st.binary(max_size=3), min_size=1, max_size=8)


@attrs.frozen
class Folder:
    """A working folder of an example."""

    path: Path

    def run(self, *args: str) -> int:
        os.chdir(self.path)
        return run(list(args))


def any_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str], tree: Mapping[str, bytes], pick: int) -> None:
    here = Folder(Path(tempfile.mkdtemp(dir=tmp_path)))
    for path, data in sorted(tree.items()):
        target = here.path / "data" / path
        if not any(one.is_file() for one in target.parents) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    for step in (("init", "data"), ("seal",)):
        capsys.readouterr()
        code = here.run(*step)
        if code != 0:
            told = [one for one in capsys.readouterr().err.splitlines() if not one.startswith("note:")]
            assert code == 2
            assert len(told) == 1
            assert told[0].startswith("error[DATA_UNFIT]: ")
            return
    assert here.run("submit", "request.yaml") == 0, capsys.readouterr()
    index = json.loads(next((here.path / "data" / "_sr").glob("*/index.json")).read_text())
    document = yaml.safe_load((here.path / "request.yaml").read_text())
    profile = {"engine": {"interface_pack": str(here.path / "pack")}}
    changed = here.path / "data" / index[pick % len(index)]["path"]
    for data, verdict in ((changed.read_bytes() + b"!", "CONFLICT"), (changed.read_bytes(), "COMPLETE")):
        changed.write_bytes(data)
        found = check_root(str(here.path / "data"), document, profile=profile, policy=QUICK)
        assert found.verdict == verdict, found


_MEANT = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=12, deadline=None, suppress_health_check=_MEANT)
@given(tree=TREES, pick=st.integers(0, 7))
@example(tree={"orders/2026-01-01": b"1", "orders/2026-01-02": b"2", "[x]/{y}": b"3"}, pick=1)
def test_any_tree_is_refused_in_one_line_or_proven_and_a_changed_byte_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tree: Any, pick: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SR_PROFILE", raising=False)
    any_tree(tmp_path, capsys, tree, pick)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=_MEANT)
@given(tree=TREES, pick=st.integers(0, 7))
def test_very_many_trees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tree: Any, pick: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SR_PROFILE", raising=False)
    any_tree(tmp_path, capsys, tree, pick)


STUBBORN = """\
import os, signal, sys
def asked(number, frame):
    print("asked", signal.Signals(number).name, flush=True)
    sys.exit(9)
signal.signal(signal.SIGTERM, asked)
print("ready", flush=True)
signal.pause()
"""


def test_signals_are_the_program_s_and_so_is_what_it_prints(tmp_path: Path) -> None:
    invocation = {"run_id": "1" * 32, "manifest_fingerprint": "a" * 64, "parameter_hash": "b" * 64, "seed": 4}
    given = {"SR_ENGINE_INVOCATION_JSON": json.dumps(invocation), "SR_ENGINE_RUN_ROOT": str(tmp_path)}
    command = [sys.executable, "-m", "sr_adapters.cli", "engine", "--", sys.executable, "-c", STUBBORN]
    environment = {**os.environ, **given, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "ready\n"
        engine.send_signal(signal.SIGTERM)
        assert engine.stdout.read() == "asked SIGTERM\n"
        assert engine.wait() == 9
    assert not (tmp_path / "_sr").exists()


def test_only_the_day_that_is_missing_is_called_missing(own: Shell) -> None:
    data = fill(own.folder / "data", daily(days=("2026-01-01", "2026-01-02")))
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    assert {one["verdict"] for one in json.loads(own.bare("--json", "check", "data").out)["outputs"]} == {"PROVEN"}
    path = data / "orders" / "2026-01-02" / "part-0.csv"
    path.unlink()
    told = json.loads(own.bare("--json", "check", "data").out)["outputs"]
    assert sorted((one["verdict"], "2026-01-02" in one["path"]) for one in told) == [
        ("MISSING", True),
        ("UNKNOWN", False),
    ]
