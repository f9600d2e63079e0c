"""What the person on call reads: the timeline, who came after, what a waiting run waits for."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell
from tests.reliability.lab import write_world

RUN = run_id_for("key")


def test_show_tells_when_what_and_in_whose_hands(sr: Shell) -> None:
    sr("submit", sr.request(), "--actor", "alice")
    told = sr("--json", "show", RUN).json
    assert [one["event_kind"] for one in told["steps"]] == [one["event_kind"] for one in told["events"]]
    assert told["steps"][0]["after_s"] is None
    assert all(one["after_s"] >= 0 for one in told["steps"][1:])
    assert abs(sum(one["after_s"] for one in told["steps"][1:]) - told["seconds"]) < 1e-6
    (holder,) = told["holders"]
    assert (holder["actor"], holder["fence"], holder["events"]) == ("alice", 1, len(told["events"]))
    people = sr("show", RUN).out
    assert people.startswith(f"READY run {RUN}: {len(told['events'])} events in ")
    for words in ("every gate passed, every output proven", "READY published", "alice", "LEASE", "WHAT HAPPENED"):
        assert words in people


def test_show_names_every_holder_of_a_run_that_changed_hands(sr: Shell, policy: Callable[..., None]) -> None:
    policy(evidence_wait_seconds=600)
    (sr.folder / "root/data/world.bin").unlink()
    assert sr("submit", sr.request(), "--actor", "alice").code == 3
    write_world(sr.folder / "root")
    assert sr("resume", RUN).code == 0
    holders = sr("--json", "show", RUN).json["holders"]
    assert [one["actor"] for one in holders] == ["alice", pwd.getpwuid(os.getuid()).pw_name]
    assert holders[0]["fence"] < holders[1]["fence"]
    assert "2 leases" in sr("show", RUN).out
    assert "missing=world" in sr("show", RUN).out


def test_status_of_a_superseded_run_names_its_successor_and_the_newest(sr: Shell) -> None:
    ids = [run_id_for(key) for key in ("key", "second", "third")]
    assert sr("submit", sr.request()).code == 0
    for key, old in (("second", ids[0]), ("third", ids[1])):
        assert sr("submit", sr.request(key, supersedes=old)).code == 0
    told = [sr("--json", "status", run_id).json for run_id in ids]
    assert [one.get("superseded_by") for one in told] == [ids[1], ids[2], None]
    assert [one.get("newest_run_id") for one in told] == [ids[2], ids[2], None]
    people = sr("status", ids[0]).out
    assert f"superseded by  {ids[1]}" in people
    assert f"newest run     {ids[2]}" in people
    assert "superseded" not in sr("status", ids[2]).out


def test_a_second_successor_is_refused_and_changes_nothing(sr: Shell) -> None:
    sr("submit", sr.request())
    sr("submit", sr.request("second", supersedes=RUN))
    fork = sr("submit", sr.request("fork", supersedes=RUN))
    assert fork.error == "SUPERSEDES_TAKEN"
    assert run_id_for("second") in fork.err
    assert sr("status", run_id_for("fork")).error == "RUN_NOT_FOUND"
    assert sr("--json", "status", RUN).json["superseded_by"] == run_id_for("second")


def test_explain_looks_whether_what_a_run_waits_for_has_come(sr: Shell, policy: Callable[..., None]) -> None:
    policy(evidence_wait_seconds=600)
    world = sr.folder / "root/data/world.bin"
    data = world.read_bytes()
    world.unlink()
    (sr.folder / "root/end/_passed.flag").unlink()
    assert sr("submit", sr.request()).code == 3

    def details() -> dict[str, str]:
        told = sr("--json", "explain", RUN).json
        missing = [one for one in (*told["gates"], *told["outputs"]) if one["verdict"] == "MISSING"]
        assert [one["path"] for one in missing] == ["end/_passed.flag", "data/world.bin"]
        return {one["id"]: one["detail"].rpartition("; ")[2] for one in missing}

    assert details() == {"gate.end": "still not there", "world": "still not there"}
    world.write_bytes(data)
    assert details() == {"gate.end": "still not there", "world": "has come since: resume judges it"}
    assert "600 s left" in sr("explain", RUN).out or "599 s left" in sr("explain", RUN).out
    record = sr("--json", "show", RUN).json["events"]
    assert [one["event_kind"] for one in record].count("EVIDENCE_WAITING") == 1


SR = ["-m", "sr_adapters.cli", "--profile", "profile.yaml", "--policy", "policy.yaml"]
HEED = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def start(*args: str) -> subprocess.Popen[str]:
    """A Python of its own, in the shell's folder, that heeds signals however the tests were started."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HEED, *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watchers_finish_what_waits_and_end_quietly_when_told_to(
    sr: Shell, policy: Callable[..., None], number: int, code: int
) -> None:
    policy(evidence_wait_seconds=600)
    (sr.folder / "root/data/world.bin").unlink()
    assert sr("submit", sr.request()).code == 3
    watchers = [start(*SR, "resume", "--watch", "--every", "0.05") for _ in range(2)]
    try:
        assert all(one.stdout is not None and one.stdout.readline().startswith("watching") for one in watchers)
        write_world(sr.folder / "root")
        deadline = time.monotonic() + 60
        while not (published := sr("--json", "status", RUN).json["published"]) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        for one in watchers:
            one.send_signal(number)
        told = [one.communicate(timeout=60) for one in watchers]
    assert published
    assert [one.returncode for one in watchers] == [code, code]
    assert all(err.strip().startswith("error[INTERRUPTED]: stopped by ") for _, err in told)
    assert not any("Traceback" in err for _, err in told)
    assert f"{RUN}  READY" in "".join(out for out, _ in told)
    assert sr("audit", "--all").code == 0


LOST = """
import os, signal, sys
from sr_adapters.cli import signals
from sr_adapters.cli.app import run

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass  # the exception comes here, where Python can only report it

signals.listen()
one = Finalised()
del one
raise SystemExit(run(sys.argv[1:]))
"""


def test_a_watcher_ends_even_when_python_lost_the_interrupt(sr: Shell) -> None:
    assert sr("submit", sr.request()).code == 0
    watcher = start("-c", LOST, *SR[2:], "resume", "--watch")
    out, err = watcher.communicate(timeout=60)
    assert watcher.returncode == 143
    assert out.startswith("watching")
    assert "Exception ignored in" in err
    assert err.splitlines()[-1].startswith("error[INTERRUPTED]: stopped by SIGTERM; ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_signal_ends_the_engine_and_gives_the_run_up(sr: Shell, number: signal.Signals) -> None:
    first = "os.path.exists('pid') and exit(3); print(os.getpid(), file=open('pid', 'w', 1)); time.sleep(600)"
    engine = [sys.executable, "-c", f"import os, time; {first}"]
    settings = {"adapter": "subprocess", "command": engine, "cwd": str(sr.folder)}
    (sr.folder / "profile.yaml").write_text(
        json.dumps({"runtime_root": "runs", "engine": {"interface_pack": "pack"}, "invoker": settings})
    )
    run = start(*SR, "submit", sr.request(), "--strategy", "FORCE_INVOKE")
    pid, deadline = sr.folder / "pid", time.monotonic() + 60
    while not (pid.exists() and pid.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(number)
    run.send_signal(number)  # a terminal that closes may send its signal twice
    _, err = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    again = "nothing is lost: run the same command again"
    assert err.splitlines()[-1] == f"error[INTERRUPTED]: stopped by {number.name}; {again}"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert sr("resume", RUN).error != "LEASE_BUSY"
    assert "ENGINE_ATTEMPT_LAUNCH_REQUESTED" in [one["event_kind"] for one in sr("--json", "show", RUN).json["events"]]


@pytest.mark.parametrize("flags", [[], ["--json"]])
@pytest.mark.parametrize("command", [["list"], ["status", "0" * 32]])
def test_an_answer_nobody_can_take_ends_in_one_line(sr: Shell, command: list[str], flags: list[str]) -> None:
    assert sr("submit", sr.request()).code == 0
    with Path("/dev/full").open("w") as full:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        told = subprocess.run(
            [sys.executable, *SR, *flags, *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            check=False,
        )
    assert told.returncode == (0 if command == ["list"] else 8)
    (said,) = told.stderr.splitlines()
    assert said.startswith("warning: the answer cannot be" if command == ["list"] else "error[RUN_NOT_FOUND]: ")


@pytest.mark.parametrize("kept", ["everything", "the envelopes alone"])
def test_a_copied_bus_tells_the_same_story(sr: Shell, kept: str) -> None:
    """Each run supersedes the one before; the copy's files are as old as they come."""
    keys = ["key", "second", "third", "fourth"]
    for old, key in zip([None, *keys], keys, strict=False):
        changes = {} if old is None else {"supersedes": run_id_for(old)}
        assert sr("submit", sr.request(key, **changes)).code == 0
    told = sr("bus", "tail").out
    assert [line.split()[1] for line in told.splitlines()] == ["READY", *["READY", "RUN_SUPERSEDED"] * 3]
    for at, source in enumerate(sorted((sr.folder / "runs").rglob("*"), key=lambda path: path.name)):
        target = sr.folder / "copy" / source.relative_to(sr.folder / "runs")
        if source.is_file() and (kept == "everything" or not source.name.startswith(".sr-store")):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            os.utime(target, (at, at))
    (sr.folder / "profile.yaml").write_text("runtime_root: copy\nengine: {interface_pack: pack}\n")
    assert sr("bus", "tail").out == told
