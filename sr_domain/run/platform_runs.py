"""The platform runs of a store, their authorities, and the runs of each. Writes nothing, mints nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sr_domain.encoding.ids import is_platform_run_id
from sr_domain.record.layout import Layout
from sr_domain.run.ports import Ports
from sr_ports import AuthorityStore, IndexedRun, ObjectStore, PerPlatformRun

_PLATFORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


_PAGE = 200


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


def index_rows(authority: AuthorityStore, store_id: str, *, unsettled_only: bool = False) -> Iterator[IndexedRun]:
    """The index's rows of a store, and of none, by ascending run id, a page at a time."""
    after: str | None = None
    while True:
        page = authority.runs(unsettled_only=unsettled_only, limit=_PAGE, after=after, store_id=store_id)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].run_id


def recorded_runs(ports: Ports, layout: Layout) -> Iterator[str]:
    """Ids of every run that has a record in this platform run, ascending."""
    return ids_below(ports.store, f"{layout.base}/run_record/", ".jsonl")


def ids_below(store: ObjectStore, prefix: str, suffix: str) -> Iterator[str]:
    """Ids of the runs that an artifact right below `prefix` is named for, ascending; listed as they are asked for."""
    for stored in store.list(prefix):
        name = stored.key.removeprefix(prefix)
        if name.endswith(suffix) and "/" not in name:
            yield name.removesuffix(suffix)


def record_refs(ports: Ports) -> Iterator[str]:
    """The refs of every run's record, the newest platform run first."""
    for layout in map(Layout, platform_runs(ports.store)):
        yield from map(layout.record, recorded_runs(ports, layout))
