"""Who looks: a token that was given once, in a cookie, and the tokens of forms (spec: surface, "HTTP")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import datetime
from http.cookies import CookieError, SimpleCookie

import attrs

COOKIE = "sr_console"
LONGEST_S = 12 * 3600
"""Seconds that a log-in lasts, at most: a token may say that it ends sooner."""
_MOST_TOKEN = 3500
"""Characters of a token: a browser keeps cookies of 4096 bytes."""


@attrs.frozen
class LogIn:
    """A token that somebody gave. `ends`: seconds since the epoch, when the log-in is over, whatever the token says.

    Signed with a key made from the token: whoever cannot know the token can make no cookie of it, no longer one, and
    no form in its name; each replica of a service takes what another made. The token is proved at each request, so
    that one that was withdrawn lets nobody in.
    """

    token: str
    ends: int

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What an authenticator is shown."""
        return (("authorization", f"Bearer {self.token}"),)

    def until(self, end: datetime | None) -> LogIn:
        """The same, over at `end` at the latest; None for a token that says no end."""
        return self if end is None else attrs.evolve(self, ends=min(self.ends, int(end.timestamp())))

    @property
    def cookie(self) -> str:
        """The value of the cookie."""
        return f"{_packed(self.token.encode())}.{self.ends}.{self._signed(f'ends {self.ends}')}"

    @property
    def form_token(self) -> str:
        """What forms of this log-in carry, and no page of another site can know."""
        return self._signed(f"forms until {self.ends}")

    def takes(self, form_token: str) -> bool:
        """Whether a form is of this log-in."""
        return hmac.compare_digest(form_token.encode("utf-8", "replace"), self.form_token.encode())

    def _signed(self, what: str) -> str:
        key = hashlib.sha256(b"scenario-runner console|" + self.token.encode()).digest()
        return _packed(hmac.digest(key, what.encode(), "sha256"))


def log_in(token: str, clock: Callable[[], float] = time.time) -> LogIn | None:
    """The log-in that a token is worth, once it has been proved; None for what no cookie holds."""
    token = token.strip()
    if not token or len(token) > _MOST_TOKEN or not token.isascii() or not token.isprintable():
        return None
    return LogIn(token, int(clock()) + LONGEST_S)


def logged_in(cookie_header: str, clock: Callable[[], float] = time.time) -> LogIn | None:
    """The log-in of a request; None for none, one that is over, or one that was tampered with."""
    try:
        found = SimpleCookie(cookie_header).get(COOKIE)
        if found is None:
            return None
        packed, ends, _ = found.value.split(".")
        log = LogIn(_unpacked(packed).decode("ascii"), int(ends))
    except (CookieError, ValueError, binascii.Error):
        return None
    sound = hmac.compare_digest(found.value.encode("utf-8", "replace"), log.cookie.encode())
    return log if sound and clock() < log.ends else None


def set_cookie(log: LogIn | None, *, secure: bool, clock: Callable[[], float] = time.time) -> str:
    """The header that keeps a log-in, or ends it."""
    value, age = ("", 0) if log is None else (log.cookie, max(log.ends - int(clock()), 0))
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{flags}"


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
