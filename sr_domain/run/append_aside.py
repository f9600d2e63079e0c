"""Records of runs that are not held: read, and appended to by denials, re-emits, successors; and those of stores.

Such an append carries the fence that stands (it claims no right to the run) and is
compare-and-swap like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Ledger, read_ledger
from sr_domain.record.read import Record
from sr_domain.run.ports import Ports
from sr_domain.run.swap import swap
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import Blob, Identity

_PINS = ("manifest_fingerprint", "parameter_hash", "seed", "scenario_id")


def read_record(ports: Ports, layout: Layout, run_id: str) -> tuple[Ledger, str | None]:
    """The record and its ETag; an empty one and None where there is none."""
    blob = ports.store.read(layout.record(run_id))
    return ledger_of(run_id, blob), None if blob is None else blob.etag


def ledger_of(run_id: str, blob: Blob | None) -> Ledger:
    """The record in a stored object; an empty one for None. Raises `Fault(RECORD_INVALID)`."""
    return Ledger(run_id) if blob is None else read_ledger(run_id, blob.data)


def pins_on(ledger: Ledger) -> dict[str, Any]:
    """The pins of a run as its record has them; its id alone before it was admitted."""
    intent = Record(ledger).intent or {}
    return {**{pin: intent[pin] for pin in _PINS if pin in intent}, "run_id": ledger.run_id}


def append_aside(
    ports: Ports,
    layout: Layout,
    run_id: str,
    *drafts: Draft,
    actor: Identity,
    policy_rev: Mapping[str, str] | None,
    pins: Mapping[str, Any] | None = None,
    unless: Callable[[Ledger], bool] | None = None,
    fence: int | None = None,
) -> Ledger:
    """Append beside whoever holds the run, and tell telemetry; the record as it then stands.

    `pins`: for telemetry, where the record may not have them yet. `unless`: looks at the record that
    is appended to, in the same compare-and-swap; True adds nothing. `fence`: of a lease that was taken to fence out
    whoever held the run before; None claims no right, and takes the one that stands. Raises `LeaseLost` below that.
    """
    key = layout.record(run_id)
    return append_at(
        ports, key, run_id, *drafts, actor=actor, policy_rev=policy_rev, pins=pins, unless=unless, fence=fence
    )


def append_at(
    ports: Ports,
    key: str,
    subject: str,
    *drafts: Draft,
    actor: Identity,
    policy_rev: Mapping[str, str] | None,
    pins: Mapping[str, Any] | None = None,
    unless: Callable[[Ledger], bool] | None = None,
    fence: int | None = None,
) -> Ledger:
    """Append to the record at `key`, a run's or a store identity's, whose id is `subject`. As `append_aside`."""
    ledger = grown = Ledger(subject)

    def appended(standing: Blob | None) -> bytes | None:
        nonlocal ledger, grown
        ledger = grown = ledger_of(subject, standing)
        if unless is not None and unless(ledger):
            return None
        at = ledger.fence if fence is None else fence
        grown = ledger.append(drafts, fence=at, actor=actor, policy_rev=policy_rev, now=ports.clock.now())
        return None if grown.data == ledger.data else grown.data

    if swap(ports.store, key, ports.store.read(key), appended) is not None:
        telemetry = RunTelemetry(ports.telemetry, ports.clock, pins_on(grown) if pins is None else pins, policy_rev)
        home = run_of(key)
        telemetry.recorded(grown, ledger, None if home is None else home[0])
    return grown
