"""What init, seal and engine share: refusals in one line, progress, and how to say which days."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sr_adapters.cli import output, signals
from sr_adapters.own_data.dates import is_day
from sr_adapters.sealing import SealRefused
from sr_ports import BadInput, ReasonCode

_FIRST_S, _EVERY_S = 1.0, 5.0


@contextmanager
def refusals() -> Iterator[None]:
    """What the sealing library refuses, as every error of the command line is told."""
    try:
        yield
    except SealRefused as refused:
        raise BadInput(ReasonCode.DATA_UNFIT, refused.what, refused.remedy) from refused


class SealProgress:
    """Tells on stderr how far the reading has come, once it takes a second, then every five."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._due = self._started + _FIRST_S

    def __call__(self, read: int, total: int) -> None:
        signals.check()
        now = time.monotonic()
        if now >= self._due:
            from sr_domain.evidence.progress import amount

            self._due = now + _EVERY_S
            output.tell(f"read {amount(read)} of {amount(total)} in {now - self._started:.0f} s")


def span(window: str | None, day: str | None) -> tuple[str, str] | None:
    """The first and last day that were asked for; None where none were. Raises `BadInput`."""
    if window is not None and day is not None:
        raise BadInput(ReasonCode.USAGE, "--window and --day are two ways to say it", "give one of them")
    text = window if window is not None else day
    if text is None:
        return None
    first, dots, last = text.partition("..") if window is not None else (text, "..", text)
    if not (dots and is_day(first) and is_day(last) and first <= last):
        option = "--window" if window is not None else "--day"
        wanted = "2026-01-01..2026-01-31" if window is not None else "2026-01-31"
        raise BadInput(ReasonCode.USAGE, f"{option} {text!r} names no days", f"write it as {option} {wanted}")
    return first, last


def days_text(first: str, last: str) -> str:
    """Days for people and keys: one, or first and last."""
    return first if first == last else f"{first}..{last}"


def days_cell(first: str, last: str) -> str:
    """Days for a table, which paths need the room of: the last without its year where that is the first's."""
    return days_text(first, last[5:] if last[:5] == first[:5] and last != first else last)


def sealed_text(files: int, size: int, what: str, *, again: bool) -> str:
    """One line about a seal. `again`: it stood already."""
    from sr_domain.evidence.progress import amount

    count = f"{files:,} file{'' if files == 1 else 's'}"
    return f"sealed {what}: {count}, {amount(size)}{' (sealed already)' if again else ''}"


def check_apart(data: str) -> None:
    """Raises `BadInput` where the working folder lies within the data: what is written here would become data."""
    here, top = Path.cwd().resolve(), Path(data).resolve()
    if top in here.parents:
        what = f"this folder lies within {data}: what is written here would become data"
        raise BadInput(ReasonCode.DATA_UNFIT, what, f"go to {data} itself, or to a folder outside it")


def init_command_line(data: str, name: str) -> str:
    """What to type to describe data again under the same name."""
    from sr_adapters.own_data.names import fitting

    named = [] if name == (fitting(folder_name(data)) or "data") else ["--name", name]
    return shlex.join(["sr", "init", data, *named, "--force"])


def folder_name(data: str) -> str:
    """What a folder of data is called."""
    return Path(data).resolve().name
