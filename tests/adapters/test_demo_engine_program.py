"""The demo engine as a program: its options, its environment, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sr_adapters.demo_engine.__main__ import main, size
from sr_adapters.demo_engine.world import build_world
from tests.adapters.worlds import BUILTIN, INVOCATION, tree
from tests.packs import REPO


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("10k", 10_000), ("5M", 5_000_000), ("2G", 2_000_000_000), ("1.5kB", 1_500)]
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert size(text) == count


def program(root: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The engine as an invoker runs it."""
    return subprocess.run(
        [sys.executable, "-m", "sr_adapters.demo_engine", "--pack", BUILTIN, *args],
        cwd=REPO,
        env={
            **os.environ,
            "SR_ENGINE_INVOCATION_JSON": json.dumps(INVOCATION),
            "SR_ENGINE_RUN_ROOT": str(root),
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_takes_its_invocation_from_the_environment(tmp_path: Path) -> None:
    done = program(tmp_path / "a", "--size", "20k", "--files", "3", SR_DEMO_UTC_DAYS="2026-02-01,2026-02-02")
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 validation bundles, 10 flags" in done.stdout
    build_world(BUILTIN, tmp_path / "b", INVOCATION, size=20_000, files=3, days=["2026-02-01", "2026-02-02"])
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_the_program_takes_its_invocation_from_options(tmp_path: Path) -> None:
    file = tmp_path / "invocation.json"
    file.write_text(json.dumps(INVOCATION), "utf-8")
    options = ["--pack", BUILTIN, "--size", "20k", "--utc-days", "2026-03-01", "--only-outputs", "routing_log_2B"]
    assert main([*options, "--invocation", str(file), "--root", str(tmp_path / "root")]) == 0
    (log,) = [path for path in tree(tmp_path / "root") if path.endswith("routing_log.jsonl")]
    assert "utc_day=2026-03-01" in log


def test_the_program_ends_as_it_is_told_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SR_ENGINE_INVOCATION_JSON", json.dumps(INVOCATION))
    root = tmp_path / "root"
    assert main(["--pack", BUILTIN, "--root", str(root), "--exit-code", "7"]) == 7
    assert not root.exists()
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "env", "what"),
    [
        (["--root", ""], {}, "no root"),
        ([], {"SR_ENGINE_INVOCATION_JSON": "{"}, "not JSON"),
        ([], {"SR_ENGINE_INVOCATION_JSON": "[]"}, "not a JSON object"),
        (["--pack", "/nowhere"], {}, "cannot be used"),
        (["--fail", "9Z"], {}, "the pack has no 9Z"),
        (["--invocation", "/nowhere"], {}, "/nowhere"),
    ],
)
def test_nonsense_ends_with_2_and_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    env: dict[str, str],
    what: str,
) -> None:
    monkeypatch.delenv("SR_ENGINE_RUN_ROOT", raising=False)
    monkeypatch.setenv("SR_ENGINE_INVOCATION_JSON", env.get("SR_ENGINE_INVOCATION_JSON", json.dumps(INVOCATION)))
    assert main(["--pack", BUILTIN, "--root", str(tmp_path), *args]) == 2
    said = capsys.readouterr().err
    assert what in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("args", [["--size", "many"], ["--files", "0"], ["--files", "-1"], ["--size", "-5"]])
def test_options_that_cannot_be_read_are_refused(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--pack", BUILTIN, *args])
    assert ended.value.code == 2
    assert args[0] in capsys.readouterr().err


def test_the_engine_knows_nothing_of_scenario_runner() -> None:
    code = (
        "import sys, yaml; before = set(sys.modules); import sr_adapters.demo_engine.__main__;"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sr_adapters']"
