"""Asking one plugin in a process of its own, which it can end or keep without harm to this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

import attrs

from sr_plugins.host.loading import Source
from sr_plugins.isolation.process import environment
from sr_ports import one_line

LIMIT_S = 60.0
"""Seconds that a plugin may take to be imported and asked, or one of its laws to be tried."""


def ask_apart(source: Source, asked: Literal["check", "show"], kind: str | None) -> Any:
    """What `plugin_probe` answers, a JSON value; or a text that says why it gave no answer.

    `kind`: the law that is asked for; None for the whole plugin.
    """
    with tempfile.TemporaryDirectory(prefix="sr-") as folder:
        answer = Path(folder) / "answer.json"
        question = {"source": attrs.asdict(source), "asked": asked, "law": kind, "answer": str(answer)}
        words = [sys.executable, "-P", "-s", "-m", "sr_plugins.uses.plugin_probe", json.dumps(question)]
        paths = {"PYTHONPATH": os.pathsep.join(str(Path(one).absolute()) for one in sys.path)}
        try:
            done = subprocess.run(  # noqa: S603 - this very interpreter
                words, env={**environment(), **paths}, timeout=LIMIT_S, capture_output=True, check=False, cwd=os.sep
            )
        except subprocess.TimeoutExpired:
            return f"it did not end within {LIMIT_S:g} s"
        if answer.exists():
            return json.loads(answer.read_text("utf-8"))
        last = one_line(done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])
        return f"its process ended with exit code {done.returncode}{f': {last}' if last else ''}"
