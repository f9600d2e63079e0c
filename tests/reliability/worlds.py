"""Where the crash harness's truth lives. Another world is one more entry in `WORLDS`."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.bus import FileControlBus
from sr_adapters.file.root import FileEngineRoots
from sr_adapters.file.store import FileObjectStore
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_ports import Blob, Stored
from sr_ports.conformance.crash import Mode
from tests.reliability.lab import Lab, Schemes

ALL_MODES = tuple(Mode)


@attrs.frozen
class World:
    """Makes laboratories on one kind of truth. `modes`: how each call is cut there."""

    name: str
    lab: Callable[..., Lab]
    modes: tuple[Mode, ...] = ALL_MODES


@contextmanager
def memory() -> Iterator[World]:
    """Everything in memory, authority and all by one clock moved by hand."""
    yield World("memory", Lab)


@contextmanager
def files() -> Iterator[World]:
    """File store, file bus and SQLite, in memory's own file system where the machine has one."""
    shared = "/dev/shm"
    with ExitStack() as opened:
        home = Path(
            opened.enter_context(tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None))
        )
        number = itertools.count()

        def lab(root: Path, **settings: Any) -> Lab:
            truth = home / str(next(number))
            truth.mkdir()
            index = truth / "authority.db"
            authority = SqliteAuthority(str(index))
            opened.callback(authority.close)
            authority.now()  # lays the schema

            def expire() -> None:
                with closing(sqlite3.connect(index)) as link, link:
                    link.execute("UPDATE store_lease SET expires_ms = 0")

            bus = FileControlBus(str(truth / "bus"))
            made = Lab(root, FileObjectStore(str(truth)), bus, authority=authority, expire=expire, **settings)
            made.copies = str(truth / "copies")
            authority.now = made.clock.now  # type: ignore[method-assign]  # deadlines go by the clock moved by hand
            return made

        yield World("files and SQLite", lab)


@contextmanager
def servers() -> Iterator[World]:
    """S3 and Postgres. A case has its own prefix and an emptied authority; the servers are shared."""
    psycopg = pytest.importorskip("psycopg", reason="needs scenario-runner[postgres]")
    pytest.importorskip("boto3", reason="needs scenario-runner[s3]")
    from sr_adapters.postgres.authority import PostgresAuthority
    from sr_adapters.postgres.database import Database
    from sr_adapters.s3.build import S3EngineRoots
    from sr_adapters.s3.settings import S3Settings
    from sr_adapters.s3.store import S3ObjectStore
    from tests.servers import postgres, s3

    with ExitStack() as opened:
        dsn = os.environ.get("SR_TEST_PG_DSN") or opened.enter_context(postgres.started()).dsn
        schema = opened.enter_context(postgres.fresh_schema(dsn))
        server = opened.enter_context(s3.best())
        authority = PostgresAuthority(Database(dsn, schema=schema))
        opened.callback(authority.close)
        authority.now()  # lays the schema
        link = opened.enter_context(psycopg.connect(dsn, autocommit=True))
        store = S3ObjectStore(server.endpoint, server.bucket, s3.fresh_prefix())
        at = S3Settings(bucket=server.bucket, endpoint_url=server.url, addressing_style="path")
        roots = Schemes({"s3": S3EngineRoots(at), "": FileEngineRoots()})
        opened.enter_context(s3.as_environment(server))
        number = itertools.count()
        bus = Path(opened.enter_context(tempfile.TemporaryDirectory()))

        def expire() -> None:
            link.execute(f"UPDATE {schema}.store_lease SET expires_at = '-infinity'")

        def lab(root: Path, **settings: Any) -> Lab:
            case = next(number)
            link.execute(f"TRUNCATE {schema}.store_lease, {schema}.store_run, {schema}.store_place")
            here = Below(store, f"case-{case}/")
            made = Lab(root, here, FileControlBus(str(bus / str(case))), authority=authority, expire=expire, **settings)
            authority.now = made.clock.now  # type: ignore[method-assign]  # as above
            made.roots, made.copies = roots, f"s3://{server.bucket}/{s3.fresh_prefix()}"
            return made

        yield World(f"S3 ({server.name}) and Postgres", lab, (Mode.AFTER,))


@attrs.frozen
class Below:
    """A store below a prefix of another."""

    store: Any
    prefix: str

    def create(self, key: str, data: bytes) -> Stored | None:
        return self._bare(self.store.create(self.prefix + key, data))

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        return self._bare(self.store.replace(self.prefix + key, data, etag=etag))

    def read(self, key: str) -> Blob | None:
        blob: Blob | None = self.store.read(self.prefix + key)
        return blob

    def stat(self, key: str) -> Stored | None:
        return self._bare(self.store.stat(self.prefix + key))

    def list(self, prefix: str) -> Iterator[Stored]:
        return (attrs.evolve(one, key=one.key[len(self.prefix) :]) for one in self.store.list(self.prefix + prefix))

    @property
    def shared(self) -> bool:
        return bool(self.store.shared)

    def folders(self, prefix: str) -> Sequence[str]:
        found: Sequence[str] = self.store.folders(self.prefix + prefix)
        return found

    def delete(self, key: str) -> None:
        self.store.delete(self.prefix + key)

    def describe(self) -> str:
        return f"{self.store.describe()} below {self.prefix}"

    def location(self) -> str:
        return f"{self.store.location()}/{self.prefix}"

    def _bare(self, stored: Stored | None) -> Stored | None:
        return None if stored is None else attrs.evolve(stored, key=stored.key[len(self.prefix) :])


WORLDS = {"memory": memory, "files": files, "servers": servers}


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The world whose name the test is parametrised with."""
    with WORLDS[request.param]() as made:
        yield made
