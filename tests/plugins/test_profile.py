"""Wiring profiles: every key checked, the environment filled in, defaults the shipped local's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from sr_plugins.profile import SHIPPED, Profile, load_profile
from sr_plugins.shipped import shipped
from sr_ports import BadInput, ReasonCode


def test_everything_left_out_is_the_shipped_local_profile() -> None:
    assert load_profile({}, {}) == load_profile("local", {})
    assert load_profile(None, {}) == Profile()


@pytest.mark.parametrize("section", ["object_store", "engine", "auth", "reemit", "lease", "evidence", "plugins"])
@pytest.mark.parametrize("empty", [None, {}])
def test_a_section_may_be_left_empty(section: str, empty: Any) -> None:
    assert load_profile({section: empty}, {}) == Profile()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_loads_once_its_environment_is_there(name: str) -> None:
    import re

    text = (shipped("config") / f"{name}.yaml").read_text("utf-8")
    env = dict.fromkeys(re.findall(r"\$\{([A-Z_0-9a-z]+)", text), "value")
    assert load_profile(name, env).name == name


def test_sr_profile_names_the_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("profile: mine\nobservability: {sinks: []}\n", "utf-8")
    assert load_profile(None, {"SR_PROFILE": str(path)}).name == "mine"
    assert load_profile(path, {}).sinks == ()


def test_the_environment_fills_every_string() -> None:
    document = {
        "runtime_root": "${ROOT}/runs",
        "authority": {"adapter": "postgres", "dsn": "${DSN:-host=x port=1}"},
        "control_bus": {"adapter": "kinesis", "stream": "${EMPTY:-}"},
        "auth": {"submit": ["${ACTOR}"]},
    }
    profile = load_profile(document, {"ROOT": "/r", "ACTOR": "ann"})
    assert profile.runtime_root == "/r/runs"
    assert profile.authority.settings["dsn"] == "host=x port=1"
    assert profile.control_bus.settings["stream"] == ""
    assert profile.auth.submit == ("ann",)


def test_a_value_of_the_environment_is_text_never_structure() -> None:
    profile = load_profile({"runtime_root": "${X}"}, {"X": "a: {b: c}\n${Y}"})
    assert profile.runtime_root == "a: {b: c}\n${Y}"


def test_an_unset_variable_is_named_with_its_place() -> None:
    with pytest.raises(BadInput) as caught:
        load_profile({"auth": {"submit": ["a", "${WHO}"]}}, {})
    assert caught.value.code is ReasonCode.ENV_UNSET
    assert "auth.submit[1]" in caught.value.what
    assert "WHO" in caught.value.what
    assert "${WHO:-default}" in caught.value.remedy


BAD: list[tuple[Any, str]] = [
    ({"objectstore": {}}, "objectstore"),
    ({"engine": {"root": "x"}}, "engine.root"),
    ({"lease": {"ttl": 5}}, "lease.ttl"),
    ({"lease": {"ttl_seconds": 0}}, "lease.ttl_seconds"),
    ({"lease": {"ttl_seconds": "soon"}}, "lease.ttl_seconds"),
    ({"lease": {"ttl_seconds": True}}, "lease.ttl_seconds"),
    ({"lease": {"ttl_seconds": float("nan")}}, "lease.ttl_seconds"),
    ({"lease": []}, "lease"),
    ({"evidence": {"workers": 0}}, "evidence.workers"),
    ({"evidence": {"workers": 1.5}}, "evidence.workers"),
    ({"evidence": {"digest_source": "hearsay"}}, "evidence.digest_source"),
    ({"reemit": {"rate_limit": {"max": 0}}}, "reemit.rate_limit.max"),
    ({"reemit": {"rate_limit": {"maximum": 1}}}, "reemit.rate_limit.maximum"),
    ({"plugins": {"allow": "all"}}, "plugins.allow"),
    ({"plugins": {"allow": [1]}}, "plugins.allow"),
    ({"plugins": {"deny": []}}, "plugins.deny"),
    ({"auth": {"mode": "trust"}}, "auth.mode"),
    ({"auth": {"submit": "ann"}}, "auth.submit"),
    ({"auth": {"tokens": {}}}, "auth.tokens"),
    ({"observability": {"sinks": "console"}}, "observability.sinks"),
    ({"observability": {"level": "x"}}, "observability.level"),
    ({"object_store": {"adapter": 5}}, "object_store.adapter"),
    ({"object_store": "file"}, "object_store"),
    ({"runtime_root": ""}, "runtime_root"),
    ({"runtime_root": 5}, "runtime_root"),
    ({"control_bus": {"topic": None}}, "control_bus.topic"),
    ({"policy": 5}, "policy"),
]


@pytest.mark.parametrize(("document", "key"), BAD, ids=lambda one: one if isinstance(one, str) else None)
def test_a_bad_key_is_named(document: Any, key: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_profile(document, {})
    assert caught.value.code is ReasonCode.PROFILE_INVALID
    assert key in caught.value.what
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["[]", "just text", "5"])
def test_what_is_no_mapping_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=r"p\.yaml") as caught:
        load_profile(path, {})
    assert caught.value.code is ReasonCode.PROFILE_INVALID


@pytest.mark.parametrize("name", ["nowhere", "no/where.yaml", "", ".", "a\0b"])
def test_a_profile_that_is_not_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if not name:
        assert load_profile(name, {}) == Profile()
        return
    with pytest.raises(BadInput) as caught:
        load_profile(name, {})
    assert caught.value.code is ReasonCode.PROFILE_NOT_FOUND
    assert str(caught.value).isprintable()


def test_the_shipped_local_profile_spells_every_section() -> None:
    document = yaml.safe_load((shipped("config") / "local.yaml").read_bytes())
    assert {"runtime_root", "object_store", "authority", "control_bus", "invoker", "engine", "auth"} <= set(document)
    assert attrs.asdict(load_profile("local", {}))["invoker"] is None
