"""From a view that was verified to what reads it: its window and days, and which of its files is of which day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.artifacts.revisions import rules_at
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.times import parse_instant, utc_days
from sr_domain.queries.finding import Finding
from sr_domain.queries.reading import ViewReader, fault_of
from sr_domain.queries.verifier import Verifier
from sr_domain.queries.view import View
from sr_domain.queries.view_outputs import kept_versions
from sr_domain.queries.view_record import record_of
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_ports import Fault, ReasonCode

_WINDOW = ("window_start_utc", "window_end_utc", "window_tz")


@attrs.frozen
class OpenedView:
    """A view to be read. `window`: as a request has it. `days`: the UTC days that it touches, ``YYYY-MM-DD``."""

    reader: ViewReader
    window: Mapping[str, str]
    days: tuple[str, ...]


def opened_view(verifier: Verifier, data: bytes, facts: Mapping[str, Any], given_root: str | None) -> OpenedView:
    """Open a view that was found sound. `data`: its bytes. `given_root`: read in place of its own engine root.

    Raises `Fault` where its record is another by now than the one it was held against.
    """
    layout, run_id = Layout(facts["platform_run_id"]), str(facts["run_id"])
    found = record_of(verifier.store, layout, run_id)
    if isinstance(found, Finding):
        raise fault_of(found)
    record = Record(found)
    decided, intent = record.decision, record.intent
    if decided is None or intent is None or decided.details.facts_view_digest not in (None, sha256_hex(data)):
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{layout.record(run_id)}: it does not decide the view that was opened")
    view = View(layout, data, facts, rules_at(decided.event))
    decision = decided.details.decision  # a view that was adopted has none
    versions = kept_versions(verifier.store, view, None if decision is None else decision.object_versions_digest)
    if isinstance(versions, Finding):
        raise fault_of(versions)
    proofs = () if decision is None else decision.outputs
    days = {(one.output_id, str(one.path)): one.day for one in proofs if one.day is not None}
    window = {name: str(intent[name]) for name in _WINDOW}
    touched = utc_days(parse_instant(window[_WINDOW[0]]), parse_instant(window[_WINDOW[1]]))
    reader = ViewReader(verifier, view, given_root, days, versions)
    return OpenedView(reader, window, tuple(day.isoformat() for day in touched))
