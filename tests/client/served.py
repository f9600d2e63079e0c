"""A service in a process of its own, and a folder with a run in every state that it serves."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.cli.app import run
from sr_domain.encoding.ids import run_id_for
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack

LOCAL = ("--profile", "profile.yaml", "--policy", "policy.yaml")
WIRING = "runtime_root: runs\nengine: {{interface_pack: pack, allowed_roots: [{root}]}}\nobservability: {{sinks: []}}\n"


@attrs.frozen
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The reason code of the one error line."""
        (line,) = self.err.splitlines()
        found = re.match(r"error\[([A-Z_]+)\]: .+; .+", line)
        assert found is not None, line
        return found[1]


def said(*args: str) -> Said:
    """One command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(args))
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())


@attrs.frozen
class World:
    """The folder. `url`: of the service that serves it."""

    folder: Path
    url: str

    def request(self, key: str, **changes: Any) -> str:
        """A request file for the key."""
        name = f"{key}.json"
        (self.folder / name).write_text(json.dumps(request(key, **{"engine_run_root": "root", **changes})))
        return name


def own_variables() -> list[str]:
    """Variables of this process that commands read."""
    return [name for name in os.environ if name.startswith(("SR_", "PLATFORM_"))]


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    """For the block, commands are given in the folder, and no variable of this process speaks to them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in own_variables():
            patch.delenv(name)
        yield


def build(folder: Path) -> None:
    """Pack, profiles, policies and engine roots."""
    pack(folder / "pack")
    write_world(folder / "root")
    write_world(folder / "part", skip=("gate.end",))
    write_world(folder / "bad", spoil="gate.up")
    wiring = WIRING.format(root=json.dumps(str(folder)))
    (folder / "profile.yaml").write_text(wiring)
    for name, wait in (("policy", 600), ("short", 0)):
        (folder / f"{name}.yaml").write_text(f'policy_id: test\nrevision: "1"\nevidence_wait_seconds: {wait}\n')
        assert said("policy", "seal", f"{name}.yaml").code == 0


def fill(world: World) -> None:
    """A run in every state, each under the key that names it; ``corrected`` supersedes ``superseded``."""

    def submit(key: str, code: int, policy: str = "policy.yaml", **changes: Any) -> None:
        name = world.request(key, **changes)
        assert said("--profile", "profile.yaml", "--policy", policy, "submit", name).code == code

    submit("ready", 0)
    submit("waiting", 3, engine_run_root="part")
    submit("failed", 4, "short.yaml", engine_run_root="part")
    submit("unplanned", 4, output_ids=["nope"])
    submit("quarantined", 5, engine_run_root="bad")
    submit("superseded", 0)
    submit("corrected", 0, supersedes=run_id_for("superseded"))


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """The URL of a service of the folder, which ends with the block."""
    program = [sys.executable, "-m", "sr_adapters.cli", *(options or LOCAL), "serve", "--port", "0"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "PLATFORM_"))}
    with subprocess.Popen(program, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = []
            for line in process.stderr:
                told.append(line)
                found = re.search(r"serving (http://\S+)", line)
                if found is not None:
                    yield found[1]
                    break
            else:
                raise AssertionError(f"no service: {''.join(told)}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


_SHAPES = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
    (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "CLOCK"),
    (r"\b-?\d+(\.\d+)? (ms|s|min|h)\b", "SPAN"),
    (r'("(?:after_s|seconds|seconds_left|duration_ms)": )-?[\d.e-]+', r"\1SECONDS"),
    (r"[0-9a-f]{64}", "SHA"),
)
"""What differs from one look to the next, or from one run to its twin, by nature."""


def plain(text: str, world: World, key: str = "") -> str:
    """An answer without what differs by nature: times, how a command names its service, the twin's own key and ids."""
    for ours in (" ".join(LOCAL), f"--server {world.url}"):
        text = text.replace(f"sr {ours}", "sr")
    if key:
        text = text.replace(run_id_for(key), "RUN").replace(key, "KEY")
    text = text.replace(f"{world.folder}/", "")  # a service names a relative root in full
    for shape, word in _SHAPES:
        text = re.sub(shape, word, text)
    return re.sub(r" +", " ", text)
