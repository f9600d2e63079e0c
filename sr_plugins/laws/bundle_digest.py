"""``sha256_bundle_digest``: the bytes of every file of the bundle."""

from __future__ import annotations

import attrs

from sr_ports import BundleView
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class BundleDigest(Compared):
    """sha256 over the bytes of all files under the bundle root, in ASCII order of relative
    path, less excluded names (spec: behaviour, table of laws). Names are covered only by their order.
    """

    kind: str = "sha256_bundle_digest"
    version: str = "1"
    shipped_fingerprint: str = "1:57f8a4a7b748c9f15e4dbf790c99bbf9b69060f1892918066ec22a51a1443cb5"

    def digest(self, bundle: BundleView) -> str:
        return bundle.sha256(fact.path for fact in bundle.files())
