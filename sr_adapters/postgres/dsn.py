"""Connection strings: read strictly, shown without secrets."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sr_ports import BadInput, ReasonCode, one_line

_SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service", "sslmode")
_VARIABLES = {
    "service": "PGSERVICE",
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
}
_SECRET = ("password", "sslpassword")
_REMEDY = "use postgresql://user:password@host:port/database, with any of @ : / ? # % in the password percent-encoded"


def read_dsn(dsn: str) -> dict[str, str]:
    """The parameters of a URI or ``key=value`` string. Raises `BadInput`, which never quotes it.

    A host, port or database that holds a piece of a password, because a URI's password was
    not percent-encoded, is refused here: libpq would go on to print it.
    """
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    except (psycopg.Error, UnicodeError):  # %80 decodes to what is no UTF-8
        parts = {}  # and no `from`: the driver's message quotes the string
    sound = (
        dsn.strip()
        and "\0" not in dsn  # libpq would stop reading there
        and (parts or dsn.strip().endswith("://"))
        and re.fullmatch(r"[\d,]*", parts.get("port", ""))
        and not any("@" in parts.get(key, "") for key in ("host", "hostaddr", "dbname"))
    )
    if not sound:
        raise BadInput(ReasonCode.PROFILE_INVALID, "authority.dsn is not a Postgres connection string", _REMEDY)
    return parts


def redact_dsn(dsn: str, reached: Mapping[str, str] | None = None) -> str:
    """Where the string leads, for people: known harmless parameters alone, in one line.

    What it leaves to libpq's environment is shown with the variable's name. `reached`: what a
    connection then used, which also tells a service file's and libpq's own choices.
    """
    try:
        parts = read_dsn(dsn)
    except BadInput:
        return "(not a connection string)"
    given = make_conninfo("", **{key: parts[key] for key in _SHOWN if key in parts})
    service = parts.get("service") or os.environ.get("PGSERVICE")
    left = f"service {service}" if service else "libpq's default"
    added = []
    for key in (name for name in _VARIABLES if name not in parts):
        value, source = os.environ.get(_VARIABLES[key]), _VARIABLES[key]
        if not value and reached and reached.get(key):
            value, source = reached[key], left
        if value:
            added.append(f"{make_conninfo('', **{key: value})} ({source})")
    return one_line(" ".join((given, *added))) or "(libpq's defaults)"


def secrets_of(dsn: str) -> tuple[str, ...]:
    """What must never be printed."""
    parts = read_dsn(dsn)
    return tuple(parts[key] for key in _SECRET if parts.get(key))


def with_defaults(dsn: str, *, connect_timeout_s: float) -> str:
    """The string with this adapter's defaults; whatever it says itself stands (TLS and all).

    Only the encoding is this adapter's own choice: it sends and reads text as UTF-8, whatever the
    database or the environment would have.
    """
    parts = read_dsn(dsn)
    defaults = {
        "application_name": "scenario-runner",
        "connect_timeout": str(math.ceil(connect_timeout_s)),
        # A server that vanished without a word is noticed within about half a minute.
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
    return make_conninfo("", **{**defaults, **parts, "client_encoding": "UTF8"})
