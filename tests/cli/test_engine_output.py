"""What an engine prints, on its way to logs, record and error line."""

from __future__ import annotations

import json
import sys

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Answer, Shell
from tests.worlds import tree


def submit(sr: Shell, script: str) -> Answer:
    """A run whose engine is this program."""
    (sr.folder / "engine.py").write_text(script)
    invoker = {"adapter": "subprocess", "command": [sys.executable, "engine.py"]}
    profile = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, "invoker": invoker}
    (sr.folder / "profile.yaml").write_text(json.dumps(profile))
    return sr("submit", sr.request(), "--strategy", "FORCE_INVOKE")


def test_a_secret_that_the_engine_prints_is_nowhere(sr: Shell) -> None:
    printed = "password=topsecret postgres://u:hunter2@h/db Authorization: Bearer topsecret AKIATOPSECRETTOPSECR"
    script = "\n".join(f"print('{printed}', file=sys.{stream})" for stream in ("stdout", "stderr"))
    answer = submit(sr, f"import sys\n{script}\nsys.exit(4)")
    assert answer.code == 4
    assert "exit code 4: password=*** postgres://u:***@h/db" in answer.err
    explained = sr("explain", run_id_for("key"))
    assert "password=***" in explained.out
    files = tree(sr.folder / "runs")
    assert sum(b"password=***" in data for data in files.values()) >= 3  # both logs and the record
    told = [text.encode() for text in (answer.out, answer.err, explained.out, explained.err)] + list(files.values())
    assert not any(secret in text for text in told for secret in (b"topsecret", b"hunter2", b"AKIATOP"))
