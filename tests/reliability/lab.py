"""A laboratory: in-memory truth, a virtual clock, and as many processes on it as a test wants."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.bus import MemoryControlBus
from sr_adapters.memory.invoker import ScriptedInvoker
from sr_adapters.memory.root import MemoryEngineRoots
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.heartbeat import NoHeartbeat
from sr_adapters.runtime.ids import SequentialIds
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.runtime.pool import SerialPool
from sr_domain import (
    GateSpec,
    InterfacePack,
    OutputSpec,
    Policy,
    PolicyRev,
    Ports,
    ProvidedLaw,
    ScenarioRunner,
    Settings,
)
from sr_domain.evidence.provided_law import LawStopped, RunsIn
from sr_domain.plan.policy import MemberDigests
from sr_domain.record.ledger import Ledger, check_ledger
from sr_plugins.laws import BUILTIN_LAWS
from sr_plugins.wiring.sinks import FanOut
from sr_ports import BundleView, EngineCall, EngineResult, Envelope, VerificationMethod

PLATFORM = "platform_20260131T134200Z"
TTL_S = 60.0
START = datetime(2026, 1, 31, 13, 42, tzinfo=UTC)

PACK = InterfacePack(
    outputs={
        "events": OutputSpec(
            "events",
            "data/events/seed={seed}/manifest_fingerprint={manifest_fingerprint}/",
            "scope_seed_manifest_fingerprint",
            ("seed", "manifest_fingerprint"),
        ),
        "world": OutputSpec("world", "data/world.bin", "scope_global"),
    },
    gates={
        "gate.up": GateSpec(
            "gate.up",
            "up/_passed.flag",
            "up/",
            VerificationMethod("sha256_bundle_digest", exclude_filenames=("_passed.flag",)),
        ),
        "gate.end": GateSpec(
            "gate.end",
            "end/_passed.flag",
            "end/",
            VerificationMethod("sha256_bundle_digest", exclude_filenames=("_passed.flag",)),
            authorizes_outputs=("events", "world"),
            upstream_gate_dependencies=("gate.up",),
        ),
    },
    digest="0" * 64,
)
LAWS = {law.kind: ProvidedLaw(law, "scenario-runner", "0", RunsIn.OWN) for law in BUILTIN_LAWS}


@attrs.define
class Fickle:
    """A law of another distribution: the first built-in one, save while it is `broken`."""

    broken: bool = False
    kind: str = BUILTIN_LAWS[0].kind

    def digest(self, bundle: BundleView) -> str:
        if self.broken:
            raise LawStopped("its process was ended by SIGSEGV")
        return BUILTIN_LAWS[0].digest(bundle)

    def laws(self) -> dict[str, ProvidedLaw]:
        """The lab's laws, this one in the place of its like."""
        return {**LAWS, self.kind: ProvidedLaw(self, "acme-laws", "1.2", RunsIn.WORKER)}


def request(key: str = "key", **changes: Any) -> dict[str, Any]:
    """A request for both outputs of the lab's pack."""
    return {
        "run_equivalence_key": key,
        "manifest_fingerprint": "a" * 64,
        "parameter_hash": "b" * 64,
        "seed": 7,
        "scenario": {"scenario_id": "baseline"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": "2026-01-02T00:00:00Z",
            "window_tz": "UTC",
        },
        "output_ids": ["events", "world"],
        **changes,
    }


def write_world(root: Path, *, skip: tuple[str, ...] = (), spoil: str = "") -> None:
    """An engine root of the lab's pack. `skip`: gates or outputs to leave out. `spoil`: a gate to contradict."""
    files = {
        "events": f"data/events/seed=7/manifest_fingerprint={'a' * 64}/part-0.bin",
        "more": f"data/events/seed=7/manifest_fingerprint={'a' * 64}/part-1.bin",
        "world": "data/world.bin",
    }
    for name, path in files.items():
        if name not in skip and not (name == "more" and "events" in skip):
            _put(root / path, name.encode() * 50)
    for gate in ("up", "end"):
        if f"gate.{gate}" in skip:
            continue
        data = f"report of {gate}".encode()
        _put(root / gate / "report.json", data)
        stated = hashlib.sha256(b"other" if spoil == f"gate.{gate}" else data).hexdigest()
        _put(root / gate / "_passed.flag", f"sha256_hex = {stated}\n".encode())


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@attrs.frozen
class Schemes:
    """Engine roots of several kinds, by the scheme of their URIs; "" is a path."""

    kinds: Mapping[str, Any]

    def open(self, uri: str) -> Any:
        return self._of(uri).open(uri)

    def keep(self, uri: str, path: str, source: Callable[..., object]) -> None:
        self._of(uri).keep(uri, path, source)

    def _of(self, uri: str) -> Any:
        head, colon, _ = uri.partition(":")
        return self.kinds[head if colon else ""]


@attrs.define
class Lab:
    """Truth that outlives its processes. `root`: the engine root on disk.

    `expire`: ends every lease of an authority that has a clock of its own. `copies`: where copies of engine roots may
    lie; `publish_root`: where this lab's runs have them, if anywhere.
    """

    root: Path
    store: Any = attrs.field(factory=MemoryObjectStore)
    bus: Any = attrs.field(factory=MemoryControlBus)
    clock: ManualClock = attrs.field(factory=lambda: ManualClock(START))
    ids: SequentialIds = attrs.field(factory=lambda: SequentialIds("lab"))
    authority: Any = None
    wait_s: int = 600
    attempt_limit: int = 2
    law: Fickle = attrs.field(factory=Fickle)
    engine: Callable[[EngineCall], EngineResult] | None = None
    expire: Callable[[], None] = lambda: None
    roots: Any = attrs.field(factory=lambda: Schemes({"memory": MemoryEngineRoots({}), "": FileEngineRoots()}))
    copies: str = "memory:copies"
    publish_root: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.authority is None:
            self.authority = MemoryAuthority(self.clock.now)

    def world_ports(self) -> dict[str, Any]:
        """The ports that hold or move truth, by name: what a crash harness wraps."""
        ports: dict[str, Any] = {
            "store": self.store,
            "authority": self.authority,
            "bus": self.bus,
            "roots": self.roots,
        }
        if self.engine is not None:
            ports["invoker"] = ScriptedInvoker(self.engine)
        return ports

    def runner(self, ports: Mapping[str, Any] | None = None) -> ScenarioRunner:
        """A fresh process on this truth."""
        wired = dict(ports or self.world_ports())
        return ScenarioRunner(
            Ports(
                laws=self.law.laws(),
                platform=wired.pop("platform", FixedPlatformRuns(PLATFORM)),
                clock=wired.pop("clock", self.clock),
                ids=self.ids,
                pool=wired.pop("pool", SerialPool()),
                heartbeat=NoHeartbeat(elapsed=self.clock.seconds),
                telemetry=FanOut(()),
                known_timezone=lambda name: name == "UTC",
                **wired,
            ),
            Policy(
                PolicyRev("lab", "1", "0" * 64),
                evidence_wait_seconds=self.wait_s,
                attempt_limit=self.attempt_limit,
                member_digests=MemberDigests.ENFORCE,
            ),
            PACK,
            Settings(lease_ttl_s=TTL_S, publish_root=self.publish_root),
        )

    def lapse(self) -> None:
        """Let every lease run out."""
        self.clock.sleep(TTL_S + 1)
        self.expire()

    def ready_messages(self) -> list[Envelope]:
        """Every READY on the bus, repetitions and all."""
        return [one for one in self.bus.tail("fp.bus.control.v1") if one.attributes["kind"] == "READY"]

    def ledger(self, run_id: str) -> Ledger:
        """The run's record, which must be sound."""
        blob = self.store.read(f"fraud-platform/{PLATFORM}/sr/run_record/{run_id}.jsonl")
        ledger = check_ledger(run_id, b"" if blob is None else blob.data)
        assert isinstance(ledger, Ledger), ledger
        return ledger
