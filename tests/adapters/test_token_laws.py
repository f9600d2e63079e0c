"""The authenticator `token` keeps the laws of its port."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_ports import Authenticator
from sr_ports.conformance.authenticators import AuthenticatorLaws
from tests.adapters.credentials import OTHER, TOKEN, bearer, checks_tokens, token_file


class TestTokens(AuthenticatorLaws):
    @pytest.fixture
    def authenticator(self, tmp_path: Path) -> Authenticator:
        return checks_tokens(token_file(tmp_path / "tokens.yaml", bob=OTHER, alice=TOKEN))

    @pytest.fixture
    def valid(self) -> dict[str, str]:
        return bearer(TOKEN)

    @pytest.fixture
    def actor(self) -> str:
        return "alice"

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Authenticator:
        return checks_tokens(tmp_path / "not there")
