"""Settings of adapters in a folder."""

from __future__ import annotations

import attrs

from sr_ports import setting


@attrs.frozen(kw_only=True)
class FolderSettings:
    """`root`: None for the place that the runtime root has for it."""

    root: str | None = attrs.field(default=None, metadata=setting("the folder", wanted="a folder"))
