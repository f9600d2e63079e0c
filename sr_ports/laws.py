"""Port: hashing laws (gate-verification methods) and the bundle view they see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import attrs

from sr_ports.compared import Compared

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A plain JSON value."""

Ordering = Literal["ascii_lex", "index_order", "members_array_order"]
PathBase = Literal["bundle_root", "run_root"]


class Params(Mapping[str, Json]):
    """What a gate map says to a gate's own law: a mapping of plain JSON values that nothing can change.

    Mappings in it are `Params`, lists are tuples. Raises `TypeError` for what is no JSON.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Json] = MappingProxyType({})) -> None:
        self._values = MappingProxyType({_key(name): _frozen(value) for name, value in values.items()})

    def __getitem__(self, name: str) -> Json:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Params({dict(self._values)!r})"

    def document(self) -> dict[str, Json]:
        """The values as JSON has them, the caller's own."""
        return {name: _thawed(value) for name, value in self._values.items()}


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no name")
    return name


def _frozen(value: object) -> Json:
    if isinstance(value, Mapping):
        return Params(value)
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{value!r} is no JSON value")


def _thawed(value: Json) -> Json:
    if isinstance(value, Params):
        return value.document()
    return [_thawed(one) for one in value] if isinstance(value, tuple) else value


NO_PARAMS = Params()


@attrs.frozen(eq=False, repr=False)
class VerificationMethod(Compared):
    """How a gate's bundle is hashed, from the gate map (spec: behaviour, "Evidence").

    `exclude_filenames` match by base name. `params`: the keys that are the law's own.
    """

    kind: str
    digest_field: str = "sha256_hex"
    ordering: Ordering = "ascii_lex"
    path_base: PathBase = "bundle_root"
    exclude_filenames: tuple[str, ...] = ()
    params: Params = NO_PARAMS


@attrs.frozen(eq=False, repr=False)
class BundleFile(Compared):
    """A file of a bundle. `path`: relative to the bundle root, POSIX. `size`: bytes."""

    path: str
    size: int


@attrs.frozen(eq=False, repr=False)
class IndexEntry(Compared):
    """A member as the bundle's index names it. `sha256_hex`: the index's own claim, if it makes one.

    `path`: in one spelling, whatever the index writes: ``./a`` is ``a``.
    """

    path: str
    sha256_hex: str | None = None


@attrs.frozen(eq=False, repr=False)
class Part(Compared):
    """A file of a bundle as its bytes are. `path`: from the method's `path_base` on. `size`: bytes. `sha256`: hex64."""

    path: str
    size: int
    sha256: str


class BundleView(Protocol):
    """All a law may see of a bundle: confined, streaming, read-only.

    Paths given and returned are relative to the bundle root, or with ``base="run_root"`` to the engine root.
    Faults (escape, absence, instability, a malformed or empty index) are raised as `EvidenceFault` by the
    view; a law lets them pass. Nothing else is within reach of the view: no root, no port, no path of the
    machine. Nor is what the gate's flag says, which is what the digest is compared with.
    """

    @property
    def method(self) -> VerificationMethod:
        """How the gate map says this bundle is hashed."""

    @property
    def params(self) -> Mapping[str, Json]:
        """The keys of the gate map's ``verification_method`` that are the law's own. Nothing can change them."""

    def files(self) -> Sequence[BundleFile]:
        """Every file under the bundle root, ASCII order of relative path, less excluded names."""

    def index(self) -> Sequence[IndexEntry]:
        """The members that the bundle's index lists, in its order, less excluded names.

        A long index is not kept but read again at each walk over it, and at each look at one place: walk once.
        """

    def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
        """The file's bytes in chunks, in order, for a hasher of the law's own; several files may be read at once.

        It ends only where the file is still the one that was found. Raises, before the first chunk is asked for,
        where there is no such file, and `PermissionError` for the gate's flag, unless the bundle's index lists it.
        """

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        """Hex sha256 over the concatenated bytes of `paths`, in that order, streamed."""


@runtime_checkable
class HashingLaw(Protocol):
    """A gate-verification method.

    Laws:

    H1  A function of the bundle alone: same bytes, names and index, same digest, anywhere.
    H2  Everything the law covers is covered: any change to it changes the digest.
    H3  It judges what it covers and no more, and opens nothing itself.
    """

    @property
    def kind(self) -> str:
        """The name the gate map's ``verification_method.kind`` uses."""

    def digest(self, bundle: BundleView) -> str:
        """The bundle's digest, 64 lower-case hex characters.

        Raises `EvidenceFault` where the evidence is at fault, which is a conflict, and `Unreachable`. What else it
        raises says nothing of the evidence: the run rests, and may be resumed once the law is repaired.
        """


@runtime_checkable
class PartsLaw(HashingLaw, Protocol):
    """A law over a bundle's parts: of each file its path, size and sha256, and nothing else.

    Whoever judges the gate reads the parts, once and over all cores, and what was read serves the outputs, too.
    `digest` is then not called. A law that runs in a worker process is asked for its `digest` all the same.
    """

    def digest_parts(self, parts: Iterable[Part]) -> str:
        """The digest of a bundle whose parts these are, by ascending path, no path twice.

        They are what the index lists or, of a gate that names none, all files below the bundle root less the
        flag; less excluded names.
        """
