"""SR's own laws, registered as any other plugin's."""

from __future__ import annotations

from collections.abc import Sequence

from sr_plugins.laws import BUILTIN_LAWS
from sr_ports import HashingLaw, hookimpl


@hookimpl
def sr_hashing_laws() -> Sequence[HashingLaw]:
    return BUILTIN_LAWS
