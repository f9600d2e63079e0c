"""Engine roots that break a law each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_ports import FileFact
from sr_ports.conformance.openers import EngineRootsLaws
from sr_ports.conformance.roots import EngineRootLaws
from sr_ports.wanted import EVERYTHING, Wanted
from tests.conformance.broken.making import suites


class RootCutAtThousand(MemoryEngineRoot):
    def list(self, prefix: str, wanted: Wanted = EVERYTHING, *rest: Any) -> Any:
        return super().list(prefix, wanted, *rest)[:1000]


class RootFollowsChanges(MemoryEngineRoot):
    """Every question is a new look."""

    def stat(self, path: str, *rest: Any, **more: Any) -> FileFact | None:
        return self.anew().__class__.__mro__[1].stat(self.anew(), path, *rest, **more)  # type: ignore[attr-defined,no-any-return]


class RootReadsWhole(MemoryEngineRoot):
    def chunks(self, path: str, **more: Any) -> Iterator[memoryview]:
        return iter([memoryview(b"".join(map(bytes, super().chunks(path, **more))))])


class RootWithoutSecondLook(MemoryEngineRoot):
    def changes(self) -> Any:
        fresh = self.anew()
        return MemoryEngineRoot.changes(fresh)


class RootSuite(EngineRootLaws):
    __test__ = False
    kind: ClassVar[Callable[..., MemoryEngineRoot]]

    @pytest.fixture
    def files(self) -> dict[str, bytes]:
        return {}

    @pytest.fixture
    def reopen(self, files: dict[str, bytes]) -> Callable[[], MemoryEngineRoot]:
        return lambda: type(self).kind(files)

    @pytest.fixture
    def put(self, files: dict[str, bytes]) -> Callable[[str, bytes], None]:
        return files.__setitem__

    @pytest.fixture
    def remove(self, files: dict[str, bytes]) -> Callable[[str], None]:
        return files.__delitem__

    @pytest.fixture
    def snapshot(self, files: dict[str, bytes]) -> Callable[[], object]:
        return lambda: dict(files)


globals().update(suites(RootSuite, [
    (RootCutAtThousand, "R4"), (RootFollowsChanges, "R2"), (RootReadsWhole, "R5"), (RootWithoutSecondLook, "R8"),
]))  # fmt: skip


class OneSnapshotForAll(MemoryEngineRoots):
    def open(self, uri: str) -> MemoryEngineRoot:
        return self._roots.get(uri.rstrip("/")) or super().open(uri)


class MakesTheRoot(MemoryEngineRoots):
    def open(self, uri: str) -> MemoryEngineRoot:
        return super().open(uri) if uri.rstrip("/") in self._roots else MemoryEngineRoot({".made": b""}, uri)


class OpensAnything(MemoryEngineRoots):
    """A root of a scheme that it does not read is one that is not there."""


class OpenerSuite(EngineRootsLaws):
    __test__ = False
    kind: ClassVar[Callable[..., MemoryEngineRoots]]

    @pytest.fixture
    def roots(self) -> MemoryEngineRoots:
        return type(self).kind({"memory:root": MemoryEngineRoot({"in/a": b"a"})})

    @pytest.fixture
    def uri(self) -> str:
        return "memory:root"

    @pytest.fixture
    def absent(self) -> str:
        return "memory:absent"


globals().update(suites(OpenerSuite, [(OneSnapshotForAll, "E1"), (MakesTheRoot, "E1"), (OpensAnything, "E2")]))
