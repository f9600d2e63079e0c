"""Port: hashing laws (gate-verification methods) and the bundle view they see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import attrs

from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_ports.roots import FileFact

Ordering = Literal["ascii_lex", "index_order", "members_array_order"]
PathBase = Literal["bundle_root", "run_root"]


@attrs.frozen(eq=False, repr=False)
class VerificationMethod(Compared):
    """How a gate's bundle is hashed, from the gate map (spec: behaviour, "Evidence").

    `exclude_filenames` match by base name.
    """

    kind: str
    digest_field: str = "sha256_hex"
    ordering: Ordering = "ascii_lex"
    path_base: PathBase = "bundle_root"
    exclude_filenames: tuple[str, ...] = ()


@attrs.frozen(eq=False, repr=False)
class IndexEntry(Compared):
    """A member as the bundle's index names it. `sha256_hex`: the index's own claim, if it makes one.

    `path`: in one spelling, whatever the index writes: ``./a`` is ``a``.
    """

    path: str
    sha256_hex: str | None = None


class BundleView(Protocol):
    """All a law may see of a bundle: confined, streaming, read-only.

    Paths given and returned are relative to the bundle root. Faults (escape, absence,
    instability, a malformed or empty index) are raised as `EvidenceFault` by the view;
    a law lets them pass.
    """

    @property
    def method(self) -> VerificationMethod:
        """How the gate map says this bundle is hashed."""

    def files(self) -> Sequence[FileFact]:
        """Every file under the bundle root, ASCII order of relative path, less excluded names."""

    def index(self) -> Sequence[IndexEntry]:
        """The members that the bundle's index lists, in its order, less excluded names."""

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
        """The bundle's digest, 64 lower-case hex characters. Raises `EvidenceFault`."""
