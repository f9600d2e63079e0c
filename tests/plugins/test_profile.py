"""Wiring profiles: shipped ones load, everything may be left out, and a mistake names its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_plugins.documents.profile import SHIPPED, Bus, Profile, Section, load_profile
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, ReasonCode

SERVERS = {
    "SR_S3_BUCKET": "bucket",
    "SR_S3_REGION": "eu-west-1",
    "SR_KINESIS_REGION": "eu-west-1",
    "SR_PG_DSN": "postgresql://u:secret@h/db",
    "SR_KINESIS_STREAM": "stream",
}


EARLIER = {
    "SR_S3_BUCKET": "bucket",
    "SR_AWS_REGION": "eu-west-1",
    "SR_S3_ENDPOINT": "http://s3.test",
    "SR_KINESIS_ENDPOINT": "http://kinesis.test",
    "SR_PG_DSN": "postgresql://u:secret@h/db",
    "SR_KINESIS_STREAM": "stream",
}


def test_the_first_releases_names_stay_as_aliases_and_todays_come_first() -> None:
    aws, local = load_profile("aws", EARLIER), load_profile("local_kinesis", EARLIER)
    assert (aws.object_store.settings["region"], aws.control_bus.settings["region"]) == ("eu-west-1", "eu-west-1")
    assert local.object_store.settings["endpoint_url"] == "http://s3.test"
    assert local.control_bus.settings["endpoint_url"] == "http://kinesis.test"
    both = load_profile(
        "local_kinesis", {**EARLIER, "SR_S3_ENDPOINT_URL": "http://new.test", "SR_S3_PATH_STYLE": "true"}
    )
    assert both.object_store.settings["endpoint_url"] == "http://new.test"
    assert both.object_store.settings["addressing_style"] == "true"
    lacks = {name: value for name, value in EARLIER.items() if name != "SR_AWS_REGION"}
    assert "SR_S3_REGION, which is not set" in refused("aws", lacks).what


def refused(source: Any, env: dict[str, str] | None = None) -> BadInput:
    with pytest.raises(BadInput) as caught:
        load_profile(source, env or {})
    return caught.value


@pytest.mark.parametrize(
    ("name", "store", "authority", "bus"),
    [
        ("local", "file", "sqlite", "file"),
        ("local_parity", "minio", "postgres", "file"),
        ("local_kinesis", "minio", "postgres", "kinesis"),
        ("aws", "s3", "postgres", "kinesis"),
    ],
)
def test_the_shipped_profiles_name_their_adapters(name: str, store: str, authority: str, bus: str) -> None:
    profile = load_profile(name, SERVERS)
    assert profile.name == name
    adapters = (profile.object_store.adapter, profile.authority.adapter, profile.control_bus.adapter)
    assert adapters == (store, authority, bus)


def test_production_takes_plugins_from_scenario_runner_alone() -> None:
    assert load_profile("aws", SERVERS).allow == frozenset({"scenario-runner"})


def test_every_shipped_profile_is_listed_and_there() -> None:
    files = {one.name.removesuffix(".yaml") for one in shipped("config").iterdir() if one.name.endswith(".yaml")} - {
        "policy"
    }
    assert files == set(SHIPPED)


def test_what_is_left_out_is_the_shipped_local_profiles() -> None:
    local = load_profile("local", {})
    assert load_profile({}, {}) == local == Profile()
    document = load_yaml((shipped("config") / "local.yaml").read_bytes(), what="local")
    for section in document:
        assert load_profile({key: value for key, value in document.items() if key != section}, {}) == local


@pytest.mark.parametrize("key", ["object_store", "authority", "control_bus", "engine", "auth", "reemit", "lease"])
def test_an_empty_section_is_as_good_as_none(key: str) -> None:
    assert load_profile({key: {}}, {}) == load_profile({key: None}, {}) == Profile()


def test_the_profile_is_the_one_asked_for_else_the_environments_else_local(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("profile: mine\n")
    assert load_profile(None, {}).name == "local"
    assert load_profile(None, {"SR_PROFILE": str(file)}).name == "mine"
    assert load_profile("local", {"SR_PROFILE": str(file)}).name == "local"
    assert load_profile(file, {}).name == "mine"


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("profile: mine\n")
    monkeypatch.chdir(tmp_path)
    assert load_profile("mine.yaml", {}).name == "mine"
    assert load_profile("local", {}).name == "local"


def test_a_profile_that_is_not_there_is_told_with_those_that_are() -> None:
    error = refused("locel")
    assert error.code is ReasonCode.PROFILE_NOT_FOUND
    assert "'locel'" in str(error)
    assert "local_parity" in str(error)


@pytest.mark.parametrize("source", [None, "hunter2hunter2"])
def test_a_profile_that_the_environment_names_is_told_by_its_variable(source: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        load_profile(source, {"SR_PROFILE": "hunter2hunter2"})
    assert (caught.value.code, "SR_PROFILE" in str(caught.value)) == (ReasonCode.PROFILE_NOT_FOUND, True)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(BadInput, match="'mine'"):
        load_profile("mine", {"SR_PROFILE": "hunter2hunter2"})


def test_the_environment_fills_any_text_at_any_depth() -> None:
    document = {
        "runtime_root": "${BASE}/runs-${WHO:-nobody}",
        "object_store": {"adapter": "${STORE:-file}", "deep": [{"er": "${BASE}"}]},
    }
    profile = load_profile(document, {"BASE": "/data"})
    assert profile.runtime_root == "/data/runs-nobody"
    assert profile.object_store == Section("file", {"deep": [{"er": "/data"}]})


@given(st.text(max_size=30))
@settings(max_examples=50, deadline=None)
def test_a_value_of_the_environment_is_taken_as_it_is(value: str) -> None:
    profile = load_profile({"object_store": {"adapter": "file", "x": "<${V}>"}}, {"V": value})
    assert profile.object_store.settings == {"x": f"<{value}>"}


def test_an_unset_variable_is_named_with_its_key() -> None:
    error = refused({"invoker": {"adapter": "subprocess", "command": ["run", "--at", "${WHERE}"]}})
    assert error.code is ReasonCode.ENV_UNSET
    assert "invoker.command[2]" in error.what
    assert "WHERE" in error.what


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 513, 5, "\x7f"])
def test_a_name_no_artifact_could_carry_is_refused(name: object) -> None:
    error = refused({"profile": name})
    assert error.code is ReasonCode.PROFILE_INVALID
    assert "profile must be one line" in error.what


@pytest.mark.parametrize("topic", ["", "a b", "a/b", "../up", ".hidden", "-x", "ä", "x" * 201, "a\n", 5])
def test_a_topic_no_envelope_could_carry_is_refused(topic: object) -> None:
    error = refused({"control_bus": {"topic": topic}})
    assert error.code is ReasonCode.PROFILE_INVALID
    assert "control_bus.topic must be" in error.what


@pytest.mark.parametrize(
    "text", ["${", "${A", "${1A}", "${A-b}", "${}", "x${ A}", "${OK} ${A", "${OK:-${A}/x}", "${OK:-a${A:-b}}"]
)
def test_a_malformed_variable_is_no_text(text: str) -> None:
    error = refused({"runtime_root": text}, {"OK": "fine", "A": "set"})
    assert error.code is ReasonCode.PROFILE_INVALID
    assert "runtime_root" in error.what


@pytest.mark.parametrize(
    ("document", "key", "hint"),
    [
        ({"objct_store": {}}, "objct_store", "did you mean object_store"),
        ({"engine": {"interface_pac": "x"}}, "engine.interface_pac", "did you mean interface_pack"),
        ({"engine": {"s3": {"endpoint": "x"}}}, "engine.s3.endpoint", "did you mean endpoint_url"),
        ({"reemit": {"rate_limit": {"maxx": 1}}}, "reemit.rate_limit.maxx", "did you mean max"),
        ({"lease": {"ttl": 1}}, "lease.ttl", "ttl_seconds"),
        ({"plugins": {"deny": []}}, "plugins.deny", "allow"),
        ({"evidence": {"digest_cach": "off"}}, "evidence.digest_cach", "digest_cache"),
        ({"observability": {"sink": []}}, "observability.sink", "sinks"),
        ({"auth": {"modes": "disabled"}}, "auth.modes", "did you mean mode"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known(document: dict[str, Any], key: str, hint: str) -> None:
    error = refused(document)
    assert error.code is ReasonCode.PROFILE_INVALID
    assert f"unknown key {key};" in error.what
    assert hint in error.what


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"profile": 5}, "profile"),
        ({"profile": ""}, "profile"),
        ({"runtime_root": None}, "runtime_root"),
        ({"object_store": "file"}, "object_store"),
        ({"object_store": {"adapter": ["file"]}}, "object_store.adapter"),
        ({"authority": []}, "authority"),
        ({"control_bus": {"topic": 7}}, "control_bus.topic"),
        ({"engine": {"oracle_engine_run_root": 3}}, "engine.oracle_engine_run_root"),
        ({"engine": {"s3": {"region": 3}}}, "engine.s3.region"),
        ({"auth": {"mode": "Open"}}, "auth.mode"),
        ({"auth": {"submit": "alice"}}, "auth.submit"),
        ({"auth": {"reemit": [1]}}, "auth.reemit"),
        ({"reemit": {"rate_limit": {"max": -1}}}, "reemit.rate_limit.max"),
        ({"reemit": {"rate_limit": {"max": 1.5}}}, "reemit.rate_limit.max"),
        ({"reemit": {"rate_limit": {"max": True}}}, "reemit.rate_limit.max"),
        ({"reemit": {"rate_limit": {"window_seconds": "soon"}}}, "reemit.rate_limit.window_seconds"),
        ({"lease": {"ttl_seconds": -1}}, "lease.ttl_seconds"),
        ({"lease": {"ttl_seconds": "nan"}}, "lease.ttl_seconds"),
        ({"lease": {"ttl_seconds": "inf"}}, "lease.ttl_seconds"),
        ({"lease": {"ttl_seconds": 10**400}}, "lease.ttl_seconds"),
        ({"lease": {"ttl_seconds": True}}, "lease.ttl_seconds"),
        ({"evidence": {"workers": 0}}, "evidence.workers"),
        ({"evidence": {"workers": "many"}}, "evidence.workers"),
        ({"plugins": {"allow": "scenario-runner"}}, "plugins.allow"),
        ({"observability": {"sinks": "console"}}, "observability.sinks"),
        ({"policy": 5}, "policy"),
    ],
)
def test_a_value_of_another_type_is_refused_by_key(document: dict[str, Any], key: str) -> None:
    error = refused(document)
    assert error.code is ReasonCode.PROFILE_INVALID
    assert f": {key} must be " in error.what


def test_numbers_may_come_as_text_from_the_environment() -> None:
    document = {"lease": {"ttl_seconds": "${TTL}"}, "evidence": {"workers": "${WORKERS}"}}
    profile = load_profile(document, {"TTL": "2.5", "WORKERS": "3"})
    assert (profile.lease.ttl_s, profile.evidence.workers) == (2.5, 3)


def test_an_error_shows_little_of_a_long_value() -> None:
    assert len(refused({"runtime_root": ["x" * 1000]}).what) < 200


def test_the_adapters_own_keys_are_left_to_the_adapter() -> None:
    profile = load_profile({"control_bus": {"adapter": "kinesis", "topic": "t", "stream": "s"}}, {})
    assert profile.control_bus == Bus("kinesis", {"stream": "s"}, topic="t")


@pytest.mark.parametrize("invoker", [None, "none", {"adapter": "none"}])
def test_no_invoker_is_none(invoker: Any) -> None:
    assert load_profile({"invoker": invoker}, {}).invoker is None


def test_an_invoker_is_a_subprocess_unless_it_says_otherwise() -> None:
    assert load_profile({"invoker": {"command": ["x"]}}, {}).invoker == Section("subprocess", {"command": ["x"]})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("- a list", ReasonCode.PROFILE_INVALID),
        ("just text", ReasonCode.PROFILE_INVALID),
        ("lease: {}\nlease: {}", ReasonCode.DOCUMENT_INVALID),
        ("lease: [", ReasonCode.DOCUMENT_INVALID),
    ],
)
def test_a_file_that_is_no_profile_is_named(tmp_path: Path, text: str, code: ReasonCode) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    error = refused(file)
    assert error.code is code
    assert "odd.yaml" in error.what


def test_an_empty_file_is_the_local_profile(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("# nothing\n")
    assert load_profile(file, {}) == Profile()


@pytest.mark.parametrize(
    ("text", "env", "value"),
    [
        ("${A:-here}", {}, "here"),
        ("${A:-here}", {"A": ""}, "here"),
        ("${A:-here}", {"A": "there"}, "there"),
        ("${A:-here}", {"A": " "}, " "),
        ("x${A:-}y", {"A": ""}, "xy"),
        ("${A}y", {"A": ""}, "y"),
    ],
)
def test_a_default_is_for_what_is_unset_or_empty_as_in_a_shell(text: str, env: dict[str, str], value: str) -> None:
    assert load_profile({"runtime_root": text}, env).runtime_root == value


def test_an_empty_endpoint_is_the_default_one() -> None:
    section = {"adapter": "minio", "endpoint_url": "${S3_ENDPOINT:-http://127.0.0.1:9}"}
    settings = load_profile({"object_store": section}, {"S3_ENDPOINT": ""}).object_store.settings
    assert settings["endpoint_url"] == "http://127.0.0.1:9"


def test_a_tilde_is_the_home_folder_wherever_a_text_begins_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    profile = load_profile(
        {
            "runtime_root": "~/runs",
            "policy": "~",
            "engine": {"interface_pack": "${PACK:-~/pack}", "oracle_engine_run_root": "${ROOT}"},
            "authority": {"adapter": "sqlite", "path": "~/a/b.db"},
            "object_store": {"adapter": "file", "root": "~root/store"},
            "invoker": {"adapter": "subprocess", "command": ["~/bin/engine", "a~/b", "~x"], "cwd": "~/work"},
            "attest": {"signing_key": "~/key.pem"},
        },
        {"ROOT": "~/engine"},
    )
    assert (profile.runtime_root, profile.policy) == ("/home/ann/runs", "/home/ann")
    assert (profile.engine.interface_pack, profile.engine.oracle_engine_run_root) == (
        "/home/ann/pack",
        "/home/ann/engine",
    )
    assert profile.authority.settings["path"] == "/home/ann/a/b.db"
    assert profile.object_store.settings["root"].endswith("/store")
    assert not profile.object_store.settings["root"].startswith("~")
    assert profile.invoker is not None
    assert profile.invoker.settings["command"] == ["/home/ann/bin/engine", "a~/b", "~x"]
    assert profile.invoker.settings["cwd"] == "/home/ann/work"
    assert profile.attest is not None
    assert profile.attest.settings["signing_key"] == "/home/ann/key.pem"


def test_a_profile_is_found_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sr.yaml").write_text("runtime_root: ./~/literal\n")
    assert load_profile(None, {"SR_PROFILE": "~/sr.yaml"}).runtime_root == "./~/literal"


def test_a_home_that_nobody_has_is_refused() -> None:
    error = refused({"authority": {"path": "~nobody-has-this-name/a.db"}})
    assert error.code is ReasonCode.PROFILE_INVALID
    assert error.what == "authority.path begins with ~ and names no home folder that is known here"
