"""The authenticators keep the laws of their port."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_adapters.auth import jwts, tokens
from sr_adapters.auth.settings import JwtSettings, TokenSettings
from sr_ports import Authenticator
from sr_ports.conformance.authenticators import AuthenticatorLaws
from tests.adapters import issuer
from tests.wired import wired

TOKEN, OTHER = "alice-0123456789-abcdefghijklmnop", "bob-9876543210-ponmlkjihgfedcba"


def token_file(path: Path, **by_actor: str) -> Path:
    lines = (f"{actor}: {hashlib.sha256(token.encode()).hexdigest()}\n" for actor, token in by_actor.items())
    return issuer.write(path, "".join(lines).encode())


def checks_tokens(path: Path) -> Authenticator:
    return tokens.build(wired(TokenSettings, "authenticator", {"tokens_file": str(path)}))


def checks_jwts(jwks: str, **more: object) -> Authenticator:
    told = {"issuer": issuer.ISSUER, "audience": issuer.AUDIENCE, "jwks": jwks, **more}
    return jwts.build(wired(JwtSettings, "authenticator", told))


def good_keys() -> bytes:
    return issuer.key_set(issuer.public(issuer.rsa_key("one"), "RS256", kid="one", use="sig"))


class TestTokens(AuthenticatorLaws):
    @pytest.fixture
    def authenticator(self, tmp_path: Path) -> Authenticator:
        return checks_tokens(token_file(tmp_path / "tokens.yaml", bob=OTHER, alice=TOKEN))

    @pytest.fixture
    def valid(self) -> dict[str, str]:
        return issuer.bearer(TOKEN)

    @pytest.fixture
    def actor(self) -> str:
        return "alice"

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Authenticator:
        return checks_tokens(tmp_path / "not there")


class JwtSuite(AuthenticatorLaws):
    __test__ = False

    @pytest.fixture
    def valid(self) -> dict[str, str]:
        return issuer.bearer(issuer.token())

    @pytest.fixture
    def actor(self) -> str:
        return "alice"


class TestJwtsWithAFile(JwtSuite):
    __test__ = True

    @pytest.fixture
    def authenticator(self, tmp_path: Path) -> Authenticator:
        return checks_jwts(str(issuer.write(tmp_path / "keys.json", good_keys())))

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
