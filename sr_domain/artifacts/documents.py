"""Values that artifacts are made from, and the envelope that facts travel in. Pure.

What each artifact looks like is a matter of the revision: see `revisions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.contracts import validate
from sr_domain.plan.sealed import SealedOutput
from sr_domain.record.layout import Layout
from sr_ports import Envelope


def digest_node(hex64: str) -> dict[str, str]:
    """The wire's digest object."""
    return {"algo": "sha256", "hex": hex64}


def instance_scope(output: SealedOutput, pins: Mapping[str, Any]) -> dict[str, Any]:
    """The scope an instance receipt is bound to: the world, and the pins the output's scope names."""
    return {pin: pins[pin] for pin in ("manifest_fingerprint", *output.instance_pins)}


def control_fact(
    topic: str,
    kind: str,
    message_id: str,
    payload: Mapping[str, Any],
    *,
    layout: Layout,
    run_id: str,
    at: str,
    more: Mapping[str, str],
) -> Envelope:
    """A control fact about a run, in its envelope (spec: wire, "bus envelope"). Raises `ContractViolation`.

    `layout`: of the home of the run that the fact speaks of; a bus files it there. `at`: RFC 3339.
    `more`: further attributes: which store holds the run, and what a consumer needs beyond the payload.
    """
    envelope = Envelope(
        topic=topic,
        message_id=message_id,
        published_at_utc=at,
        attributes={"kind": kind, "run_id": run_id, "platform_run_id": layout.platform_run_id, **more},
        partition_key=run_id,
        payload=payload,
    )
    validate("bus_envelope", attrs.asdict(envelope))
    return envelope
