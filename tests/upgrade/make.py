"""``python -m tests.upgrade.make v0_1_0 [--check]``: builds the corpus of a release with that release's own wheel.

With ``--check`` nothing is written: the corpus is built anew, and its shape held against the committed one.
Times, digests and ids that hang on them differ from build to build; the committed archive is the corpus.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from tests.upgrade.corpus import Corpus, locked

REPO = Path(__file__).resolve().parents[2]


@attrs.frozen
class Release:
    """A release with a corpus. `commit`: what its wheel is built from."""

    name: str
    commit: str

    @property
    def folder(self) -> Path:
        """Where the corpus and what makes it are kept."""
        return Path(__file__).with_name(self.name)


RELEASES = {one.name: one for one in (Release("v0_1_0", "30d5db0636a1ece1f271bea73ab18396fa9abfcd"),)}


def main(argv: list[str] | None = None) -> int:
    """Build or check; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade.make", description=__doc__)
    parser.add_argument("release", choices=sorted(RELEASES))
    parser.add_argument("--check", action="store_true", help="write nothing, compare shapes")
    args = parser.parse_args(argv)
    release = RELEASES[args.release]
    corpus = Corpus(release.folder)
    if not args.check and corpus.archive.exists():
        print(f"{corpus.archive} is there: a corpus is made once and never again", file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory() as scratch, locked(corpus.root, exclusive=True):
        shutil.rmtree(corpus.root, ignore_errors=True)
        manifest = Path(scratch, "manifest.json")
        build(release, Path(scratch), corpus.root, manifest)
        if args.check:
            shutil.rmtree(corpus.root)
            return check(json.loads(corpus.manifest_file.read_bytes()), json.loads(manifest.read_bytes()))
        corpus.archive.write_bytes(packed(corpus.root))
        shutil.copyfile(manifest, corpus.manifest_file)
    return 0


def build(release: Release, scratch: Path, root: Path, manifest: Path) -> None:
    """The tree at `root`, by the release's own wheel in an environment of its own."""
    source, tools = scratch / "source", scratch / "venv"
    archive = subprocess.run(["git", "archive", release.commit], cwd=REPO, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(source, filter="data")
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    python, maker = str(tools / "bin" / "python"), release.folder / "maker"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "-r", str(maker / "requirements.txt")], check=True)
    subprocess.run([*pip, "--no-build-isolation", "--no-deps", str(source)], check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "PYTHON", "PLATFORM_"))}
    places = [maker / "build.py", root, release.folder, manifest]
    subprocess.run([python, "-W", "ignore", *map(str, places)], check=True, env=kept, cwd=scratch)


def packed(root: Path) -> bytes:
    """The tree as a tar file: the same tree, the same bytes. Times are kept: a bus goes by them."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            info = tar.gettarinfo(path, path.relative_to(root).as_posix())
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mode = 0o755 if info.isdir() else 0o644
            if info.isfile():
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def check(committed: Mapping[str, Any], rebuilt: Mapping[str, Any]) -> int:
    """Whether a rebuilt corpus has the shape of the committed one."""
    left, right = shape(committed), shape(rebuilt)
    for name in sorted({*left, *right}):
        if left.get(name) != right.get(name):
            print(f"{name}: committed {left.get(name)}, rebuilt {right.get(name)}", file=sys.stderr)  # noqa: T201
    return int(left != right)


def shape(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What does not hang on the moment of a build, by run."""
    return {
        run["name"]: {
            **{key: run.get(key) for key in ("home", "run_id", "state", "reason_code", "events", "audit")},
            "artifacts": sorted(key.replace(run["platform_run_id"], "P") for key in run["artifacts"]),
            "resumed": _state(run["resumed"]),
            "arrived": _state(run.get("arrived")),
        }
        for run in manifest["runs"]
    }


def _state(told: Mapping[str, Any] | None) -> Any:
    return None if told is None else {key: told.get(key) for key in ("state", "reason_code", "error", "audit")}


if __name__ == "__main__":
    sys.exit(main())
