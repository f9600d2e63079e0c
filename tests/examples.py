"""The model distributions under ``examples/``: each built, installed in an environment of its own, checked and tested.

    python -m tests.examples [NAME...]

Exit code 0 where all is well. b3sum, which one of them is held against, is built by cargo where it is not here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.parent for path in (REPO / "examples").glob("*/pyproject.toml"))
LOCK = REPO / "requirements" / "constraints.txt"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def uv(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", *words], cwd=REPO, check=True)


def b3sum(scratch: Path) -> str:
    """The folder that b3sum is in; empty, and a line that says so, where it cannot be had."""
    here = shutil.which("b3sum")
    if here is not None:
        return str(Path(here).parent)
    cargo = shutil.which("cargo")
    words = [str(cargo), "install", "-q", "--locked", "--root", str(scratch), "b3sum"]
    if cargo is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0:
        return str(scratch / "bin")
    say("b3sum cannot be had here: what is held against it is skipped")
    return ""


def checked(example: Path, scratch: Path) -> bool:
    """Whether an example installs, is clean to mypy and pyright, and passes its tests."""
    home = scratch / example.name
    python = str(home / "bin" / "python")
    uv("venv", "-q", "--python", sys.executable, str(home))
    wanted = [".[test]", f"{example}[test]", "mypy", *(["pyright"] if shutil.which("node") else [])]
    uv("pip", "install", "-q", "--python", python, "-c", str(LOCK), *wanted)
    checks = [["mypy"], ["pytest", "-q"]]
    checks += [["pyright", "--pythonpath", python]] if shutil.which("node") else []
    places = os.pathsep.join([os.environ["PATH"], b3sum(scratch / "cargo")]).rstrip(os.pathsep)
    env = {**os.environ, "PATH": places, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    say(f"== {example.name}")
    done = [subprocess.run([python, "-m", *words], cwd=example, env=env, check=False).returncode for words in checks]
    return not any(done)


def main(names: list[str]) -> int:
    chosen = [one for one in EXAMPLES if not names or one.name in names]
    with tempfile.TemporaryDirectory() as scratch:
        results = {one.name: checked(one, Path(scratch)) for one in chosen}
    say(", ".join(f"{name}: {'sound' if sound else 'FAILED'}" for name, sound in results.items()))
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
