"""Settings of the process's own runtime."""

from __future__ import annotations

from typing import Literal

import attrs

from sr_ports import setting
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SystemSettings(Compared):
    """`workers`: threads; ``auto`` for as many as there are cores."""

    workers: int | Literal["auto"] = attrs.field(default="auto", metadata=setting("threads that hash files"))
