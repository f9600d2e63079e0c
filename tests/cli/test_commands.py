"""Every command, its answer for people and for machines, and its exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sr_adapters.cli import app
from sr_adapters.cli.app import run
from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import ME, SR, Shell

RUN = run_id_for("key")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below, logs aside: they tell of each request, also of one that changes nothing."""
    logs = ("platform.log", "session.jsonl")
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in logs)
    return {str(path): path.read_bytes() for path in files}


def test_submit_reaches_ready_and_a_duplicate_changes_nothing(sr: Shell) -> None:
    first = sr("submit", sr.request())
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith(f"READY run {RUN}")
    before = tree(sr.folder / "runs")
    again = sr("--json", "submit", sr.request())
    assert again.code == 0
    assert (again.json["state"], again.json["is_new"]) == ("READY", False)
    assert tree(sr.folder / "runs") == before


def test_json_is_one_document_and_nothing_else(sr: Shell) -> None:
    commands = f"""submit {sr.request()}; status {RUN}; list; show {RUN}; facts {RUN}; explain {RUN};
        plan {sr.request()};
        audit --all; verify {RUN}; quarantine list; resume --all; doctor; plugins; contracts check pack"""
    for command in commands.split(";"):
        args = command.split()
        answer = sr("--json", *args)
        assert answer.code == 0, (args, answer)
        assert answer.err == ""
        json.loads(answer.out)


def test_global_flags_may_follow_the_command(sr: Shell) -> None:
    sr("submit", sr.request())
    assert sr("status", RUN, "--json").json["state"] == "READY"


def test_global_options_may_follow_the_command(sr: Shell) -> None:
    sr.request()
    told = sr.bare("submit", "request.yaml", "--profile", "profile.yaml", "--policy=policy.yaml", "--json")
    assert (told.code, told.json["state"]) == (0, "READY")
    assert sr.bare("--profile", "none.yaml", "status", RUN, "--profile=profile.yaml").code == 0  # the last one counts
    assert sr.bare("--profile", "profile.yaml", "status", RUN, "--profile=none.yaml").code == 2


@pytest.mark.parametrize("args", [("status", RUN, "--profile"), ("status", "--policy", "--json", RUN)])
def test_a_global_option_without_its_value_is_told_as_such(sr: Shell, args: tuple[str, ...]) -> None:
    told = sr.bare(*args)
    assert (told.code, told.error) == (2, "USAGE")
    assert "requires an argument" in told.err


@pytest.mark.parametrize("dashes", [("--",), ()])
def test_the_options_of_an_engines_program_are_its_own(sr: Shell, dashes: tuple[str, ...]) -> None:
    told = sr.bare("engine", *dashes, "program", "--profile")  # of sr itself, it would need a value
    assert (told.code, told.error) == (2, "DATA_UNFIT")
    assert run(["engine", *dashes, "program", "--json"]) == 2
    assert not sr.capsys.readouterr().out  # sr itself was asked for no JSON
    assert run(["engine", "--json", *dashes, "program"]) == 2
    assert json.loads(sr.capsys.readouterr().out)["error"]["reason_code"] == "DATA_UNFIT"


def test_no_command_has_an_option_of_a_global_ones_name() -> None:
    def options(command: click.Command) -> set[str]:
        below = (
            [command.get_command(click.Context(command), one) for one in command.list_commands(click.Context(command))]
            if isinstance(command, click.Group)
            else []
        )
        own = {word for one in command.params if isinstance(one, click.Option) for word in one.opts}
        return own.union(*(options(one) for one in below if one is not None))

    its_own = {word for one in app.sr.params for word in one.opts}
    assert "--profile" in its_own
    for name in app.COMMANDS:
        command = app.sr.get_command(click.Context(app.sr), name)
        assert command is not None
        assert not options(command) & its_own, name


def test_stdin_is_a_request_too(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (sr.folder / sr.request()).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert sr("submit", "-").code == 0


def test_options_override_the_request(sr: Shell) -> None:
    answer = sr("--json", "submit", sr.request(), "--output", "world", "--strategy", "FORCE_REUSE", "--actor", "me")
    assert answer.code == 0
    facts = sr("--json", "facts", RUN).json
    assert facts["intended_outputs"] == ["world"]
    assert {event["actor"] for event in sr("--json", "show", RUN).json["events"]} == {"me"}


def test_plan_writes_nothing_and_names_what_cannot_be_planned(sr: Shell) -> None:
    before = tree(sr.folder)
    good = sr("--json", "plan", sr.request(name="p.yaml"))
    assert good.json["required_gates"] == ["gate.end", "gate.up"]
    (sr.folder / "p.yaml").unlink()
    assert tree(sr.folder) == before
    bad = sr("plan", sr.request(output_ids=["world", "nope"]))
    assert (bad.code, bad.error) == (4, "UNKNOWN_OUTPUT_ID")
    assert ": the catalogue has no such output: nope; correct the output ids" in bad.err
    assert ": the catalogue has no such output: nope; correct" in sr("submit", sr.request(output_ids=["nope"])).err


def test_plan_counts_the_problems_of_another_kind(sr: Shell, policy: Callable[..., None]) -> None:
    policy(allowed_laws=["sha256_member_digest_concat"])
    bad = sr("plan", sr.request(output_ids=["world", "nope"]))
    assert (bad.code, bad.error) == (4, "UNKNOWN_OUTPUT_ID")
    others = bad.out.count("LAW_NOT_ALLOWED")
    assert others
    assert f": the catalogue has no such output: nope (and {others} of another kind); correct" in bad.err


def test_plan_diff_shows_intent_closure_and_hash(sr: Shell) -> None:
    one, other = sr.request(name="one.yaml"), sr.request(name="two.yaml", seed=8, notes="other")
    diff = sr("--json", "plan", one, "--diff", other).json
    assert diff["intent"] == {"seed": {"old": 7, "new": 8}}
    assert not diff["plan_hash"]["same"]
    assert diff["required_gates"]["both"] == ["gate.end", "gate.up"]


def test_waiting_is_3_and_wait_follows_it(sr: Shell, policy: Callable[..., None]) -> None:
    policy(evidence_wait_seconds=600)
    (sr.folder / "root" / "data" / "world.bin").rename(sr.folder / "later")
    waiting = sr("submit", sr.request())
    assert (waiting.code, waiting.error) == (3, "EVIDENCE_WAITING")
    assert "world" in waiting.err
    assert "new key" not in waiting.err
    assert waiting.out.splitlines()[-1] == f"  next: {SR} explain {RUN}"
    (sr.folder / "later").rename(sr.folder / "root" / "data" / "world.bin")
    assert sr("submit", sr.request(), "--wait", "5").code == 0


def test_failed_is_4_with_the_reason(sr: Shell) -> None:
    (sr.folder / "root" / "data" / "world.bin").unlink()
    failed = sr("submit", sr.request())
    assert (failed.code, failed.error) == (4, "EVIDENCE_MISSING_DEADLINE")
    assert failed.err.endswith(f"; complete the engine root, then {SR} retry {RUN}\n")
    assert failed.out.splitlines()[-1] == f"  next: {SR} explain {RUN}"
    assert sr("explain", RUN).out.endswith(f"next: complete the engine root, then {SR} retry {RUN}\n")
    assert sr("status", RUN).code == 4


def test_quarantined_is_5_and_keeps_both_sides(sr: Shell) -> None:
    write = sr.folder / "root" / "up" / "report.json"
    write.write_bytes(b"altered")
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (5, "EVIDENCE_CONFLICT")
    assert answer.err.endswith(f"; see sr explain for each conflict, then {SR} retry {RUN}\n")
    assert answer.out.splitlines()[-1] == f"  next: {SR} explain {RUN}"
    record = sr("--json", "quarantine", "show", RUN).json
    (conflict,) = record["conflicts"]
    assert conflict["subject"] == "gate.up"
    assert conflict["expected"] != conflict["actual"]
    assert sr("quarantine", "list").out.count(RUN) == 1
    told = sr("explain", RUN).out
    assert "gate.up" in told
    step = f"next: restore the file that is named, or the bundle and its flag, then {SR} retry {RUN}"
    assert told.endswith(f"{step}; {SR} quarantine show {RUN} has every conflict whole\n")
    assert sr("quarantine", "show", RUN).out.endswith(f"{step}\n")


def test_a_collision_is_7_and_names_the_fields(sr: Shell) -> None:
    sr("submit", sr.request())
    before = tree(sr.folder / "runs" / "fraud-platform")
    answer = sr("submit", sr.request(seed=8))
    assert (answer.code, answer.error) == (7, "EQUIVALENCE_COLLISION")
    assert "seed: 7 is bound, 8 was asked" in answer.err
    assert tree(sr.folder / "runs" / "fraud-platform") == before


def test_an_unknown_run_is_8_and_mints_no_platform_run(sr: Shell) -> None:
    for args in (
        ("status", RUN),
        ("show", RUN),
        ("facts", RUN),
        ("explain", RUN),
        ("resume", RUN),
        ("quarantine", "show", RUN),
    ):
        answer = sr(*args)
        assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND"), args
    assert not (sr.folder / "runs").exists()


def test_a_denied_actor_is_6_and_leaves_the_key_free(sr: Shell) -> None:
    text = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(text + "auth: {submit: [alice]}\n")
    denied = sr("submit", sr.request(), "--actor", "mallory")
    assert (denied.code, denied.error) == (6, "AUTH_DENIED")
    assert "actor 'mallory' may not submit (auth.submit: alice); ask for access" in denied.err
    assert denied.out == "REFUSED: no run was admitted, and none was changed\n"
    told = sr("--json", "submit", sr.request()).json
    assert (told["state"], told["message"], told["actor"]) == ("FAILED", "Unauthorized", ME)
    assert sr("submit", sr.request(), "--actor", "alice").code == 0
    kinds = [event["event_kind"] for event in sr("--json", "show", RUN).json["events"]]
    assert kinds[:3] == ["AUTH_DENIED", "AUTH_DENIED", "RUN_ACCEPTED"]


def test_an_actor_who_may_not_reemit_is_named(sr: Shell) -> None:
    assert sr("submit", sr.request()).code == 0
    text = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(text + "auth: {reemit: [alice]}\n")
    denied = sr("reemit", RUN, "--kind", "READY_ONLY", "--actor", "mallory")
    assert (denied.code, denied.error) == (6, "AUTH_DENIED")
    assert "actor 'mallory' may not reemit (auth.reemit: alice); ask for access" in denied.err


def test_reemit_repeats_the_message_and_records_each(sr: Shell) -> None:
    sr("submit", sr.request())
    assert sr("--json", "reemit", RUN, "--kind", "BOTH", "--dry-run").json["would_publish"] == ["READY"]
    for _ in range(2):
        assert sr("reemit", RUN, "--kind", "READY_ONLY", "--reason", "outage").code == 0
    lines = sr("--json", "bus", "tail").json["envelopes"]
    assert [one["attributes"]["kind"] for one in lines] == ["READY", "READY_REEMIT", "READY_REEMIT"]
    assert len({one["message_id"] for one in lines}) == 1
    wrong = sr("reemit", RUN, "--kind", "TERMINAL_ONLY")
    assert (wrong.code, wrong.error) == (2, "REEMIT_TERMINAL_ONLY_MISMATCH")
    for _ in range(3):
        sr("reemit", RUN, "--kind", "READY_ONLY")
    assert sr("reemit", RUN, "--kind", "READY_ONLY").error == "REEMIT_RATE_LIMIT"
    assert sr("audit", RUN).code == 0


@pytest.mark.parametrize("kind", ["READY_ONLY", "TERMINAL_ONLY", "BOTH"])
def test_reemit_of_a_run_that_waits_sends_nobody_round_in_circles(
    sr: Shell, policy: Callable[..., None], kind: str
) -> None:
    policy(evidence_wait_seconds=600)
    (sr.folder / "root" / "data" / "world.bin").unlink()
    assert sr("submit", sr.request()).code == 3
    told = sr("reemit", RUN, "--kind", kind)
    assert (told.code, told.error[:7]) == (2, "REEMIT_")
    assert "the run is WAITING_EVIDENCE" in told.err
    assert "has published nothing yet: see sr explain" in told.err
    assert "BOTH" not in told.err


def test_a_reemit_for_which_an_artifact_is_missing_names_the_command_that_writes_it(sr: Shell) -> None:
    sr("submit", sr.request())
    (signal,) = (sr.folder / "runs").glob("fraud-platform/*/sr/ready_signal/*.json")
    signal.unlink()
    told = sr("reemit", RUN, "--kind", "READY_ONLY")
    assert (told.code, told.error) == (5, "TRUTH_MISSING")
    assert told.err.endswith(f"failed: the READY signal is not there; {SR} resume {RUN} writes it\n")
    machine = sr("--json", "reemit", RUN, "--kind", "READY_ONLY").json
    assert machine["next"] == f"sr resume {RUN} writes it"
    assert sr("explain", RUN).out.endswith(f"next: {SR} verify {RUN}\n")


def test_audit_finds_an_edit_and_repairs_only_the_status(sr: Shell) -> None:
    sr("submit", sr.request())
    base = next((sr.folder / "runs" / "fraud-platform").glob("*/sr"))
    status = base / "run_status" / f"{RUN}.json"
    status.write_text(status.read_text().replace("READY", "FAILED", 1))
    broken = sr("audit", RUN)
    assert (broken.code, broken.error) == (5, "TRUTH_ALTERED")
    assert "run_status" in broken.err
    assert sr("audit", RUN, "--repair-status").code == 0
    record = base / "run_record" / f"{RUN}.jsonl"
    record.write_bytes(record.read_bytes().replace(f'"actor":"{ME}"'.encode(), b'"actor":"another"', 1))
    altered = sr("audit", "--all")
    assert altered.error == "RECORD_INVALID"
    assert "line 1" in altered.err or "line 2" in altered.err


def test_verify_needs_only_the_view_and_finds_rot(sr: Shell) -> None:
    sr("submit", sr.request())
    (view,) = (sr.folder / "runs").glob("fraud-platform/*/sr/run_facts_view/*.json")
    assert sr.bare("verify", str(view)).code == 0
    assert f": the facts view {'0' * 32} is not there; " in sr("verify", "0" * 32).err
    target = sr.folder / "root" / "data" / "world.bin"
    target.write_bytes(b"rot")
    rotted = sr("verify", RUN)
    assert (rotted.code, rotted.error) == (5, "TRUTH_ALTERED")
    assert "ROTTED" in rotted.err
    target.unlink()
    assert "MOVED" in sr("verify", RUN).err
    assert sr("verify", RUN, "--fast").code == 0


def test_facts_tell_people_the_root_and_each_gates_flag(sr: Shell) -> None:
    sr("submit", sr.request())
    told, root = sr("facts", RUN).out, sr.folder / "root"
    assert f"engine_run_root       {root}\n" in told
    flags = [one["artifacts"]["passed_flag_path"] for one in sr("--json", "facts", RUN).json["gate_receipts"]]
    assert flags
    assert all(path.startswith(f"{root}/") and path in told for path in flags)


def test_resume_rebuilds_a_lost_index(sr: Shell) -> None:
    sr("submit", sr.request())
    for path in (sr.folder / "runs").glob("fraud-platform/*/sr/index/*"):
        path.unlink()
    assert sr("resume", "--rebuild-index").out.startswith("index: 1 runs")
    assert sr("submit", sr.request(seed=9)).error == "EQUIVALENCE_COLLISION"
    assert sr("submit", sr.request()).code == 0


def test_a_lost_index_that_nobody_rebuilt_still_refuses_another_intent(sr: Shell) -> None:
    sr("submit", sr.request())
    for path in (sr.folder / "runs").glob("fraud-platform/*/sr/index/*"):
        path.unlink()
    assert sr("submit", sr.request(seed=9)).error == "EQUIVALENCE_COLLISION"
    assert sr("audit", RUN).code == 0


def test_supersede_links_both_records_and_the_bus(sr: Shell) -> None:
    sr("submit", sr.request("old"))
    old = run_id_for("old")
    assert sr("submit", sr.request("new", supersedes=old)).code == 0
    assert sr("--json", "explain", old).json["superseded_by"] == run_id_for("new")
    kinds = [one["attributes"]["kind"] for one in sr("--json", "bus", "tail").json["envelopes"]]
    assert kinds.count("RUN_SUPERSEDED") == 1
    assert sr("submit", sr.request("third", supersedes=old)).error == "SUPERSEDES_TAKEN"
    assert sr("submit", sr.request("fourth", supersedes="0" * 32)).error == "SUPERSEDES_NOT_FOUND"
    assert sr("audit", "--all").code == 0


@pytest.mark.parametrize("gate", ["1A", "1B", "2A", "2B", "3A", "3B", "5A", "5B", "6A", "6B"])
def test_demo_shows_a_quarantine_for_every_gate(sr: Shell, gate: str) -> None:
    answer = sr.bare("demo", "--root", "d", "--size", "20k", "--fail", gate)
    assert (answer.code, answer.error) == (5, "EVIDENCE_CONFLICT")
    assert f".{gate}.validation" in answer.err
    (command,) = [line.partition("next: sr ")[2].split() for line in answer.out.splitlines() if "next: sr " in line]
    assert f".{gate}.validation" in sr.bare(*command).out
    assert sr.bare("demo", "--fail", "9Z").error == "USAGE"


def test_help_and_usage(sr: Shell) -> None:
    assert "submit" in sr.bare("--help").out
    assert sr.bare().code in (0, 2)
    assert sr.bare("nope").error == "USAGE"
    assert sr.bare("submit").error == "USAGE"
    assert sr.bare("status", "xyz", "--nope").error == "USAGE"
    assert sr("status", "xyz").error == "USAGE"


def test_a_real_process_gives_the_same(sr: Shell) -> None:
    command = [
        sys.executable,
        "-m",
        "sr_adapters.cli",
        "--profile",
        "profile.yaml",
        "--policy",
        "policy.yaml",
        "--json",
    ]
    repo = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(repo)}
    done = subprocess.run([*command, "submit", sr.request()], capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["state"] == "READY"


def test_a_plan_is_sound_though_no_engine_root_is_named_yet(sr: Shell) -> None:
    bare = sr.folder / "bare.json"
    document = json.loads((sr.folder / sr.request()).read_text())
    bare.write_text(json.dumps({name: value for name, value in document.items() if name != "engine_run_root"}))
    told = sr("plan", "bare.json")
    assert told.code == 0
    assert told.err.startswith("note[STRATEGY_UNAVAILABLE]: ")
    assert told.err.rstrip().endswith("give --engine-run-root")
    assert sr("--json", "plan", "bare.json").json["plan_hash"]
    assert not (sr.folder / "runs").exists()


def test_json_is_one_document_or_one_a_line_where_it_has_no_end(sr: Shell) -> None:
    assert sr("--json", "bus", "tail").json["envelopes"] == []
    assert sr("bus", "tail").out == ""
    assert "Nothing to resume" in sr("resume", "--all").out
    assert not (sr.folder / "runs").exists()
    sr("submit", sr.request())
    (envelope,) = sr("--json", "bus", "tail").json["envelopes"]
    assert envelope["attributes"]["kind"] == "READY"
    assert sr("--json", "bus", "tail", "--follow", "--limit", "1").json == envelope


def test_bus_tail_needs_no_session_and_takes_one_platform_run(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    platforms = ["platform_20260131T134200Z", "platform_20260201T080000Z"]
    for key, platform in zip(("key", "other"), platforms, strict=True):
        monkeypatch.setenv("PLATFORM_RUN_ID", platform)
        assert sr("submit", sr.request(key)).code == 0
    monkeypatch.delenv("PLATFORM_RUN_ID")
    assert not (sr.folder / "runs" / "fraud-platform" / "ACTIVE_RUN_ID").exists()
    envelopes = sr("--json", "bus", "tail").json["envelopes"]
    assert [one["attributes"]["platform_run_id"] for one in envelopes] == platforms
    assert len({one["attributes"]["store_id"] for one in envelopes}) == 1
    assert sr("--json", "bus", "tail", "--platform-run", platforms[1]).json["envelopes"] == envelopes[1:]
    assert sr("--json", "bus", "tail", "--platform-run", "platform_20300101T000000Z").json["envelopes"] == []
    assert sr("--json", "bus", "tail", "--from", "latest").json["envelopes"] == []
    one = sr("bus", "tail", "--platform-run", platforms[0])
    assert (len(one.out.splitlines()), one.err) == (1, "")
    none = sr("bus", "tail", "--platform-run", "typo")
    assert (none.code, none.out) == (0, "")
    assert none.err == "note: the bus has no control fact of platform run typo\n"


def test_a_damaged_identity_of_the_store_is_told_by_its_key(sr: Shell) -> None:
    assert sr("submit", sr.request()).code == 0
    (sr.folder / "runs" / "fraud-platform" / "_store.json").write_text("{}")
    answer = sr("submit", sr.request("other"))
    assert (answer.code, answer.error) == (5, "TRUTH_ALTERED")
    assert "fraud-platform/_store.json" in answer.err
    assert sr("submit", sr.request()).code == 0  # a duplicate is answered from the record


@pytest.mark.parametrize("size", ["abc", "-5", "", "5T"])
def test_a_demo_of_no_size_is_a_usage_error(sr: Shell, size: str) -> None:
    told = sr.bare("demo", f"--size={size}")
    assert (told.code, told.error) == (2, "USAGE")
    assert not (sr.folder / "sr-demo").exists()


def test_a_copy_of_a_view_is_held_against_the_profiles_store(sr: Shell) -> None:
    sr("submit", sr.request())
    (view,) = sr.folder.glob("runs/fraud-platform/*/sr/run_facts_view/*.json")
    copy = sr.folder / "copy.json"
    copy.write_bytes(view.read_bytes())
    assert sr("verify", "copy.json").code == 0
    copy.write_bytes(view.read_bytes().replace(b'"world"', b'"wor1d"', 1))
    told = sr("verify", "copy.json")
    assert (told.code, "TRUTH_ALTERED" in told.err) == (5, True)
