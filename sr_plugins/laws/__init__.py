"""The built-in hashing laws: each a few lines on the shared bundle view, as the model for the next author."""

from __future__ import annotations

from sr_plugins.laws.bundle_digest import BundleDigest
from sr_plugins.laws.index_raw_bytes import IndexRawBytes
from sr_plugins.laws.member_concat import MemberDigestConcat

BUILTIN_LAWS = (BundleDigest(), MemberDigestConcat(), IndexRawBytes())

__all__ = ["BUILTIN_LAWS", "BundleDigest", "IndexRawBytes", "MemberDigestConcat"]
