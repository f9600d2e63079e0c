"""Where copies of engine roots may lie, by its letters: found out before an engine ran."""

from __future__ import annotations

import re
from typing import Final

from sr_plugins.documents.settings import shown
from sr_ports import EvidenceFault
from sr_ports.roots import check_path
from sr_ports.settings import Refused

_A_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def check_publishable(value: str) -> None:
    """Return for a path, a ``file://`` URI of this machine, or ``scheme://place/prefix``. Raises `Refused`."""
    scheme, slashes, rest = value.partition("://")
    place, _, below = rest.partition("/")
    if not value.strip():
        raise Refused("is empty", "name a folder or s3://bucket/prefix", value=shown(value))
    if not slashes:
        if _A_SCHEME.match(value):
            remedy = "write s3://bucket/prefix, or ./ before the folder's name"
            raise Refused("begins as a URI does, without //", remedy, value=shown(value))
    elif scheme == "file":
        if place not in ("", "localhost"):
            raise Refused("names another machine", "write file:/// and the path in full", value=shown(value))
    elif not place or "@" in place or _misfits(below.rstrip("/")):
        raise Refused(f"is no {scheme}://bucket/prefix", f"write {scheme}://bucket/prefix", value=shown(value))


def _misfits(prefix: str) -> bool:
    try:
        if prefix:
            check_path(prefix)
    except EvidenceFault:
        return True
    return False
