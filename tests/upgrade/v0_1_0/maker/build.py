"""``python build.py ROOT KEYS MANIFEST``: makes the corpus's tree, run by the first release's own interpreter.

Afterwards the first release says what it makes of every run, as it stands and, on a copy, resumed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import endings
import scenes
import worlds
from sr_domain.layout import Layout
from sr_plugins.pack import pack_folder
from studio import LEASE_S, POLICY, PROFILES, Studio

from sr_plugins import build_runner
from sr_ports import SrError

SCENES = (
    scenes.ready, scenes.signed, scenes.invoked, scenes.shipped, scenes.shared, scenes.teams, scenes.lost,
    endings.ended, endings.waiting, endings.left, scenes.lose,
)  # fmt: skip


def main(root: Path, keys: Path, manifest: Path) -> None:
    """Make the tree and its manifest."""
    root.mkdir(parents=True)
    worlds.write_pack(root / "pack")
    worlds.write_pack(root / "pack-foreign-law", worlds.FOREIGN_GATES)
    (root / "program").mkdir()
    shutil.copyfile(Path(__file__).with_name("worlds.py"), root / "program" / "worlds.py")
    (root / "keys").mkdir()
    for key in sorted(keys.glob("THROW-AWAY-TEST-KEY.*.pem")):
        shutil.copyfile(key, root / "keys" / key.name)
    studio = Studio(root, str(pack_folder("builtin")))
    for scene in SCENES:
        scene(studio)
        print(f"{scene.__name__}: {len(studio.runs)} runs so far", flush=True)  # noqa: T201
    document: dict[str, Any] = {
        "root": str(root),
        "profiles": PROFILES,
        "policy": {**POLICY, "evidence_wait_seconds": 31_536_000},
        "lease_seconds": LEASE_S,
        "runs": [],
    }
    for run in studio.runs:
        document["runs"].append(described(studio, run))
        print(f"{run['name']}: {document['runs'][-1]['state']}", flush=True)  # noqa: T201
    manifest.write_text(lines(document))


def lines(document: Mapping[str, Any]) -> str:
    """The manifest as JSON, a run on a line."""
    runs = ",\n".join(json.dumps(run, sort_keys=True) for run in document["runs"])
    rest = json.dumps({key: value for key, value in document.items() if key != "runs"}, indent=1, sort_keys=True)
    return f'{rest[:-2]},\n "runs": [\n{runs}\n]}}\n'


def described(studio: Studio, run: Mapping[str, Any]) -> dict[str, Any]:
    """The run's entry: what it is, what the first release says of it, its artifacts."""
    with copied(studio, run) as home, opened(studio, run, home) as runner:
        told = {
            "artifacts": artifacts(home, run),
            "audit": sorted({one.code.value for one in runner.audit(run["run_id"]).findings}),
            **standing(runner, run),
        }
    with copied(studio, run) as home:
        told["resumed"] = resumed(studio, run, home, {})
    if "arrives" in run:
        with copied(studio, run) as home:
            told["arrived"] = resumed(studio, run, home, run["arrives"])
    return {**run, **told}


@contextmanager
def copied(studio: Studio, run: Mapping[str, Any]) -> Iterator[Path]:
    """A scratch copy of the run's home; its engine root is put back as it was."""
    named = run["request"].get("engine_run_root", "")
    root = Path(named) if named.startswith(str(studio.root)) else studio.root / "none"
    with tempfile.TemporaryDirectory() as scratch:
        home, kept = Path(scratch, "home"), Path(scratch, "root")
        shutil.copytree(studio.home(run["home"]), home, symlinks=True)
        if root.exists():
            shutil.copytree(root, kept, symlinks=True)
        yield home
        if (digests(root) if root.exists() else {}) != (digests(kept) if kept.exists() else {}):
            shutil.rmtree(root, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, root, symlinks=True)


@contextmanager
def opened(studio: Studio, run: Mapping[str, Any], home: Path) -> Iterator[Any]:
    """A runner on a copy."""
    import os

    os.environ["PLATFORM_RUN_ID"] = run["platform_run_id"]
    where = str(studio.home(run["home"]))
    text = json.dumps(studio.profile(run["profile"], run["home"])).replace(where, str(home))
    with build_runner(json.loads(text), policy={**POLICY, "evidence_wait_seconds": 31_536_000}) as runner:
        if run.get("lost_index"):
            runner.rebuild_index()
        yield runner


def standing(runner: Any, run: Mapping[str, Any]) -> dict[str, Any]:
    """State, reason and events, as the record has them."""
    try:
        events = runner.record(run["run_id"])
    except SrError:
        return {"state": None, "reason_code": None, "events": []}
    told: dict[str, Any] = {"events": [event.event_kind for event in events]}
    try:
        outcome = runner.status(run["run_id"])
    except SrError:
        return {"state": None, "reason_code": None, **told}
    code = None if outcome.reason_code is None else outcome.reason_code.value
    told |= {"state": outcome.state.value, "reason_code": code, "published": outcome.published}
    if outcome.superseded_by:
        told["superseded_by"] = list(outcome.superseded_by)
    return told


def artifacts(home: Path, run: Mapping[str, Any]) -> dict[str, str]:
    """sha256 of every artifact of the run by its key, its receipts by the view's word."""
    place, home = Layout(run["platform_run_id"]).base, home / run.get("store", "")
    found = {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((home / place).rglob("*"))
        if path.is_file() and run["run_id"] in path.relative_to(home).as_posix()
    }
    view = home / place / "run_facts_view" / f"{run['run_id']}.json"
    receipts = json.loads(view.read_bytes()).get("instance_receipts", ()) if view.is_file() else ()
    for receipt in receipts:
        for key in (receipt["artifacts"]["receipt_path"], receipt.get("bundle_manifest_ref")):
            if key is not None:
                found[key] = hashlib.sha256((home / key).read_bytes()).hexdigest()
    return found


def resumed(studio: Studio, run: Mapping[str, Any], home: Path, arrives: Mapping[str, str]) -> dict[str, Any] | None:
    """What the first release makes of the run when it resumes it; None for what cannot be resumed."""
    if arrives:
        worlds.write(Path(run["engine_root"]), {path: data.encode() for path, data in arrives.items()})
    with opened(studio, run, home) as runner:
        try:
            outcome = runner.resume(run["run_id"])
        except SrError as error:
            return {"error": error.code.value} if error.code.value != "RUN_NOT_FOUND" else None
        findings = [one.code.value for one in runner.audit(run["run_id"]).findings]
    told: dict[str, Any] = {
        "state": outcome.state.value,
        "reason_code": None if outcome.reason_code is None else outcome.reason_code.value,
        "audit": findings,
    }
    base = home / run.get("store", "") / Layout(run["platform_run_id"]).base
    for name in ("run_facts_view", "ready_signal", "run_plan", "quarantine"):
        path = base / name / f"{run['run_id']}.json"
        if path.is_file():
            told[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            if name == "ready_signal":
                told["message_id"] = json.loads(path.read_bytes())["message_id"]
    return told


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, and where its links lead."""
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


if __name__ == "__main__":
    main(*(Path(one) for one in sys.argv[1:4]))
