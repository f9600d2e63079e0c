"""The laws of `sr_ports.Authenticator`, as tests.

Subclass `AuthenticatorLaws` and give it three fixtures: `authenticator`, `valid` (headers whose credential holds) and
`actor` (whom they prove). `unreachable` (one that cannot reach whoever knows the keys, where that is elsewhere) has a
default that skips its test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_ports.conformance.law_covers import QUICK
from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import together
from sr_ports.errors import Unreachable
from sr_ports.runtime import Authenticator, Identity

Headers = Mapping[str, str]

MOST = 64
"""Places of a credential that are tried, evenly spread."""
FOREIGN = "!*~%=\u00e9"
"""Characters that a lenient decoder passes over."""
EMPTY = ("", " ", "\t", "Bearer", "Bearer ", "Bearer  ", "bearer", "Basic", "Basic Og==", "null", "undefined", "None")
HOSTILE = (
    "\x00", "Bearer \x00", "Bearer a\r\nX-SR-Actor: root", "Bearer " + "a" * 1_000_000, "Bearer ä€😀", "Bearer .",
    "Bearer ..", "Bearer e30.e30.", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.", "Basic !!!", "\udce9",
)  # fmt: skip
TEXTS = st.text(max_size=60) | st.sampled_from(["Bearer ", "Basic "]).flatmap(
    lambda head: st.text(max_size=40).map(lambda rest: head + rest)
)


class AuthenticatorLaws(Laws):
    """Laws U1 to U4. Needs `authenticator`, `valid` and `actor`."""

    states = (Authenticator,)

    @pytest.fixture
    def authenticator(self) -> Authenticator:
        raise NotImplementedError("give the authenticator under test")

    @pytest.fixture
    def valid(self) -> Headers:
        raise NotImplementedError("give headers whose credential holds")

    @pytest.fixture
    def actor(self) -> str:
        raise NotImplementedError("say whom those headers prove")

    @pytest.fixture
    def unreachable(self) -> Authenticator:
        """An authenticator that cannot reach whoever knows the keys."""
        pytest.skip("this authenticator asks nobody")

    # U1

    def test_u1_nothing_proves_nobody(self, authenticator: Authenticator, valid: Headers) -> None:
        nothing: list[Headers] = [{}, {"Accept": "*/*", "X-SR-Actor": "root", "X-Forwarded-User": "root"}]
        for headers in (*nothing, *(without(valid, name) for name in valid)):
            assert authenticator.authenticate(headers) is None

    @pytest.mark.parametrize("value", EMPTY, ids=ascii)
    def test_u1_an_empty_credential_proves_nobody(
        self, authenticator: Authenticator, valid: Headers, value: str
    ) -> None:
        for name in valid:
            assert authenticator.authenticate({**valid, name: value}) is None

    def test_u1_a_credential_that_was_cut_proves_nobody(self, authenticator: Authenticator, valid: Headers) -> None:
        for name, value in valid.items():
            for end in places(len(value)):
                assert authenticator.authenticate({**valid, name: value[:end]}) is None, f"cut after {end} characters"
                if end:
                    assert authenticator.authenticate({**valid, name: value[end:]}) is None, f"without the first {end}"

    def test_u1_a_credential_that_was_changed_proves_nobody(self, authenticator: Authenticator, valid: Headers) -> None:
        for name, value in valid.items():
            for at in places(len(value)):
                if not spare(value, at):
                    other = value[:at] + ("B" if value[at] in "Aa" else "A") + value[at + 1 :]
                    assert authenticator.authenticate({**valid, name: other}) is None, f"another character at {at}"

    def test_u1_a_credential_that_has_grown_proves_nobody(self, authenticator: Authenticator, valid: Headers) -> None:
        for name, value in valid.items():
            secret = value.rpartition(" ")[2]
            for other in (f"{value}x", f"{value}{secret}", f"x{value}", f"{value},{value}", f"{value}.{secret}"):
                assert authenticator.authenticate({**valid, name: other}) is None

    def test_u1_a_credential_with_a_character_put_into_it_proves_nobody(
        self, authenticator: Authenticator, valid: Headers
    ) -> None:
        for name, value in valid.items():
            start = len(value) - len(value.rpartition(" ")[2])
            for at in (start, (start + len(value)) // 2, len(value) - 1):
                for more in FOREIGN:
                    other = f"{value[:at]}{more}{value[at:]}"
                    assert authenticator.authenticate({**valid, name: other}) is None, f"{more!a} put in at {at}"

    def test_u1_a_credential_of_another_scheme_proves_nobody(
        self, authenticator: Authenticator, valid: Headers
    ) -> None:
        for name, value in valid.items():
            scheme, _, secret = value.rpartition(" ")
            for other in ("Basic", "Digest", "Negotiate", "Bear", "Token"):
                if other.lower() != scheme.lower():
                    assert authenticator.authenticate({**valid, name: f"{other} {secret}"}) is None

    @QUICK
    @given(text=TEXTS)
    def test_u1_what_nobody_gave_out_proves_nobody(
        self, authenticator: Authenticator, valid: Headers, text: str
    ) -> None:
        for name, value in valid.items():
            if text.split() != value.split():
                assert authenticator.authenticate({**valid, name: text}) is None

    # U2

    def test_u2_a_credential_that_holds_proves_its_actor(
        self, authenticator: Authenticator, valid: Headers, actor: str
    ) -> None:
        found = authenticator.authenticate(valid)
        assert isinstance(found, Identity)
        assert found.actor == actor != ""
        assert found.mode
        assert authenticator.authenticate({"Accept": "*/*", "X-SR-Actor": "root", **valid}) == found

    def test_u2_no_case_counts_in_the_names_of_headers(
        self, authenticator: Authenticator, valid: Headers, actor: str
    ) -> None:
        for spelt in (str.lower, str.upper, str.title):
            found = authenticator.authenticate({spelt(name): value for name, value in valid.items()})
            assert found is not None, f"named as {[spelt(name) for name in valid]}"
            assert found.actor == actor

    # U3

    @pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:24]))
    def test_u3_no_header_makes_it_raise(self, authenticator: Authenticator, valid: Headers, value: str) -> None:
        for name in (*valid, "Authorization", "X-Anything"):
            found = authenticator.authenticate({name: value})
            assert found is None

    def test_u3_who_cannot_be_asked_lets_nobody_in(self, unreachable: Authenticator, valid: Headers) -> None:
        with pytest.raises(Unreachable):
            unreachable.authenticate(valid)

    # U4

    def test_u4_calls_at_once_do_not_mix(self, authenticator: Authenticator, valid: Headers) -> None:
        right = authenticator.authenticate(valid)
        wrong = {name: f"{value}x" for name, value in valid.items()}
        for _ in range(5):
            found = together([partial(authenticator.authenticate, (valid, wrong)[n % 2]) for n in range(8)])
            assert found == [right, None] * 4


def without(headers: Headers, name: str) -> Headers:
    return {other: value for other, value in headers.items() if other != name}


def places(length: int) -> Iterator[int]:
    """At most `MOST` places below `length`, the first and the last among them."""
    return iter(sorted({*range(0, length, -(-length // MOST) or 1), length - 1} if length else ()))


def spare(value: str, at: int) -> bool:
    """Whether the character ends a part of base64 whose last bits may say nothing, as in a JWT."""
    return "." in value and (at + 1 == len(value) or value[at + 1] == "." or value[at] == ".")
