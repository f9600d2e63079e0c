"""Where SR runs from and on: a system without POSIX files, an archive on the path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell

RUN = run_id_for("key")
REPO = Path(__file__).resolve().parents[2]

WINDOWS = """
import importlib, os, signal, sys
import click, rich.console, subprocess, sqlite3, pathlib, zoneinfo, importlib.metadata, importlib.resources

for name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[name] = None
for name in ("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "posix_spawnp", "statvfs", "killpg",
             "sched_getaffinity", "readv", "register_at_fork", "POSIX_SPAWN_OPEN"):
    delattr(os, name)
for name in ("SIGHUP", "SIGQUIT", "SIGPIPE", "SIGCHLD", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXFSZ", "SIGKILL"):
    delattr(signal, name)
sys.platform = "win32"
"""
"""What a Python on Windows has not, taken away before anything of SR is imported."""


def python(program: str, *args: str, path: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": path or os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)


SR = "from sr_adapters.cli import main\nmain()"


@pytest.mark.parametrize(
    "args", [("demo", "--root", "new"), ("submit", "request.yaml"), ("--json", "list"), ("doctor",)]
)
def test_a_system_without_posix_files_is_told_in_one_line(sr: Shell, args: tuple[str, ...]) -> None:
    sr.request()
    before = sorted(sr.folder.rglob("*"))
    done = python(WINDOWS + SR, *args)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error[PLATFORM_UNSUPPORTED]: win32 has no POSIX file locks: ")
    assert "; use Linux, macOS or WSL 2" in line
    assert sorted(sr.folder.rglob("*")) == before
    if "--json" in args:
        assert json.loads(done.stdout)["error"]["reason_code"] == "PLATFORM_UNSUPPORTED"


def test_everything_can_be_imported_there_and_what_needs_no_files_works() -> None:
    modules = ["sr_ports", "sr_domain", "sr_plugins", "sr_plugins.consumer", "sr_adapters.cli.app"]
    modules += [
        ".".join(path.relative_to(REPO).with_suffix("").parts)
        for folder in ("file", "runtime", "sqlite", "observability", "subprocess", "cli")
        for path in sorted((REPO / "sr_adapters" / folder).glob("*.py"))
        if not path.stem.startswith("__")
    ]
    program = f"for name in {modules!r}:\n    importlib.import_module(name)\n{SR}"
    done = python(WINDOWS + program, "plugins")
    assert (done.returncode, done.stderr) == (0, "")


VERIFY = """
from types import SimpleNamespace
from sr_adapters.s3 import build
from sr_adapters.memory.root import MemoryEngineRoot
from sr_adapters.memory.store import MemoryObjectStore

def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

def store(wiring):
    made = MemoryObjectStore()
    for key, data in files(pathlib.Path("runs")).items():
        if key.startswith("fraud-platform/"):
            made.create(key, data)
    return made

def roots(wiring):
    return SimpleNamespace(open=lambda uri: MemoryEngineRoot(files(pathlib.Path("root")), uri=uri))

build.build_s3, build.build_roots = store, roots
"""


def test_a_consumer_there_can_verify_what_lies_on_s3(sr: Shell) -> None:
    pytest.importorskip("boto3")
    assert sr("submit", sr.request()).code == 0
    view = sr("--json", "status", RUN).json["facts_view_ref"]
    driver = "import boto3, botocore.session, botocore.endpoint\n"
    done = python(
        driver + WINDOWS + VERIFY + SR, "verify", f"s3://bucket/{view}", "--engine-run-root", "s3://bucket/root"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"proven: run {RUN}: ")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a wheel holds, as one zip."""
    made = tmp_path_factory.mktemp("archive") / "sr.zip"
    installed = distribution("scenario-runner")
    with zipfile.ZipFile(made, "w") as file:
        for package in ("sr_ports", "sr_domain", "sr_plugins", "sr_adapters"):
            for path in (REPO / package).rglob("*.py"):
                file.write(path, path.relative_to(REPO))
        for folder in ("config", "contracts"):
            for path in (REPO / folder).rglob("*.yaml"):
                file.write(path, Path("sr_plugins/shipped") / path.relative_to(REPO))
        for name in ("METADATA", "entry_points.txt"):
            file.writestr(f"scenario_runner-{installed.version}.dist-info/{name}", installed.read_text(name) or "")
    return str(made)


def test_reuse_works_from_an_archive_on_the_path(sr: Shell, archive: str) -> None:
    program = f"import sr_plugins\nassert sr_plugins.__file__.startswith({archive!r})\n{SR}"
    done = python(program, "--profile", "local", "submit", sr.request(output_ids=["x"]), path=archive)
    assert (done.returncode, done.stderr[:25]) == (4, "error[UNKNOWN_OUTPUT_ID]:"), "shipped profile, policy and pack"
    done = python(program, "--profile", "profile.yaml", "submit", sr.request("other"), path=archive)
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["READY"])


def test_the_demo_and_its_engine_work_from_an_archive_on_the_path(sr: Shell, archive: str) -> None:
    done = python(SR, "demo", "--root", "new", "--size", "10k", path=archive)
    assert (done.returncode, done.stderr) == (0, "")
    assert "READY run" in done.stdout
    again = python(SR, "contracts", "check", path=archive)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "builtin: 0 errors, 2 warnings")
