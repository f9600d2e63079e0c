"""A law that covers names and bytes."""

import hashlib
from collections.abc import Sequence

import attrs

from sr_ports import BundleView, EvidenceFault, HashingLaw, Ordering, PathBase, ReasonCode, hookimpl

ORDER: Ordering = "ascii_lex"
BASE: PathBase = "bundle_root"


@attrs.frozen
class NamesAndBytes:
    """sha256 over each file's name and the sha256 of its bytes."""

    kind: str = "names_and_bytes"

    def digest(self, bundle: BundleView) -> str:
        lines = (f"{bundle.sha256([fact.path], base=BASE)} {fact.path}\n" for fact in bundle.files())
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@attrs.frozen
class Blake2:
    """BLAKE2s over the bytes of every file, by a hasher of its own, keyed with what the gate map says."""

    kind: str = "blake2"

    def digest(self, view: BundleView) -> str:
        key = view.params.get("key", "")
        if not isinstance(key, str):
            raise EvidenceFault(ReasonCode.INDEX_MALFORMED, "key must be text")
        whole = hashlib.blake2s(key=key.encode())
        for file in view.files():
            whole.update(b"%d " % file.size)
            for chunk in view.stream(file.path, base=BASE):
                whole.update(chunk)
        return whole.hexdigest()


@hookimpl
def sr_hashing_laws() -> Sequence[HashingLaw]:
    return [NamesAndBytes(), Blake2()]
