"""A run of daily orders and of customers, sealed and READY, for consumers to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from sr_adapters.own_data.documents import GATES, OUTPUTS, gates_text, outputs_text
from sr_adapters.own_data.infer import infer
from sr_adapters.sealing import scan, seal
from sr_domain.run.outcome import Outcome
from sr_plugins import build_runner

DAYS = ("2026-01-01", "2026-01-02")
FILES = {
    "customers.csv": "id,name\n1,ann\n2,bob\n",
    "orders/2026-01-01/part-0.csv": "order,amount\n1,2.5\n2,3.5\n",
    "orders/2026-01-01/part-1.csv": "order,amount\n3,4.0\n",
    "orders/2026-01-02/part-0.csv": "order,amount\n4,10.0\n",
}
ORDERS = sorted(name for name in FILES if name.startswith("orders/"))
POLICY = {"policy_id": "consumers", "revision": "1", "settle_seconds": 0}
LATE = "orders/2026-01-01/part-9.csv"


@attrs.define
class World:
    """`profile`: where truth is and the pack. `data`: the folder of the files. `root`: what requests name."""

    folder: Path
    profile: dict[str, Any]
    root: str
    fingerprint: str

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def request(self, key: str, **changes: Any) -> dict[str, Any]:
        return {
            "run_equivalence_key": key,
            "manifest_fingerprint": self.fingerprint,
            "parameter_hash": "b" * 64,
            "seed": 7,
            "scenario": {"scenario_id": "baseline"},
            "window": {
                "window_start_utc": f"{DAYS[0]}T00:00:00Z",
                "window_end_utc": "2026-01-03T00:00:00Z",
                "window_tz": "UTC",
            },
            "output_ids": ["customers", "orders"],
            "engine_run_root": self.root,
            **changes,
        }

    def submit(self, key: str = "first", **changes: Any) -> str:
        """A run to READY; its id."""
        outcome = self.outcome(key, **changes)
        assert outcome.published, outcome
        return outcome.run_id

    def outcome(self, key: str, **changes: Any) -> Outcome:
        with build_runner(self.profile, policy=POLICY) as runner:
            return runner.submit(self.request(key, **changes))

    def reemit(self, run_id: str, **how: Any) -> None:
        with build_runner(self.profile, policy=POLICY) as runner:
            runner.reemit(run_id, "READY_ONLY", **how)

    def view(self, run_id: str) -> Path:
        (path,) = (self.folder / "runs").glob(f"fraud-platform/*/sr/run_facts_view/{run_id}.json")
        return path

    def profile_file(self) -> Path:
        path = self.folder / "profile.yaml"
        path.write_text(yaml.safe_dump(self.profile))
        return path


def world(folder: Path, files: Mapping[str, str | bytes] = FILES, **sections: Any) -> World:
    """The files below ``data``, sealed, and a profile in files. `sections`: of the profile, instead of the usual."""
    data = folder / "data"
    for name, content in files.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    layout = infer(scan(data))
    for name, text in ((GATES, gates_text), (OUTPUTS, outputs_text)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text("gate.data", layout.outputs))
    profile = {
        "profile": "consumers",
        "runtime_root": str(folder / "runs"),
        "engine": {"interface_pack": str((folder / GATES).parent)},
        "authority": {"adapter": "sqlite", "path": str(folder / "authority.db")},
        **sections,
    }
    return World(folder, profile, str(data), seal(data).manifest_fingerprint)


def put(path: Path, text: str) -> None:
    """Another file in a file's place, as a writer that renames does."""
    fresh = path.with_name("fresh.tmp")
    fresh.write_text(text)
    fresh.rename(path)


def document(path: Path) -> Any:
    return json.loads(path.read_bytes())
