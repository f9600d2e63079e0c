"""The built-in hashing laws: each a few lines on the shared bundle view, as the model for the next author."""

from __future__ import annotations

from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_plugins.laws.bagit import BagIt
from sr_plugins.laws.bundle_digest import BundleDigest
from sr_plugins.laws.index_raw_bytes import IndexRawBytes
from sr_plugins.laws.member_concat import MemberDigestConcat
from sr_plugins.laws.part_list import PartList
from sr_plugins.laws.sha256sums_file import Sha256SumsFile
from sr_plugins.release import DISTRIBUTION, release

BUILTIN_LAWS = (BundleDigest(), MemberDigestConcat(), IndexRawBytes(), PartList(), Sha256SumsFile(), BagIt())


def builtin_laws() -> dict[str, ProvidedLaw]:
    """SR's own laws by kind, with the installed release, as `Ports.laws` takes them."""
    return {law.kind: ProvidedLaw(law, DISTRIBUTION, release(), RunsIn.OWN) for law in BUILTIN_LAWS}


__all__ = [
    "BUILTIN_LAWS",
    "BagIt",
    "BundleDigest",
    "IndexRawBytes",
    "MemberDigestConcat",
    "PartList",
    "Sha256SumsFile",
    "builtin_laws",
]
