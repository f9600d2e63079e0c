"""An engine run that is there already: the user's own, or one that the demo engine made. Never written to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner, load_pack

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


def rests_on(run: EngineRun, view: Any, output_id: str, gates: Collection[str]) -> list[Path]:
    """Every file of the engine run that one output of a view and these gates rest on, and the receipt."""
    found = {run.root / name for name in ("run_receipt.json", "_oracle_pack_manifest.json")}
    for locator in view["locators"]:
        if locator["output_id"] == output_id:
            found.update(_files(run.root, locator["path"]))
    specs = load_pack(str(run.pack)).gates
    for receipt in view["gate_receipts"]:
        if receipt["gate_id"] in gates:
            found.update(_of_gate(run.root, receipt["artifacts"], specs[receipt["gate_id"]].method.path_base))
    return sorted(path for path in found if path.is_file())


def _of_gate(root: Path, artifacts: Mapping[str, str], base: str) -> Iterator[Path]:
    yield from _files(root, artifacts["validation_bundle_root"])
    yield root / artifacts["passed_flag_path"]
    if "index_path" in artifacts:
        index = root / artifacts["index_path"]
        yield index
        if base == "run_root":
            listed = json.loads(index.read_bytes())
            if isinstance(listed, dict):
                listed = next(listed[name] for name in ("files", "entries", "items", "members") if name in listed)
            yield from (root / (one if isinstance(one, str) else one["path"]) for one in listed)


def _files(root: Path, path: str) -> Iterator[Path]:
    """The files of a locator or bundle; its path may be relative to the root, or resolved."""
    inner = path.removeprefix(str(root)).removeprefix("/")
    if WILD & set(inner):
        yield from root.glob(inner)
    elif path.endswith("/"):
        yield from (root / inner).rglob("*")
    else:
        yield root / inner


def small_copy(run: EngineRun, runner: ScenarioRunner, view: Any, folder: Path) -> tuple[str, str] | None:
    """An output that `folder` now has a copy of, with all that it rests on, and a gate that authorises it.

    None where every output rests on too much to be copied.
    """
    specs = load_pack(str(run.pack)).gates
    for output_id in dict.fromkeys(locator["output_id"] for locator in view["locators"]):
        plan = runner.plan(run.asks(output_ids=[output_id])).plan
        gates = [] if plan is None else plan.required_gates
        own_gate = next((name for name in gates if output_id in specs[name].authorizes_outputs), None)
        files = rests_on(run, view, output_id, gates)
        if own_gate is None or sum(one.stat().st_size for one in files) > SMALL:
            continue
        for one in files:
            target = folder / one.relative_to(run.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one, target)
        return output_id, own_gate
    return None
