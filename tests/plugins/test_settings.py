"""One reader for all settings: it names the key and what is wanted, and never a value of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import pytest
from attrs.validators import ge, gt, lt, matches_re
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_plugins.documents.environment import Taken
from sr_plugins.documents.profile import load_profile
from sr_plugins.documents.settings import Reader
from sr_ports import BadInput, ReasonCode, Refused, setting

HUSH = "hush-7b1c"


@attrs.frozen
class Inner:
    depth: int = 1
    names: tuple[str, ...] = ()


def _even(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value % 2:
        raise Refused("is odd", "give an even number", value=str(value))


@attrs.frozen
class Everything:
    """A third party's settings, with every type that can be read."""

    url: str = attrs.field(metadata=setting("the server's address"))
    token: str | None = attrs.field(default=None, metadata=setting("the token", secret=True))
    wait_s: float = attrs.field(default=1.0, alias="wait_seconds", validator=gt(0))
    tries: int = attrs.field(default=3, validator=[ge(1), lt(10)])
    even: int = attrs.field(default=2, validator=_even)
    strict: bool = False
    mode: Literal["fast", "safe"] = "safe"
    size: int | Literal["auto"] = "auto"
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    allow: frozenset[str] = frozenset()
    labels: Mapping[str, int] = attrs.field(factory=dict)
    region: str | None = attrs.field(default=None, validator=attrs.validators.optional(matches_re("[a-z]+")))
    inner: Inner = Inner()
    other: Inner | None = None
    anything: Any = None


@attrs.frozen
class Pair:
    """Settings whose keys must go together."""

    least: int = 1
    most: int = 2
    secret: str = attrs.field(default="", metadata=setting("a secret", secret=True))

    def __attrs_post_init__(self) -> None:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is above most {self.most}")


def read(node: Mapping[str, Any], env: Mapping[str, str] | None = None) -> Everything:
    return Reader().read(Everything, {"url": "u", **Taken().fill(node, env or {})}, "store")


def refused(node: Mapping[str, Any], env: Mapping[str, str] | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        read(node, env)
    assert caught.value.code is ReasonCode.PROFILE_INVALID
    return caught.value.what


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("wait_seconds", "2.5", 2.5),
        ("tries", "4", 4),
        ("strict", "true", True),
        ("strict", "False", False),
        ("mode", "fast", "fast"),
        ("size", "auto", "auto"),
        ("size", "7", 7),
        ("hosts", "a, b,c", ("a", "b", "c")),
        ("hosts", "", ()),
        ("ports", "1,2", (1, 2)),
        ("allow", "x,x", frozenset({"x"})),
        ("region", "", None),
        ("region", "eu", "eu"),
    ],
)
def test_any_typed_value_may_come_from_the_environment(key: str, text: str, value: object) -> None:
    name = {"wait_seconds": "wait_s"}.get(key, key)
    for written in ("${V}", f"${{W:-{text}}}"):
        found = getattr(read({key: written}, {"V": text}), name)
        assert (found, type(found)) == (value, type(value))


def test_so_may_those_inside_sections_lists_and_mappings() -> None:
    node = {"inner": {"depth": "${N}", "names": ["x", "${A}"]}, "labels": {"one": "${N}"}, "ports": [1, "${N}"]}
    found = read(node, {"N": "5", "A": "y"})
    assert (found.inner, found.labels, found.ports) == (Inner(5, ("x", "y")), {"one": 5}, (1, 5))


def test_what_is_left_out_or_null_is_the_default() -> None:
    whole = Reader().read(Everything, {"url": "u"}, "store")
    assert read({"inner": None, "other": None, "region": None}) == whole
    assert read({"other": {}}).other == Inner()


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"ulr": "x"}, "unknown key store.ulr; did you mean url?"),
        ({"zzz": "x"}, "unknown key store.zzz; it may have url, token, wait_seconds"),
        ({"inner": {"dept": 1}}, "unknown key store.inner.dept; did you mean depth?"),
        ({"wait_s": 1}, "did you mean wait_seconds?"),
        ({"wait_seconds": 0}, "store.wait_seconds must be a number above 0, not 0"),
        ({"wait_seconds": "soon"}, "store.wait_seconds must be a number above 0, not 'soon'"),
        ({"wait_seconds": float("inf")}, "store.wait_seconds must be a number above 0, not inf"),
        ({"wait_seconds": True}, "store.wait_seconds must be a number above 0, not True"),
        ({"wait_seconds": "6_0"}, "store.wait_seconds must be a number above 0, not '6_0'"),
        ({"tries": "1_0"}, "store.tries must be a whole number from 1 below 10, not '1_0'"),
        ({"tries": "\u0663"}, "store.tries must be a whole number from 1 below 10, not "),
        ({"tries": 10}, "store.tries must be a whole number from 1 below 10, not 10"),
        ({"tries": 1.5}, "store.tries must be a whole number from 1 below 10, not 1.5"),
        ({"even": 3}, "store.even 3 is odd"),
        ({"strict": "yes"}, "store.strict must be true or false, not 'yes'"),
        ({"strict": 1}, "store.strict must be true or false, not 1"),
        ({"strict": []}, "store.strict must be true or false, not []"),
        ({"mode": "slow"}, "store.mode must be fast or safe, not 'slow'"),
        ({"size": "big"}, "store.size must be a whole number, or auto, not 'big'"),
        ({"hosts": "a"}, "store.hosts must be a list of texts, not 'a'"),
        ({"hosts": [1]}, "store.hosts must be a list of texts, not [1]"),
        ({"labels": {"one": "x"}}, "store.labels must be a mapping, not {'one': 'x'}"),
        ({"url": 5}, "store.url must be text; 5 without quotes is read as a number: put it in quotes"),
        ({"region": "EU"}, "store.region must be text that matches ^(?:[a-z]+)$, not 'EU'"),
        ({"inner": 3}, "store.inner must be a mapping, not 3"),
        ({"inner": {"depth": None}}, "store.inner.depth must be a whole number, not None"),
    ],
)
def test_a_fault_names_its_key_and_what_is_wanted(node: dict[str, Any], told: str) -> None:
    assert told in refused(node)


def test_a_key_that_must_be_there_is_named() -> None:
    with pytest.raises(BadInput, match=r"store\.url is required: text"):
        Reader().read(Everything, {}, "store")


WRONG: list[dict[str, Any]] = [
    {"wait_seconds": "${V}"}, {"tries": "${V}"}, {"strict": "${V}"}, {"mode": "${V}"}, {"size": "x${V}"},
    {"ports": "1,${V}"}, {"ports": ["${V}"]}, {"labels": {"a": "${V}"}}, {"inner": "${V}"}, {"region": "${V}!"},
    {"inner": {"depth": "${V}"}}, {"other": {"depth": "${V}"}}, {"url": ["${V}"]}, {"url": {"a": "${V}"}},
]  # fmt: skip


@pytest.mark.parametrize("node", WRONG, ids=str)
def test_a_value_of_the_environment_is_told_by_its_variable_alone(node: dict[str, Any]) -> None:
    what = refused(node, {"V": HUSH})
    assert HUSH not in what
    assert what.endswith("(from the environment variable V)")


@given(st.text("abcdefgh0123456789.,-", min_size=3, max_size=30), st.sampled_from(WRONG))
@settings(max_examples=150, deadline=None)
def test_no_value_of_the_environment_is_ever_shown(value: str, node: dict[str, Any]) -> None:
    value = f"~{value}~"
    try:
        read(node, {"V": value})
    except BadInput as error:
        assert value not in str(error)


def test_a_default_of_the_document_is_no_secret_of_the_environment() -> None:
    assert refused({"tries": "${V:-many}"}).endswith("not 'many'")


def test_a_secret_is_never_shown() -> None:
    assert refused({"token": [HUSH]}) == "store.token must be text"


def test_a_validators_own_words_hide_the_value_of_the_environment() -> None:
    assert refused({"even": "${V}"}, {"V": "777"}) == "store.even is odd (from the environment variable V)"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"least": 5}, "store: least 5 is above most 2"),
        ({"least": "${V}"}, "store: its keys do not go together (from the environment variable V)"),
    ],
)
def test_what_is_wrong_between_keys_is_told_of_the_section(node: dict[str, Any], told: str) -> None:
    @attrs.frozen
    class Open(Pair):
        secret: str = ""

    with pytest.raises(BadInput) as caught:
        Reader().read(Open, Taken().fill(node, {"V": "7"}), "store")
    assert caught.value.what == told


def test_a_section_with_a_secret_is_told_without_its_values() -> None:
    with pytest.raises(BadInput) as caught:
        Reader().read(Pair, {"least": 5, "secret": HUSH}, "store")
    assert caught.value.what == "store: its keys do not go together"


@pytest.mark.parametrize(
    ("document", "variable"),
    [
        ({"lease": {"ttl_seconds": "${V}"}}, "V"),
        ({"profile": "${V}\u200b"}, "V"),
        ({"auth": {"mode": "A${V}"}}, "V"),
        ({"auth": {"submit": ["${V} "]}}, "V"),
        ({"control_bus": {"topic": "/${V}"}}, "V"),
        ({"evidence": {"workers": "${V}"}}, "V"),
        ({"reemit": {"rate_limit": "${V}"}}, "V"),
        ({"object_store": "${V}"}, "V"),
    ],
)
def test_the_profiles_own_keys_are_read_alike(document: dict[str, Any], variable: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_profile(document, {variable: HUSH})
    assert HUSH not in str(caught.value)
    assert f"(from the environment variable {variable})" in caught.value.what
