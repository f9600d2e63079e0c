"""Settings of the authenticators, under the profile's ``auth``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import attrs
from attrs.validators import deep_iterable, ge, in_, le, max_len, min_len

from sr_ports import Refused, setting

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that a public key checks. ``none`` and HMAC are left out for good: with an HMAC whoever can check a
token can make one, and a public key would be its secret."""
_HERE = ("localhost", "127.0.0.1", "::1")


@attrs.frozen(kw_only=True)
class TokenSettings:
    """`tokens_file`: YAML, by actor the sha256 of a token in hex, or a list of them."""

    tokens_file: str = attrs.field(
        validator=min_len(1),
        metadata=setting("by actor, the sha256 of the token, as sr auth hash prints it", wanted="a path"),
    )


def _one_line(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.isprintable() or value != value.strip():
        raise ValueError


_TEXT: list[Any] = [min_len(1), max_len(2048), _one_line]


def _place(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    """A path, an https URL, or an http URL of this machine; no credentials in it."""
    if "://" not in value:
        return
    parts = urlsplit(value)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
        raise Refused("is no https:// URL: keys that anybody on the way can change prove nothing")
    if parts.username is not None or parts.password is not None or not parts.hostname or parts.fragment:
        raise Refused("has credentials, a fragment, or no host", "name a plain https:// URL, or a file")


_PLACE: list[Any] = [min_len(1), _place]
_ALGORITHMS: list[Any] = [min_len(1), deep_iterable(in_(ALGORITHMS))]


@attrs.frozen(kw_only=True)
class JwtSettings:
    """`issuer`, `audience`: what ``iss`` must be, and ``aud`` must be or hold. `jwks`: a file or an https URL.

    `algorithms`: those that are taken, whatever a token or key says. `roles_claim`: the claim that holds roles, by its
    name, or with dots for one within another. `leeway_s`: by how many seconds clocks may differ. `keys_max_age_s`: for
    how many seconds keys from a URL are believed without being read again.
    """

    issuer: str = attrs.field(
        validator=_TEXT,
        metadata=setting("what the claim iss must be", wanted="a name or URL"),
    )
    audience: str = attrs.field(
        validator=_TEXT,
        metadata=setting("what the claim aud must be, or hold", wanted="a name or URL"),
    )
    jwks: str = attrs.field(
        validator=_PLACE, metadata=setting("the issuer's public keys", wanted="a path or an https:// URL")
    )
    algorithms: tuple[str, ...] = attrs.field(
        default=("RS256", "ES256"),
        validator=_ALGORITHMS,
        metadata=setting("the signatures that are taken", wanted=f"a list of {', '.join(ALGORITHMS)}"),
    )
    roles_claim: str = attrs.field(
        default="roles",
        validator=[min_len(1), max_len(256)],
        metadata=setting("the claim that holds roles", wanted="a claim's name, or names with dots between"),
    )
    leeway_s: float = attrs.field(
        default=30.0,
        alias="leeway_seconds",
        validator=[ge(0.0), le(300.0)],
        metadata=setting("by how much clocks may differ", wanted="seconds from 0 to 300"),
    )
    keys_max_age_s: float = attrs.field(
        default=600.0,
        alias="keys_max_age_seconds",
        validator=[ge(10.0), le(86_400.0)],
        metadata=setting("how long keys from a URL are believed", wanted="seconds from 10 to 86400"),
    )
