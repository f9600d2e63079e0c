"""Arguments that name a run, and what a shell completes them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_F = TypeVar("_F", bound=Callable[..., Any])
RUN = "RUN"
"""What help calls it: an id, six characters or more of one, key:KEY, or a ref."""


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of runs, or their keys after ``key:``."""
    from sr_adapters.cli.completion import runs

    return runs(ctx, incomplete)


def complete_outputs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The outputs of the profile's pack."""
    from sr_adapters.cli.completion import outputs

    return outputs(ctx, incomplete)


def complete_gates(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The gates of the shipped pack."""
    from sr_adapters.cli.completion import gates

    return gates(ctx, incomplete)


def run_argument(name: str = "run_id", **more: Any) -> Callable[[_F], _F]:
    """The argument of a command about one run, by any name of it; which run it is, the command finds out."""
    return click.argument(name, metavar=more.pop("metavar", RUN), shell_complete=complete_runs, **more)
