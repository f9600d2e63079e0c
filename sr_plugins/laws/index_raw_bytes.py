"""``sha256_index_json_ascii_lex_raw_bytes``: the bytes of the files that the index lists."""

from __future__ import annotations

from typing import Final

import attrs

from sr_ports import BundleView, EvidenceFault, ReasonCode
from sr_ports.compared import Compared

UNLOOKED: Final = 8 << 20
"""Bytes of names that are gathered before it is looked for the file of each further one."""
_OVERHEAD: Final = 64
MOST_AGAIN: Final = 100
"""How often files may be named that are named already: each time a file is read anew, however large it is."""


@attrs.frozen(eq=False, repr=False)
class IndexRawBytes(Compared):
    """sha256 over the bytes of the indexed files, in ASCII order of path or in index order,
    paths relative to the bundle root or the run root (spec: behaviour, table of laws).
    It ignores the per-file digests an index may carry.
    """

    kind: str = "sha256_index_json_ascii_lex_raw_bytes"
    version: str = "1"
    shipped_fingerprint: str = "1:c858d4b20a0701f1bd598a21f285ac2789f4f6a854513686252d38acf2dd9a75"

    def digest(self, bundle: BundleView) -> str:
        base, held = bundle.method.path_base, 0
        paths: list[str] = []
        for entry in bundle.index():
            held += len(entry.path) + _OVERHEAD
            if held > UNLOOKED:
                bundle.stream(entry.path, base=base)  # raises where no such file is: made-up names are not gathered
            paths.append(entry.path)
        again = len(paths) - len(set(paths))
        if again > MOST_AGAIN:
            what = f"the index names files again {again} times, and at most {MOST_AGAIN} times are they read again"
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, what)
        if bundle.method.ordering == "ascii_lex":
            paths.sort()
        return bundle.sha256(paths, base=base)
