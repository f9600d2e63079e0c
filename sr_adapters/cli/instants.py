"""A time as it is typed: so long ago, a day, or an instant."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click

from sr_adapters.cli.session import Session

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(session: Session, text: str) -> datetime:
    """A time ago, a day, or an instant. Raises `click.BadParameter`."""
    from sr_domain.encoding.times import parse_instant

    ago = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if ago is not None:
        return session.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return parse_instant(f"{text}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text)
    except ValueError as error:
        what = (
            f"{text!r} is no time: give 90s, 30m, 12h, 7d, a day as 2026-01-31, or an instant as 2026-01-31T12:00:00Z"
        )
        raise click.BadParameter(what, param_hint="--since") from error
