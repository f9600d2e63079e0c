"""Values that artifacts are made from, and the envelope that facts travel in. Pure.

What each artifact looks like is a matter of the revision: see `revisions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.contracts import validate
from sr_domain.evidence.verdict import GateProof, OutputProof
from sr_domain.plan.sealed import SealedOutput
from sr_domain.record.layout import Layout
from sr_ports import Envelope


def digest_node(hex64: str) -> dict[str, str]:
    """The wire's digest object."""
    return {"algo": "sha256", "hex": hex64}


def instance_scope(output: SealedOutput, pins: Mapping[str, Any]) -> dict[str, Any]:
    """The scope an instance receipt is bound to: the world, and the pins the output's scope names."""
    return {pin: pins[pin] for pin in ("manifest_fingerprint", *output.instance_pins)}


@attrs.frozen
class Decision:
    """What EVIDENCE_COMPLETE decided: enough to write the facts view again, byte for byte.

    `laws`: gate id → ``kind``, ``distribution``, ``version``.
    """

    outputs: tuple[OutputProof, ...]
    gates: tuple[GateProof, ...]
    laws: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = ()
    oracle_pack_ref: Mapping[str, Any] | None = None
    service_release_id: str | None = None
    environment: str | None = None
    config_revision: str | None = None

    def document(self) -> dict[str, Any]:
        """JSON form for the record."""
        node = attrs.asdict(self)
        return {key: _plain(value) for key, value in node.items() if value is not None}

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Decision:
        """The value a record's JSON form stands for."""
        known = {field.name for field in attrs.fields(cls)}
        parts = {key: value for key, value in node.items() if key in known}
        parts["outputs"] = tuple(OutputProof(**one) for one in node["outputs"])
        parts["gates"] = tuple(GateProof(**one) for one in node["gates"])
        parts["notes"] = tuple(node.get("notes", ()))
        return cls(**parts)


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if value is not None}
    return [_plain(one) for one in node] if isinstance(node, list | tuple) else node


def control_fact(
    topic: str, kind: str, message_id: str, payload: Mapping[str, Any], *, layout: Layout, run_id: str, at: str
) -> Envelope:
    """A control fact about a run, in its envelope (spec: wire, "bus envelope"). Raises `ContractViolation`."""
    envelope = Envelope(
        topic=topic,
        message_id=message_id,
        published_at_utc=at,
        attributes={"kind": kind, "run_id": run_id, "platform_run_id": layout.platform_run_id},
        partition_key=run_id,
        payload=payload,
    )
    validate("bus_envelope", attrs.asdict(envelope))
    return envelope
