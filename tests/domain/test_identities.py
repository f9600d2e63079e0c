"""One way in: headers become an identity, and an identity may what the lists say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from sr_domain.run.ports import Settings
from sr_domain.run.rights import Headers, allows, claimed, identity_of
from sr_ports import BadInput, Identity, ReasonCode, bearer_token

ALICE = Identity("alice", "token", frozenset({"leads"}))


@attrs.frozen
class Knows:
    """Proves one token, as it says. `seen`: the headers it was asked with."""

    who: Identity = ALICE
    seen: list[Mapping[str, str]] = attrs.field(factory=list)

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        self.seen.append(headers)
        return self.who if bearer_token(headers) == "good" else None


GOOD: list[Headers] = [
    {"Authorization": "Bearer good"},
    [("AUTHORIZATION", "bearer good"), ("accept", "a"), ("Accept", "b")],
    [("authorization", "Bearer good"), ("X-SR-Actor", "mallory"), ("X-Forwarded-User", "mallory")],
]
TWICE: list[Headers] = [
    [("Authorization", "Bearer good"), ("Authorization", "Bearer good")],
    [("Authorization", "Bearer bad"), ("authorization", "Bearer good")],
    {"Authorization": "Bearer good", "authorization": "Bearer bad"},
]


@pytest.mark.parametrize("headers", GOOD, ids=str)
def test_a_credential_proves_its_actor_whatever_else_is_sent(headers: Headers) -> None:
    assert identity_of(Knows(), headers) == ALICE


@pytest.mark.parametrize("headers", TWICE, ids=str)
def test_two_credentials_prove_nobody(headers: Headers) -> None:
    knows = Knows()
    with pytest.raises(BadInput) as caught:
        identity_of(knows, headers)
    assert (caught.value.code, knows.seen) == (ReasonCode.AUTH_UNPROVEN, [])


@pytest.mark.parametrize(
    ("headers", "told"),
    [([], "no credential"), ({"X-SR-Actor": "alice"}, "no credential"), ({"Authorization": "Bearer bad"}, "nobody")],
)
def test_nobody_is_told_so_and_no_header_is_quoted(headers: Headers, told: str) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        identity_of(Knows(), headers)
    assert "bad" not in caught.value.what
    assert "alice" not in caught.value.what


def test_other_headers_come_joined_as_http_has_it() -> None:
    knows = Knows()
    identity_of(knows, [("Authorization", "Bearer good"), ("Accept", "a"), ("accept", "b")])
    assert knows.seen == [{"authorization": "Bearer good", "accept": "a, b"}]


@pytest.mark.parametrize(
    "who",
    [
        Identity("", "token"), Identity("al\u200bice", "token"), Identity(" alice", "token"),
        Identity("a" * 513, "token"),
        Identity("alice", "claimed"), Identity("alice", "os"), Identity("alice", "system"), Identity("alice", "To ken"),
        Identity("alice", ""),
    ],
    ids=str,
)  # fmt: skip
def test_an_authenticator_cannot_name_whom_it_likes(who: Identity) -> None:
    with pytest.raises(BadInput, match="cannot be taken"):
        identity_of(Knows(who), {"Authorization": "Bearer good"})


def test_without_an_authenticator_the_header_is_a_claim() -> None:
    assert identity_of(None, {"X-SR-Actor": "ann"}) == claimed("ann")
    assert identity_of(None, [("x-sr-actor", "Zoë"), ("Authorization", "Bearer good")]) == claimed("Zoë")
    assert identity_of(None, {}) == claimed("local")
    for headers in ([("X-SR-Actor", "ann"), ("x-sr-actor", "bob")], {"X-SR-Actor": ""}, {"X-SR-Actor": "a\u202eb"}):
        with pytest.raises(BadInput, match="AUTH_UNPROVEN"):
            identity_of(None, headers)


LISTS: dict[str, Any] = {"submitters": frozenset({"role:leads"}), "superseders": frozenset({"bob"}), "readers": None}
PROVEN, OPEN = Settings(proven=True, **LISTS), Settings(**LISTS)
BOB, CAROL = Identity("bob", "jwt"), Identity("carol", "os")


@pytest.mark.parametrize(
    ("settings", "who", "may"),
    [
        (PROVEN, ALICE, "submit reemit resume read"),
        (PROVEN, BOB, "supersede resume read"),
        (PROVEN, CAROL, "read"),
        (PROVEN, claimed("bob"), ""),
        (PROVEN, Identity("resume", "system"), "resume read"),
        (PROVEN, Identity("role:leads", "jwt"), "read"),
        (OPEN, claimed("bob"), "supersede resume read"),
        (OPEN, CAROL, "resume read"),
        (Settings(), claimed("bob"), "submit supersede reemit recover resume read"),
    ],
    ids=str,
)
def test_who_may_what(settings: Settings, who: Identity, may: str) -> None:
    actions = ("submit", "supersede", "reemit", "recover", "resume", "read")
    assert [one for one in actions if allows(settings, one, who)] == [one for one in actions if one in may.split()]


def test_what_is_no_action_is_nobodys() -> None:
    with pytest.raises(KeyError):
        allows(PROVEN, "sumbit", ALICE)
