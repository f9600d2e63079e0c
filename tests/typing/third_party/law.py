"""A law that covers names and bytes."""

import hashlib
from collections.abc import Sequence

import attrs

from sr_ports import BundleView, HashingLaw, Ordering, PathBase, hookimpl

ORDER: Ordering = "ascii_lex"
BASE: PathBase = "bundle_root"


@attrs.frozen
class NamesAndBytes:
    """sha256 over each file's name and the sha256 of its bytes."""

    kind: str = "names_and_bytes"

    def digest(self, bundle: BundleView) -> str:
        lines = (f"{bundle.sha256([fact.path], base=BASE)} {fact.path}\n" for fact in bundle.files())
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@hookimpl
def sr_hashing_laws() -> Sequence[HashingLaw]:
    return [NamesAndBytes()]
