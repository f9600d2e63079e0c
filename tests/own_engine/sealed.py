"""An engine run that is there already: the user's own, or one that the demo engine made. Never written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from sr_domain.plan.sealed import SealedPlan
from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner

ROOT, PACK, REQUEST = "SR_TEST_ENGINE_ROOT", "SR_TEST_ENGINE_PACK", "SR_TEST_ENGINE_REQUEST"
HOW = f"set {ROOT}, {PACK} and {REQUEST} to an engine run of your own (docs/operations.md, 'Your own engine run')"
SMALL = 64 << 20
"""Bytes that a copy may have: what an output rests on is only tampered with in a copy."""
WILD = frozenset("*?[")


class NotGiven(Exception):
    """There is no such engine run here; what to do to have one."""


@attrs.frozen
class EngineRun:
    """`root`: where its outputs and bundles are. `pack`: folder of its interface pack. `request`: with its pins."""

    root: Path
    pack: Path
    request: Mapping[str, Any]

    def runner(self, folder: Path) -> ScenarioRunner:
        """A runner with a truth of its own below `folder`, which waits for nothing."""
        profile = {"runtime_root": str(folder / "runs"), "engine": {"interface_pack": str(self.pack)}}
        policy = {"policy_id": "own", "revision": "1", "evidence_wait_seconds": 0}
        return build_runner(profile, policy=policy)

    def asks(self, root: Path | None = None, **changes: Any) -> dict[str, Any]:
        """The request, over this root or a copy of it."""
        return {
            **self.request,
            "engine_run_root": str(root or self.root),
            "requested_strategy": "FORCE_REUSE",
            **changes,
        }


def own(environment: Mapping[str, str]) -> EngineRun:
    """The engine run that the environment names. Raises `NotGiven`."""
    from sr_plugins.documents.yaml import load_document

    missing = [name for name in (ROOT, PACK, REQUEST) if not environment.get(name)]
    if missing:
        raise NotGiven(HOW)
    root, pack, request = (Path(environment[name]).absolute() for name in (ROOT, PACK, REQUEST))
    for name, path, there in (
        (ROOT, root, root.is_dir()),
        (PACK, pack, pack.is_dir()),
        (REQUEST, request, request.is_file()),
    ):
        if not there:
            raise NotGiven(f"{name} names {path}, which is not there; {HOW}")
    document = load_document(request.read_bytes(), what=str(request))
    return EngineRun(root, pack, {key: value for key, value in document.items() if key != "engine_run_root"})


def inventory(root: Path) -> dict[str, tuple[int, int]]:
    """Everything below a root: its size and when it was written, by path."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            found[path.relative_to(root).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found


def rests_on(root: Path, plan: SealedPlan) -> list[Path]:
    """Every file that the plan's outputs and gates rest on, and the engine's own receipt and manifest."""
    found = {root / name for name in ("run_receipt.json", "_oracle_pack_manifest.json")}
    for output in plan.outputs:
        for path in output.paths:
            found.update(_files(root, path))
    for gate in plan.gates:
        found.update(_files(root, f"{gate.bundle_root}/"))
        found.update((root / gate.flag_path, *([root / gate.index_path] if gate.index_path else [])))
        if gate.method.path_base == "run_root" and gate.index_path is not None:
            found.update(_listed(root, gate.index_path))
    return sorted(path for path in found if path.is_file())


def _files(root: Path, path: str) -> Iterator[Path]:
    if WILD & set(path):
        yield from root.glob(path)
    elif path.endswith("/") or (root / path).is_dir():
        yield from (root / path).rglob("*")
    else:
        yield root / path


def _listed(root: Path, index_path: str) -> Iterator[Path]:
    import json

    listed = json.loads((root / index_path).read_bytes())
    if isinstance(listed, dict):
        listed = next(listed[name] for name in ("files", "entries", "items", "members") if name in listed)
    yield from (root / (one if isinstance(one, str) else one["path"]) for one in listed)


def small_copy(run: EngineRun, runner: ScenarioRunner, folder: Path) -> tuple[str, Path, SealedPlan] | None:
    """An output, a copy of all that it rests on, and its plan; None where every output rests on too much to copy."""
    whole = runner.plan(run.asks()).plan
    for output_id in whole.intended_outputs if whole is not None else ():
        plan = runner.plan(run.asks(output_ids=[output_id])).plan
        files = [] if plan is None else rests_on(run.root, plan)
        if plan is not None and not plan.outputs[0].optional and sum(one.stat().st_size for one in files) <= SMALL:
            for one in files:
                target = folder / one.relative_to(run.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(one, target)
            return output_id, folder, plan
    return None
