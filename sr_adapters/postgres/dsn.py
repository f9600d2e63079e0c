"""Connection strings: read strictly, shown without secrets."""

from __future__ import annotations

import math
import re

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sr_ports import BadInput, ReasonCode, one_line

_SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service", "sslmode")
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


def redact_dsn(dsn: str) -> str:
    """Where the string leads, for people: known harmless parameters alone, in one line."""
    try:
        parts = read_dsn(dsn)
    except BadInput:
        return "(not a connection string)"
    shown = {key: parts[key] for key in _SHOWN if key in parts}
    return one_line(make_conninfo("", **shown)) or "(libpq's defaults)"


def secrets_of(dsn: str) -> tuple[str, ...]:
    """What must never be printed."""
    parts = read_dsn(dsn)
    return tuple(parts[key] for key in _SECRET if parts.get(key))


def with_defaults(dsn: str, *, statement_timeout_s: float, connect_timeout_s: float) -> str:
    """The string with this adapter's defaults; whatever it says itself stands (TLS and all)."""
    parts = read_dsn(dsn)
    session = (
        f"-c statement_timeout={math.ceil(statement_timeout_s * 1000)}"
        r" -c default_transaction_isolation=read\ committed -c timezone=UTC"
    )
    defaults = {
        "application_name": "scenario-runner",
        "connect_timeout": str(math.ceil(connect_timeout_s)),
        # A server that vanished without a word is noticed within about half a minute.
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
    options = f"{session} {parts.get('options', '')}".strip()
    return make_conninfo("", **{**defaults, **parts, "options": options})
