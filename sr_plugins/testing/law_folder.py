"""A working folder of the command line where one law decides: data, a pack of one gate, a profile and a request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from sr_plugins.testing.world import DAY, MANIFEST, PARAMETERS

KEY: Final = "orders-1"
_OUTPUT: Final[Mapping[str, Any]] = {
    "output_id": "orders",
    "path_template": "orders/part-*.csv",
    "scope": "scope_manifest_fingerprint",
    "partitions": ["manifest_fingerprint"],
    "availability": "required",
    "read_requires_gates": ["gate.data"],
}
_REQUEST: Final[Mapping[str, Any]] = {
    "run_equivalence_key": KEY,
    "manifest_fingerprint": MANIFEST,
    "parameter_hash": PARAMETERS,
    "seed": 0,
    "scenario": {"scenario_id": "baseline"},
    "window": {
        "window_start_utc": f"{DAY}T00:00:00Z",
        "window_end_utc": "2026-01-02T00:00:00Z",
        "window_tz": "UTC",
    },
    "output_ids": ["orders"],
    "engine_run_root": "data",
}


@attrs.frozen
class LawFolder:
    """Where ``sr submit request.json`` has a law judge ``data/``, the engine root, which is one bundle.

    `flag`: the path of the gate's flag below it. The gate ``gate.data`` authorises the output ``orders``, which is
    ``orders/part-*.csv``; the run's key is `KEY`.
    """

    folder: Path
    flag: str

    @classmethod
    def write(cls, folder: Path, files: Mapping[str, bytes], flag: str, method: Mapping[str, Any]) -> LawFolder:
        """The folder with these files of data, the flag among them. `method`: the gate's ``verification_method``."""
        made = cls(folder, flag)
        for name, data in files.items():
            path = made.data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (folder / "pack").mkdir()
        made.judge_by(method)
        made._write("pack/engine_outputs.catalogue.yaml", {"version": "1", "outputs": [_OUTPUT]})  # JSON is YAML
        made._write("sr.yaml", {"runtime_root": "runs", "engine": {"interface_pack": "pack"}})
        made._write("request.json", _REQUEST)
        return made

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def judge_by(self, method: Mapping[str, Any]) -> None:
        """Give the gate another ``verification_method``."""
        gate = {
            "gate_id": "gate.data",
            "scope": "fingerprint",
            "bundle_root_template": "./",
            "passed_flag_path_template": self.flag,
            "verification_method": dict(method),
            "upstream_gate_dependencies": [],
            "authorizes_outputs": ["orders"],
        }
        self._write("pack/engine_gates.map.yaml", {"version": "1", "gates": [gate]})

    def sr(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What a command says here, in a process of its own."""
        return self._run([str(_BIN / "sr"), *words])

    def json(self, *words: str) -> Any:
        """The one document that a command answers with."""
        return json.loads(self.sr("--json", *words).stdout)

    def sh(self, script: str, *places: Path) -> subprocess.CompletedProcess[str]:
        """What a script for the shell says here, such as a README's. `places`: before the others on its PATH."""
        path = os.pathsep.join([*map(str, (_BIN, *places)), os.environ["PATH"]])
        return self._run(["sh", "-e"], script, PATH=path)

    def _run(self, words: list[str], said: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "PLATFORM_"))}
        return subprocess.run(
            words, input=said, cwd=self.folder, env={**own, **more}, capture_output=True, text=True, check=False
        )

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        (self.folder / name).write_text(json.dumps(document), "utf-8")


_BIN: Final = Path(sys.executable).parent
