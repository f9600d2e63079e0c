"""Reading commands need no right to write, and write nothing where they have it."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import Any, Never

import pytest

from sr_adapters.cli.app import run
from sr_domain.encoding.ids import run_id_for
from sr_plugins.host import plugin_host
from sr_ports.hooks import PROJECT
from tests.cli.conftest import Answer, Shell
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack

RUN, BAD = run_id_for("key"), run_id_for("bad")
NOBODY = 65534
READS = (
    ("list",), ("status", RUN), ("facts", RUN), ("show", RUN), ("explain", RUN), ("audit", RUN), ("audit", "--all"),
    ("verify", RUN), ("quarantine", "list"), ("quarantine", "show", BAD), ("bus", "tail"), ("plan", "request.json"),
)  # fmt: skip


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user may enter, with a READY and a quarantined run in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        monkeypatch.chdir(folder)
        pack(folder / "pack")
        write_world(folder / "root")
        (folder / "profile.yaml").write_text("runtime_root: runs\nengine: {interface_pack: pack}\n")
        (folder / "request.json").write_text(json.dumps(request("key", engine_run_root="root")))
        assert run(["--profile", "profile.yaml", "submit", "request.json"]) == 0
        report = folder / "root/up/report.json"
        sound = report.read_bytes()
        report.write_bytes(b"altered")
        (folder / "bad.json").write_text(json.dumps(request("bad", engine_run_root="root")))
        assert run(["--profile", "profile.yaml", "submit", "bad.json"]) == 5
        report.write_bytes(sound)
        yield folder


class Known(Distribution):
    """What is known of a distribution, read before one becomes a user who may not read where it is installed."""

    def __init__(self, of: Any) -> None:
        self._texts = {name: of.read_text(name) for name in ("METADATA", "entry_points.txt")}

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: Any) -> Never:
        raise FileNotFoundError(path)


def warm(*args: str) -> None:
    """The command as the user that one is, so that the other, who may not read this Python's own files,
    finds every module imported."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        run(["--profile", "profile.yaml", *args])


def as_nobody(folder: Path, *args: str) -> Answer:
    """The command as a user who may read everything here and write nothing: in a forked child."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    command = ["--profile", "profile.yaml", *args]
    known = [point for one in {p.dist for p in entry_points(group=PROJECT)} for point in Known(one).entry_points]
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    reads, writes = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads: the child touches none of them
        child = os.fork()
    if child == 0:
        pytest.MonkeyPatch().setattr(plugin_host, "entry_points", lambda group: [p for p in known if p.group == group])
        _tell(writes, command)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        told = json.loads(pipe.read())
    os.waitpid(child, 0)
    return Answer(*told)


def _tell(pipe: int, command: list[str]) -> Never:
    out, err = io.StringIO(), io.StringIO()
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        with redirect_stdout(out), redirect_stderr(err):
            code = run(command)
        os.write(pipe, json.dumps([code, out.getvalue(), err.getvalue()]).encode())
    finally:
        os._exit(0)


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with its inode, time and bytes, so that one written again as it was shows too."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_who_may_only_read_reads_everything_and_is_told_so(place: Path) -> None:
    before = listing(place)
    for command in (("list",), ("status", RUN), ("explain", RUN)):
        warm(*command)
        answer = as_nobody(place, *command)
        assert answer.code == 0, answer
        assert RUN in answer.out
        assert answer.err.count("note: the authority's file") == 1
        assert "it is only read" in answer.err
    assert listing(place) == before


def test_every_reading_command_needs_no_right_to_write(place: Path) -> None:
    for command in READS:
        warm(*command)
        before = listing(place)
        answer = as_nobody(place, *command)
        assert (answer.code, "Traceback" in answer.err) == (0, False), (command, answer)
        assert listing(place) == before, command


def test_a_write_without_the_right_is_refused_in_one_line(place: Path) -> None:
    (place / "request.json").write_text(json.dumps(request("other", engine_run_root="root")))
    answer = as_nobody(place, "submit", "request.json")
    assert answer.code == 9
    assert answer.error.startswith(("AUTHORITY", "STORE"))


def index(place: Path) -> Path:
    (found,) = place.glob("runs/fraud-platform/*/sr/index/authority.db")
    return found


def test_an_index_that_a_writer_holds_open_is_read_beside_it(place: Path) -> None:
    warm("--json", "list")
    writer = sqlite3.connect(index(place), isolation_level=None)
    writer.execute("UPDATE store_run SET state = 'WAITING_EVIDENCE' WHERE run_id = ?", (RUN,))
    assert index(place).with_name("authority.db-wal").stat().st_size > 0
    answer = as_nobody(place, "--json", "list")
    writer.close()
    assert answer.code == 0, answer
    assert {one["run_id"] for one in answer.json["runs"]} == {RUN, BAD}
    assert sorted(path.name for path in index(place).parent.iterdir()) == ["authority.db"]


@pytest.mark.parametrize("left", [("-wal",), ("-wal", "-shm")])
def test_an_index_that_a_crash_left_with_its_log_is_read_whole(place: Path, left: tuple[str, ...]) -> None:
    """What stands in the log alone is seen, and nothing is brought home from it."""
    warm("--json", "list")
    path = index(place)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute(
        "INSERT INTO store_run SELECT 'ff' || substr(run_id, 3), store_id, 'late', intent_fingerprint, intent, "
        "platform_run_id, state, settled, updated_ms, seq, event_id, due_ms, claimed_by "
        "FROM store_run WHERE run_id = ?",
        (RUN,),
    )
    kept = {name: path.with_name(path.name + name).read_bytes() for name in ("", *left)}
    writer.close()
    for name, data in kept.items():
        path.with_name(path.name + name).write_bytes(data)
    before = listing(place)
    answer = as_nobody(place, "--json", "list")
    assert answer.code == 0, answer
    assert "ff" + RUN[2:] in {one["run_id"] for one in answer.json["runs"]}
    assert listing(place) == before


def test_reading_writes_nothing_where_it_might(place: Path) -> None:
    before = listing(place)
    for command in READS:
        for flags in ([], ["--json"], ["-v"]):
            assert run(["--profile", "profile.yaml", *flags, *command]) == 0
            assert listing(place) == before, command


def test_reading_an_empty_index_lays_nothing_out(sr: Shell) -> None:
    (sr.folder / "profile.yaml").write_text("runtime_root: runs\nauthority: {adapter: sqlite, path: empty.db}\n")
    (sr.folder / "empty.db").write_bytes(b"")
    assert sr("list").code == 0
    assert (sr.folder / "empty.db").read_bytes() == b""
