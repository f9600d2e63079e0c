"""Settings of adapters in a folder."""

from __future__ import annotations

import attrs

from sr_ports import setting
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False, kw_only=True)
class FolderSettings(Compared):
    """`root`: None for the place that the runtime root has for it."""

    root: str | None = attrs.field(default=None, metadata=setting("the folder", wanted="a folder"))
