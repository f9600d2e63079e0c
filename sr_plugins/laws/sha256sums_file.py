"""``sha256sums_file``: a ``SHA256SUMS`` file as ``sha256sum`` of coreutils writes it is flag and index in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from sr_ports import BundleView, IndexEntry, Part
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Sha256SumsFile(Compared):
    """sha256 over the manifest's canonical lines, with what the bytes give (spec: behaviour, table of laws).

    A file of an output that the gate authorises, below the bundle root, must be on a line.
    """

    kind: str = "sha256sums_file"
    version: str = "1"
    lists_outputs: bool = True
    shipped_fingerprint: str = "1:00a738d3f295c2bb4ca1a86d97d5ab859f160f82ccc4fd79b378fb6453984b47"

    def stated(self, flag: bytes) -> str:
        from sr_plugins.laws.manifest_lines import canonical_digest
        from sr_plugins.laws.sums_lines import sums_lines

        return canonical_digest(lambda: sums_lines(flag))

    def members(self, flag: bytes) -> Iterator[IndexEntry]:
        from sr_plugins.laws.sums_lines import sums_lines

        return (IndexEntry(path, digest) for path, digest in sums_lines(flag))

    def digest_parts(self, parts: Iterable[Part]) -> str:
        from sr_plugins.laws.manifest_lines import lines_digest

        return lines_digest((part.path, part.sha256) for part in parts)

    def digest(self, bundle: BundleView) -> str:
        from sr_plugins.laws.manifest_lines import canonical_digest

        base = bundle.method.path_base
        return canonical_digest(
            lambda: ((entry.path, bundle.sha256([entry.path], base=base)) for entry in bundle.index())
        )
