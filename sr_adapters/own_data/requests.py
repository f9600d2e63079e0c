"""Requests for own data: before they are sealed, once they are, and for an engine that makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sr_adapters.own_data.documents import window_node
from sr_domain.encoding.canonical import digest_of

Days = tuple[str, str]
NO_DAY: Days = ("1970-01-01", "1970-01-01")
"""The window of data that know no day: no clock is asked, so that the same data make the same request."""

KEPT = ("seed", "scenario", "invoker", "notes", "requested_strategy")
"""What a person may have changed in a request, and sealing leaves as it is."""
_BEGIN: Mapping[str, Any] = {"seed": 0, "scenario": {"scenario_id": "baseline"}}


def unsealed_request(window: Days | None, output_ids: Sequence[str], data: str) -> dict[str, Any]:
    """What is known before the data are sealed: neither key nor pins."""
    node = window_node(*(window or NO_DAY))
    return {**_BEGIN, "window": node, "output_ids": list(output_ids), "engine_run_root": data}


def own_request(
    name: str, window: Days | None, output_ids: Sequence[str], data: str, fingerprint: str
) -> dict[str, Any]:
    """The request for data that came with their own proof. `fingerprint`: of that."""
    days = window or NO_DAY
    return sealed_request(name, days, output_ids, data, fingerprint=fingerprint, parameters={}, before={})


def sealed_request(
    name: str,
    window: Days,
    output_ids: Sequence[str],
    data: str | None,
    *,
    fingerprint: str,
    parameters: Any,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """The request for one world. `fingerprint`: what names it. `before`: the request that it replaces."""
    days = window[0] if window[0] == window[1] else f"{window[0]}..{window[1]}"
    return {
        **_BEGIN,
        **{key: before[key] for key in KEPT if key in before},
        "run_equivalence_key": f"{name}-{days}-{fingerprint[:12]}",
        "manifest_fingerprint": fingerprint,
        "parameter_hash": digest_of(parameters),
        "window": window_node(*window),
        "output_ids": list(output_ids),
        **({} if data is None else {"engine_run_root": data}),
    }


def engine_request(
    name: str,
    command: Sequence[str],
    window: Days | None,
    output_ids: Sequence[str],
    parameters: Any,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request for a world that an engine is to make, named by what it is made from."""
    days = window or NO_DAY
    made_from = {"name": name, "command": list(command), "parameters": parameters, "window": window_node(*days)}
    return sealed_request(
        name, days, output_ids, None, fingerprint=digest_of(made_from), parameters=parameters, before=before or {}
    )
