"""Settings of the sqlite authority."""

from __future__ import annotations

from typing import Final

import attrs
from attrs.validators import ge, lt

from sr_ports import setting
from sr_ports.compared import Compared

BUSY_TIMEOUT_S: Final = 30.0
_YEAR_S: Final = 31_536_000


@attrs.frozen(eq=False, repr=False, kw_only=True)
class SqliteSettings(Compared):
    """`path`: None for ``index/authority.db`` under the run prefix of the current platform run."""

    path: str | None = attrs.field(default=None, metadata=setting("the file", wanted="the path of a file"))
    busy_timeout_s: float = attrs.field(
        default=BUSY_TIMEOUT_S,
        alias="busy_timeout_seconds",
        validator=[ge(0), lt(_YEAR_S)],
        metadata=setting("how long to wait for another process's transaction", wanted="a number of seconds"),
    )
