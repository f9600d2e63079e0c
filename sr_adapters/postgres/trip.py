"""One call: its statement and every setting it rests on, in one transaction and one round trip.

Behind a pooler a server connection may be another client's a moment later, so nothing is left
on it: no prepared statement, and no setting outlives its transaction. The statements go out as
one simple query, which the server runs as one transaction and a pooler cannot take apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import psycopg

Row = tuple[Any, ...]
Link = psycopg.Connection[Row]
Values = Mapping[str, Any] | Sequence[Any] | None

_ISOLATION: Final = b"SET TRANSACTION ISOLATION LEVEL READ COMMITTED"

# A server, database or role may have any of these otherwise, and each would change an answer:
# names found elsewhere, rows left out in silence, literals, times or bytes read in another form.
_FIXED: Final = {
    "search_path": "pg_catalog, pg_temp",
    "row_security": "off",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "client_min_messages": "warning",
}
# An admission that was answered must outlive a crash of the server; a stronger level stands.
_DURABLE: Final = (
    "set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)"
)
_NAMED = re.compile(r"(?:-c\s*|--)([A-Za-z_.-]+)\s*=")


@cache
def settings(statement_timeout_s: float, options: str = "") -> bytes:
    """The statement that sets them for one transaction. `options`: libpq's; what time limit it names, stands."""
    named = {name.replace("-", "_").lower() for name in _NAMED.findall(options)}
    limit = str(math.ceil(statement_timeout_s * 1000))
    limits = {name: limit for name in ("statement_timeout", "lock_timeout") if name not in named}
    calls = [f"set_config('{name}', '{value}', true)" for name, value in (limits | _FIXED).items()]
    return f"SELECT {', '.join((*calls, _DURABLE))}".encode()


def one_trip(link: Link, before: bytes, query: bytes, values: Values = None) -> list[Row]:
    """The rows of `query`, run in a transaction of its own after the statement `before`. Raises psycopg's errors."""
    cursor = psycopg.ClientCursor(link)
    cursor.execute(b";\n".join((_ISOLATION, before, query)), values)
    while cursor.nextset():
        """On to the last statement's answer."""
    return cursor.fetchall() if cursor.description else []
