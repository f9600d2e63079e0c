"""A sound view as its consumer reads it: the very files of each output, proven at first use or while they stream.

One snapshot of the engine root serves all reads, so that what was proven and what is read later have one identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import attrs

from sr_domain.evidence.digests import FileDigest
from sr_domain.evidence.progress import ReadProgress
from sr_domain.queries.finding import Finding
from sr_domain.queries.places import Place, place_of
from sr_domain.queries.verifier import Verifier
from sr_domain.queries.view import View
from sr_domain.queries.view_outputs import ListedFile, OutputBytes, Versions, part_list_of
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.run.answers import speaks_of_successor, successors
from sr_ports import BadInput, EngineRoot, EvidenceFault, Fault, FileFact, ReasonCode, Wanted
from sr_ports.roots import Ranged, RangeReader


class ProvenPart(NamedTuple):
    """A file of an output. `uri`: an absolute path, or a URI where the bytes are in a store.

    `size`: bytes; None for a file that no list names and nobody has looked at. `sha256`: hex64. `day`: of an output
    over several days, ``YYYY-MM-DD``. `version_id`: the store's own name for these very bytes, where it has one.
    """

    uri: str
    size: int | None
    sha256: str
    day: str | None = None
    version_id: str | None = None


Days = Mapping[tuple[str, str], str]
"""Of outputs over several days: output id and path below the engine root → the day."""


@attrs.define
class ViewReader:
    """Reads what a view names. `view`: one that was verified. `given_root`: read in place of the view's own.

    `days`, `versions`: as the decision has them. Whatever is wrong with the bytes is `Fault`, naming the output.
    """

    verifier: Verifier
    view: View
    given_root: str | None
    days: Days
    versions: Versions
    _root: EngineRoot | None = attrs.field(default=None, init=False)
    _proven: dict[str, tuple[ProvenPart, ...]] = attrs.field(factory=dict, init=False)
    _looked: dict[str, dict[str, ListedFile]] = attrs.field(factory=dict, init=False)
    _used: dict[Place, set[str]] = attrs.field(factory=dict, init=False)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The ids of the view's outputs, in its order."""
        return tuple(dict.fromkeys(str(one["output_id"]) for one in self.view.facts["locators"]))

    @property
    def where(self) -> str:
        """The engine root, as it was given or as the view names it. Raises `BadInput` for a view that names none."""
        if self.given_root is not None:
            return self.given_root
        if self.view.root is None or not self.view.resolved:
            raise _of_the_first_release(self.view)
        return self.view.root

    @property
    def root(self) -> EngineRoot:
        """The one snapshot. Raises `BadInput` for a root that no adapter reads."""
        if self._root is None:
            self._root = self.verifier.roots.open(self.where)
        return self._root

    def close(self) -> None:
        """Give back what is held open; nothing is read after it."""
        if self._root is not None:
            self._root.close()

    def places(self, output_id: str) -> list[Place]:
        """Where an output is, one place a day. Raises `BadInput` for one that the view has not."""
        view = self.view
        own = [one for one in view.facts["locators"] if one["output_id"] == output_id]
        if not own:
            what = f"run {view.run_id} has no output {output_id!r}"
            raise BadInput(ReasonCode.UNKNOWN_OUTPUT_ID, what, f"it has {', '.join(sorted(self.outputs))}")
        if view.root is None or not view.resolved:
            raise _of_the_first_release(view)
        found = []
        for locator in sorted(own, key=lambda one: str(one["path"])):
            place = place_of(view, view.root, locator)
            if isinstance(place, Finding):
                raise fault_of(place)
            found.append(place)
        return found

    def named(self, output_id: str) -> Iterator[ProvenPart]:
        """The files of an output as view and part lists name them, read as they are asked for; nothing is looked at."""
        for place in self.places(output_id):
            yield from self._listed(place)

    def prove(self, output_id: str) -> None:
        """Read every byte of an output again; nothing is held of very many files. Raises as `proven`."""
        proof = self._judge(self.root, lambda place, read: None).proof(self.places(output_id))
        if proof.findings:
            raise fault_of(*proof.findings)

    def proven(self, output_id: str) -> tuple[ProvenPart, ...]:
        """The files of an output, every byte read again at first use. Raises `Unreachable`, `Fault`."""
        if output_id not in self._proven:
            held: list[tuple[Place, FileDigest]] = []
            places = self.places(output_id)
            proof = self._judge(self.root, lambda place, read: held.append((place, read))).proof(places)
            if proof.findings:
                raise fault_of(*proof.findings)
            for place, read in held:
                self._used.setdefault(place, set()).add(read.path)
            self._proven[output_id] = tuple(
                self._part(place, read.path, read.size, read.sha256, read.version_id) for place, read in held
            )
        return self._proven[output_id]

    def looked(self, output_id: str) -> Mapping[str, ListedFile]:
        """The files of an output as they stand, by uri, none gone and none beside them. Raises as `proven`.

        No byte is read, and the same files are given each time: there may be very many.
        """
        if output_id in self._looked:
            return self._looked[output_id]
        judge = self._judge(self.root, lambda place, read: None)
        found: dict[str, ListedFile] = {}
        for place in self.places(output_id):
            files, off = judge.look(place)
            if off:
                raise fault_of(*off)
            for one in files:
                self._used.setdefault(place, set()).add(one.fact.path)
                found[self._uri(one.fact.path)] = one
        self._looked[output_id] = found
        return found

    def has_proven(self, output_id: str) -> bool:
        """Whether every byte of the output was read before."""
        return output_id in self._proven

    def chunks(self, path: str) -> Iterator[memoryview]:
        """The bytes of a file below the root, of its one identity, in order."""
        with told(path):
            yield from self.root.chunks(path, rules=self.view.rules.listing)

    def ranges(self, path: str) -> RangeReader | None:
        """The file below the root, to be read from any place; None where its adapter cannot."""
        ranged = self._ranged
        with told(path):
            return None if ranged is None else ranged.reader(path, rules=self.view.rules.listing)

    def changed(self) -> str | None:
        """The first file that was used and is not the one any more; None where all are. What came beside is no matter.

        A new look, also at the root's own name. Raises `Unreachable`.
        """
        if not self._used:
            return None
        with self.verifier.roots.open(self.where) as fresh:
            for place, paths in self._used.items():
                now = self._there(fresh, place)
                for path in sorted(paths):
                    was = self.root.stat(path, self.view.rules.listing)
                    if was is None or path not in now or not _same(was, now[path]):
                        return path
        return None

    def superseded_by(self) -> tuple[str, ...]:
        """Who has superseded the run by now, the newest last. Raises `Fault` where its record cannot tell any more."""
        store, view = self.verifier.store, self.view
        key = view.layout.record(view.run_id)
        blob = store.read(key)
        if blob is None:
            raise Fault(ReasonCode.TRUTH_MISSING, f"{key}: it was there when the run was opened, and is gone")
        if not speaks_of_successor(blob.data):
            return ()
        found = check_ledger(view.run_id, blob.data)
        if not isinstance(found, Ledger):
            raise Fault(ReasonCode.TRUTH_ALTERED, f"{key}: it was sound when the run was opened, and is not")
        return successors(store, view.layout, found)

    @cached_property
    def _ranged(self) -> Ranged | None:
        """The root, where its files are read from any place; asked once, for each file that is opened asks."""
        return self.root if isinstance(self.root, Ranged) else None

    @cached_property
    def _progress(self) -> ReadProgress:
        return ReadProgress(self.verifier.progress, self.verifier.clock.now)

    def _judge(self, root: EngineRoot, held: Callable[[Place, FileDigest], None]) -> OutputBytes:
        view = self.view
        return OutputBytes(
            self.verifier,
            view.layout,
            root,
            view.rules.listing,
            self.versions,
            self._progress,
            held=held,
        )

    def _listed(self, place: Place) -> Iterator[ProvenPart]:
        if place.single:
            yield self._part(place, place.path, None, place.digest)
            return
        listed = part_list_of(self.verifier.store, self.view.layout, place)
        if isinstance(listed, Finding):
            raise fault_of(listed)
        with told(place.output_id):
            for part in listed:
                yield self._part(place, place.of(part.path), part.size, part.sha256)

    def _part(self, place: Place, path: str, size: int | None, sha256: str, version: str | None = None) -> ProvenPart:
        kept = self.versions.get(place.output_id, {}).get(path) if self.given_root is None else None
        day = self.days.get((place.output_id, place.path))
        return ProvenPart(self._uri(path), size, sha256, day, version or kept)

    def _uri(self, path: str) -> str:
        return f"{self.root.uri.rstrip('/')}/{path}"

    def _there(self, root: EngineRoot, place: Place) -> Mapping[str, FileFact]:
        rules = self.view.rules.listing
        try:
            if not place.single:
                return {one.path: one for one in root.list(place.base, Wanted(place.pattern, rules=rules))}
            fact = root.stat(place.path, rules)
        except EvidenceFault:  # a link or a folder took the place of one of them
            return {}
        return {} if fact is None else {place.path: fact}


class told:  # noqa: N801 - a context manager; a class, for each part of a file enters one
    """Raise an `EvidenceFault` of the block as the `Fault` that it is to a consumer."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EvidenceFault):
            raise moved(self._name, error) from error


class Telling:
    """Around what a caller asks for: notes that he was told of a fault."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Fault):
            self.told = True


def _same(was: FileFact, now: FileFact) -> bool:
    return (was.size, was.stamp, was.target) == (now.size, now.stamp, now.target)


def fault_of(first: Finding, *others: Finding) -> Fault:
    """The error that findings are to a consumer, with what to do about the first."""
    more = f"; and {len(others)} more" if others else ""
    return Fault(first.code, f"{first.where}: {first.what}{more}", first.of_the_engine)


def moved(name: str, fault: EvidenceFault) -> Fault:
    """The error that a file is to a consumer where another one, or none, was met in its place. `name`: of the file."""
    return fault_of(Finding(ReasonCode.TRUTH_ALTERED, name, f"MOVED: {fault.what}"))


def _of_the_first_release(view: View) -> BadInput:
    what = f"run {view.run_id} was decided by the first release, whose views name no files"
    return BadInput(ReasonCode.USAGE, what, "submit it again under a new key: its view will name them")
