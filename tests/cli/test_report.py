"""sr report: a run's page as a file."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytest.importorskip("jinja2", reason="pages need pip install 'scenario-runner[report]'")
pytest.importorskip("grandalf", reason="pages need pip install 'scenario-runner[report]'")


@pytest.fixture
def run_id(sr: Shell) -> str:
    return str(sr("submit", sr.request(), "--json").json["run_id"])


def test_the_page_is_written_to_a_file_of_the_runs_name(sr: Shell, run_id: str) -> None:
    answer = sr("report", run_id)
    assert answer.code == 0
    path = sr.folder / f"report-{run_id[:8]}.html"
    sentence = sr("explain", run_id, "--json").json["sentence"]
    assert answer.out == f"{sentence}\nWritten: {path.name}\n"
    assert sentence in path.read_text("utf-8")
    assert not list(sr.folder.glob(".report*"))


def test_the_page_is_written_where_it_is_asked_for_and_again(sr: Shell, run_id: str) -> None:
    told = sr("report", "key:key", "-o", "page.html", "--json").json
    data = (sr.folder / "page.html").read_bytes()
    assert (told["run_id"], told["path"], told["state"]) == (run_id, "page.html", "READY")
    assert (told["size"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert sr("report", run_id, "-o", "page.html").code == 0


def test_the_page_goes_to_standard_output(sr: Shell, run_id: str) -> None:
    answer = sr("report", run_id, "-o", "-")
    assert answer.code == 0
    assert answer.out.startswith("<!doctype html>")
    assert answer.out.rstrip().endswith("</html>")
    assert sr("report", run_id, "-o", "-", "--json").code == 2


def test_a_place_that_cannot_be_written_ends_in_one_line(sr: Shell, run_id: str) -> None:
    answer = sr("report", run_id, "-o", "nowhere/page.html")
    assert (answer.code, answer.error) == (2, "USAGE")
    assert "nowhere/page.html" in answer.err


def test_a_run_that_nobody_knows_has_no_page(sr: Shell) -> None:
    answer = sr("report", "a" * 32, "-o", "page.html")
    assert answer.code == 8
    assert not Path("page.html").exists()


def test_without_the_extra_it_says_what_to_install(sr: Shell, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    answer = sr("report", run_id)
    assert answer.error == "EXTRA_MISSING"
    assert "pip install 'scenario-runner[report]'" in answer.err
    monkeypatch.undo()
