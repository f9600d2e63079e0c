"""What a person with own data is told where a step cannot be done: why, and which one can."""

from __future__ import annotations

import json

import pytest
import yaml

from sr_adapters.cli import output
from tests.cli.conftest import Shell
from tests.cli.test_own_data import daily, done, fill, own, request

__all__ = ["own"]
SEALED = ("run_equivalence_key", "manifest_fingerprint", "parameter_hash")


def test_help_says_where_to_begin(own: Shell) -> None:
    assert "Begin with sr demo, or with a folder of your own data: sr init DATA." in done(own.bare("--help")).out


@pytest.mark.parametrize("command", ["submit", "plan"])
def test_what_is_not_sealed_yet_is_told_to_be_sealed(own: Shell, command: str) -> None:
    fill(own.folder / "data", daily())
    done(own.bare("init", "data"))
    told = own.bare(command, "request.yaml")
    assert (told.code, told.error) == (2, "DATA_UNFIT")
    assert "sr seal" in told.err
    done(own.bare("seal"))
    half = {name: value for name, value in request(own.folder).items() if name != SEALED[1]}
    (own.folder / "half.yaml").write_text(yaml.safe_dump(half))
    assert own.bare(command, "half.yaml").error == "REQUEST_INVALID", "somebody else's request, with a fault of its own"
    done(own.bare(command, "request.yaml"))


def test_check_says_what_to_do_where_it_cannot_begin_or_end(own: Shell) -> None:
    data = fill(own.folder / "data", daily())
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    nowhere = own.bare("check", "nowhere")
    assert nowhere.code == 3
    assert "there is no folder nowhere" in nowhere.err
    (flag,) = data.glob("_sr/*/_passed.flag")
    flag.unlink()
    unsealed = own.bare("check", "data")
    assert (unsealed.code, "sr seal" in unsealed.err) == (3, True)
    assert "there is no folder" not in unsealed.err
    (own.folder / "request.yaml").unlink()
    lost = own.bare("check", "data")
    assert (lost.code, lost.error) == (2, "DATA_UNFIT")
    assert "sr init DATA" in lost.err


def test_a_file_that_is_new_to_the_pack_is_named_with_the_very_command(own: Shell) -> None:
    data = fill(own.folder / "my data", {"orders.csv": "1"})
    done(own.bare("init", "my data", "--name", "shop"))
    assert "note" not in done(own.bare("seal")).err
    fill(data, {"new.csv": "2"})
    command = "sr init 'my data' --name shop --force"
    told = done(own.bare("seal")).err
    assert told.startswith("note: 'new.csv' is in no output of the pack")
    assert command in told
    done(own.bare("init", "my data", "--name", "shop", "--force"))
    assert "note" not in done(own.bare("seal")).err
    assert request(own.folder)["run_equivalence_key"].startswith("shop-")
    (data / "orders.csv").unlink()
    assert "sr init DATA --force" in own.bare("seal").err


def test_a_day_of_what_is_one_whole_is_told_to_be_no_day(own: Shell) -> None:
    data = fill(own.folder / "data", daily(days=("2026-01-01", "2026-01-03")))
    described = done(own.bare("init", "data")).err
    assert "has no file of 2026-01-02: its days are not told apart, it is one whole; once it is there, " in described
    told = done(own.bare("seal", "--day", "2026-01-01")).err
    assert "orders is not told apart by day: files of other days are sealed with it" in told
    assert "note" not in done(own.bare("seal")).err
    fill(data, daily(days=("2026-01-02",)))
    done(own.bare("init", "data", "--force"))
    assert "note" not in done(own.bare("seal", "--day", "2026-01-01")).err


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({"o/1999-01-01/a.csv": "1", "o/2026-01-01/a.csv": "2"}, "span more than the 3,660 of a window"),
        ({"o/2026-01-01/a.csv": "1", "o/x/2026-01-02/a.csv": "2"}, "has its days at different places"),
        (daily(), None),
    ],
)
def test_why_days_are_not_told_apart(own: Shell, files: dict[str, str], note: str | None) -> None:
    fill(own.folder / "data", files)
    told = done(own.bare("init", "data")).err
    assert ("its days are not told apart, it is one whole" in told) is (note is not None)
    assert (note or "") in told


def test_a_file_that_rotted_is_to_be_restored_and_a_view_to_be_set_aside(own: Shell) -> None:
    data = fill(own.folder / "data", {"orders.csv": "1"})
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    run_id = done(own.bare("--json", "submit", "request.yaml")).json["run_id"]
    fill(data, {"orders.csv": "2"})
    gate, rotted = own.bare("verify", run_id).err.splitlines()
    assert gate.endswith("restore the file that is named, or the bundle and its flag")
    assert rotted.endswith("restore it from backup, or supersede the run")
    fill(data, {"orders.csv": "1"})
    done(own.bare("verify", run_id))
    (view,) = own.folder.glob("runs/**/run_facts_view/*.json")
    view.chmod(0o644)
    view.write_text(view.read_text().replace('"baseline"', '"Baseline"'))
    altered = own.bare("verify", run_id).err
    assert "error[TRUTH_ALTERED]" in altered
    assert "sr recover" in altered
    assert "supersede the run" not in altered


def test_a_file_that_came_or_went_is_the_engines_and_not_to_be_set_aside(own: Shell) -> None:
    data = fill(own.folder / "data", {"o/a.csv": "1", "o/b.csv": "2"})
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    run_id = done(own.bare("--json", "submit", "request.yaml")).json["run_id"]
    fill(data, {"o/c.csv": "3"})
    added = own.bare("verify", run_id)
    (line,) = (one for one in added.err.splitlines() if "ADDED" in one)
    assert added.code == 5
    assert "; take it out of the engine root" in line
    (data / "o" / "c.csv").unlink()
    (data / "o" / "b.csv").unlink()
    (line,) = (one for one in own.bare("verify", run_id).err.splitlines() if ": o: MOVED" in one)
    assert line.endswith("; restore it from backup, or supersede the run")
    fill(data, {"o/b.csv": "2"})
    done(own.bare("verify", run_id))


def test_a_part_list_that_is_gone_comes_again_with_a_run_of_the_same_bytes(own: Shell) -> None:
    fill(own.folder / "data", {"o/a.csv": "1", "o/b.csv": "2"})
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    run_id = done(own.bare("--json", "submit", "request.yaml")).json["run_id"]
    (listed,) = own.folder.glob("runs/**/part_lists/*.json")
    listed.unlink()
    told = own.bare("verify", run_id)
    assert (told.code, told.error) == (5, "TRUTH_MISSING")
    assert told.err.endswith("a new run of the same bytes, in the same platform run, writes it again\n")
    done(own.bare("submit", "request.yaml", "--run-equivalence-key", "again"))
    done(own.bare("verify", run_id))


def test_work_within_the_data_is_refused(own: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    data = fill(own.folder / "data", {"orders.csv": "1"})
    for inside in (data / "work", data / "a" / "b"):
        inside.mkdir(parents=True)
        monkeypatch.chdir(inside)
        told = own.bare("init", str(data))
        assert (told.code, told.error) == (2, "DATA_UNFIT")
        assert f"this folder lies within {data}" in told.err
        assert not list(inside.iterdir())
    monkeypatch.chdir(data)
    done(own.bare("init", "."))


def test_an_engine_that_is_not_here_is_told_before_its_key_is_used_up(own: Shell) -> None:
    fill(own.folder / "sample", {"orders.csv": "1"})
    assert (
        "no program no-such-program is found here"
        in done(own.bare("init", "sample", "--engine", "no-such-program")).err
    )
    assert "no program" not in done(own.bare("init", "sample", "--engine", "sh make.sh", "--force")).err


def test_an_engine_that_writes_nothing_is_told_where_to_write(own: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    root = own.folder / "root"
    root.mkdir()
    invocation = {"run_id": "1" * 32, "manifest_fingerprint": "a" * 64, "parameter_hash": "b" * 64, "seed": 4}
    monkeypatch.setenv("SR_ENGINE_INVOCATION_JSON", json.dumps(invocation))
    monkeypatch.setenv("SR_ENGINE_RUN_ROOT", str(root))
    assert "let the program write to $SR_ENGINE_RUN_ROOT" in own.bare("engine", "--", "true").err
    done(own.bare("engine", "--", "sh", "-c", 'echo 1 > "$SR_ENGINE_RUN_ROOT/orders.csv"'))


def test_what_still_grows_is_told_to_be_sealed_when_it_has_ended(own: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = fill(own.folder / "data", {"orders.csv": "1"}) / "orders.csv"
    done(own.bare("init", "data"))
    done(own.bare("seal"))
    (own.folder / "policy.yaml").write_text(yaml.safe_dump({"policy_id": "q", "revision": "1", "settle_seconds": 0.1}))
    done(own.bare("policy", "seal", "policy.yaml"))
    orders.write_text("12")
    settled = own.bare("--policy", "policy.yaml", "check", "data")
    assert (settled.code, "error[EVIDENCE_CONFLICT]" in settled.err) == (5, True)
    tell = output.tell

    def growing(text: str = "", step: str = "") -> None:
        """The file grows when the first look at it is told, before the second."""
        orders.write_text(orders.read_text() + "3")
        tell(text, step)

    monkeypatch.setattr(output, "tell", growing)
    told = own.bare("-v", "--policy", "policy.yaml", "check", "data")
    assert (told.code, "error[EVIDENCE_UNSTABLE]" in told.err) == (3, True)
    assert "let whatever writes there finish, seal what is there then (sr seal)" in told.err
