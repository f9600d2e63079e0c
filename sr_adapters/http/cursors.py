"""Where a page of a list ends, as the next request names it: opaque to callers, and checked when it comes back."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING

from sr_adapters.http.operations import unfit
from sr_domain.encoding.times import format_instant, parse_instant
from sr_ports import BadInput

if TYPE_CHECKING:
    from sr_domain.queries.listing import Place

_LONGEST = 256
_RUN_ID = re.compile(r"[0-9a-f]{32}")


def cursor_of(place: Place) -> str:
    """The cursor of the page that begins behind a place."""
    text = json.dumps([format_instant(place[0]), place[1]])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """The place of a cursor. Raises `BadInput(PARAMETER_INVALID)` for what is none."""
    try:
        at, run_id = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        place = parse_instant(str(at)), _RUN_ID.fullmatch(run_id)
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _unfit() from error
    if place[1] is None or len(cursor) > _LONGEST:
        raise _unfit()
    return place[0], run_id


def _unfit() -> BadInput:
    return unfit("cursor", "is none that a page of this list ended with")
