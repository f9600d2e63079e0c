"""The engine's own receipt of its run: ``run_receipt.json`` in its root."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sr_domain.encoding.contracts import Problem, problem
from sr_domain.encoding.names import lower_hex
from sr_domain.evidence.small_files import parse_small, read_small
from sr_ports import EngineRoot, EvidenceFault, ListingRules, ReasonCode
from sr_ports.wanted import TODAY

RECEIPT = "run_receipt.json"
_LIMIT = 256 << 10
_WORLD = ("manifest_fingerprint", "parameter_hash", "seed")


Misfit = Callable[[str, Any], Problem | None]
"""What breaks the contract of a name, also where a pack asks for more; None when a document fits."""


def read_receipt(root: EngineRoot, misfit: Misfit = problem, rules: ListingRules = TODAY) -> dict[str, Any] | None:
    """The receipt; None when there is none.

    Raises `EvidenceFault` for one that is no plain file or does not fit its contract, `CutShort` for one that
    merely ends too early, `Unreachable`.
    """
    if root.stat(RECEIPT, rules) is None:
        return None
    data = read_small(root, RECEIPT, _LIMIT, rules)
    receipt = parse_small(data, RECEIPT, _LIMIT, ReasonCode.ENGINE_RECEIPT_INVALID)
    receipt = lower_hex(receipt, "run_id", "manifest_fingerprint", "parameter_hash")
    wrong = misfit("run_receipt", receipt)
    if wrong is not None:
        raise EvidenceFault(ReasonCode.ENGINE_RECEIPT_INVALID, f"run_receipt: {wrong.what}", RECEIPT)
    made: dict[str, Any] = receipt
    return made


def mismatch(receipt: Mapping[str, Any], pins: Mapping[str, Any], *, run_id: bool) -> str | None:
    """Which pin the receipt has otherwise than the run; None when it is the run's. `run_id`: whether that counts."""
    for pin in ("run_id", *_WORLD) if run_id else _WORLD:
        if receipt[pin] != pins[pin]:
            return f"{RECEIPT} has {pin} {json.dumps(receipt[pin])[:80]}, the run has {json.dumps(pins[pin])}"
    return None


def run_id_in(root: EngineRoot, default: str) -> str:
    """The engine's own run id where a sound receipt names it, else `default`: for a look, not for a verdict."""
    try:
        receipt = read_receipt(root)
    except EvidenceFault:
        return default
    return default if receipt is None else str(receipt["run_id"])
