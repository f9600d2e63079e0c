"""Forged, stale and misdirected tokens, each beside the sound one that it looks like."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sr_adapters.auth.jwts import head_of, roles_in
from sr_adapters.auth.keys import COOLDOWN_S, Head, UrlKeys
from sr_adapters.auth.keys import key_set as parsed
from sr_ports import BadInput, Unreachable
from tests.adapters import issuer
from tests.adapters.credentials import bearer, write
from tests.adapters.issuer import AUDIENCE, ISSUER, ec_key, part, public, rsa_key, token
from tests.adapters.test_jwt_laws import checks_jwts, good_keys

NOW = int(time.time())
PEM = rsa_key("one").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def keys(path: Path, *more: dict[str, Any]) -> str:
    first = public(rsa_key("one"), "RS256", kid="one")
    return str(write(path / "keys.json", issuer.key_set(first, *more)))


def whom(jwks: str, text: str, **more: Any) -> str | None:
    found = checks_jwts(jwks, **more).authenticate(bearer(text))
    return None if found is None else found.actor


def hmac_signed(secret: bytes, alg: str = "HS256") -> str:
    """What a forger makes of the public key: an HMAC over a header that says so."""
    body = f"{part({'alg': alg, 'typ': 'JWT', 'kid': 'one'})}.{part(issuer.claims(sub='root'))}"
    return f"{body}.{part(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


def resigned(head: dict[str, Any], signer: Any = None) -> str:
    """A token whose header says what it likes, signed with RS256 all the same."""
    body = f"{part(head)}.{part(issuer.claims())}"
    made = jwt.get_algorithm_by_name("RS256").sign(body.encode(), signer or rsa_key("one"))
    return f"{body}.{part(made)}"


FORGED = {
    "no signature": f"{part({'alg': 'none'})}.{part(issuer.claims())}.",
    "none with a signature": f"{part({'alg': 'none'})}.{part(issuer.claims())}.{part(b'x')}",
    "None in other case": f"{part({'alg': 'nOnE', 'kid': 'one'})}.{part(issuer.claims())}.{part(b'x')}",
    "an HMAC with the public key as PEM": hmac_signed(PEM),
    "an HMAC with the public key as it is served": hmac_signed(good_keys()),
    "an HMAC with nothing": hmac_signed(b""),
    "an HMAC under RS256": hmac_signed(PEM, "RS256"),
    "another key": token(rsa_key("two")),
    "another key, of the same id": token(rsa_key("two"), head={"kid": "one"}),
    "a key of its own in the header": token(rsa_key("two"), head={"jwk": public(rsa_key("two"), "RS256")}),
    "a key elsewhere": token(rsa_key("two"), head={"jku": "https://evil.example/keys", "kid": "one"}),
    "a key id that is a path": token(rsa_key("two"), head={"kid": "../../../../dev/null"}),
    "a key id that is a statement": token(rsa_key("two"), head={"kid": "one' OR '1'='1"}),
    "a key id that is no text": resigned({"alg": "RS256", "kid": ["one"]}),
    "an algorithm that the profile leaves out": token(alg="RS512"),
    "an algorithm of another kind of key": resigned({"alg": "ES256", "kid": "one"}),
    "a list of algorithms": resigned({"alg": ["RS256"], "kid": "one"}),
    "what must be understood and is not": resigned({"alg": "RS256", "kid": "one", "crit": ["exp"], "exp": 1}),
    "a payload that is not encoded": resigned({"alg": "RS256", "kid": "one", "b64": False}),
    "a token of another use": token(head={"typ": "logout+jwt"}),
    "another payload": f"{token().split('.')[0]}.{part(issuer.claims(sub='root'))}.{token().split('.')[2]}",
    "padding": f"{token()}=",
    "five parts": f"{token()}.{part(b'x')}.{part(b'y')}",
    "a name twice in the header": resigned({}).replace(part({}), part(b'{"alg":"RS256","alg":"RS256"}'), 1),
}


class In(float):
    """Seconds from the time at which a test runs, which may be long after this file was read."""


def timed(changes: dict[str, Any]) -> dict[str, Any]:
    """The claims, with times as they are now: whole seconds, unless a fraction is meant."""
    now = int(time.time())
    at = {name: now + value for name, value in changes.items() if isinstance(value, In)}
    return {**changes, **{name: int(value) if value.is_integer() else value for name, value in at.items()}}


STALE = {
    "expired": {"exp": NOW - 60},
    "no end": {"exp": None},
    "an end in words": {"exp": str(NOW + 600)},
    "an end in digits of another script": {"exp": "٩" * 11},
    "an end that is true": {"exp": True},
    "an end that is endless": {"exp": float("inf")},
    "an end that is later than the calendar": {"exp": 10**15},
    "not yet": {"nbf": In(600)},
    "not yet in words": {"nbf": str(NOW - 600)},
    "made in the future": {"iat": In(600)},
    "another issuer": {"iss": "https://evil.example"},
    "an issuer that begins alike": {"iss": f"{ISSUER}.evil.example"},
    "a list of issuers": {"iss": [ISSUER]},
    "no issuer": {"iss": None},
    "another audience": {"aud": "other"},
    "a list of other audiences": {"aud": ["other", "srx"]},
    "a list of audiences, one no text": {"aud": [AUDIENCE, 1]},
    "no audience": {"aud": None},
    "an empty list of audiences": {"aud": []},
    "an audience that holds the text": {"aud": f"x{AUDIENCE}"},
    "an object for an audience": {"aud": {AUDIENCE: 1}},
    "no actor": {"sub": None},
    "an actor without a name": {"sub": ""},
    "an actor that is a number": {"sub": 7},
    "an actor that looks like another": {"sub": "alice\u200b"},
    "an actor in another form": {"sub": "e\u0301ve"},
}
SOUND: dict[str, dict[str, Any]] = {
    "as it should be": {},
    "just expired, within the leeway": {"exp": In(-5)},
    "a moment early, within the leeway": {"nbf": In(5)},
    "a fraction of a second": {"exp": In(600.5)},
    "begun": {"nbf": In(-5)},
    "no time of making": {"iat": None},
    "among audiences": {"aud": ["other", AUDIENCE]},
    "claims that nobody knows": {"amr": ["pwd"], "jti": "x"},
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_forged_token_proves_nobody(tmp_path: Path, text: str) -> None:
    assert whom(keys(tmp_path), text) is None


@pytest.mark.parametrize("changes", STALE.values(), ids=STALE)
def test_a_token_that_does_not_hold_here_and_now_proves_nobody(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert whom(keys(tmp_path), sealed(timed(changes))) is None


@pytest.mark.parametrize("changes", SOUND.values(), ids=SOUND)
def test_a_sound_token_proves_its_actor(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert whom(keys(tmp_path), sealed(timed(changes))) == "alice"


def sealed(changes: dict[str, Any]) -> str:
    """A token with these claims, whatever they are: a library would refuse to write some of them."""
    body = f"{part({'alg': 'RS256', 'kid': 'one', 'typ': 'JWT'})}.{part(issuer.claims(**changes))}"
    return f"{body}.{part(jwt.get_algorithm_by_name('RS256').sign(body.encode(), rsa_key('one')))}"


@pytest.mark.parametrize(
    "head", [{"typ": "at+jwt"}, {"typ": "jwt"}, {"jku": "https://elsewhere.example", "kid": "one"}]
)
def test_a_header_may_say_so(tmp_path: Path, head: dict[str, Any]) -> None:
    assert whom(keys(tmp_path), token(head=head)) == "alice"


def test_a_token_without_a_key_id_needs_a_set_with_one_key_of_its_kind(tmp_path: Path) -> None:
    text = resigned({"alg": "RS256"})
    assert whom(keys(tmp_path, public(ec_key("e"), "ES256", kid="e")), text) == "alice"
    assert whom(keys(tmp_path, public(rsa_key("two"), "RS256", kid="two")), text) is None


def test_an_elliptic_key_signs_too_and_keys_are_told_apart(tmp_path: Path) -> None:
    jwks = keys(tmp_path, public(ec_key("e"), "ES256", kid="e"))
    assert whom(jwks, token(ec_key("e"), "ES256", head={"kid": "e"})) == "alice"
    assert whom(jwks, token(ec_key("f"), "ES256", head={"kid": "e"})) is None
    assert whom(jwks, token(ec_key("e"), "ES256", head={"kid": "e"}), algorithms=["RS256"]) is None


UNFIT = {
    "for encryption": {"use": "enc"},
    "for signing alone": {"key_ops": ["sign"]},
    "for another algorithm": {"alg": "PS256"},
    "with its private half": {"d": "AQAB"},
}


@pytest.mark.parametrize("more", UNFIT.values(), ids=UNFIT)
def test_a_key_that_is_not_for_this_checks_nothing(tmp_path: Path, more: dict[str, Any]) -> None:
    only = {**public(rsa_key("one"), "RS256", kid="one"), **more}
    path = write(tmp_path / "k", issuer.key_set(only, public(ec_key("e"), "ES256", kid="e")))
    assert whom(str(path), token()) is None
    assert whom(str(path), token(ec_key("e"), "ES256", head={"kid": "e"})) == "alice"


SETS = {
    "no JSON": b"alice",
    "a list": b"[]",
    "no keys": b'{"keys": []}',
    "keys that are none": b'{"keys": [1, null, "x", []]}',
    "a shared secret": json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one", "alg": "HS256"}]}).encode(),
    "a weak key": issuer.key_set(public(rsa_key("weak", 1024), "RS256", kid="one")),
    "a number that is none": issuer.key_set({"kty": "RSA", "n": "!!", "e": "AQAB", "kid": "one"}),
    "very many keys": issuer.key_set(*[{"kty": "RSA"}] * 101),
    "a name twice": b'{"keys": [], "keys": []}',
    "nested deep": b'{"keys": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a web page": b"<html></html>",
}


@pytest.mark.parametrize("data", SETS.values(), ids=SETS)
def test_a_set_without_a_usable_key_lets_nobody_in(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Unreachable):
        whom(str(write(tmp_path / "k", data)), token())


def test_keys_in_a_file_rotate_without_a_new_start(tmp_path: Path) -> None:
    checks = checks_jwts(keys(tmp_path))
    assert checks.authenticate(bearer(token())) is not None
    write(tmp_path / "keys.json", issuer.key_set(public(rsa_key("two"), "RS256", kid="two")))
    assert checks.authenticate(bearer(token())) is None
    assert checks.authenticate(bearer(token(rsa_key("two"), head={"kid": "two"}))) is not None


ROLES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("roles", {"roles": ["a", "b"]}, {"a", "b"}),
    ("roles", {"roles": "leads"}, {"leads"}),
    ("roles", {"roles": "leads ops"}, {"leads ops"}),
    ("scope", {"scope": "leads ops"}, {"leads", "ops"}),
    ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, {"a"}),
    ("https://sr.example/roles", {"https://sr.example/roles": ["a"]}, {"a"}),
    ("roles", {}, set()),
    ("roles", {"roles": {"a": True}}, set()),
    ("roles", {"roles": [["a"]]}, set()),
    ("roles", {"roles": ["a", 1]}, set()),
    ("roles", {"roles": [""]}, set()),
    ("roles", {"roles": ["a"] * 1001}, set()),
    ("a.b", {"a": "b"}, set()),
    ("roles", {"Roles": ["a"]}, set()),
]


@pytest.mark.parametrize(("name", "said", "roles"), ROLES, ids=[f"{name} of {said}"[:80] for name, said, _ in ROLES])
def test_roles(name: str, said: dict[str, Any], roles: set[str]) -> None:
    assert roles_in(said, name) == roles


def test_an_identity_has_its_roles_and_its_end(tmp_path: Path) -> None:
    end = int(time.time()) + 300
    found = checks_jwts(keys(tmp_path)).authenticate(bearer(token(exp=end)))
    assert found is not None
    assert (found.mode, found.roles) == ("jwt", frozenset({"leads"}))
    assert found.expires_at == datetime.fromtimestamp(end, UTC)


@pytest.mark.parametrize(
    "more",
    [
        {"algorithms": ["none"]}, {"algorithms": ["HS256"]}, {"algorithms": []}, {"jwks": "http://login.example/keys"},
        {"jwks": "https://a:b@login.example/keys"}, {"jwks": "ftp://login.example"}, {"leeway_seconds": 301},
        {"issuer": ""}, {"audience": " sr"},
    ],
    ids=str,
)  # fmt: skip
def test_a_profile_cannot_ask_for_less(more: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        checks_jwts(**{"jwks": "https://login.example/keys", **more})
    checks_jwts("https://login.example/keys")


# keys at a URL


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Keys behind a call, with a clock that tests move."""

    def __init__(self) -> None:
        self.data, self.asked, self.clock = good_keys(), 0, Clock()
        self.away = False
        self.keys = UrlKeys(
            "https://login.example/keys", lambda data: parsed(("RS256",), data), 600, self.get, self.clock
        )

    def get(self, url: str) -> bytes:
        self.asked += 1
        if self.away:
            raise ValueError("the server is away")
        return self.data

    def knows(self, kid: str) -> bool:
        return bool(self.keys.of(Head("RS256", kid)))


def test_keys_are_asked_for_once_and_again_for_a_new_id_but_not_for_each_made_up_one() -> None:
    one = Issuer()
    assert all(one.knows("one") for _ in range(5))
    assert one.asked == 1
    one.data = issuer.key_set(public(rsa_key("two"), "RS256", kid="two"))
    assert not one.knows("two")  # asked a moment ago
    one.clock.now += COOLDOWN_S
    assert one.knows("two")
    assert not any(one.knows(f"made up {n}") for n in range(50))
    assert one.asked == 2


def test_a_key_that_was_taken_back_is_forgotten_in_time() -> None:
    one = Issuer()
    assert one.knows("one")
    one.data = issuer.key_set(public(rsa_key("two"), "RS256", kid="two"))
    one.clock.now += 299
    assert one.knows("one")
    one.clock.now += 2
    assert not one.knows("one")


def test_an_issuer_that_is_away_keeps_nobody_out_for_a_while_and_then_everybody() -> None:
    one = Issuer()
    assert one.knows("one")
    one.away = True
    one.clock.now += 400
    assert one.knows("one")
    with pytest.raises(Unreachable):
        one.knows("another")
    one.clock.now += 200
    with pytest.raises(Unreachable):
        one.knows("one")
    asked = one.asked
    with pytest.raises(Unreachable):  # told at once, and not asked again so soon
        one.knows("one")
    assert one.asked == asked
    one.away = False
    one.clock.now += COOLDOWN_S
    assert one.knows("one")


def test_a_made_up_token_asks_the_issuer_nothing() -> None:
    with issuer.server(good_keys()) as served:
        checks = checks_jwts(served.url)
        for text in ("x", "a.b.c", FORGED["an HMAC with nothing"], FORGED["no signature"]):
            assert checks.authenticate(bearer(text)) is None
        assert served.asked == 0
        assert checks.authenticate(bearer(token())) is not None
        assert served.asked == 1


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {}, None),
        (500, {}, None),
        (302, {"Location": "/other"}, None),
        (200, {}, b" " * (1 << 20)),
        (200, {}, b"{"),
    ],
)
def test_an_answer_that_is_no_key_set_lets_nobody_in(status: int, headers: dict[str, str], body: bytes | None) -> None:
    with issuer.server(good_keys()) as served:
        served.status, served.headers, served.body = status, headers, served.body if body is None else body
        with pytest.raises(Unreachable, match="AUTH_UNREACHABLE"):
            checks_jwts(served.url).authenticate(bearer(token()))
        assert served.asked == 1  # where a redirect leads is not asked
    with issuer.server(good_keys()) as sound:
        assert checks_jwts(sound.url).authenticate(bearer(token())) is not None


def test_a_head_is_read_from_one_spelling_alone() -> None:
    text = token()
    assert head_of(text, ("RS256",)) == Head("RS256", "one")
    signature = text.rpartition(".")[2]
    spare = {"A": "B", "Q": "R", "g": "h", "w": "x"}.get(signature[-1])
    if spare is not None:
        assert head_of(text[:-1] + spare, ("RS256",)) is None
