"""Which sinks a process has: the profile's, and what the environment adds or takes away."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sr_ports import BadInput, ObservabilitySink, ObsEvent, ReasonCode

if TYPE_CHECKING:
    from sr_plugins.documents.profile import NamedSink, Observability

OTLP_ENABLED, DROP_DEBUG = "SR_OTLP_ENABLED", "SR_OBS_DROP_DEBUG"
_OTLP = "otlp"
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def wanted_sinks(told: Observability, env: Mapping[str, str] = os.environ) -> list[NamedSink]:
    """The profile's sinks; with or without OTLP, where `SR_OTLP_ENABLED` says so. Raises `BadInput`."""
    enabled, sinks = _flag(OTLP_ENABLED, env), list(told.sinks)
    if enabled is None:
        return sinks
    if not enabled:
        return [one for one in sinks if one.sink != _OTLP]
    if any(one.sink == _OTLP for one in sinks):
        return sinks
    from sr_plugins.documents.profile import NamedSink

    return [*sinks, NamedSink(_OTLP)]


def drops_debug(env: Mapping[str, str] = os.environ) -> bool:
    """Whether DEBUG events are told to no sink, as `SR_OBS_DROP_DEBUG` says. Raises `BadInput`."""
    return bool(_flag(DROP_DEBUG, env))


def _flag(name: str, env: Mapping[str, str]) -> bool | None:
    """What a variable says; None where it is unset or empty."""
    text = env.get(name, "").strip().lower()
    if not text:
        return None
    if text not in _WORDS:
        raise BadInput(ReasonCode.PROFILE_INVALID, f"{name} is neither true nor false", f"set {name} to true or false")
    return _WORDS[text]


def sink_of(build: Callable[[], ObservabilitySink]) -> ObservabilitySink:
    """The sink; one that cannot be made misses every event, which is told, and stops nothing (mission, law 10)."""
    try:
        return build()
    except BadInput as error:
        if error.code is not ReasonCode.PLUGIN_BROKEN:
            raise
        return _Dead(error.what)


class _Dead:
    """Stands for a sink that could not be made."""

    def __init__(self, why: str) -> None:
        self._why = why

    def emit(self, event: ObsEvent) -> None:
        raise RuntimeError(self._why)

    def close(self) -> None:
        """Nothing was begun."""
