"""``sha256_index_json_ascii_lex_raw_bytes``: the bytes of the files that the index lists."""

from __future__ import annotations

import attrs

from sr_ports import BundleView
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class IndexRawBytes(Compared):
    """sha256 over the bytes of the indexed files, in ASCII order of path or in index order,
    paths relative to the bundle root or the run root (spec: behaviour, table of laws).
    It ignores the per-file digests an index may carry.
    """

    kind: str = "sha256_index_json_ascii_lex_raw_bytes"

    def digest(self, bundle: BundleView) -> str:
        base, paths = bundle.method.path_base, []
        for entry in bundle.index():
            bundle.stream(entry.path, base=base)  # raises where no such file is there: those names are not gathered
            paths.append(entry.path)
        if bundle.method.ordering == "ascii_lex":
            paths.sort()
        return bundle.sha256(paths, base=base)
