"""``sha256_member_digest_concat``: the digests that the index states, as text."""

from __future__ import annotations

import hashlib

import attrs

from sr_ports import BundleView, EvidenceFault, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class MemberDigestConcat(Compared):
    """sha256 over the concatenated digest strings of the index's members, in index order
    (spec: behaviour, table of laws). It never reads the members' bytes.
    """

    kind: str = "sha256_member_digest_concat"
    version: str = "1"
    shipped_fingerprint: str = "1:f3afeb7ca665fd53c100a96fcad2f027119bc076bf4970e664fb01478cf54e6a"

    def digest(self, bundle: BundleView) -> str:
        whole = hashlib.sha256()
        for entry in bundle.index():
            if entry.sha256_hex is None:
                raise EvidenceFault(ReasonCode.INDEX_MALFORMED, f"member {entry.path!r} states no digest", entry.path)
            whole.update(entry.sha256_hex.encode())
        return whole.hexdigest()
