"""A suite for each broken thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sr_ports.conformance.lawful import Laws

TIME_S = 15.0


def suites(suite: type[Laws], broken: Iterable[tuple[Callable[..., Any], str]], **more: Any) -> dict[str, type[Laws]]:
    """By name, a subclass of `suite` for each of the `broken` and the law that it breaks, whose tests alone it runs.

    The thing is the class's `kind`. `more`: further attributes of each.
    """
    made = {}
    for kind, law in broken:
        name = f"Test{kind.__name__}{law}"
        parts = {"kind": staticmethod(kind), "breaks": law, "time_limit_s": TIME_S, "__test__": True, **more}
        made[name] = type(name, (suite,), {**parts, "__module__": suite.__module__})
    return made
