"""Authenticators that break a law each."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest

from sr_ports import Identity, ReasonCode, Unreachable
from sr_ports.conformance.authenticators import AuthenticatorLaws
from tests.conformance.broken.making import suites

TOKEN = "s3cr3t-T0ken-of-alice-0123456789"


class SoundAuthenticator:
    """One bearer token of one actor. `away`: whoever knows the token cannot be reached."""

    away = False

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        scheme, _, token = sent(headers).partition(" ")
        if scheme.lower() != "bearer":
            return None
        if self.away:
            return self.unasked()
        return Identity("alice", "token") if self.proves(token) else None

    def unasked(self) -> Identity | None:
        raise Unreachable(ReasonCode.AUTH_UNREACHABLE, "nobody answers")

    def proves(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), TOKEN.encode())


def sent(headers: Mapping[str, str]) -> str:
    """The credential; names of headers have no case."""
    return next((value for name, value in headers.items() if name.lower() == "authorization"), "")


class AcceptsGarbage(SoundAuthenticator):
    def proves(self, token: str) -> bool:
        return bool(token)


class AcceptsEmpty(SoundAuthenticator):
    def proves(self, token: str) -> bool:
        return not token.strip() or super().proves(token)


class AcceptsAPrefix(SoundAuthenticator):
    def proves(self, token: str) -> bool:
        return len(token) > 3 and TOKEN.startswith(token)


class AcceptsMore(SoundAuthenticator):
    def proves(self, token: str) -> bool:
        return token.startswith(TOKEN)


class NoCaseInTokens(SoundAuthenticator):
    def proves(self, token: str) -> bool:
        return token.lower() == TOKEN.lower() or token.upper().replace("A", "B") == TOKEN.upper().replace("A", "B")


class AnyScheme(SoundAuthenticator):
    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        return Identity("alice", "token") if self.proves(sent(headers).rpartition(" ")[2]) else None


class BelievesTheCaller(SoundAuthenticator):
    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        said = headers.get("X-SR-Actor")
        return Identity(said, "token") if said else super().authenticate(headers)


class RaisesOnText(SoundAuthenticator):
    def proves(self, token: str) -> bool:
        return hmac.compare_digest(token, TOKEN)


class RaisesOnNothing(SoundAuthenticator):
    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        _, token = headers["Authorization"].split(" ")
        return Identity("alice", "token") if self.proves(token) else None


class NamesNobody(SoundAuthenticator):
    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        return None if super().authenticate(headers) is None else Identity("", "token")


class RemembersTheLast(SoundAuthenticator):
    """Keeps the token of the call in itself while it is compared."""

    def __init__(self) -> None:
        self.token = ""

    def proves(self, token: str) -> bool:
        self.token = token
        time.sleep(0.002)
        return super().proves(self.token)


class CaseInNames(SoundAuthenticator):
    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        return super().authenticate(headers) if "Authorization" in headers else None


class DropsWhatIsNoBase64(SoundAuthenticator):
    """As a lenient decoder does: characters that mean nothing are passed over."""

    def proves(self, token: str) -> bool:
        return super().proves("".join(one for one in token if one.isascii() and (one.isalnum() or one in "-_")))


class LetsInWhenAway(SoundAuthenticator):
    def unasked(self) -> Identity | None:
        return Identity("alice", "token")


class SaysNobodyWhenAway(SoundAuthenticator):
    def unasked(self) -> Identity | None:
        return None


class AuthenticatorSuite(AuthenticatorLaws):
    __test__ = False
    kind: ClassVar[Callable[[], SoundAuthenticator]]

    @pytest.fixture
    def authenticator(self) -> SoundAuthenticator:
        return type(self).kind()

    @pytest.fixture
    def valid(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    @pytest.fixture
    def actor(self) -> str:
        return "alice"

    @pytest.fixture
    def unreachable(self) -> SoundAuthenticator:
        made = type(self).kind()
        made.away = True
        return made


class TestSoundAuthenticator(AuthenticatorSuite):
    __test__ = True
    kind = SoundAuthenticator


globals().update(suites(AuthenticatorSuite, [
    (AcceptsGarbage, "U1"), (AcceptsEmpty, "U1"), (AcceptsAPrefix, "U1"), (AcceptsMore, "U1"), (NoCaseInTokens, "U1"),
    (AnyScheme, "U1"), (BelievesTheCaller, "U1"), (BelievesTheCaller, "U2"), (NamesNobody, "U2"), (RaisesOnText, "U3"),
    (RaisesOnNothing, "U1"), (RaisesOnNothing, "U3"), (RemembersTheLast, "U4"), (CaseInNames, "U2"),
    (DropsWhatIsNoBase64, "U1"), (LetsInWhenAway, "U3"), (SaysNobodyWhenAway, "U3"),
]))  # fmt: skip
