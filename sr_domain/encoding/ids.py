"""Identity formulas (spec: behaviour, "Identity"). They interoperate with consumers: exact."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from sr_domain.encoding.canonical import sha256_hex


def _hash(*parts: str) -> str:
    return sha256_hex("|".join(parts).encode())


_PLATFORM = re.compile(r"platform_([0-9]{8}T(?:[01][0-9]|2[0-3])[0-9]{4})Z")


def platform_run_id_at(instant: datetime) -> str:
    """The platform run id that is minted at an instant, aware UTC: ``platform_YYYYMMDDTHHMMSSZ``."""
    return f"platform_{instant.year:04}{instant:%m%dT%H%M%S}Z"


def is_platform_run_id(text: str) -> bool:
    """Whether it is a platform run id of today's form, an instant that the calendar has."""
    match = _PLATFORM.fullmatch(text)
    if match is None:
        return False
    try:
        datetime.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def run_id_for(run_equivalence_key: str) -> str:
    """First 32 hex of sha256(``sr_run|<key>``)."""
    return _hash("sr_run", run_equivalence_key)[:32]


def attempt_id_for(run_id: str, attempt_no: int) -> str:
    """First 32 hex of sha256(``sr_attempt|<run_id>|<attempt_no>``)."""
    return _hash("sr_attempt", run_id, str(attempt_no))[:32]


def trace_id_for(run_id: str) -> str:
    """The trace of a run: its id, which is as long as W3C trace ids are."""
    return run_id


def span_id_for(began: str, name: str) -> str:
    """First 16 hex of sha256(``sr_span|<began>|<name>``). `began`: id of the event that began it; a run's own id for
    the span that is the whole run."""
    return _hash("sr_span", began, name)[:16]


def scenario_id_for(scenario_set: Iterable[str]) -> str:
    """``scnset_`` and the first 16 hex of sha256 over the sorted, unique names joined by ``|``."""
    return "scnset_" + _hash(*sorted(set(scenario_set)))[:16]


def ready_message_id(platform_run_id: str, scenario_run_id: str, bundle_hash: str) -> str:
    """Message id of READY, first published or re-emitted: 64 hex."""
    return _hash("ready", platform_run_id, scenario_run_id, bundle_hash)


def terminal_reemit_key(run_id: str, state: str, status_hash: str) -> str:
    """Message id of a re-emitted terminal fact: 64 hex."""
    return _hash("terminal", run_id, state, status_hash)


def superseded_message_id(run_id: str, successor: str) -> str:
    """Message id of the RUN_SUPERSEDED fact: 64 hex."""
    return _hash("superseded", run_id, successor)
