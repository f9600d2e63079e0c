"""Settings of the subprocess invoker."""

from __future__ import annotations

from typing import Final

import attrs
from attrs.validators import gt

from sr_ports import setting

TIMEOUT_S: Final = 3600.0


@attrs.frozen(kw_only=True)
class SubprocessSettings:
    """No command is no error here: an attempt then fails with ENGINE_COMMAND_MISSING."""

    command: tuple[str, ...] = attrs.field(
        default=(),
        metadata=setting("the engine and its arguments", wanted="a list of texts: there is no shell to split it"),
    )
    cwd: str | None = attrs.field(default=None, metadata=setting("the engine's working directory", wanted="a folder"))
    timeout_s: float = attrs.field(
        default=TIMEOUT_S,
        alias="timeout_seconds",
        validator=gt(0),
        metadata=setting("the engine's time", wanted="a number of seconds above 0"),
    )
