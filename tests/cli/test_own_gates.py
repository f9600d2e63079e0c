"""Folders that bring a gate of their own: `sr init` takes a SHA256SUMS file, or a bag, for what it is."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, Shell
from tests.plugins.test_bagit import bag, lines

DATA = {"orders/2026-01-01.csv": b"1", "orders/2026-01-02.csv": b"2", "my customers.csv": b"c"}


@pytest.fixture
def own(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell in an empty folder, with no profile named."""
    folder = sr.folder / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SR_PROFILE", raising=False)
    return sr


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def read(folder: str) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in Path(folder).rglob("*") if one.is_file()}


def done(answer: Answer) -> Answer:
    assert answer.code == 0, answer.err
    return answer


def proven(own: Shell, data: str) -> str:
    """The run that init, check, submit and verify lead to."""
    before = read(data)
    done(own.bare("init", data))
    done(own.bare("contracts", "check", "pack", "--root", data))
    done(own.bare("check", data))
    done(own.bare("submit", "request.yaml"))
    run_id = str(own.bare("--json", "list").json["runs"][0]["run_id"])
    done(own.bare("verify", run_id))
    assert {one: one.read_bytes() for one in Path(data).rglob("*") if one.is_file()} == before, (
        "nothing is sealed there"
    )
    return run_id


SUMS = {**DATA, "SHA256SUMS": lines(DATA), "README": b"none of it"}
BAG = bag(DATA)


@pytest.mark.parametrize("name", ["SHA256SUMS", "sha256sums.txt", "checksums.sha256"])
def test_a_manifest_of_sha256sum_is_the_gate(own: Shell, name: str) -> None:
    fill(Path("../data"), {**DATA, name: lines(DATA), "README": b"none of it"})
    proven(own, "../data")
    gates = Path("pack/engine_gates.map.yaml").read_text()
    assert "kind: sha256sums_file" in gates
    assert f'passed_flag_path_template: "{name}"' in gates
    assert "README" not in Path("pack/engine_outputs.catalogue.yaml").read_text()


def test_a_bag_is_the_gate_and_its_payload_the_data(own: Shell) -> None:
    fill(Path("../data"), BAG)
    run_id = proven(own, "../data")
    assert "kind: bagit" in Path("pack/engine_gates.map.yaml").read_text()
    (parts,) = [done(own.bare("--json", "open", run_id, "orders")).json["files"]]
    assert sorted(Path(one["path"]).parent.name for one in parts) == ["orders", "orders"]


@pytest.mark.parametrize(("files", "victim"), [(SUMS, "my customers.csv"), (BAG, "data/my customers.csv")])
def test_bytes_that_change_are_named_and_what_is_missing_is_waited_for(
    own: Shell, files: dict[str, bytes], victim: str
) -> None:
    data = fill(Path("../data"), files)
    run_id = proven(own, "../data")
    (data / victim).write_bytes(b"other")
    answer = own.bare("verify", run_id)
    assert (answer.code, "ROTTED" in answer.err, victim in answer.err) == (5, True, True)
    assert own.bare("check", "../data").code == 5
    (data / victim).unlink()
    assert own.bare("check", "../data").code == 3
    (data / victim).write_bytes(files[victim])
    done(own.bare("check", "../data"))


@pytest.mark.parametrize("files", [SUMS, BAG], ids=["SHA256SUMS", "bag"])
def test_a_law_of_sr_s_own_judges_the_same_in_a_process_of_its_own(own: Shell, files: dict[str, bytes]) -> None:
    fill(Path("../data"), files)
    run_id = proven(own, "../data")
    with Path("sr.yaml").open("a") as profile:
        profile.write("evidence: {law_isolation: all}\n")
    done(own.bare("verify", run_id))
    done(own.bare("check", "../data"))
    fill(Path("../data"), {min(path for path in files if path.endswith(".csv")): b"other"})
    assert own.bare("verify", run_id).code == 5


def test_a_new_manifest_is_a_new_world_which_seal_names_without_writing_there(own: Shell) -> None:
    data = fill(Path("../data"), SUMS)
    proven(own, "../data")
    more = {**DATA, "orders/2026-01-03.csv": b"3"}
    fill(data, {**more, "SHA256SUMS": lines(more)})
    told = done(own.bare("--json", "seal")).json
    assert told["manifest_fingerprint"] == hashlib.sha256(lines(more)).hexdigest()
    assert (told["files"], told["written"]) == (4, False)
    assert told["window"]["window_end_utc"] == "2026-01-04T00:00:00Z"
    done(own.bare("submit", "request.yaml"))
    assert not (data / "_sr").exists()


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("SHA256SUMS", b"oops\n", "which cannot be used: line 1 is not as sha256sum writes it"),
        ("bagit.txt", b"", "of neither sha256 nor sha512"),
    ],
)
def test_one_that_cannot_be_used_is_said_so_and_the_data_are_sealed(
    own: Shell, name: str, content: bytes, what: str
) -> None:
    fill(Path("../data"), {**DATA, name: content})
    answer = done(own.bare("init", "../data"))
    assert what in answer.err
    assert "proven by a seal of its own all the same" in answer.err
    done(own.bare("seal"))
    done(own.bare("submit", "request.yaml"))


def test_a_checksum_of_one_file_alone_is_no_manifest_of_the_folder(own: Shell) -> None:
    fill(Path("../data"), {"a.csv": b"1", "a.csv.sha256": lines({"a.csv": b"1"})})
    assert "own" not in done(own.bare("init", "../data")).err
    assert "sha256_part_list" in Path("pack/engine_gates.map.yaml").read_text()


def test_nothing_is_written_into_a_bag(own: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    data = fill(Path("../data"), BAG)
    monkeypatch.chdir(data)
    answer = own.bare("init")
    assert (answer.code, answer.error) == (2, "DATA_UNFIT")
    assert "would become part of it; go to another folder" in answer.err
    assert not Path("sr.yaml").exists()


def test_a_folder_with_a_manifest_may_be_the_working_folder(own: Shell) -> None:
    fill(Path(), SUMS)
    done(own.bare("init"))
    done(own.bare("submit", "request.yaml"))
    Path("my customers.csv").write_bytes(b"other")
    assert own.bare("check", ".").code == 5, "what a run writes beside the data changes nothing"


def test_with_an_engine_the_engine_seals(own: Shell) -> None:
    fill(Path("../data"), SUMS)
    done(own.bare("init", "../data", "--engine", "true"))
    assert "sha256_part_list" in Path("pack/engine_gates.map.yaml").read_text()


def test_a_listed_file_that_is_not_there_is_told_and_waited_for(own: Shell) -> None:
    data = fill(Path("../data"), SUMS)
    shutil.move(data / "orders" / "2026-01-02.csv", "kept.csv")
    answer = done(own.bare("init", "../data"))
    assert "orders/2026-01-02.csv is on SHA256SUMS, and not there" in answer.err.replace("'", "")
    assert own.bare("check", "../data").code == 3
