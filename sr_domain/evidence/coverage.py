"""Which files a gate's law reads, told without reading them: the law is given a bundle without bytes.

A law that reads no byte of a file vouches for it by its flag alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

import attrs

from sr_domain.evidence.bundle import Bundle
from sr_domain.evidence.digests import FileDigest
from sr_domain.evidence.law_view import law_view
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_ports import EngineRoot, FileFact, IndexEntry, ListingRules, Part, PartsLaw
from sr_ports.laws import PathBase
from sr_ports.wanted import TODAY

_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _unbounded(read: int) -> None:
    """No byte is read here."""


@attrs.frozen(slots=False)
class _Traced(Bundle):
    """A bundle that notes which of its files are asked for, and gives no byte of them."""

    seen: set[str] = attrs.field(factory=set)

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        self.seen.update(self._confine(path, base) for path in paths)
        return _NOTHING

    def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
        self.seen.add(self._confine(path, base))
        return iter(())

    def sha256_file(self, path: str, base: PathBase) -> str:
        return self._read(self._confine(path, base), base).sha256

    def _read(self, place: str, base: PathBase, more: Callable[[memoryview], None] = lambda chunk: None) -> FileDigest:
        self.seen.add(place)
        return FileDigest(place, 0, _NOTHING)

    def parts(self) -> Iterator[Part]:
        for path, fact in sorted(self.part_facts().items()):
            self.seen.add(fact.path)
            yield Part(path, fact.size, _NOTHING)

    def _check_target(self, fact: FileFact, base: PathBase) -> None:
        """Whether a link leads out is for the evidence to judge."""


def hashed_by(
    root: EngineRoot, gate: SealedGate, law: ProvidedLaw, rules: ListingRules = TODAY
) -> frozenset[str] | None:
    """Paths below the engine root that the gate's law reads as the root stands; None where that cannot be told.

    `gate`: as it is judged, every token filled. No file but the index is read. Raises `Unreachable`.
    """
    traced = _Traced(root, gate.bundle_root, gate.index_path, gate.method, _unbounded, rules, flag_path=gate.flag_path)
    heard: list[BaseException] = []
    try:
        traced = attrs.evolve(traced, members=_members(traced, law))
        if isinstance(law.law, PartsLaw):
            law.law.digest_parts(tuple(traced.parts()))
        else:
            law.law.digest(law_view(traced, heard.append))
    except Exception as error:  # noqa: BLE001 - a law may find nothing where there are no bytes
        _unreachable(heard, error)
        return None
    return frozenset(traced.seen)


def named_by(
    root: EngineRoot,
    gate: SealedGate,
    among: Collection[str],
    rules: ListingRules = TODAY,
    law: ProvidedLaw | None = None,
) -> frozenset[str]:
    """The paths of these, below the engine root, that the gate names: by its index, else as files of its bundle.

    `law`: of the gate, where it is at hand; a flag of its may be the index as well. Raises `EvidenceFault`,
    `BundleAbsent`, `Unreachable`.
    """
    bundle = Bundle(root, gate.bundle_root, gate.index_path, gate.method, _unbounded, rules, flag_path=gate.flag_path)
    if law is not None and law.traits.lists_outputs:
        bundle = attrs.evolve(bundle, members=_members(bundle, law))
    inside = bundle.inside
    if bundle.listed_in is None:
        return frozenset(among).intersection(inside + one.path for one in bundle.files())
    places = (_place(one, inside, gate.method.path_base) for one in bundle.index() if one.path)
    return frozenset(among).intersection(places)


def _members(bundle: Bundle, law: ProvidedLaw) -> Callable[[], Iterable[IndexEntry]] | None:
    """What the gate's flag lists, where its law finds that there."""
    if "members" not in law.traits.offers or bundle.flag_path is None:
        return None
    from sr_domain.evidence.flags import read_manifest
    from sr_domain.evidence.law_call import members_of

    return members_of(law, bundle, read_manifest(bundle.root, bundle.flag_path, bundle.rules))


def _place(entry: IndexEntry, inside: str, base: PathBase) -> str:
    return entry.path if base == "run_root" else inside + entry.path


def _unreachable(heard: Iterable[BaseException], error: BaseException) -> None:
    from sr_ports import Unreachable

    for one in (*heard, error):
        if isinstance(one, Unreachable):
            raise one
