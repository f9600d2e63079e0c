"""Settings of the process's own runtime."""

from __future__ import annotations

from typing import Literal

import attrs

from sr_ports import setting


@attrs.frozen(kw_only=True)
class SystemSettings:
    """`workers`: threads; ``auto`` for as many as there are cores."""

    workers: int | Literal["auto"] = attrs.field(default="auto", metadata=setting("threads that hash files"))
