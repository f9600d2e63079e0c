"""What a profile may say of the file sink."""

from __future__ import annotations

import attrs
from attrs.validators import min_len, optional

from sr_ports import setting
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class FileSettings(Compared):
    """`path`: of the shared platform.log."""

    path: str | None = attrs.field(
        default=None,
        validator=optional(min_len(1)),
        metadata=setting("the shared platform.log, else where PLATFORM_LOG_PATH says, else under the runtime root"),
    )
