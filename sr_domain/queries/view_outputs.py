"""The bytes of a view's outputs, proven from its locators and the stored part lists alone.

What may be read is what a list names, never what a glob happens to match. Lists are read part by
part and files in windows, so that memory does not grow with the number of parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs

from sr_domain.encoding.bounds import MAX_BYTES
from sr_domain.evidence.digests import FileDigest, WholeFiles, digest_files
from sr_domain.evidence.progress import ReadProgress
from sr_domain.queries.finding import Finding
from sr_domain.queries.places import Place
from sr_domain.queries.verifier import Proof, Verifier
from sr_domain.queries.view import View
from sr_domain.record.layout import Layout
from sr_domain.run.part_lists import PartList, part_list_at
from sr_domain.run.stored import stored_sha256, versions_in
from sr_ports import EngineRoot, EvidenceFault, FileFact, ListingRules, ObjectStore, ReasonCode, Wanted

_WINDOW = 4096
Versions = Mapping[str, Mapping[str, str]]
"""Which very objects were hashed: output id → path below the engine root → the store's own name for its bytes."""


def kept_versions(store: ObjectStore, view: View, digest: str | None) -> Versions | Finding:
    """The object versions that stand, or what is wrong with them; none where the engine's store had none.

    `digest`: what the decision says of them, None where it says nothing or is not there. They tell a file that rotted
    from one that was replaced, and prove nothing: of more than one document may hold none are read.
    """
    key = view.layout.object_versions(view.run_id)
    found = stored_sha256(store, key, keep=MAX_BYTES)
    if found is None:
        return {} if digest is None else Finding(ReasonCode.TRUTH_MISSING, key, "it is not there")
    if digest not in (None, found.sha256):
        return Finding(ReasonCode.TRUTH_ALTERED, key, "it is not what the record says")
    node = versions_in(found)
    if not isinstance(node, dict) or not all(isinstance(one, dict) for one in node.values()):
        return Finding(ReasonCode.TRUTH_ALTERED, key, "it names no objects")
    return node


def part_list_of(store: ObjectStore, layout: Layout, place: Place) -> PartList | Finding:
    """The stored part list of a folder or glob, the very one that was proven, or what is wrong with it."""
    key = layout.part_list(place.digest)
    found = part_list_at(store, key, place.digest)
    if isinstance(found, PartList):
        return found
    wrong = "is not there" if found is ReasonCode.TRUTH_MISSING else "is not the one that was proven"
    return Finding(found, key, f"the part list of output {place.output_id} {wrong}")


@attrs.frozen
class ListedFile:
    """A file that must have these bytes. `size`: None where nothing states it. `kept`: its version, if known."""

    place: Place
    fact: FileFact
    size: int | None
    sha256: str
    kept: str | None


@attrs.frozen
class _Off:
    """One way in which a place is not what was proven. `how`: ROTTED, MOVED, ADDED, or empty for a list's fault."""

    place: Place
    how: str
    what: str
    code: ReasonCode = ReasonCode.TRUTH_ALTERED
    where: str | None = None


@attrs.define
class _Tally:
    """The first of the same differences of a place, and how many more there are."""

    first: _Off
    more: int = 0

    def finding(self) -> Finding:
        first = self.first
        told = f"{first.how}: {first.what}" if first.how else first.what
        more = f"; and {self.more} more" if self.more else ""
        return Finding(first.code, first.where or first.place.output_id, told + more)


@attrs.frozen
class OutputBytes:
    """Proves places below an engine root. `layout`: of the platform run whose store has the part lists.

    `read`: what the gates of the same look have read, which is not read again. `held`: told of each file whose
    bytes were read and are those that were proven.
    """

    verifier: Verifier
    layout: Layout
    root: EngineRoot
    rules: ListingRules
    versions: Versions
    progress: ReadProgress
    read: WholeFiles = attrs.field(factory=WholeFiles)
    held: Callable[[Place, FileDigest], None] = lambda place, read: None

    def proof(self, places: Iterable[Place]) -> Proof:
        """Every place's bytes, read again. Raises `Unreachable`."""
        off: dict[Place, dict[tuple[str, str], _Tally]] = {place: {} for place in places}
        for one in self._differences(off):
            _count(off[one.place], one)
        ids = Counter(place.output_id for place in off)
        for place, told in off.items():
            if not told:
                where = f" ({place.path})" if ids[place.output_id] > 1 else ""  # of an output over several days
                self.verifier.progress(f"output {place.output_id}{where}: the same bytes as were proven")
        unread = [place.output_id for place, told in off.items() if any(not how for how, _ in told)]
        findings = [tally.finding() for told in off.values() for tally in told.values()]
        proven = sum(not told for told in off.values())
        return Proof(tuple(findings), proven, tuple(dict.fromkeys(unread)))

    def look(self, place: Place) -> tuple[list[ListedFile], list[Finding]]:
        """The files of a place as they stand, and what is gone or was added; no byte of them is read."""
        files: list[ListedFile] = []
        off: dict[tuple[str, str], _Tally] = {}
        for one in self._looked(place):
            if isinstance(one, _Off):
                _count(off, one)
            else:
                files.append(one)
        return files, [tally.finding() for tally in off.values()]

    def _looked(self, place: Place) -> Iterator[ListedFile | _Off]:
        return self._file(place) if place.single else self._list(place)

    def _differences(self, places: Iterable[Place]) -> Iterator[_Off]:
        window: list[ListedFile] = []
        for place in places:
            for one in self._looked(place):
                if isinstance(one, _Off):
                    yield one
                else:
                    window.append(one)
                if len(window) >= _WINDOW:
                    yield from self._read(window)
                    window = []
        yield from self._read(window)

    def _file(self, place: Place) -> Iterator[ListedFile | _Off]:
        """The one file that a path names."""
        try:
            fact = self.root.stat(place.path, self.rules)
        except EvidenceFault as fault:
            yield _Off(place, "MOVED", fault.what, fault.code)
            return
        if fact is None:
            yield _Off(place, "MOVED", f"{place.path} is not there", ReasonCode.TRUTH_MISSING)
            return
        yield ListedFile(place, fact, None, place.digest, self._kept(place, fact))

    def _list(self, place: Place) -> Iterator[ListedFile | _Off]:
        """Every part of a folder or glob, and what is there beside them."""
        listed = part_list_of(self.verifier.store, self.layout, place)
        if isinstance(listed, Finding):
            yield _Off(place, "", listed.what, listed.code, listed.where)
            return
        key = self.layout.part_list(place.digest)
        wanted = Wanted(place.pattern, rules=self.rules)
        try:
            there: dict[str, FileFact] | None = {one.path: one for one in self.root.list(place.base, wanted)}
        except EvidenceFault as fault:
            yield _Off(place, "MOVED", fault.what, fault.code)
            there = None
        try:
            yield from self._parts(place, key, listed, wanted, there)
        except EvidenceFault as fault:
            yield _Off(place, "", fault.what, fault.code, key)

    def _parts(
        self, place: Place, key: str, listed: Iterable[FileDigest], wanted: Wanted, there: dict[str, FileFact] | None
    ) -> Iterator[ListedFile | _Off]:
        """`there`: what the path takes today; None where that could not be told, and each part is looked for."""
        nothing = there is not None and not there
        for part in listed:
            if not wanted.takes(part.path):
                yield _Off(place, "", f"it lists {part.path}, which {place.path} does not take", where=key)
                continue
            fact = self._stat(place.of(part.path)) if there is None else there.pop(place.of(part.path), None)
            if fact is not None:
                yield ListedFile(place, fact, part.size, part.sha256, self._kept(place, fact))
            elif not nothing:
                yield _Off(place, "MOVED", f"{place.of(part.path)} is gone")
        if nothing:
            yield _Off(place, "MOVED", f"{place.path} is not there", ReasonCode.TRUTH_MISSING)
        for path in there or ():
            yield _Off(place, "ADDED", f"{path} was not proven")

    def _stat(self, path: str) -> FileFact | None:
        try:
            return self.root.stat(path, self.rules)
        except EvidenceFault:  # what stands there is no file of the root: the part is gone
            return None

    def _kept(self, place: Place, fact: FileFact) -> str | None:
        return self.versions.get(place.output_id, {}).get(fact.path)

    def _read(self, window: Sequence[ListedFile]) -> Iterator[_Off]:
        """The files of a window, each against its size and digest."""
        facts = {one.fact.path: one.fact for one in window}
        fresh = [fact for path, fact in facts.items() if self.read.known(path) is None]
        read = digest_files(self.root, fresh, self.verifier.pool, self.progress)
        for part in window:
            now = self.read.known(part.fact.path) or read[part.fact.path]
            if isinstance(now, EvidenceFault):
                yield _Off(part.place, "MOVED", now.what, now.code)
            elif now.sha256 != part.sha256 or part.size not in (None, now.size):
                yield _other_bytes(part, now)
            else:
                self.held(part.place, now)


def _count(same: dict[tuple[str, str], _Tally], one: _Off) -> None:
    """Note a difference among those of its place."""
    kind = (one.how, one.code.value)
    if kind in same:
        same[kind].more += 1
    else:
        same[kind] = _Tally(one)


def _other_bytes(part: ListedFile, now: FileDigest) -> _Off:
    """ROTTED: the very object that was proven has other bytes. MOVED: another is in its place."""
    what = f"{now.path}: proven with {part.sha256}, now {now.sha256}"
    if part.sha256 == now.sha256:
        what = f"{now.path}: its list says {part.size} bytes, it has {now.size}"
    replaced = None not in (part.kept, now.version_id) and part.kept != now.version_id
    if replaced:
        what += f"; object {part.kept} was proven, {now.version_id} is there now"
    return _Off(part.place, "MOVED" if replaced else "ROTTED", what)
