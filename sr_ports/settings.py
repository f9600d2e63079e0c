"""How an adapter declares its settings: a frozen attrs class, which the profile's section is read into.

Types, defaults and validators are the class's own; `setting` adds what attrs has no place for. The key of a
field is its name, or its ``alias``. Types that can be read: ``str``, ``int``, ``float``, ``bool``, ``Literal``,
``tuple[X, ...]`` and ``frozenset[X]`` (lists), ``Mapping[str, X]``, another such class (a section), a union of
these with or without ``None``, and ``Any``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sr_ports.compared import Compared

_KEY = "scenario_runner"


@attrs.frozen(eq=False, repr=False)
class About(Compared):
    """What is known of a setting beside its type. `text`: one line of help. `wanted`: completes "must be ...".

    `secret`: its value is shown nowhere. `base`: what a section begins with where it is given at all.
    `rest`: this field takes every key that no other field has. `aside`: it is no setting, and nothing that is
    read fills it. `before`: makes the given value ready for
    reading; it may raise `Refused`.
    """

    text: str = ""
    wanted: str | None = None
    secret: bool = False
    base: Any = None
    rest: bool = False
    aside: bool = False
    before: Callable[[Any], Any] | None = None


def setting(text: str, *, wanted: str | None = None, secret: bool = False) -> dict[str, Any]:
    """Metadata of a field of settings: ``attrs.field(metadata=setting("the server's address"))``.

    `text`: one line of help. `wanted`: completes "KEY must be ..."; made from type and validators when left out.
    `secret`: the value is never shown.
    """
    return described(About(text, wanted, secret))


def described(about: About) -> dict[str, Any]:
    """Metadata that holds `about`."""
    return {_KEY: about}


def about(field: attrs.Attribute[Any]) -> About:
    """What is known of a field of settings."""
    found = field.metadata.get(_KEY)
    return found if isinstance(found, About) else About()


class Refused(ValueError):
    """A validator's own words: ``KEY VALUE why; remedy``. `value` is left out where it must not be shown."""

    def __init__(self, why: str, remedy: str | None = None, *, value: str | None = None) -> None:
        super().__init__(why)
        self.why, self.remedy, self.value = why, remedy, value
