"""A validation bundle as a hashing law sees it: confined, streaming, read-only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from itertools import islice
from typing import Any

import attrs

from sr_domain.encoding.bounds import BOUNDS
from sr_domain.evidence.digests import FileDigest, Guard, OneThread, WholeFiles, digest_files
from sr_domain.evidence.index_kept import kept
from sr_domain.evidence.index_reader import index_entries
from sr_ports import (
    BundleFile,
    EngineRoot,
    EvidenceFault,
    FileFact,
    IndexEntry,
    ListingRules,
    Part,
    ReasonCode,
    VerificationMethod,
    Wanted,
    WorkPool,
)
from sr_ports.compared import Compared
from sr_ports.laws import PathBase
from sr_ports.roots import check_path, is_plain, leaves
from sr_ports.wanted import TODAY

_FOUND_AT_ONCE = 1000
PATH_KEYS = ("path", "relative_path", "rel_path", "file_path", "file", "filename", "name")
DIGEST_KEYS = ("sha256_hex", "sha256", "digest", "digest_sha256", "digest_hex", "sha256_digest", "hash")
_HEX = "0123456789abcdefABCDEF"


def _nothing(chunk: memoryview) -> None:
    """For whoever needs no more than a file's own digest."""


class BundleAbsent(Exception):
    """The bundle, or the index a law asked for, is not there (yet). `path`: what was looked for."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@attrs.frozen(slots=False, eq=False, repr=False)
class Bundle(Compared):
    """What a law may ask of a bundle, over an engine root; a law itself is given a `law_view` of it.

    `bundle_root`: folder without trailing slash. `index_path`: None when the gate names none. `flag_path`:
    of the gate's flag, which no law reads. `pool`: what reads the parts of a law over parts, None for this thread.
    `members`: what a flag lists that is the index as well, at each call anew; None for any other.
    """

    root: EngineRoot
    bundle_root: str
    index_path: str | None
    method: VerificationMethod
    guard: Guard
    rules: ListingRules = TODAY
    digests: WholeFiles = attrs.field(factory=WholeFiles)
    flag_path: str | None = None
    pool: WorkPool | None = None
    members: Callable[[], Iterable[IndexEntry]] | None = None

    @property
    def inside(self) -> str:
        """What paths of the bundle begin with below the engine root; empty where that itself is the bundle."""
        return f"{self.bundle_root}/" if self.bundle_root else ""

    @property
    def listed_in(self) -> str | None:
        """Where the bundle's files are listed: in its index, or in a flag that is one; None where nowhere."""
        return self.index_path if self.members is None else self.flag_path

    def files(self) -> Sequence[BundleFile]:
        """Every file below the bundle root less excluded names. Raises `BundleAbsent` when there is none.

        The flag is one of them where no name leaves it out: a digest over all files then covers it.
        """
        cut = len(self.inside)
        facts = self.root.list(self.bundle_root, whole_bundle(self.method, self.rules))
        if not facts:
            raise BundleAbsent(self.bundle_root)
        for fact in facts:
            self._check_target(fact, "bundle_root")
        return [BundleFile(fact.path[cut:], fact.size) for fact in facts]

    def index(self) -> Sequence[IndexEntry]:
        """The index's members less excluded names. Raises `BundleAbsent`, `EvidenceFault`; so may a walk over them."""
        return self._index

    @cached_property
    def _index(self) -> Sequence[IndexEntry]:
        path = self.listed_in
        if path is None:
            raise EvidenceFault(ReasonCode.INDEX_MALFORMED, "the gate map names no index for this law")
        if self.root.stat(path, self.rules) is None:
            raise BundleAbsent(path)
        entries = kept(partial(self._entries, path) if self.members is None else self._members)
        if not entries:
            raise EvidenceFault(ReasonCode.INDEX_EMPTY, f"{path} lists nothing", path)
        return entries

    def _entries(self, path: str) -> Iterator[IndexEntry]:
        """A walk over the index at this path."""
        left_out = self.method.exclude_filenames
        for node in index_entries(self._guarded(path), path):
            entry = _entry(node, path)
            plain = not entry.path or is_plain(entry.path)
            if not plain:
                entry = self._plain(entry)
            if left_out and entry.path.rpartition("/")[2] in left_out:
                continue
            if not plain:  # also for a law that never opens it: no index names what is no member
                _check_member(entry.path, entry.path)
            yield entry

    def _members(self) -> Iterator[IndexEntry]:
        """A walk over a flag that is the index as well. Its digest is over all of it: no name is left out."""
        for entry in () if self.members is None else self.members():
            plain = self._plain(entry)
            _check_member(plain.path, entry.path)
            yield plain

    def _guarded(self, path: str) -> Iterator[memoryview]:
        """The bytes of an index: read under the lease, as any others are."""
        for chunk in self.root.chunks(path, rules=self.rules):
            self.guard(len(chunk))
            yield chunk

    def let_go(self) -> None:
        """Forget the index: a view that a law was given lives on until it is collected."""
        self.__dict__.pop("_index", None)

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        """Hex sha256 over the concatenated bytes of `paths`, in that order."""
        named = tuple(paths)
        if len(named) == 1:
            return self.sha256_file(named[0], base)
        whole = hashlib.sha256()
        left = iter(named)
        while places := [self._confine(path, base) for path in islice(left, _FOUND_AT_ONCE)]:
            for place in places:  # found before any is read: one wait for the first byte serves them all
                self.root.stat(place, self.rules)
            for place in places:
                self._read(place, base, whole.update)
        return whole.hexdigest()

    def find(self, path: str, base: PathBase) -> FileFact:
        """The member, where it is there. Raises `EvidenceFault`, `INDEXED_FILE_ABSENT` for one that is not."""
        place = self._confine(path, base)
        fact = self.root.stat(place, self.rules)
        if fact is None:
            raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{place} is not there", place)
        return fact

    def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
        """The bytes of one member in chunks. Raises as `find`, and `PermissionError` for a flag that no index lists."""
        fact = self.find(path, base)
        self._check_target(fact, base)
        named, flag = self._confine(path, base), self.flag_path
        if flag is not None and flag in (named, fact.target) and not self._lists(flag):
            raise PermissionError(f"{flag} is the gate's flag, which no law reads: exclude_filenames leaves it out")
        return self._chunks(named)

    def _chunks(self, named: str) -> Iterator[bytes]:
        hasher = hashlib.sha256()
        for chunk in self.root.chunks(named, rules=self.rules):
            self.guard(len(chunk))
            hasher.update(chunk)
            yield bytes(chunk)
        fact = self.root.stat(named, self.rules)
        if fact is not None and fact.target is None:
            self.digests.agree(named, hasher.hexdigest())

    def _lists(self, path: str) -> bool:
        """Whether the index lists what is at `path` below the engine root."""
        inside = self.inside if self.method.path_base == "bundle_root" else ""
        return self.listed_in is not None and any(inside + entry.path == path for entry in self.index())

    def sha256_file(self, path: str, base: PathBase) -> str:
        """Hex sha256 of one member, read once in a look."""
        place = self._confine(path, base)
        known = self.digests.known(place)
        if known is not None:
            return known.sha256
        return self._read(place, base).sha256

    def _read(self, place: str, base: PathBase, more: Callable[[memoryview], None] = _nothing) -> FileDigest:
        """Read one file, `more` fed beside its own digest: whoever asks for that later is told of these very bytes."""
        hasher, guard = hashlib.sha256(), self.guard

        def sink(chunk: memoryview) -> None:
            guard(len(chunk))
            hasher.update(chunk)
            more(chunk)

        fact = self.root.stream(place, sink, rules=self.rules)
        self._check_target(fact, base)
        read = FileDigest(fact.path, fact.size, hasher.hexdigest(), fact.version_id)
        return read if fact.target is not None else self.digests.keep(read)

    def parts(self) -> Iterator[Part]:
        """What a law over parts is given (see `PartsLaw`). Raises `BundleAbsent`, `EvidenceFault`."""
        facts = self.part_facts()
        read = digest_files(self.root, facts.values(), self.pool or OneThread(), self.guard, self.digests)
        for path, fact in sorted(facts.items()):
            one = read[fact.path]
            if isinstance(one, EvidenceFault):
                raise one
            yield Part(path, one.size, one.sha256)

    def part_facts(self) -> dict[str, FileFact]:
        """The files of a law over parts, by the paths that it is given. Raises as `parts` does."""
        return self._all_but_the_flag() if self.listed_in is None else self._listed()

    def _listed(self) -> dict[str, FileFact]:
        """The index's members by path, each found before any is read."""
        base, found = self.method.path_base, {}
        for entry in self.index():
            fact = self.find(entry.path, base)
            self._check_target(fact, base)
            found[entry.path] = fact
        return found

    def _all_but_the_flag(self) -> dict[str, FileFact]:
        """Every file below the bundle root less excluded names and the flag, by path from the method's base on."""
        cut = 0 if self.method.path_base == "run_root" else len(self.inside)
        found = {
            fact.path[cut:]: fact
            for fact in self.root.list(self.bundle_root, whole_bundle(self.method, self.rules))
            if self.flag_path not in (fact.path, fact.target)
        }
        if not found:
            raise BundleAbsent(self.bundle_root)
        for fact in found.values():
            self._check_target(fact, "bundle_root")
        return found

    def _plain(self, entry: IndexEntry) -> IndexEntry:
        """The entry with its path in one spelling, by which it is named, sorted and left out."""
        path = plain_path(entry.path, folders=self.root.folders)
        return entry if path == entry.path else attrs.evolve(entry, path=path)

    def _confine(self, path: str, base: PathBase) -> str:
        """The member's path below the engine root. Raises `EvidenceFault` for one that leaves its base or is none."""
        plain = plain_path(path, folders=self.root.folders)
        _check_member(plain, path)
        return plain if base == "run_root" else self.inside + plain

    def _check_target(self, fact: FileFact, base: PathBase) -> None:
        """A symbolic link may stay within its base alone; the engine root sees to what is outside it."""
        inside = self.inside if base == "bundle_root" else ""
        if fact.target is not None and not fact.target.startswith(inside):
            what = f"the member {fact.path} is a link to {fact.target}, outside its bundle"
            raise EvidenceFault(ReasonCode.PATH_ESCAPES, what, fact.path)


def whole_bundle(method: VerificationMethod, rules: ListingRules = TODAY) -> Wanted:
    """What a law that covers all files of a bundle asks its root for; excluded names are not evidence."""
    return Wanted(leave_out=frozenset(method.exclude_filenames), rules=rules)


def plain_path(path: str, *, folders: bool) -> str:
    """A relative path in one spelling: no ``.`` parts, and where paths lead through folders no empty ones.

    A ``.`` at the end names a folder, as a slash there does. What leads out is left as it stands.
    """
    if path.startswith("/") or not _has_idle_part(path):
        return path
    parts = path.split("/")
    end = "/" if parts[-1] in ("", ".") and len(parts) > 1 else ""
    empty = ("", ".") if folders else (".",)
    body = parts[:-1] if end else parts
    kept = "/".join(part for part in body if part not in empty)
    return kept + end if kept or not path else "./"


def _check_member(plain: str, written: str) -> None:
    """Return for a plain path that may name a member. Raises `EvidenceFault`. `written`: as it stood, for people."""
    fault = member_fault(plain)
    if fault is not None:
        code, why = fault
        shown = written[:120].encode("ascii", "backslashreplace").decode()[:120]
        raise EvidenceFault(code, f"the member path {shown!r} is refused: {why}", shown)


def _has_idle_part(path: str) -> bool:
    """Whether a path has an empty or ``.`` part; asked of every member, so no pattern is searched for."""
    return "//" in path or "/./" in path or path == "." or path.startswith("./") or path.endswith(("/", "/."))


def member_fault(path: str) -> tuple[ReasonCode, str] | None:
    """Why a plain path names no member of its base; None when it may name one."""
    if leaves(path):
        return ReasonCode.PATH_ESCAPES, "it is absolute, or has a .. part or a backslash"
    if not path or path.endswith("/"):
        return ReasonCode.NOT_A_FILE, "it names a folder"
    try:
        check_path(path)
    except EvidenceFault as fault:
        if fault.code in BOUNDS:
            return fault.code, fault.what
        return ReasonCode.INDEX_MALFORMED, "it has an empty part, a control character or is not UTF-8"
    return None


def _entry(node: Any, path: str) -> IndexEntry:
    if isinstance(node, str):
        return IndexEntry(node)
    entry = _stated(node) if isinstance(node, dict) else None
    if entry is not None:
        return entry
    what = f"{path} has an entry that is neither a path nor a member: {json.dumps(node)[:80]}"
    raise EvidenceFault(ReasonCode.INDEX_MALFORMED, what, path)


def _stated(node: dict[str, Any]) -> IndexEntry | None:
    """What a member states; None for what is none."""
    named, claimed = _keys(tuple(node))
    name = "" if named is None else node[named]
    claim = None if claimed is None else node[claimed]
    if isinstance(claim, dict):
        claim = claim.get("hex", "")
    if isinstance(name, str) and (claim is None or is_hex64(claim)) and (name or claim):
        return IndexEntry(name, claim)
    return None


@lru_cache(16)
def _keys(keys: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Under which of its keys a member states its path and its digest: as a rule all of an index have the same."""
    named = next((key for key in PATH_KEYS if key in keys), None)
    return named, next((key for key in DIGEST_KEYS if key in keys), None)


def is_hex64(value: object) -> bool:
    """Whether this is a sha256 in hex."""
    return isinstance(value, str) and len(value) == 64 and not value.strip(_HEX)  # noqa: PLR2004
