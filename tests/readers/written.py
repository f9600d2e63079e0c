"""What Scenario Runner wrote in real runs, read back from files with nothing but `json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import EngineCall, EngineResult
from tests.kit import START, Lab, request
from tests.worlds import FLAG, MF, PH, engine, small_world

Document = dict[str, Any]
KINDS = {
    "run_plan": "run_plan",
    "run_status": "run_status",
    "run_facts_view": "run_facts_view",
    "ready_signal": "ready_signal",
    "quarantine": "quarantine_record",
}
"""The contract of the documents in each folder of truth."""
PAYLOADS = {
    "READY": "ready_signal",
    "READY_REEMIT": "ready_signal",
    "TERMINAL_REEMIT": "terminal_signal",
    "RUN_SUPERSEDED": "run_superseded",
}
"""The contract of what a fact of each kind carries."""
ORACLE = {
    "version": "1",
    "oracle_pack_id": "c" * 64,
    "world_key": {"manifest_fingerprint": MF, "parameter_hash": PH, "scenario_id": "baseline", "seed": 7},
    "engine_release": "engine-1",
    "catalogue_digest": "d" * 64,
    "gate_map_digest": "e" * 64,
    "created_at_utc": "2026-01-01T00:00:00Z",
}


@attrs.frozen
class Written:
    """`documents`: by contract, with where each was found. `calls`: what the engine was asked."""

    folder: Path
    documents: Mapping[str, list[tuple[str, Document]]]

    def of(self, contract: str) -> list[tuple[str, Document]]:
        """Every document of this contract; there is at least one."""
        found = self.documents.get(contract, [])
        assert found, f"no run wrote a {contract}"
        return found


def real_runs(folder: Path) -> Written:
    """Runs that were reused, invoked, made to wait, failed, quarantined, superseded and re-emitted."""
    lab, found = Lab.files(folder), dict[str, list[tuple[str, Document]]]()
    calls: list[EngineCall] = []

    def keep(contract: str, where: str, document: Document) -> None:
        found.setdefault(contract, []).append((where, document))

    def settle(name: str) -> None:
        for where, contract, document in _stored(folder / "truth"):
            keep(contract, f"{name}: {where}", document)

    def asked(call: EngineCall) -> EngineResult:
        calls.append(call)
        return engine(folder / f"made-{call.attempt_no}", small_world(str(call.invocation["notes"])))(call)

    _ready(lab, asked)
    settle("ready")
    _not_ready(lab)
    settle("the rest")
    for call in calls:
        keep("engine_invocation", "asked of the engine", json.loads(json.dumps(call.invocation)))
    lab.authority.close()
    return Written(folder, found)


def _ready(lab: Lab, asked: Any) -> None:
    sealed = {**small_world("reused"), "_oracle_pack_manifest.json": json.dumps(ORACLE).encode()}
    reused = lab.world(sealed, "reused")
    assert lab.runner().submit(request("reused", engine_run_root=reused)).state is RunState.READY
    more = {"request_id": "r-1", "invoker": "somebody", "notes": "invoked"}
    assert lab.runner(engine=asked).submit(request("invoked", **more)).state is RunState.READY
    successor = request("successor", engine_run_root=reused, supersedes=run_id_for("reused"), notes="late sales")
    assert lab.runner().submit(successor).state is RunState.READY


def _not_ready(lab: Lab) -> None:
    broken = lab.runner(engine=lambda call: EngineResult(None, None), policy={"attempt_limit": 1})
    assert broken.submit(request("failed", requested_strategy="FORCE_INVOKE")).state is RunState.FAILED
    torn = small_world("waiting")
    del torn["gates/gate.b/" + FLAG]
    waits = request("waiting", engine_run_root=lab.world(torn, "waiting"))
    assert lab.runner().submit(waits).state is RunState.WAITING_EVIDENCE
    wrong = {**small_world("bad"), "gates/gate.a/z.csv": b"tampered"}
    bad = lab.runner().submit(request("bad", engine_run_root=lab.world(wrong, "bad")))
    assert bad.state is RunState.QUARANTINED
    for key in ("invoked", "failed", "bad"):
        lab.clock.sleep(1)
        lab.runner().reemit(run_id_for(key), "BOTH", reason="asked again", actor="operator")
    assert lab.clock.now() > START


def _stored(root: Path) -> Iterator[tuple[str, str, Document]]:
    """Every document below the store and on the file bus, and those within them: place, contract, document."""
    for path in sorted(root.rglob("*.json*")):
        where = path.relative_to(root).as_posix()
        if "/instance_receipts/" in where and path.name == "instance_receipt.json":
            yield where, "instance_receipt", json.loads(path.read_bytes())
        elif path.parent.name in KINDS:
            document = json.loads(path.read_bytes())
            yield where, KINDS[path.parent.name], document
            yield from _within(where, document)
        elif path.parent.name == "run_record":
            yield from _record(where, path)
        elif path.parent.name.startswith("fp.bus."):
            yield from _envelope(where, json.loads(path.read_bytes()))


def _within(where: str, document: Document) -> Iterator[tuple[str, str, Document]]:
    parts = {"locators": "output_locator", "gate_receipts": "gate_receipt", "instance_receipts": "instance_receipt"}
    for part, contract in parts.items():
        for at, one in enumerate(document.get(part, ())):
            yield f"{where} {part}[{at}]", contract, one
    if "oracle_pack_ref" in document:
        yield f"{where} oracle_pack_ref", "oracle_pack_ref", document["oracle_pack_ref"]


def _record(where: str, path: Path) -> Iterator[tuple[str, str, Document]]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        event = json.loads(line)
        yield f"{where}:{number}", "run_record_event", event
        if event["event_kind"] == "ENGINE_ATTEMPT_FINISHED":
            yield f"{where}:{number}", "engine_attempt", event["details"]


def _envelope(where: str, envelope: Document) -> Iterator[tuple[str, str, Document]]:
    yield where, "bus_envelope", envelope
    yield f"{where} payload", PAYLOADS[envelope["attributes"]["kind"]], envelope["payload"]
