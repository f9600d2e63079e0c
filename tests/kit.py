"""A laboratory for flows: truth that outlives its processes, and fresh processes on it.

`Lab.memory` keeps truth in memory under a clock moved by hand; `Lab.files` keeps it in files
and SQLite. `lab.runner()` is a new process each time; nothing but the stores is shared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.file.bus import FileControlBus
from sr_adapters.file.root import FileEngineRoots
from sr_adapters.file.store import FileObjectStore
from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.bus import MemoryControlBus
from sr_adapters.memory.invoker import ScriptedInvoker
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.heartbeat import NoHeartbeat, boot_time
from sr_adapters.runtime.ids import SequentialIds
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.runtime.pool import SerialPool
from sr_adapters.runtime.timezones import known_timezone
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_domain.plan.pack import InterfacePack
from sr_domain.record.layout import store_identity_key
from sr_domain.record.ledger import Ledger, read_ledger
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Ports, Settings
from sr_domain.runner import ScenarioRunner
from sr_plugins.documents.policy import load_policy
from sr_plugins.laws import BUILTIN_LAWS
from sr_plugins.testing.memory import Listener
from sr_ports import EngineCall, EngineResult, Envelope
from tests.worlds import MF, PH, pack, write_files

PLATFORM = "platform_20260131T134200Z"
BASE = f"fraud-platform/{PLATFORM}/sr"
START = datetime(2026, 1, 31, 13, 42, tzinfo=UTC)
TTL_S = 60.0
WAIT_S = 600
LAWS = {law.kind: ProvidedLaw(law, "scenario-runner", "1.2.3", RunsIn.OWN) for law in BUILTIN_LAWS}
POLICY: Mapping[str, Any] = {
    "policy_id": "lab",
    "revision": "1",
    "evidence_wait_seconds": WAIT_S,
    "attempt_limit": 2,
    "retry_backoff_seconds": 2,
    "traffic_output_ids": ["events"],
}


def request(key: str = "key", **changes: Any) -> dict[str, Any]:
    """A request for every gated output of the small pack; a change to None leaves the field out."""
    document = {
        "run_equivalence_key": key,
        "manifest_fingerprint": MF,
        "parameter_hash": PH,
        "seed": 7,
        "scenario": {"scenario_id": "baseline"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": "2026-01-02T00:00:00Z",
            "window_tz": "Europe/London",
        },
        "output_ids": ["world", "events", "daily"],
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


class Told(SqliteAuthority):
    """An SQLite authority whose clock, but for its leases, is the lab's."""

    def __init__(self, path: str, clock: ManualClock) -> None:
        super().__init__(path)
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@attrs.define
class Lab:
    """Shared truth: `store`, `authority`, `bus`. `root`: where engine roots are written.

    `elapsed`: what the heartbeat measures a lease with; `lapse` lets every lease run out.
    """

    root: Path
    store: Any
    authority: Any
    bus: Any
    clock: ManualClock
    elapsed: Callable[[], float]
    ids: SequentialIds = attrs.field(factory=lambda: SequentialIds("lab"))
    listener: Listener = attrs.field(factory=Listener)

    @classmethod
    def memory(cls, root: Path) -> Lab:
        """In memory; authority, clock and heartbeat all go by the one clock moved by hand."""
        clock = ManualClock(START)
        return cls(root, MemoryObjectStore(), MemoryAuthority(clock.now), MemoryControlBus(), clock, clock.seconds)

    @classmethod
    def files(cls, root: Path) -> Lab:
        """Files and SQLite below `root`; leases go by the authority's own clock."""
        truth = root / "truth"
        truth.mkdir(parents=True)
        clock = ManualClock(START)
        authority = Told(str(truth / "authority.db"), clock)
        bus = FileControlBus(str(truth / "bus"))
        return cls(root, FileObjectStore(str(truth)), authority, bus, clock, boot_time)

    def runner(
        self,
        *,
        policy: Mapping[str, Any] | None = None,
        packed: InterfacePack | None = None,
        settings: Settings | None = None,
        engine: Callable[[EngineCall], EngineResult] | None = None,
        **ports: Any,
    ) -> ScenarioRunner:
        """A fresh process on this truth. `policy`: changes to the lab's. `ports`: instead of the lab's."""
        wired = {
            "store": self.store,
            "authority": self.authority,
            "bus": self.bus,
            "roots": FileEngineRoots(),
            "laws": LAWS,
            "platform": FixedPlatformRuns(PLATFORM),
            "clock": self.clock,
            "ids": self.ids,
            "pool": SerialPool(),
            "heartbeat": NoHeartbeat(elapsed=self.elapsed),
            "telemetry": self.listener,
            "known_timezone": known_timezone,
            "invoker": None if engine is None else ScriptedInvoker(engine),
            **ports,
        }
        return ScenarioRunner(
            Ports(**wired),
            load_policy({**POLICY, **(policy or {})}),
            packed or pack(),
            settings or Settings(lease_ttl_s=TTL_S, service_release_id="scenario-runner-1.2.3", environment="lab"),
        )

    def world(self, files: Mapping[str, bytes], name: str = "engine") -> str:
        """An engine root with these files; its path."""
        return str(write_files(self.root / name, files))

    def reuse(self, files: Mapping[str, bytes], **changes: Any) -> Outcome:
        """Submit the usual request over an engine root with these files."""
        return self.runner().submit(request(engine_run_root=self.world(files), **changes))

    def of_the_first_release(self) -> None:
        """As the first release left it: no identity of the store, an index that names no store, no places, no tails."""
        self.store.delete(store_identity_key())
        if isinstance(self.authority, SqliteAuthority):
            with self.authority._database.writing() as link:
                link.execute("UPDATE store_run SET store_id = '', seq = NULL, event_id = NULL")
                link.execute("UPDATE store_lease SET store_id = ''")
                link.execute("DELETE FROM store_place")
            return
        state = self.authority._state
        for store_id, key in list(state.by_key):
            one = attrs.evolve(state.by_key.pop((store_id, key)), store_id="")
            state.bind(one, attrs.evolve(state.index.pop((one.run_id, store_id)), tail=None))
        state.slots = {("", resource): slot for (_, resource), slot in state.slots.items()}
        state.places.clear()

    def never_released(self) -> None:
        """As when whoever worked on the runs died before the index was told anything of them."""
        if isinstance(self.authority, SqliteAuthority):
            with self.authority._database.writing() as link:
                link.execute("UPDATE store_run SET state = 'OPEN', settled = 0, seq = NULL, event_id = NULL")
            return
        index = self.authority._state.index
        index.update({key: attrs.evolve(row, state="OPEN", settled=False, tail=None) for key, row in index.items()})

    def lapse(self) -> None:
        """Let every lease run out, by the manual clock."""
        self.clock.sleep(TTL_S + 1)

    def truth(self) -> dict[str, bytes]:
        """Every stored object by key."""
        found = {one.key: self.store.read(one.key) for one in self.store.list("fraud-platform/")}
        return {key: blob.data for key, blob in found.items() if blob is not None}

    def document(self, kind: str, run_id: str) -> dict[str, Any]:
        """A stored artifact of a run."""
        made: dict[str, Any] = json.loads(self.store.read(f"{BASE}/{kind}/{run_id}.json").data)
        return made

    def ledger(self, run_id: str) -> Ledger:
        """The run's record, read strictly."""
        blob = self.store.read(f"{BASE}/run_record/{run_id}.jsonl")
        return Ledger(run_id) if blob is None else read_ledger(run_id, blob.data)

    def kinds(self, run_id: str) -> list[str]:
        """The kinds of the record's events, in order."""
        return [event.event_kind for event in self.ledger(run_id).events]

    def published(self) -> list[Envelope]:
        """Everything on the bus."""
        return list(self.bus.tail("fp.bus.control.v1"))
