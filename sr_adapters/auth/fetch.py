"""One small document over HTTP(S), in bounded time and memory."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse

TIMEOUT_S = 5.0
"""For a connection, and for each time that the server says nothing."""
WHOLE_S = 10.0
"""For all of it: a server that sends a byte now and then holds nobody up for longer."""
LONGEST = 512 * 1024
_CHUNK = 1 << 16
_OK = 200


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads where the profile did not name: it is an answer like any other that is not the document."""

    def redirect_request(self, *args: object) -> None:
        return None


def fetch(url: str) -> bytes:
    """The body of a GET; `url` is http or https. Raises `ValueError` saying why not, which quotes nothing received."""
    opener = urllib.request.build_opener(_NoRedirect)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - the settings take http(s) alone
    ends = time.monotonic() + WHOLE_S
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return _body(answer, ends)
    except urllib.error.HTTPError as error:
        error.close()
        raise ValueError(f"the server answered {error.code}") from error
    except (OSError, HTTPException) as error:  # a URLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise ValueError(f"the server did not answer: {reason}") from error


def _body(answer: HTTPResponse, ends: float) -> bytes:
    if answer.status != _OK:
        raise ValueError(f"the server answered {answer.status}")
    parts, size = [], 0
    while chunk := answer.read1(_CHUNK):
        size += len(chunk)
        if size > LONGEST:
            raise ValueError(f"the answer has more than {LONGEST} bytes")
        if time.monotonic() > ends:
            raise ValueError(f"the answer took more than {WHOLE_S:g} seconds")
        parts.append(chunk)
    return b"".join(parts)
