"""Settings of the postgres authority."""

from __future__ import annotations

from typing import Final

import attrs
from attrs.validators import ge, gt, lt, matches_re

from sr_ports import setting

SCHEMA: Final = "scenario_runner"
POOL_MAX: Final = 10
POOL_WAIT_S: Final = 10.0
STATEMENT_TIMEOUT_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 5.0
_SECONDS: Final = [gt(0.0), lt(31_536_000.0)]
_TIMED: Final = "a number of seconds above zero, of a sensible size"


@attrs.frozen(kw_only=True)
class PostgresSettings:
    """See `sr_adapters.postgres.database.Database`."""

    dsn: str = attrs.field(
        repr=False, metadata=setting("where the database is", wanted="a Postgres connection string", secret=True)
    )
    schema: str = attrs.field(
        default=SCHEMA,
        validator=matches_re("[A-Za-z_][A-Za-z0-9_]{0,62}"),
        metadata=setting("the schema with the tables", wanted="a plain name of at most 63 letters, digits and _"),
    )
    pool_max: int = attrs.field(
        default=POOL_MAX,
        validator=[ge(1), lt(31_536_000)],
        metadata=setting("connections at most", wanted="a whole number from 1, of a sensible size"),
    )
    pool_wait_s: float = attrs.field(
        default=POOL_WAIT_S,
        alias="pool_wait_seconds",
        validator=_SECONDS,
        metadata=setting("how long to wait for a connection", wanted=_TIMED),
    )
    statement_timeout_s: float = attrs.field(
        default=STATEMENT_TIMEOUT_S,
        alias="statement_timeout_seconds",
        validator=_SECONDS,
        metadata=setting("how long the server works on a statement", wanted=_TIMED),
    )
    connect_timeout_s: float = attrs.field(
        default=CONNECT_TIMEOUT_S,
        alias="connect_timeout_seconds",
        validator=_SECONDS,
        metadata=setting("how long an attempt to connect may take", wanted=_TIMED),
    )
