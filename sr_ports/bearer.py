"""The bearer token of a request, read in one way by every authenticator (RFC 6750, section 2.1; RFC 9110, 11.6.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST = 16_384
"""Characters of a credential that are looked at. No issuer's token comes near; servers take less in all headers."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_CREDENTIALS = re.compile(rf"[Bb][Ee][Aa][Rr][Ee][Rr] +(?P<token>{_TOKEN.pattern})")


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The token after ``Bearer`` in the header ``Authorization``; None where there is none, or more than one.

    `headers`: by name; no case counts in names. Two spellings of the name are two credentials, and which of them
    counts could be read otherwise elsewhere, so they prove nobody. A token has the characters of RFC 6750 alone (ASCII
    letters and digits, ``-._~+/``, and ``=`` at its end) and at most `LONGEST` of them. Raises nothing.
    """
    given = [value for name, value in headers.items() if name.lower() == "authorization"]
    if len(given) != 1 or len(given[0]) > LONGEST:
        return None
    found = _CREDENTIALS.fullmatch(given[0])
    return None if found is None else found["token"]


def is_bearer_token(text: str) -> bool:
    """Whether `text` can be sent as a bearer token: see `bearer_token`."""
    return len(text) <= LONGEST - len("Bearer ") and _TOKEN.fullmatch(text) is not None
