"""Worlds for what may happen to a store and its authority: several places for stores, several authorities, one lab.

In memory, in files with SQLite, and on servers: any store may stand beside any authority.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.store import FileObjectStore
from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime.heartbeat import boot_time
from sr_domain.record.layout import store_identity_key
from sr_ports import Binding, IndexNote
from sr_ports.authority import NO_STORE
from tests.first_authority import FirstRelease
from tests.kit import TTL_S, Lab, Told

KEY = store_identity_key()


class Place(MemoryObjectStore):
    """A store in memory that says where it is, and can be asked for what else there is."""

    def __init__(self, where: str, others: dict[str, Place] | None = None) -> None:
        super().__init__()
        self.where = where
        self.others = {} if others is None else others
        self.others[where] = self

    def location(self) -> str:
        return self.where

    def elsewhere(self, location: str) -> Place | None:
        return self.others.get(location)


def put(store: Any, key: str, data: bytes | None) -> None:
    """Make `data` what stands, as whoever has the rights of a storage's owner can."""
    store.delete(key)
    if data is not None:
        assert store.create(key, data) is not None


@attrs.frozen
class Row:
    """What an index knows of a run. `fence`: the highest that it gave for it."""

    binding: Binding
    fence: int

    @property
    def note(self) -> IndexNote:
        """What the last release told."""
        return IndexNote(self.binding.state, self.binding.settled, self.binding.tail)


@attrs.define
class StoreWorld:
    """`lab`: at the place named ``here``. `place`: the store at a place, empty at first. `anew`: an authority that
    knows nothing. `first`: one as the first release left it, that knows these rows; opened by this release."""

    lab: Lab
    place: Callable[[str], Any]
    anew: Callable[[], Any]
    first: Callable[[Sequence[Row]], Any]

    def rows(self) -> list[Row]:
        """All that the lab's authority knows of runs."""
        known = self.lab.authority
        found = [(row.store_id, known.find(row.run_id).bindings) for row in known.runs()]
        bindings = [one for store_id, several in found for one in several if one.store_id == store_id]
        return [Row(one, self.lab.ledger(one.run_id).fence) for one in bindings]

    def restored(self, rows: Sequence[Row], *, first: bool) -> Any:
        """An authority restored from a backup that had these rows. `first`: as the first release left it."""
        if first:
            return self.first(rows)
        made, places = self.anew(), self.lab.authority.find("").places
        for place in places:
            made.serve(place)
        remember(made, rows)
        return made

    def of_the_first_release(self) -> None:
        """As the first release left it: no identity of the store, and its own tables."""
        rows = self.rows()
        self.lab.store.delete(KEY)
        self.lab.authority = self.first(rows)


def remember(authority: Any, rows: Sequence[Row]) -> None:
    """Have an authority that knows nothing of these runs know them."""
    for row in rows:
        one = row.binding
        authority.admit(attrs.evolve(one, settled=False, state="OPEN", tail=None))
        lease = authority.acquire(one.run_id, "earlier", ttl_s=TTL_S, above=row.fence - 1, store_id=one.store_id)
        authority.release(lease, note=row.note, run_id=one.run_id)


def named_by_none(rows: Sequence[Row]) -> list[Row]:
    """The rows as the first release knew them: of no store, with no tails."""
    return [attrs.evolve(one, binding=attrs.evolve(one.binding, store_id=NO_STORE, tail=None)) for one in rows]


# in memory


@contextmanager
def memory(root: Path) -> Iterator[StoreWorld]:
    lab, others = Lab.memory(root), dict[str, Place]()

    def place(name: str) -> Place:
        where = f"s3://{name}/prefix"
        return others.get(where) or Place(where, others)

    def anew() -> MemoryAuthority:
        return MemoryAuthority(lab.clock.now)

    def first(rows: Sequence[Row]) -> MemoryAuthority:
        made = anew()
        remember(made, named_by_none(rows))
        return made

    lab.store = place("here")
    yield StoreWorld(lab, place, anew, first)


# files, SQLite, servers


def in_files(root: Path) -> Callable[[str], Any]:
    """Stores in folders."""

    def place(name: str) -> FileObjectStore:
        folder = root / "stores" / name
        folder.mkdir(parents=True, exist_ok=True)
        return FileObjectStore(str(folder))

    return place


@attrs.frozen
class Authorities:
    """`anew`, `first`: as of `StoreWorld`."""

    anew: Callable[[], Any]
    first: Callable[[Sequence[Row]], Any]


def in_sqlite(root: Path, lab: Lab, opened: ExitStack) -> Authorities:
    number = itertools.count()

    def file() -> Path:
        folder = root / "authorities" / str(next(number))
        folder.mkdir(parents=True)
        return folder / "authority.db"

    def at(path: Path) -> Told:
        return opened.enter_context(closing(Told(str(path), lab.clock)))

    def first(rows: Sequence[Row]) -> Told:
        path = file()
        with closing(FirstRelease(path)) as older:
            for row in rows:
                older.admit(row.binding)
                older.acquire(row.binding.run_id, "older", TTL_S, above=row.fence - 1)
                older.release(row.binding.run_id, "older", row.fence, row.note, row.binding.run_id)
        return at(path)

    return Authorities(lambda: at(file()), first)


def in_postgres(dsn: str, lab: Lab, opened: ExitStack) -> Authorities:
    from sr_adapters.postgres.authority import PostgresAuthority
    from sr_adapters.postgres.database import Database
    from tests.servers import postgres

    def at(schema: str) -> Any:
        made: Any = opened.enter_context(closing(PostgresAuthority(Database(dsn, schema=schema))))
        made.now = lab.clock.now  # deadlines go by the clock moved by hand
        return made

    def first(rows: Sequence[Row]) -> Any:
        schema = opened.enter_context(postgres.fresh_schema(dsn))
        postgres.lay_first_release(dsn, schema, [(row.binding, row.fence) for row in rows])
        return at(schema)

    return Authorities(lambda: at(opened.enter_context(postgres.fresh_schema(dsn))), first)


@attrs.define(slots=False)
class Servers:
    """Servers that are started when they are first needed, and shared by the tests of a module."""

    opened: ExitStack

    @cached_property
    def dsn(self) -> str:
        pytest.importorskip("psycopg", reason="needs scenario-runner[postgres]")
        from tests.servers import postgres

        return os.environ.get("SR_TEST_PG_DSN") or self.opened.enter_context(postgres.started()).dsn

    @cached_property
    def moto(self) -> Any:
        return self._s3("moto")

    @cached_property
    def rgw(self) -> Any:
        return self._s3("rgw")

    def _s3(self, name: str) -> Any:
        pytest.importorskip("boto3", reason="needs scenario-runner[s3]")
        from tests.servers import s3

        return self.opened.enter_context(s3.SERVERS[name]())


def on_s3(server: Any) -> Callable[[str], Any]:
    """Stores in prefixes of one bucket."""
    from sr_adapters.s3.store import S3ObjectStore
    from tests.servers import s3

    prefix = s3.fresh_prefix()
    return lambda name: S3ObjectStore(server.endpoint, server.bucket, f"{prefix}-{name}")


Places = Callable[[Path], Callable[[str], Any]]
Several = Callable[[Path, Lab, ExitStack], Authorities]


@contextmanager
def beside(
    root: Path,
    places: Callable[[Path], Callable[[str], Any]],
    authorities: Callable[[Path, Lab, ExitStack], Authorities],
) -> Iterator[StoreWorld]:
    """A world of stores at these places, beside these authorities; leases go by the authority's own clock."""
    with ExitStack() as opened:
        lab = Lab.memory(root)
        lab.elapsed = boot_time
        place, several = places(root), authorities(root, lab, opened)
        lab.store, lab.authority = place("here"), several.anew()
        yield StoreWorld(lab, place, several.anew, several.first)


Opened = Callable[[Path, Servers], Any]
EMBEDDED: dict[str, Opened] = {
    "memory": lambda root, servers: memory(root),
    "files, SQLite": lambda root, servers: beside(root, in_files, in_sqlite),
}
ON_SERVERS: dict[str, Opened] = {
    "files, Postgres": lambda root, servers: beside(root, in_files, partial(_postgres, servers)),
    "S3 (moto), SQLite": lambda root, servers: beside(root, lambda _: on_s3(servers.moto), in_sqlite),
    "S3 (moto), Postgres": lambda root, servers: beside(
        root, lambda _: on_s3(servers.moto), partial(_postgres, servers)
    ),
    "S3 (RGW), Postgres": lambda root, servers: beside(root, lambda _: on_s3(servers.rgw), partial(_postgres, servers)),
}
WORLDS = {**EMBEDDED, **ON_SERVERS}


def _postgres(servers: Servers, root: Path, lab: Lab, opened: ExitStack) -> Authorities:
    return in_postgres(servers.dsn, lab, opened)


EVERY = [
    *(pytest.param(name, id=name) for name in EMBEDDED),
    *(pytest.param(name, id=name, marks=pytest.mark.parity) for name in ON_SERVERS),
]
"""For tests that are run in every world."""
