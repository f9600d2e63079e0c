"""Finding a run: its home, its record, and the runs of a platform run. Writes nothing, mints nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import attrs

from sr_domain.encoding.ids import is_platform_run_id, run_id_for
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Ledger
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import bound, chosen, index_store, own
from sr_domain.run.context import Context
from sr_domain.run.ports import Ports
from sr_domain.run.rolled_back import check_tail
from sr_domain.run.store_identity import KnownStore
from sr_ports import (
    AuthorityStore,
    BadInput,
    Binding,
    Fault,
    Found,
    IndexedRun,
    NotFound,
    ObjectStore,
    PerPlatformRun,
    ReasonCode,
    Unreachable,
)
from sr_ports.compared import Compared

_RUN_ID = re.compile(r"[0-9a-f]{32}")
KEY = "key:"
"""Before a run equivalence key where a run may be named."""
LEAST = 6
_LENGTH = 32
_PREFIX = re.compile(rf"[0-9a-f]{{{LEAST},{_LENGTH - 1}}}")
_TOLD = 5
_PLATFORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@attrs.frozen(eq=False, repr=False)
class Place(Compared):
    """Where a run's truth is. `found`: what the authority said, where it was asked and knew the run."""

    layout: Layout
    run_id: str
    found: Found | None = None


def home(context: Context, run: str) -> Place:
    """Where a run's truth is. `run`: its name (see `id_of`), or the ref of an artifact of it, which says where.

    Raises `NotFound` when there is no such run, `BadInput` when the name fits two runs, or two platform runs of
    the store, `Unreachable` when that cannot be told.
    """
    named = run_of(run)
    if named is not None:
        return Place(*named)
    return _place(context.ports, id_of(context.ports, run), context.known_store, context.notice)


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
    except (NotFound, Unreachable):
        found = _there(ports, run_id, Layout.facts, ports.platform.current())
        if not found:
            raise
        return _only(run_id, found).facts(run_id)


def _place(ports: Ports, run_id: str, known: KnownStore, notice: Callable[[str], None]) -> Place:
    """As the authority knows, else where the record is: of several records the current platform run's counts.

    While the authority is away the records tell.
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
        raise away or no_run(run_id)
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


def id_of(ports: Ports, run: str) -> str:
    """The id of a run that is named by it, by six characters or more of it, by ``key:KEY`` or by a ref of it.

    Raises `BadInput` and `NotFound` as `id_named` does; no id is looked for.
    """
    named = run_of(run)
    if named is not None:
        return named[1]
    return run if _RUN_ID.fullmatch(run) else id_named(ports, run)


def no_run(run_id: str) -> NotFound:
    """That neither authority nor store knows the run."""
    return NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {run_id[:64]!r}")


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


def platform_runs(store: ObjectStore) -> list[str]:
    """Every platform run of the store, the newest first; those with a name of the first release's free form last."""
    found = [name for name in store.folders("fraud-platform/") if _PLATFORM.fullmatch(name)]
    return sorted(found, key=lambda name: (is_platform_run_id(name), name), reverse=True)


def authorities(ports: Ports) -> Iterator[tuple[str | None, AuthorityStore]]:
    """The authority that knows the runs here, beside None.

    Where it belongs to a platform run and there is none: every platform run beside its own authority.
    """
    if ports.platform.current() is not None or not isinstance(ports.authority, PerPlatformRun):
        yield None, ports.authority
        return
    for platform_run_id in platform_runs(ports.store):
        authority = ports.authority.of(platform_run_id)
        yield platform_run_id, authority
        authority.close()


def is_name(text: str) -> bool:
    """Whether it has the form of a run's name: an id, a prefix of one, or ``key:KEY``."""
    whole = len(text) == _LENGTH and not set(text) - set("0123456789abcdef")
    return whole or bool(_PREFIX.fullmatch(text)) or (text.startswith(KEY) and text != KEY)


def id_named(ports: Ports, name: str) -> str:
    """The id of the run that is named by a prefix of its id, or by ``key:KEY``, which need not be there.

    A prefix is looked for in the index, and only where the index has none in the records. Raises
    `BadInput(USAGE)` for what is no name and for a prefix of several, `NotFound(RUN_NOT_FOUND)`.
    """
    if not is_name(name):
        raise BadInput(
            ReasonCode.USAGE,
            f"{name[:64]!r} is not a run id",
            f"give its 32 lower-case hex characters, the first {LEAST} or more of them, or key:KEY",
        )
    if name.startswith(KEY):
        return run_id_for(name.removeprefix(KEY))
    found = _indexed(ports, name) or dict.fromkeys(islice(_recorded(ports, name), _TOLD + 1), "")
    if not found:
        raise no_run(name)
    if len(found) > 1:
        raise _ambiguous(name, found)
    return next(iter(found))


def _ambiguous(name: str, found: dict[str, str]) -> BadInput:
    shown = [f"{run_id[: _shown(found)]}{f' ({key})' if key else ''}" for run_id, key in sorted(found.items())]
    more = ", and more" if len(shown) > _TOLD else ""
    what = f"{name} is ambiguous: {', '.join(shown[:_TOLD])}{more}"
    return BadInput(ReasonCode.USAGE, what, "give more characters of the id, or key:KEY")


def _shown(run_ids: dict[str, str]) -> int:
    """So many characters tell the ids apart; eight at least."""
    return next(n for n in range(8, _LENGTH + 1) if n == _LENGTH or len({one[:n] for one in run_ids}) == len(run_ids))


def _indexed(ports: Ports, prefix: str) -> dict[str, str]:
    """The runs that the index has below the prefix, a few of them, each with its key. Nothing while it is away."""
    found: dict[str, str] = {}
    try:
        for _, authority in authorities(ports):
            store_id = index_store(authority, KnownStore(ports))
            rows = authority.runs(limit=_TOLD + 1, after=_before(prefix), store_id=store_id)
            found |= {one.run_id: key_of(authority, one) for one in rows if one.run_id.startswith(prefix)}
    except (NotFound, Unreachable):
        return {}
    return found


def key_of(authority: AuthorityStore, row: IndexedRun) -> str:
    """The key of a row of the index; empty where nothing is bound any more."""
    binding = own(authority.find(row.run_id), row.store_id)
    return "" if binding is None else binding.run_equivalence_key


def _before(prefix: str) -> str | None:
    """The id right before all that begin so; None where there is none."""
    first = int(prefix.ljust(_LENGTH, "0"), 16)
    return f"{first - 1:0{_LENGTH}x}" if first else None


def _recorded(ports: Ports, prefix: str) -> Iterator[str]:
    """The runs whose records' names begin so: of the current platform run, else of every one."""
    current = ports.platform.current()
    own = [] if current is None else list(_records(ports, current, prefix))
    if own:
        yield from own
        return
    seen: set[str] = set()
    for platform_run_id in platform_runs(ports.store):
        for run_id in _records(ports, platform_run_id, prefix):
            if run_id not in seen:
                seen.add(run_id)
                yield run_id


def _records(ports: Ports, platform_run_id: str, prefix: str) -> Iterator[str]:
    """The runs of a platform run whose records' names begin so."""
    folder = f"{Layout(platform_run_id).base}/run_record/"
    yield from (f"{prefix}{rest}" for rest in ids_below(ports.store, f"{folder}{prefix}", ".jsonl"))


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
    """A run's record. Raises `NotFound(RUN_NOT_FOUND)`, also for one that only tells of actors who were refused.

    `run`: as for `home`. `admitted`: False takes such a record too.
    """
    place = home(context, run)
    layout, run_id = place.layout, place.run_id
    ledger, _ = read_record(context.ports, layout, run_id)
    if not ledger.events or (admitted and ledger.state is None):
        raise _no_record(context, layout, run_id)
    return layout, ledger


def _no_record(context: Context, layout: Layout, run_id: str) -> NotFound:
    """That there is no such run, or that only its record is not here: another store's, or lost."""
    try:
        known = bound(context.ports.at(layout.platform_run_id).authority, run_id, context.known_store)
    except (NotFound, Unreachable):
        known = None
    if known is None:
        return no_run(run_id)
    if known.platform_run_id != layout.platform_run_id:  # a ref said so
        what = f"run {run_id} is not in {layout.platform_run_id}: its home is {known.platform_run_id}"
        return NotFound(ReasonCode.RUN_NOT_FOUND, what, "name it by its id, or by a ref of its home")
    what = f"the authority knows run {run_id}, and its record {layout.record(run_id)} is not in this store"
    remedy = (
        "sr resume writes one where a crash left none; else check object_store in the profile, or restore the record"
    )
    return NotFound(ReasonCode.RUN_NOT_FOUND, what, remedy)


def parse_truth(data: bytes, key: str) -> dict[str, Any]:
    """A stored JSON artifact. Raises `Fault(TRUTH_ALTERED)` when it is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not JSON any more") from error
    if not isinstance(document, dict):
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is not a JSON object any more")
    return document


def recorded_runs(ports: Ports, layout: Layout) -> Iterator[str]:
    """Ids of every run that has a record in this platform run, ascending."""
    return ids_below(ports.store, f"{layout.base}/run_record/", ".jsonl")


def ids_below(store: ObjectStore, prefix: str, suffix: str) -> Iterator[str]:
    """Ids of the runs that an artifact right below `prefix` is named for, ascending; listed as they are asked for."""
    for stored in store.list(prefix):
        name = stored.key.removeprefix(prefix)
        if name.endswith(suffix) and "/" not in name:
            yield name.removesuffix(suffix)
