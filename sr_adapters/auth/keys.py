"""Public keys of an issuer: a JSON Web Key Set (RFC 7517) in a file or at a URL, read again when it may be another."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import attrs
import jwt

from sr_adapters.auth.fetch import LONGEST, fetch
from sr_adapters.auth.watched import WatchedFile
from sr_domain.encoding.strict_json import strict_loads
from sr_ports import BadInput, ReasonCode, Unreachable

MOST = 100
"""Keys that a set may have."""
COOLDOWN_S = 10.0
"""Between two requests to the issuer: a token with a made-up key id costs it no more than that."""
_WAIT_S = 15.0
_LEAST_RSA = 2048
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "k")
_FITS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"), "EdDSA": ("OKP", "Ed25519"),
}  # fmt: skip


@attrs.frozen
class Head:
    """What a token says of its signature. `kid`: the id of its key; None where it names none."""

    alg: str
    kid: str | None


@attrs.frozen
class Key:
    """A key that checks signatures of one kind."""

    kid: str | None
    alg: str
    key: jwt.PyJWK


@attrs.frozen
class KeySet:
    """The keys of an issuer that can be used here."""

    keys: tuple[Key, ...]

    def find(self, head: Head) -> list[Key]:
        """The keys that a token may be signed with: of its id; without one the only key of its kind there is."""
        fit = [one for one in self.keys if one.alg == head.alg]
        if head.kid is None:
            return fit if len(fit) == 1 else []
        return [one for one in fit if one.kid == head.kid]

    def __str__(self) -> str:
        counts = Counter(one.alg for one in self.keys)
        return ", ".join(f"{count} for {alg}" for alg, count in sorted(counts.items()))


class Keys(Protocol):
    """Where keys are."""

    def of(self, head: Head) -> Sequence[Key]:
        """The keys that a token may be signed with. Raises `Unreachable(AUTH_UNREACHABLE)`."""

    def anew(self) -> KeySet:
        """All of them, read now. Raises `Unreachable(AUTH_UNREACHABLE)`."""


def key_set(algorithms: Sequence[str], data: bytes) -> KeySet:
    """The usable keys in a JSON Web Key Set, without those of other kinds. Raises `ValueError` where none is left."""
    try:
        document = strict_loads(data, what="keys", max_bytes=LONGEST)
    except BadInput as error:
        raise ValueError("it is no JSON Web Key Set") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST:
        raise ValueError(f"it is no JSON Web Key Set of at most {MOST} keys")
    why: dict[str, None] = {}
    keys = [key for entry in entries for alg in algorithms if (key := _key(entry, alg, why)) is not None]
    if not keys:
        told = "; ".join(why) or "there is none of that kind"
        raise ValueError(f"it has no key for {', '.join(algorithms)}: {told}")
    return KeySet(tuple(keys))


def _key(entry: Any, alg: str, why: dict[str, None]) -> Key | None:
    """The entry as a key for signatures of this kind; None where it is not one. `why`: what was found wrong."""
    kty, crv = _FITS[alg]
    if not isinstance(entry, dict) or entry.get("kty") != kty or (crv is not None and entry.get("crv") != crv):
        return None
    kid, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    if not (kid is None or isinstance(kid, str)) or entry.get("alg", alg) != alg:
        return None
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if any(part in entry for part in _PRIVATE):
        why["a private key stands where anybody may read it"] = None
        return None
    try:
        key = jwt.PyJWK(entry, alg)
        size = getattr(key.key, "key_size", _LEAST_RSA)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        why["a key cannot be read"] = None
        return None
    if kty == "RSA" and size < _LEAST_RSA:
        why[f"an RSA key has fewer than {_LEAST_RSA} bits"] = None
        return None
    return Key(kid, alg, key)


@attrs.frozen
class FileKeys:
    """`Keys` in a file, which is read again when it changes."""

    file: WatchedFile[KeySet]

    def of(self, head: Head) -> Sequence[Key]:
        return self.file.read().find(head)

    def anew(self) -> KeySet:
        return self.file.read()


@attrs.define(eq=False)
class UrlKeys:
    """`Keys` at a URL. Safe to use from several threads.

    Keys are believed for `max_age_s` seconds. In the second half of that time they are asked for again, and an issuer
    that does not answer then keeps nobody out; after it they are not used, and nobody is let in until it answers. A
    token with an unknown key id asks, too, at most once in `COOLDOWN_S`. `now`: seconds of a clock that never falls.
    """

    url: str
    parse: Callable[[bytes], KeySet]
    max_age_s: float
    get: Callable[[str], bytes] = fetch
    now: Callable[[], float] = time.monotonic
    _known: tuple[float, KeySet] | None = attrs.field(default=None, init=False)
    _asked: float | None = attrs.field(default=None, init=False)
    _failed: str | None = attrs.field(default=None, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def of(self, head: Head) -> Sequence[Key]:
        known = self._current()
        found = [] if known is None else known.find(head)
        if found:
            return found
        return self._refreshed(self._known).find(head)

    def anew(self) -> KeySet:
        with self._lock:
            return self._ask()

    def _current(self) -> KeySet | None:
        """Keys that may be believed, where there are any; asked for again in time."""
        known = self._known
        if known is None or (age := self.now() - known[0]) >= self.max_age_s:
            return None
        if age >= self.max_age_s / 2 and self._rested() and self._lock.acquire(blocking=False):
            try:
                return self._ask()
            except Unreachable:
                return known[1]
            finally:
                self._lock.release()
        return known[1]

    def _refreshed(self, before: tuple[float, KeySet] | None) -> KeySet:
        """The keys as they are now, unless they were asked for just before: then as they were found."""
        if not self._lock.acquire(timeout=_WAIT_S):
            raise self._unreachable("the server is slow to answer")
        try:
            if self._known is not before and self._known is not None:
                return self._known[1]  # somebody else has asked meanwhile
            if self._rested():
                return self._ask()
            if self._failed is not None:
                raise self._unreachable(self._failed)
            known = self._known
            if known is None or self.now() - known[0] >= self.max_age_s:
                return self._ask()
            return known[1]
        finally:
            self._lock.release()

    def _rested(self) -> bool:
        return self._asked is None or self.now() - self._asked >= COOLDOWN_S

    def _ask(self) -> KeySet:
        """Ask the issuer, under the lock."""
        self._asked = began = self.now()
        try:
            found = self.parse(self.get(self.url))
        except ValueError as error:
            self._failed = str(error)
            raise self._unreachable(str(error)) from error
        self._known, self._failed = (began, found), None
        return found

    def _unreachable(self, why: str) -> Unreachable:
        return Unreachable(ReasonCode.AUTH_UNREACHABLE, f"auth.jwks {self.url} cannot be used: {why}; nobody is let in")


def keys_at(place: str, algorithms: Sequence[str], max_age_s: float) -> Keys:
    """The keys at a path or URL, which nothing is asked of yet."""
    parse = partial(key_set, tuple(algorithms))
    if "://" in place:
        return UrlKeys(place, parse, max_age_s)
    return FileKeys(WatchedFile(place, "auth.jwks", parse, LONGEST))
