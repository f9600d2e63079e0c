"""Where an attack happens: a working folder with a pack, a profile, a policy and a world, and `sr` in it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.encoding.ids import run_id_for
from tests.adversary.moments import Moments, watched
from tests.adversary.world import NAMES, THIRD, pack, proven, world, write
from tests.cli.conftest import Answer, Shell

PLATFORM = "platform_20260201T000000Z"
RUN = run_id_for("key")
BASE = f"fraud-platform/{PLATFORM}/sr"
WAITING, FAILED, FAULT, RESTS = 3, 4, 5, 9
"""Exit codes: waits or is in flight; FAILED; QUARANTINED, or a fault was found; a worker's fault."""
LOSS = ("--accept-loss", "--reason", "planted")
SUFFIX = {"run_record": "jsonl", "attestation": "dsse.json"}


@attrs.frozen
class Scene:
    """A folder of its own. `shell` runs `sr` there, each command as if from a new process."""

    folder: Path
    shell: Shell

    @classmethod
    def set(cls, folder: Path, capsys: pytest.CaptureFixture[str], **how: Any) -> Scene:
        """A scene with a sound world in `engine`. `how`: as of `wire`."""
        folder.mkdir(parents=True, exist_ok=True)
        scene = cls(folder, Shell(folder, capsys))
        pack(folder / "pack")
        scene.wire(**how)
        write(scene.root, world())
        return scene

    @property
    def root(self) -> Path:
        """The engine root."""
        return self.folder / "engine"

    def wire(self, *, wait_s: int = 600, settle_s: int = 0, profile: Mapping[str, Any] | None = None) -> None:
        """Write profile and policy. `settle_s`: for how long a contradiction has to stand before it is believed."""
        engine = {"interface_pack": "pack"}
        sections = {"runtime_root": "runs", "engine": engine, "evidence": {"workers": 1}, **(profile or {})}
        (self.folder / "profile.yaml").write_text(json.dumps(sections))
        policy = {"policy_id": "adversary", "revision": "1", "evidence_wait_seconds": wait_s}
        policy |= {"settle_seconds": settle_s}
        (self.folder / "policy.yaml").write_text(json.dumps(policy))
        with contextlib.chdir(self.folder):
            assert self.shell.bare("policy", "seal", "policy.yaml").code == 0

    def sr(self, *args: str) -> Answer:
        with contextlib.chdir(self.folder):
            return self.shell("--json", *args)

    def submit(self, key: str = "key", *args: str, **changes: Any) -> Answer:
        """Submit the request of `key` over the world in `engine`. `changes`: to the request."""
        changes = {"engine_run_root": "engine", "output_ids": ["orders", "customers"], **changes}
        return self.sr("submit", self.shell.request(key, f"{key}.yaml", **changes), *args)

    def attacked(self, moments: Moments, *command: str) -> Answer:
        """The usual submit, or `command`, with something done at its moments."""
        with watched(moments):
            return self.sr(*command) if command else self.submit()

    def moments(self, **how: Any) -> Moments:
        return Moments(NAMES, **how)

    def artifact(self, kind: str, run_id: str = RUN) -> Path:
        """Where an artifact of a run stands, or would."""
        return self.folder / "runs" / self.key(kind, run_id)

    def key(self, kind: str, run_id: str = RUN) -> str:
        """The store's key of it."""
        return f"{BASE}/{kind}/{run_id}.{SUFFIX.get(kind, 'json')}"

    def stored(self, pattern: str) -> list[Path]:
        """Objects of the platform run whose key fits."""
        return sorted(one for one in (self.folder / "runs" / BASE).glob(pattern) if one.is_file())

    def record(self, run_id: str = RUN) -> list[dict[str, Any]]:
        """The events on record."""
        path = self.artifact("run_record", run_id)
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def kinds(self, run_id: str = RUN) -> list[str]:
        return [event["event_kind"] for event in self.record(run_id)]

    def published(self) -> list[dict[str, Any]]:
        """Every envelope on the bus."""
        found = sorted((self.folder / "runs").glob("**/fp.bus.control.v1/*.json"))
        return [json.loads(path.read_text()) for path in found]

    def told(self, run_id: str = RUN) -> dict[str, str]:
        """The digest of every output that consumers of the run are told of."""
        facts = json.loads(self.artifact("run_facts_view", run_id).read_text())
        return {one["output_id"]: one["content_digest"]["hex"] for one in facts["locators"]}

    def ready(self, answer: Answer, files: Mapping[str, bytes], run_id: str = RUN) -> None:
        """The run is READY of these files, was told of as that, and nothing else was."""
        assert (answer.code, answer.json["state"]) == (0, "READY"), answer
        assert self.told(run_id) == proven(files)
        said = [one for one in self.published() if one["attributes"]["run_id"] == run_id]
        assert {one["attributes"]["kind"] for one in said} == {"READY"}
        facts = json.loads(self.artifact("run_facts_view", run_id).read_text())
        assert {one["payload"]["bundle_hash"] for one in said} == {facts["bundle_hash"]}

    def still_ready(self, answer: Answer, joined: bytes | None = None) -> None:
        """The run is READY of a sound world, for what was done came too late.

        `joined`: the bytes of a file that came to the orders before they were listed: no seal is broken by one that
        it does not name.
        """
        files = world()
        if joined is not None and self.told() == proven({**files, THIRD: joined}):
            files[THIRD] = joined
        self.ready(answer, files)

    def not_ready(self, answer: Answer, *codes: int) -> None:
        """Nobody is told that the run is READY. `codes`: the exit codes it may have ended with."""
        assert answer.code in codes, answer
        assert not self.published()
        assert "EVIDENCE_COMPLETE" not in self.kinds()


def scenes(folder: Path, capsys: pytest.CaptureFixture[str], **how: Any) -> Iterator[Scene]:
    """One fresh scene after the other, below `folder`."""
    number = 0
    while True:
        yield Scene.set(folder / f"scene-{number}", capsys, **how)
        number += 1
