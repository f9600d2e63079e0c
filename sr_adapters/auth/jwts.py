"""The authenticator ``jwt``: a JSON Web Token of one issuer, signed with one of its keys (RFC 7519, RFC 8725).

The signature is checked by PyJWT with a key of the issuer's own set. A token chooses among the profile's algorithms and
among those keys, and nothing else: what it says of keys itself (``jku``, ``jwk``, ``x5u``, ``x5c``) is not looked at,
and ``none`` and HMAC can be in no profile. ``exp``, ``iss``, ``aud`` and ``sub`` must be there; the actor is ``sub``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import jwt

from sr_adapters.auth.keys import Head, Key, Keys, keys_at
from sr_adapters.auth.settings import JwtSettings
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.run.rights import is_actor
from sr_ports import BadInput, Identity, Wiring, bearer_token

MODE = "jwt"
MOST_ROLES = 1000
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES = ("jwt", "at+jwt", "application/jwt", "application/at+jwt")
"""Of tokens that let somebody in. One of another type was made for another use (RFC 8725, section 3.11)."""
_NOBODY: frozenset[str] = frozenset()


@attrs.frozen
class JwtAuthenticator:
    """Implements `sr_ports.Authenticator`."""

    settings: JwtSettings
    keys: Keys

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        """The actor whom a token names; None for nobody. Raises `Unreachable(AUTH_UNREACHABLE)` without keys."""
        token = bearer_token(headers)
        head = None if token is None else head_of(token, self.settings.algorithms)
        if token is None or head is None:
            return None
        for key in self.keys.of(head):
            claims = self._claims(token, key)
            if claims is not None:
                return self._identity(claims)
        return None

    def examine(self) -> str:
        """See `sr_ports.Examined`."""
        return f"keys of {self.settings.issuer}: {self.keys.anew()}"

    def _claims(self, token: str, key: Key) -> Mapping[str, Any] | None:
        """What the token says, where this key signed it and it holds now, here."""
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.alg],
                audience=self.settings.audience,
                issuer=self.settings.issuer,
                leeway=self.settings.leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError):
            return None
        numbers = [claims[name] for name in ("exp", "nbf", "iat") if name in claims]
        return claims if all(type(one) in (int, float) for one in numbers) else None

    def _identity(self, claims: Mapping[str, Any]) -> Identity | None:
        actor = claims["sub"]
        if not is_actor(actor):
            return None
        try:
            expires = datetime.fromtimestamp(claims["exp"], UTC)
        except (ValueError, OverflowError, OSError):  # later than the calendar goes
            return None
        return Identity(actor, MODE, roles_in(claims, self.settings.roles_claim), expires)


def head_of(token: str, algorithms: tuple[str, ...]) -> Head | None:
    """What a token says of its signature; None for what is no token that could be taken. Raises nothing.

    Each part has one spelling: base64url without padding, whose last bits are nought; JSON without a name twice.
    """
    parts = _PARTS.fullmatch(token)
    head = None if parts is None else _json(parts[1])
    if (
        parts is None
        or not isinstance(head, dict)
        or not isinstance(_json(parts[2]), dict)
        or _decoded(parts[3]) is None
    ):
        return None
    alg, kid, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
    if alg not in algorithms or "crit" in head or "b64" in head:
        return None
    if not isinstance(kind, str) or kind.lower() not in _TYPES or not (kid is None or isinstance(kid, str)):
        return None
    return Head(alg, kid)


def _json(part: str) -> Any:
    data = _decoded(part)
    try:
        return None if data is None else strict_loads(data, what="token")
    except BadInput:
        return None


def _decoded(part: str) -> bytes | None:
    """The bytes; None for another spelling of them than the one that a signer writes."""
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None
    return data if base64.urlsafe_b64encode(data).rstrip(b"=") == part.encode("ascii") else None


def roles_in(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The roles under a claim: a list of texts, or one text, which is one role; of ``scope`` each word (RFC 8693, 4.2).

    `name`: the claim's; where there is none of that very name, dots lead from one claim into another. A claim of any
    other shape gives no role at all.
    """
    said: Any = claims.get(name)
    if said is None and "." in name:
        said = claims
        for step in name.split("."):
            said = said.get(step) if isinstance(said, Mapping) else None
    if isinstance(said, str):
        said = said.split(" ") if name == "scope" else [said]
    if not isinstance(said, list) or len(said) > MOST_ROLES or not all(isinstance(one, str) and one for one in said):
        return _NOBODY
    return frozenset(said)


def build(wiring: Wiring[JwtSettings]) -> JwtAuthenticator:
    """The authenticator of a profile. Keys are read when the first token comes."""
    told = wiring.settings
    return JwtAuthenticator(told, keys_at(told.jwks, told.algorithms, told.keys_max_age_s))
