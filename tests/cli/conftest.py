"""A folder, a pack, a world and a profile to run commands on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from sr_adapters.cli.app import run
from sr_adapters.cli.errors import names, running
from sr_adapters.cli.identity import os_user
from tests.cli.answers import misfits
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack


@attrs.frozen
class Answer:
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
        (line,) = [one for one in self.err.splitlines() if one]
        assert line.startswith("error[")
        assert "; " in line
        assert "Traceback" not in self.out + self.err
        return line[len("error[") : line.index("]")]


def sends_nobody_back(command: str, out: str, err: str) -> None:
    """No error, note or next step of a command names that command: it would lead in a circle."""
    steps = [line for line in out.splitlines() if re.match(r'\s*(next: |not published|"remedy": |"next": )', line)]
    for line in (*err.splitlines(), *steps):
        bare = line.replace(f"{SR} ", "sr ") if line.startswith("error[") else line
        assert not names(bare, command), f"sr {command} sends back to itself: {line}"


ME = os_user().actor
"""Who asks where a test names nobody."""
SR = "sr --profile profile.yaml --policy policy.yaml"
"""What a next step begins with: the command line's own options are part of it."""


@attrs.frozen
class Shell:
    """Runs `sr` in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *args: str) -> Answer:
        self.capsys.readouterr()
        return self._said(args, run(["--profile", "profile.yaml", "--policy", "policy.yaml", *args]))

    def bare(self, *args: str) -> Answer:
        """Without profile and policy."""
        self.capsys.readouterr()
        return self._said(args, run(list(args)))

    def _said(self, args: Sequence[str], code: int) -> Answer:
        said = self.capsys.readouterr()
        sends_nobody_back(running(), said.out, said.err)
        assert misfits(running(), args, said.out) == [], "an answer that breaks its contract"
        return Answer(code, said.out, said.err)

    def request(self, key: str = "key", name: str = "request.yaml", **changes: Any) -> str:
        """A request file."""
        path = self.folder / name
        path.write_text(json.dumps(request(key, **{"engine_run_root": "root", **changes})))
        return name


@pytest.fixture
def sr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SR_PROFILE", raising=False)
    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    pack(tmp_path / "pack")
    write_world(tmp_path / "root")
    (tmp_path / "profile.yaml").write_text("runtime_root: runs\nengine: {interface_pack: pack}\n")
    (tmp_path / "policy.yaml").write_text('policy_id: test\nrevision: "1"\nevidence_wait_seconds: 0\n')
    shell = Shell(tmp_path, capsys)
    assert shell.bare("policy", "seal", "policy.yaml").code == 0
    return shell


@pytest.fixture
def policy(sr: Shell) -> Callable[..., None]:
    """Writes another policy, sealed."""

    def write(**keys: Any) -> None:
        text = yaml.safe_dump({"policy_id": "test", "revision": "2", **keys})
        (sr.folder / "policy.yaml").write_text(text)
        assert sr.bare("policy", "seal", "policy.yaml").code == 0

    return write
