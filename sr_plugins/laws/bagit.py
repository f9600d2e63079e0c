"""``bagit``: a BagIt bag, proven by its tag manifest, or by its payload manifest where it has no tag manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from sr_ports import BundleView, IndexEntry
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_plugins.laws.bag import Bag

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "algorithms": {
            "description": "taken beside sha256 and sha512, by the name that a manifest's file has",
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": "^[a-z0-9]+$"},
        }
    },
}


@attrs.frozen(eq=False, repr=False)
class BagIt(Compared):
    """sha256 over the canonical lines of the manifest that is the flag, with what the bytes give, once all of the bag
    holds: tag files, every manifest, the payload (RFC 8493, and the drafts 0.96 and 0.97; spec: behaviour, table of
    laws).
    """

    kind: str = "bagit"
    version: str = "1"
    params_schema: Mapping[str, Any] = SCHEMA
    shipped_fingerprint: str = "1:9b62b199c55dadb9a759d6292b581cf6e687ae87f022dced560681360c6796d5"

    def stated(self, flag: bytes) -> str:
        from sr_plugins.laws.bag_lines import flag_lines
        from sr_plugins.laws.manifest_lines import canonical_digest

        return canonical_digest(lambda: ((line.path, line.digest) for line in flag_lines(flag)))

    def members(self, flag: bytes) -> Iterator[IndexEntry]:
        from sr_plugins.laws.bag_lines import flag_lines

        return (IndexEntry(line.path, claim=line.told()) for line in flag_lines(flag))

    def digest(self, bundle: BundleView) -> str:
        return _bag(bundle).digest()

    def culprit(self, bundle: BundleView) -> str | None:
        return _bag(bundle).culprit()

    def notes(self, bundle: BundleView) -> Iterator[str]:
        return _bag(bundle).notes()


def _bag(bundle: BundleView) -> Bag:
    from sr_plugins.laws.bag import Bag

    return Bag(bundle)
