"""Finding a run: its home, its record, and the runs of a platform run. Writes nothing, mints nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from sr_domain.encoding.bounds import overgrown
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Ledger
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import bound, chosen, own, stores_of
from sr_domain.run.context import Context
from sr_domain.run.names import id_of, no_run
from sr_domain.run.platform_runs import platform_runs
from sr_domain.run.ports import Ports
from sr_domain.run.rolled_back import behind, check_tail
from sr_domain.run.served import check_served
from sr_domain.run.store_identity import KnownStore
from sr_ports import (
    BadInput,
    Binding,
    Fault,
    Found,
    NotFound,
    ReasonCode,
    Unreachable,
)
from sr_ports.authority import NO_STORE
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Place(Compared):
    """Where a run's truth is. `found`: what the authority said, where it was asked and knew the run."""

    layout: Layout
    run_id: str
    found: Found | None = None


def home(context: Context, run: str) -> Place:
    """Where a run's truth is. `run`: its name (see `id_of`), or the ref of an artifact of it, which says where.

    Raises `NotFound` when there is no such run here, `BadInput` when the name fits two runs, or two platform runs of
    the store, `Unreachable` when that cannot be told, `Fault` where the authority knows it in the store that was here.
    """
    named = run_of(run)
    if named is not None:
        return Place(*named)
    run_id = id_of(context.ports, run)
    return _place(context.ports, run_id, context.known_store, context.notice, run)


def traced(context: Context, run: str) -> Place:
    """Where a run's truth is, also where authority and record are lost and only an artifact of it stands.

    Raises as `home` does.
    """
    try:
        return home(context, run)
    except NotFound:
        ports = context.ports
        run_id = id_of(ports, run)
        for key in (Layout.facts, Layout.ready, Layout.attestation, Layout.status):
            found = _there(ports, run_id, key, ports.platform.current())
            if found:
                return Place(_only(run_id, found), run_id)
        raise


def view_of(ports: Ports, run_id: str, notice: Callable[[str], None]) -> str:
    """The key of a run's facts view: at home, or where it stands though authority and record are lost.

    Raises as `home` does.
    """
    try:
        return _place(ports, run_id, KnownStore(ports), notice).layout.facts(run_id)
    except (NotFound, Unreachable, Fault):
        found = _there(ports, run_id, Layout.facts, ports.platform.current())
        if not found:
            raise
        return _only(run_id, found).facts(run_id)


def _place(ports: Ports, run_id: str, known: KnownStore, notice: Callable[[str], None], name: str = "") -> Place:
    """As the authority knows, else where the record is: of several records the current platform run's counts.

    While the authority is away the records tell. `name`: what the run was asked for by; default: its id.
    """
    current = ports.platform.current()
    away: Unreachable | None = None
    asked: Found | None = None
    try:
        asked = ports.authority.find(run_id, location=known.location, store_id=known.store_id)
    except NotFound:  # the authority belongs to a platform run, and there is none
        pass
    except Unreachable as error:
        away = error
    binding = None if asked is None else chosen(asked, known)
    if binding is not None:
        return Place(Layout(binding.platform_run_id), run_id, asked)
    found = _recorded_in(ports, run_id, current) or ([] if away else _bound_in(ports, run_id, current, known))
    if not found:
        if away is None and asked is not None:
            raise _not_here(ports.authority.find(run_id), run_id, known, name or run_id)
        raise away or no_run(name or run_id)
    layout = _only(run_id, found)
    if away is not None:
        notice(f"the authority was not asked ({away.what}): answered from the store")
    return Place(layout, run_id)


def _only(run_id: str, found: Sequence[str]) -> Layout:
    """The one platform run that a run is in. Raises `BadInput` where it is in several."""
    if len(found) > 1:
        what = f"run {run_id} is in several platform runs of this store: {', '.join(found)}"
        raise BadInput(ReasonCode.USAGE, what, f"say which: set PLATFORM_RUN_ID={found[0]}, or give a ref of the run")
    return Layout(found[0])


def _recorded_in(ports: Ports, run_id: str, current: str | None) -> list[str]:
    """The platform runs in which the run has a record: the current one alone, else every one."""
    return _there(ports, run_id, Layout.record, current)


def _there(ports: Ports, run_id: str, key: Callable[[Layout, str], str], current: str | None) -> list[str]:
    """The platform runs in which an artifact of the run stands at its `key`: the current one alone, else every one."""

    def there(platform_run_id: str) -> bool:
        return ports.store.stat(key(Layout(platform_run_id), run_id)) is not None

    if current is not None and there(current):
        return [current]
    others = [one for one in platform_runs(ports.store) if one != current]
    return [one for one, is_there in zip(others, ports.pool.map(there, others), strict=True) if is_there]


def _bound_in(ports: Ports, run_id: str, current: str | None, known: KnownStore) -> list[str]:
    """The platform runs whose own authority knows the run, which a crash left without a record."""
    found = []
    for platform_run_id in platform_runs(ports.store):
        authority = ports.at(platform_run_id).authority
        if platform_run_id == current or authority is ports.authority:
            continue
        if bound(authority, run_id, known) is not None:
            found.append(platform_run_id)
        authority.close()  # a search must not keep as many files open as there are platform runs
    return found


def home_of(ports: Ports, run_id: str, layout: Layout) -> Layout:
    """Where another run's truth is, for a run of `layout`; there, where nobody knows the other run."""
    return _home_of(ports, run_id, layout, bound(ports.authority, run_id, KnownStore(ports)))


def record_elsewhere(ports: Ports, run_id: str, layout: Layout) -> Ledger:
    """Another run's record, for a run of `layout`. Raises `Fault(TRUTH_ROLLED_BACK)` where the index knows more."""
    known = bound(ports.authority, run_id, KnownStore(ports))
    ledger, _ = read_record(ports, _home_of(ports, run_id, layout, known), run_id)
    if known is not None:
        check_tail(known, ledger)
    return ledger


def _home_of(ports: Ports, run_id: str, layout: Layout, known: Binding | None) -> Layout:
    if known is not None:
        return Layout(known.platform_run_id)
    found = _recorded_in(ports, run_id, layout.platform_run_id)
    return Layout(found[0]) if len(found) == 1 else layout


def record_of(context: Context, run: str, *, admitted: bool = True) -> tuple[Layout, Ledger]:
    """A run's record, of a run that was admitted.

    `run`: as for `home`. `admitted`: False takes a record too that only tells of actors who were refused.
    Raises `NotFound(RUN_NOT_FOUND)`; `Fault(TRUTH_ROLLED_BACK)` where the authority knows of more than is there.
    """
    place, ledger = recorded(context, run, admitted=admitted)
    return place.layout, ledger


def recorded(context: Context, run: str, *, admitted: bool = True) -> tuple[Place, Ledger]:
    """As `record_of`, with what the authority said of the run."""
    place = home(context, run)
    ledger, _ = read_record(context.ports, place.layout, place.run_id)
    if not ledger.events or (admitted and ledger.state is None):
        raise _no_record(context, place.layout, ledger, run)
    return place, ledger


def told_of_more(context: Context, place: Place, ledger: Ledger) -> Fault | None:
    """That the authority, asked before the record was read, knows of more than is there; None where it was not asked.

    Costs nothing where the record is whole.
    """
    known = None if place.found is None else chosen(place.found, context.known_store)
    fault = None if known is None else behind(known, ledger)
    if known is None or fault is None:
        return None
    identity = context.known_store.standing()
    another = identity is not None and known.store_id not in (NO_STORE, identity.store_id)
    return None if another else fault  # another store may have a run of the same id


def _no_record(context: Context, layout: Layout, ledger: Ledger, name: str) -> NotFound:
    """That there is no such run, that a crash left no record of it, or that another store has it.

    Raises `Fault` where the authority knows better: `TRUTH_ROLLED_BACK`, `STORE_COPIED`.
    """
    known, run_id = context.known_store, ledger.run_id
    name = run_id if run_of(name) else name
    try:
        found = context.ports.at(layout.platform_run_id).authority.find(run_id)
    except NotFound:  # the authority belongs to a platform run, and there is none
        return no_run(name)
    absent, mine = _not_here(found, run_id, known, name), own(found, known.store_id)
    if mine is None:
        return absent
    if mine.platform_run_id != layout.platform_run_id:  # a ref said so
        what = f"run {run_id} is not in {layout.platform_run_id}: its home is {mine.platform_run_id}"
        return NotFound(ReasonCode.RUN_NOT_FOUND, what, "name it by its id, or by a ref of its home")
    check_tail(mine, ledger)
    what = f"the authority knows run {run_id}, and nobody has begun its record {layout.record(run_id)}"
    remedy = f"sr resume {run_id} writes one where a crash left none; else check object_store in the profile"
    return NotFound(ReasonCode.RUN_NOT_FOUND, what, remedy)


def _not_here(found: Found, run_id: str, known: KnownStore, name: str) -> NotFound:
    """That no run of this store is meant: there is none, or another store has it.

    `name`: what it was asked for by. Raises `Fault` where the authority knows it, and this store is not the one that
    it serves here.
    """
    if not found.bindings:
        return no_run(name)
    known.standing()
    check_served(known, found.places)
    what = f"run {run_id} is not in this store: the authority knows it in {stores_of(found)}"
    return NotFound(ReasonCode.RUN_NOT_FOUND, what, "name that store as object_store in the profile")


def parse_truth(data: bytes, key: str) -> dict[str, Any]:
    """A stored JSON artifact. Raises `Fault(TRUTH_ALTERED)` when it is none, `OBJECT_TOO_LARGE` for too much."""
    grown = overgrown(data)
    if grown is not None:
        raise Fault(ReasonCode.OBJECT_TOO_LARGE, f"{key} {grown}")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not JSON any more") from error
    if not isinstance(document, dict):
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not a JSON object any more")
    return document
