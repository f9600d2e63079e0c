"""What somebody plants in a simulation's store: well formed artifacts of the very run, of bytes that it never saw."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import SrError
from tests.reliability.lab import PLATFORM, Lab, request
from tests.reliability.memory_world import roots, world

BASE = f"fraud-platform/{PLATFORM}/sr"
RUN = run_id_for("key")
FACTS, SIGNAL, STATUS = (f"{BASE}/{kind}/{RUN}.json" for kind in ("run_facts_view", "ready_signal", "run_status"))


@functools.cache
def forged() -> dict[str, bytes]:
    """Artifacts of the run of the simulation's key, READY of other bytes elsewhere: by key, the receipt among them."""
    lab = Lab(Path("/"))
    ports = {**lab.world_ports(), "roots": roots(world(events=b"x"))}
    assert lab.runner(ports).submit(request(engine_run_root="memory")).state is RunState.READY
    (receipt,) = [one.key for one in lab.store.list(f"{BASE}/instance_receipts/")]
    return {key: lab.store.read(key).data for key in (FACTS, SIGNAL, STATUS, receipt)}


@attrs.define
class Planted:
    """What was planted in a store, by key."""

    store: Any
    there: dict[str, bytes] = attrs.field(factory=dict)

    def plant(self, key: str) -> None:
        """Put what was forged there, unless something stands."""
        if self.store.create(key, forged()[key]) is not None:
            self.there[key] = forged()[key]

    def own(self, key: str) -> bytes | None:
        """What a worker has written at `key`; None where nothing stands, or only what was planted."""
        blob = self.store.read(key)
        return None if blob is None or blob.data == self.there.get(key) else blob.data

    @property
    def standing(self) -> list[str]:
        """Where what was planted stands still."""
        found = {key: self.store.read(key) for key in self.there}
        return [key for key, blob in found.items() if blob is not None and blob.data == self.there[key]]

    @property
    def digests(self) -> set[str]:
        """The sha256 of all that was planted."""
        return {sha256_hex(data) for data in self.there.values()}

    def set_aside(self, runner: Any, run_id: str = RUN) -> None:
        """An operator sets aside whatever stands in the run's way."""
        for key in self.standing:
            try:
                if "instance_receipts" in key:
                    runner.recover_receipt(run_id, "events", reason="drill", actor="operator")
                elif run_id == RUN:
                    runner.recover_artifact(run_id, key, reason="drill", actor="operator")
            except SrError:  # something else is in its way first, or it stands in nobody's way yet
                continue
