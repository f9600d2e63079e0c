"""Under Scenario Runner an engine knows its run from its environment."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import attrs

from sr_adapters.sealing.errors import SealRefused

INVOCATION_ENV, ROOT_ENV = "SR_ENGINE_INVOCATION_JSON", "SR_ENGINE_RUN_ROOT"
_UNDER = "make the program the profile's invoker.command, as sr init SAMPLE --engine CMD does: sr submit then runs it"


@attrs.frozen
class Pins:
    """What a run's receipt names. `manifest_fingerprint`, `parameter_hash`: hex64. `run_id`: hex32."""

    run_id: str
    manifest_fingerprint: str
    parameter_hash: str
    seed: int

    def receipt(self) -> bytes:
        """``run_receipt.json`` of the run."""
        return (json.dumps(attrs.asdict(self), indent=2, sort_keys=True) + "\n").encode()


@attrs.frozen
class EngineRun:
    """The run that an engine makes. `root`: where its outputs go. `invocation`: as Scenario Runner sent it."""

    root: str
    pins: Pins
    invocation: Mapping[str, Any]

    def variables(self) -> dict[str, str]:
        """The pins as environment variables: a program then needs to read no JSON."""
        pins = self.pins
        named = {
            ROOT_ENV: self.root,
            "SR_RUN_ID": pins.run_id,
            "SR_MANIFEST_FINGERPRINT": pins.manifest_fingerprint,
            "SR_PARAMETER_HASH": pins.parameter_hash,
            "SR_SEED": str(pins.seed),
        }
        scenario = _scenario(self.invocation.get("scenario_binding"))
        return named if scenario is None else {**named, "SR_SCENARIO_ID": scenario}


def engine_run(environment: Mapping[str, str] | None = None) -> EngineRun:
    """The run that this process is to make. `environment`: the process's own by default.

    Raises `SealRefused` where the process was not started by Scenario Runner.
    """
    given = os.environ if environment is None else environment
    text, root = given.get(INVOCATION_ENV), given.get(ROOT_ENV)
    if not text:
        raise SealRefused(f"{INVOCATION_ENV} is not set: no run is being made here", _UNDER)
    try:
        invocation = json.loads(text)
        world, parameters = str(invocation["manifest_fingerprint"]), str(invocation["parameter_hash"])
        pins = Pins(str(invocation["run_id"]), world, parameters, int(invocation["seed"]))
        root = root or str(invocation["engine_run_root"])
    except (ValueError, TypeError, KeyError) as error:
        raise SealRefused(f"{INVOCATION_ENV} is no invocation: {error!r}", _UNDER) from error
    return EngineRun(root, pins, invocation)


def _scenario(binding: Any) -> str | None:
    """The scenario's id; of a set of names its own (``scnset_`` and 16 hex)."""
    if not isinstance(binding, dict):
        return None
    names = binding.get("scenario_set")
    if binding.get("scenario_id") is None and names:
        return "scnset_" + hashlib.sha256("|".join(sorted(set(map(str, names)))).encode()).hexdigest()[:16]
    return None if binding.get("scenario_id") is None else str(binding["scenario_id"])
