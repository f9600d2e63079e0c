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

    `path`: in one spelling, whatever the index writes: ``./a`` is ``a``. `claim`: whatever else a law's own
    `members` found beside the name, in words that only that law reads: a digest of another algorithm, say.
    """

    path: str
    sha256_hex: str | None = None
    claim: str | None = None


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

        Of a law with `members` they are what those gave of the gate's flag, none left out. A long index is not kept
        but read again at each walk over it, and at each look at one place: walk once.
        """

    def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
        """The file's bytes in chunks, in order, for a hasher of the law's own; several files may be read at once.

        It ends only where the file is still the one that was found. Raises, before the first chunk is asked for,
        where there is no such file, and `PermissionError` for the gate's flag, unless the bundle's index lists it.
        """

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        """Hex sha256 over the concatenated bytes of `paths`, in that order, streamed."""


@attrs.frozen(eq=False, repr=False)
class LawVector(Compared):
    """A small bundle and what a law makes of it: a law's `vectors` are such. `digest`: what it must answer.

    `files`: bytes by path relative to the bundle root, the flag among them where it lies there. `flag`: the flag's
    path there, None where it lies elsewhere. `index`: what the bundle's index lists, for a law without `members`.
    `digest` None: the law must raise `EvidenceFault`. `stated`: of a law with `stated`, whether the flag states
    `digest`, too. `note`: for people.
    """

    note: str
    files: Mapping[str, bytes]
    digest: str | None
    method: VerificationMethod
    index: tuple[IndexEntry, ...] = ()
    flag: str | None = None
    stated: bool = True


@runtime_checkable
class HashingLaw(Protocol):
    """A gate-verification method.

    Laws:

    H1  A function of the bundle alone: same bytes, names and index, same digest, anywhere.
    H2  Everything the law covers is covered: any change to it changes the digest.
    H3  It judges what it covers and no more, and opens nothing itself.

    A law may also have, and is asked for where it does:

    ``version: str``
        Of the law itself, on record with each decision; the distribution's version is there anyhow.
    ``algorithm: str``
        What its digests are of, ``sha256`` where it says nothing. Digests are then lower-case hex as long as that
        algorithm's are, and the flag states the same. The name is letters, digits, ``-`` and ``_``.
    ``params_schema: Mapping[str, Any]``
        JSON Schema of the keys of ``verification_method`` that are the law's own. A key that it does not name is
        an error of the pack; so is any, where a law has no schema.
    ``stated(flag: bytes) -> str``
        The digest that the gate's flag states, read from the flag's whole bytes. Without it flags are
        ``sha256_hex = <hex>``, or JSON with the map's `digest_field`. Raises `EvidenceFault(FLAG_MALFORMED)`, and
        `CutShort` for a flag that merely ends too early.
    ``members(flag: bytes) -> Iterable[IndexEntry]``
        Of a manifest that is flag and index in one: what it lists, which `BundleView.index` then gives. It may be
        gone through several times. Raises as `stated` does.
    ``culprit(bundle: BundleView) -> str | None``
        The first file at fault, relative to the bundle root, asked where the digest is not the flag's.
    ``notes(bundle: BundleView) -> Iterable[str]``
        What is sound and yet worth a word, asked once the digest is the flag's; the facts view's notes carry it.
    ``lists_outputs: bool``
        Of a law with `members`: whether the manifest must list every file, below the bundle root, of the outputs
        that the gate authorises. One that it does not list is missing, and a conflict at the deadline.
    ``vectors: Sequence[LawVector]``
        Test vectors.

    Each of them runs where `digest` runs, by the same rules.
    """

    @property
    def kind(self) -> str:
        """The name the gate map's ``verification_method.kind`` uses."""

    def digest(self, bundle: BundleView, /) -> str:
        """The bundle's digest, lower-case hex: 64 characters, unless the law's `algorithm` has others.

        Raises `EvidenceFault` where the evidence is at fault, which is a conflict; with the code
        `INDEXED_FILE_ABSENT`, or `CutShort`, it is missing before the deadline. Raises `Unreachable`. What else it
        raises says nothing of the evidence: the run rests, and may be resumed once the law is repaired.
        """


@runtime_checkable
class PartsLaw(HashingLaw, Protocol):
    """A law over a bundle's parts: of each file its path, size and sha256, and nothing else.

    Whoever judges the gate reads the parts, once and over all cores, and what was read serves the outputs, too.
    `digest` is then not called. A law that runs in a worker process is asked for its `digest` all the same.
    """

    def digest_parts(self, parts: Iterable[Part], /) -> str:
        """The digest of a bundle whose parts these are, by ascending path, no path twice.

        They are what the index lists or, of a gate that names none, all files below the bundle root less the
        flag; less excluded names.
        """
