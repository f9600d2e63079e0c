"""One observation of an engine root, whatever it is kept in: what was answered stays, and is asked again at the end."""

from __future__ import annotations

import enum
import threading
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import chain, islice
from operator import attrgetter
from typing import Final, Self, TypeVar

from sr_adapters.in_time import InTime
from sr_ports import EvidenceFault, FileFact, ReasonCode, Sink
from sr_ports.roots import NAMED_CHANGES, Changes, RangeReader, check_path
from sr_ports.wanted import EVERYTHING, FIRST_RELEASE, TODAY, ListingRules, Wanted

T = TypeVar("T")
U = TypeVar("U")

MOST_CHANGES: Final = 10_000
"""A second look that has found so many changes ends."""

_LOCKS: Final = 16
_PATH = attrgetter("path")


class Standing(enum.Enum):
    """What else may stand at a path."""

    FOLDER = enum.auto()
    UNKNOWN = enum.auto()


Answer = FileFact | Standing | None
"""What a look at a path gives: a file, a folder, or that nothing is there."""


class Snapshot(ABC):
    """The laws of `sr_ports.EngineRoot` that are the same for every kind of root.

    A kind of root gives three looks that remember nothing, `_look`, `_listed` and `_chunks`, and `_ranges`.
    An answer that holds by all rules is kept under its path, one that the rules decide under both.
    """

    folders: bool

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._ruled: dict[tuple[str, ListingRules], Answer | EvidenceFault] = {}
        self._lists: dict[tuple[str, Wanted], tuple[FileFact, ...] | EvidenceFault] = {}
        self._derived: set[tuple[str, Wanted]] = set()
        self._asked: list[str] = []
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._torn: set[str] = set()
        self._over: str | None = None
        self._changes: Changes | None = None

    # What a kind of root gives

    @abstractmethod
    def _look(self, path: str, rules: ListingRules) -> Answer:
        """What stands at a path that is sound by its letters. Raises `EvidenceFault`, `Unreachable`."""

    @abstractmethod
    def _listed(self, folder: str, wanted: Wanted, known: Mapping[str, Answer]) -> Iterable[FileFact]:
        """What `list` finds, in order of path. `known`: files that need no look of their own any more."""

    @abstractmethod
    def _chunks(self, path: str, fact: FileFact) -> Generator[memoryview, None, FileFact]:
        """The bytes of that very file, each part valid until the next; at the end the fact, which describes them.

        Raises `EvidenceFault(EVIDENCE_UNSTABLE)`, `Unreachable`.
        """

    @abstractmethod
    def _ranges(self, path: str, fact: FileFact) -> RangeReader:
        """That very file, to be read from any place. Raises as `_chunks` does."""

    def _moved(self) -> bool:
        """Whether another root stands where this one was opened; the looks after it trust nothing held open."""
        return False

    def _each(self, work: Callable[[T], U], items: Iterable[T]) -> Iterable[U]:
        """The results of the looks of a second look, in any order."""
        return map(work, items)

    # What is asked

    def list(self, prefix: str, wanted: Wanted = EVERYTHING) -> Sequence[FileFact]:
        question = (prefix.rstrip("/") if prefix.strip("/") else prefix, wanted)
        self._in_time()
        answer = self._lists.get(question)
        if answer is None:
            if question[0]:
                check_path(question[0])
            with self._locks[hash(question) % _LOCKS]:
                answer = self._lists.get(question)
                if answer is None:
                    answer = self._lists[question] = self._list_now(*question)
        if isinstance(answer, EvidenceFault):
            raise _bare(answer)
        return answer

    def stat(self, path: str, rules: ListingRules = TODAY, *, or_folder: bool = False) -> FileFact | None:
        answer = self._answer(path, rules)
        if isinstance(answer, Standing):
            if or_folder or rules.folder_is_absent:
                return None
            raise _folder(path)
        return answer

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None, rules: ListingRules = TODAY) -> FileFact:
        if expect is not None and expect.target is not None:
            rules = FIRST_RELEASE  # no other follows links
        try:
            return _fed(self._chunks(path, self._expected(path, expect, rules)), sink)
        except EvidenceFault as fault:
            self._tore(path, fault)
            raise

    def chunks(self, path: str, *, rules: ListingRules = TODAY) -> Iterator[memoryview]:
        try:
            yield from self._chunks(path, self._expected(path, None, rules))
        except EvidenceFault as fault:
            self._tore(path, fault)
            raise

    def reader(self, path: str, *, rules: ListingRules = TODAY) -> RangeReader:
        return InTime(self._in_time, self._ranges(path, self._expected(path, None, rules)))

    def _tore(self, path: str, fault: EvidenceFault) -> None:
        if fault.code is ReasonCode.EVIDENCE_UNSTABLE:
            self._torn.add(path)  # the second look may find the same again, and the read did not

    def _expected(self, path: str, expect: FileFact | None, rules: ListingRules) -> FileFact:
        fact = self._answer(path, rules)
        if isinstance(fact, Standing):
            raise _folder(path)
        if fact is None:
            if expect is None:
                raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{path} is not there", path)
            raise unstable(path)
        if expect is not None and expect is not fact and (expect.size, expect.stamp) != (fact.size, fact.stamp):
            raise unstable(path)
        return fact

    def _answer(self, path: str, rules: ListingRules) -> Answer:
        """The one answer about a path. Raises `EvidenceFault`, `Unreachable`."""
        self._in_time()
        answer = self._known(path, rules)
        if answer is Standing.UNKNOWN:
            check_path(path)
            with self._locks[hash(path) % _LOCKS]:
                answer = self._known(path, rules)
                if answer is Standing.UNKNOWN:
                    answer = self._look_now(path, rules)
        if isinstance(answer, EvidenceFault):
            raise _bare(answer)
        return answer

    def _known(self, path: str, rules: ListingRules) -> Answer | EvidenceFault:
        answer = self._answers.get(path, Standing.UNKNOWN)
        return answer if answer is not Standing.UNKNOWN else self._ruled.get((path, rules), Standing.UNKNOWN)

    def _look_now(self, path: str, rules: ListingRules) -> Answer | EvidenceFault:
        if not self.folders and self._covered(path):
            return self._answers.setdefault(path, None)
        answer = self._tried(path, rules)
        plain = isinstance(answer, FileFact) and answer.target is None
        if isinstance(answer, EvidenceFault) or (rules.inner_links and not plain):
            return self._ruled.setdefault((path, rules), answer)
        self._asked.append(path)
        return self._answers.setdefault(path, answer)

    def _tried(self, path: str, rules: ListingRules) -> Answer | EvidenceFault:
        try:
            return self._look(path, rules)
        except EvidenceFault as fault:
            return _bare(fault)

    def _list_now(self, folder: str, wanted: Wanted) -> tuple[FileFact, ...] | EvidenceFault:
        whole = self._whole_above(folder, wanted.rules)
        if whole is not None:
            self._derived.add((folder, wanted))
            start = f"{folder}/" if folder else ""
            return tuple(fact for fact in _below(whole, start) if wanted.takes(fact.path[len(start) :]))
        try:
            found = list(self._listed(folder, wanted, self._answers))
        except EvidenceFault as fault:
            return _bare(fault)
        return tuple(self._first(fact, wanted.rules) for fact in found)

    def _first(self, fact: FileFact, rules: ListingRules) -> FileFact:
        """The fact by which the snapshot knows the file, which may be an earlier one."""
        if fact.target is not None:
            earlier = self._ruled.setdefault((fact.path, rules), fact)
        else:
            earlier = self._answers.setdefault(fact.path, fact)
        return earlier if isinstance(earlier, FileFact) else fact

    def _whole_above(self, folder: str, rules: ListingRules) -> tuple[FileFact, ...] | None:
        """A list of everything that holds what is below the folder, where one was made."""
        for above in _above(f"{folder}/x" if folder else "x"):
            whole = self._lists.get((above, Wanted(rules=rules)))
            if isinstance(whole, tuple):
                return whole
        return None

    def _covered(self, path: str) -> bool:
        """Whether a list of everything would have named a file at `path`."""
        return self._whole_above(path.rpartition("/")[0], TODAY) is not None

    # The second look

    def changes(self) -> Changes:
        if not self._changes:
            if self._over is not None and self._over != _LOOKED:
                self._in_time()
            self._over = _LOOKED
            found: set[str] = set(islice(self._differing(), MOST_CHANGES))
            self._changes = Changes(tuple(nsmallest(NAMED_CHANGES, found)), len(found))
        return self._changes

    def _differing(self) -> Iterator[str]:
        if self._moved():
            yield "."
        yield from self._torn
        for path in self._each(self._differs, chain(((path, TODAY) for path in self._asked), self._ruled)):
            if path is not None:
                yield path
        looked = [one for one in self._lists.items() if one[0] not in self._derived]
        for paths in self._each(self._list_differs, looked):
            yield from paths

    def _differs(self, question: tuple[str, ListingRules]) -> str | None:
        path, rules = question
        return None if _same(self._known(path, rules), self._tried(path, rules)) else path

    def _list_differs(self, answered: tuple[tuple[str, Wanted], tuple[FileFact, ...] | EvidenceFault]) -> Sequence[str]:
        (folder, wanted), was = answered
        try:
            now = self._listed(folder, wanted, {})
            if isinstance(was, EvidenceFault):
                for _ in now:
                    pass
                return [was.path or folder]
            return list(islice(_differences(was, now), MOST_CHANGES))
        except EvidenceFault as fault:
            return [] if _same(was, fault) else [fault.path or folder]

    def close(self) -> None:
        self._over = _CLOSED

    def _in_time(self) -> None:
        if self._over is not None:
            raise RuntimeError(f"a snapshot of an engine root was asked after it was {self._over}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_LOOKED: Final = "looked at again"
_CLOSED: Final = "closed"


def _fed(reading: Generator[memoryview, None, FileFact], sink: Sink) -> FileFact:
    """The fact that a reading ends with, all its bytes fed to `sink`."""
    try:
        while True:
            try:
                chunk = next(reading)
            except StopIteration as end:
                read: FileFact = end.value
                return read
            sink(chunk)
    finally:
        reading.close()


def unstable(path: str) -> EvidenceFault:
    """The fault of a file that is not the one that the snapshot found."""
    shown = path[:200].encode("ascii", "backslashreplace").decode()[:200]
    return EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{shown} is not the file any more that was found", shown)


def _differences(was: Iterable[FileFact], now: Iterable[FileFact]) -> Iterator[str]:
    """The paths in which two lists, both in order of path, differ."""
    later = iter(now)
    new = next(later, None)
    for old in was:
        while new is not None and new.path < old.path:
            yield new.path
            new = next(later, None)
        if new is None or new.path != old.path:
            yield old.path
            continue
        if not _same(old, new):
            yield old.path
        new = next(later, None)
    while new is not None:
        yield new.path
        new = next(later, None)


def _same(was: object, now: object) -> bool:
    if isinstance(was, FileFact) and isinstance(now, FileFact):
        return was.stamp == now.stamp and was.size == now.size and was.target == now.target
    if isinstance(was, EvidenceFault) and isinstance(now, EvidenceFault):
        return (was.code, was.what, was.path) == (now.code, now.what, now.path)
    return was is now


def _below(facts: Sequence[FileFact], start: str) -> Sequence[FileFact]:
    """The facts whose paths begin so, of a sequence in order of path."""
    at = bisect_left(facts, start, key=_PATH)
    end = bisect_left(facts, f"{start}\U0010ffff", lo=at, key=_PATH)
    return facts[at:end] if start else facts


def _above(path: str) -> Iterator[str]:
    """The folders above a path, the root last."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _bare(fault: EvidenceFault) -> EvidenceFault:
    """The fault without the frames that it was raised through."""
    return EvidenceFault(fault.code, fault.what, fault.path)


def _folder(path: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.NOT_A_FILE, f"{path} is a folder, and a file is to stand there", path)
