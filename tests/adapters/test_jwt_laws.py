"""The authenticator `jwt` keeps the laws of its port, with keys from a file and from a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_adapters.auth import jwts
from sr_adapters.auth.settings import JwtSettings
from sr_ports import Authenticator
from sr_ports.conformance.authenticators import AuthenticatorLaws
from tests.adapters import issuer
from tests.adapters.credentials import bearer, write
from tests.wired import wired


def checks_jwts(jwks: str, **more: object) -> Authenticator:
    told = {"issuer": issuer.ISSUER, "audience": issuer.AUDIENCE, "jwks": jwks, **more}
    return jwts.build(wired(JwtSettings, "authenticator", told))


def good_keys() -> bytes:
    return issuer.key_set(issuer.public(issuer.rsa_key("one"), "RS256", kid="one", use="sig"))


class JwtSuite(AuthenticatorLaws):
    __test__ = False

    @pytest.fixture
    def valid(self) -> dict[str, str]:
        return bearer(issuer.token())

    @pytest.fixture
    def actor(self) -> str:
        return "alice"


class TestJwtsWithAFile(JwtSuite):
    __test__ = True

    @pytest.fixture
    def authenticator(self, tmp_path: Path) -> Authenticator:
        return checks_jwts(str(write(tmp_path / "keys.json", good_keys())))

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Authenticator:
        return checks_jwts(str(tmp_path / "not there"))


class TestJwtsWithAServer(JwtSuite):
    __test__ = True

    @pytest.fixture
    def authenticator(self) -> Iterator[Authenticator]:
        with issuer.server(good_keys()) as served:
            yield checks_jwts(served.url)

    @pytest.fixture
    def unreachable(self) -> Authenticator:
        return checks_jwts("http://127.0.0.1:9/keys")
