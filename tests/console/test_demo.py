"""sr demo --serve: a run in each state, and the console on them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need pip install 'scenario-runner[report]'")
pytest.importorskip("starlette", reason="the console needs pip install 'scenario-runner[service]'")


def test_the_demo_shows_a_run_in_each_state(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sr_adapters.cli", "demo", "--serve", "--size", "10k"]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as served:
        try:
            assert served.stderr is not None
            lines = (line for line in served.stderr)
            (address,) = next(found for line in lines if (found := re.findall(r"serving (http://\S+)", line)))
            with urllib.request.urlopen(address, timeout=30) as answer:
                html = answer.read().decode()
        finally:
            served.send_signal(signal.SIGTERM)
        assert served.wait(60) == 0
    for word in ("READY", "Superseded", "Quarantined", "Waiting"):
        assert re.search(rf'class="state \w+">.*?{word}', html, re.S), word
    assert html.count("<tr>") == 1 + 5
