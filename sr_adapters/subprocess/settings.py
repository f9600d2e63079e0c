"""Settings of the subprocess invoker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from attrs.validators import deep_iterable, gt, matches_re

from sr_adapters.subprocess.environment import PASS
from sr_ports import setting
from sr_ports.settings import Refused

TIMEOUT_S: Final = 3600.0
_NAME: Final = r"[^=\x00]+"


def _names(instance: object, attribute: attrs.Attribute[Any], value: Mapping[str, str]) -> None:
    wrong = next((name for name in value if not name or "=" in name or "\0" in name), None)
    if wrong is not None:
        raise Refused("has a name that no environment can have", "name variables without =", value=repr(wrong))
    if any("\0" in one for one in value.values()):
        raise Refused("has a value with a NUL in it, which no environment can have", "write it without the NUL")


@attrs.frozen(kw_only=True)
class EngineEnvironment:
    """The engine's environment. `passed`: names of the worker's own that it gets, ``*`` for any run of letters;
    `fixed`: what it gets besides."""

    passed: tuple[str, ...] = attrs.field(
        default=PASS,
        alias="pass_",
        validator=deep_iterable(matches_re(_NAME)),
        metadata=setting(
            "which of the worker's variables the engine gets", wanted="a list of names, or of patterns such as LC_*"
        ),
    )
    fixed: Mapping[str, str] = attrs.field(
        factory=dict,
        alias="set_",
        validator=_names,
        metadata=setting("what the engine's environment has besides", wanted="a mapping of names to texts"),
    )


@attrs.frozen(kw_only=True)
class SubprocessSettings:
    """No command is no error here: a run that would need the engine is then refused at admission."""

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
    env: EngineEnvironment = attrs.field(
        default=EngineEnvironment(), metadata=setting("the engine's environment; of the worker's own what it lists")
    )
