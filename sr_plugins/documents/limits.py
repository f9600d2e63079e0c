"""Sections of a profile that say how often, how long and by how many (spec: surface, "Wiring profile")."""

from __future__ import annotations

from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, lt, optional

from sr_ports.compared import Compared
from sr_ports.settings import setting

COUNTED = "a whole number from 1"
_COUNT: Any = optional([ge(0), lt(10**9)])


def seconds(default: float, key: str, text: str, *, below: float = 1e9) -> Any:
    """A field of seconds above 0. `key`: its name in the profile. `text`: one line of help."""
    return attrs.field(
        default=default,
        alias=key,
        validator=[gt(0.0), lt(below)],
        metadata=setting(text, wanted="a number of seconds"),
    )


@attrs.frozen(eq=False, repr=False)
class RateLimit(Compared):
    """`max` re-emissions in `window_s` seconds: 0 allows none, None sets no limit."""

    max: int | None = attrs.field(
        default=5,
        validator=_COUNT,
        metadata=setting(
            "re-emissions of a run in the window; 0 for none, null for no limit",
            wanted="a whole number from 0, or null for no limit",
        ),
    )
    window_s: float = seconds(3600.0, "window_seconds", "length of the window")


@attrs.frozen(eq=False, repr=False)
class Reemit(Compared):
    """How often a run's facts may be published again."""

    rate_limit: RateLimit = attrs.field(default=RateLimit(), metadata=setting("how often a run may be re-emitted"))


@attrs.frozen(eq=False, repr=False)
class Lease(Compared):
    """`ttl_s`: seconds for which a worker holds a run without a sign of life."""

    ttl_s: float = seconds(60.0, "ttl_seconds", "how long a silent worker holds a run")


def _workers(instance: object, attribute: attrs.Attribute[Any], value: int | str) -> None:
    if isinstance(value, int) and not 1 <= value < 10**9:
        raise ValueError


@attrs.frozen(eq=False, repr=False)
class EvidenceSettings(Compared):
    """`workers`: threads, ``auto`` for as many as there are cores, and as many processes for laws of others.

    `law_timeout_s`: seconds of a law's own time. `law_isolation`: whose laws run in processes of their own.
    """

    workers: int | Literal["auto"] = attrs.field(
        default="auto",
        validator=_workers,
        metadata=setting("threads that hash files", wanted=f"auto, or {COUNTED}"),
    )
    digest_source: Literal["bytes"] = attrs.field(default="bytes", metadata=setting("what digests are made from"))
    digest_cache: Literal["off"] = attrs.field(default="off", metadata=setting("whether digests are kept"))
    law_timeout_s: float = seconds(
        3600.0, "law_timeout_seconds", "how long a law of another distribution may take, of its own time"
    )
    law_isolation: Literal["foreign", "none", "all"] = attrs.field(
        default="foreign", metadata=setting("whose laws run in processes of their own")
    )
