"""sr profile check tells every fault at once, with its key; sr profile schema is what editors take."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from sr_plugins.documents.profile import SHIPPED
from tests.cli.conftest import Answer, Shell
from tests.plugins.conftest import Site, site

__all__ = ["site"]
BUS = """
import attrs
from sr_ports import Adapter, hookimpl, setting

@attrs.frozen
class Settings:
    loft: str = attrs.field(metadata=setting("where they live"))
    feed: int = attrs.field(default=3, validator=attrs.validators.gt(0), metadata=setting("grams"))
    whistle: str | None = attrs.field(default="hunter2", metadata=setting("what calls them", secret=True))

@hookimpl
def sr_control_buses():
    return [Adapter("pigeon", lambda wiring: None, settings=Settings)]
"""


def faults(sr: Shell, node: Any) -> tuple[Answer, dict[str, dict[str, str]]]:
    """The answer to a check of this profile, and each finding by its key."""
    (sr.folder / "odd.yaml").write_text(node if isinstance(node, str) else yaml.safe_dump(node))
    answer = sr("--json", "profile", "check", "odd.yaml")
    found = {one["key"]: one for one in answer.json["findings"]}
    assert len(found) == len(answer.json["findings"])
    return answer, found


def test_every_fault_is_told_at_once_with_its_key_and_the_nearest(sr: Shell, site: Site) -> None:
    site.install("acme", BUS)
    answer, found = faults(
        sr,
        {
            "object_stor": {"adapter": "file"},
            "authority": {"adapter": "postgres", "dsn": "${SR_TEST_NOBODY_SETS_THIS}", "pool_max": 0},
            "control_bus": {"adapter": "pigeon", "feed": "lots", "lotf": "x"},
            "lease": {"ttl_seconds": -1},
            "evidence": {"law_isolation": "some", "workers": 0},
            "observability": {"sinks": ["console", "smoke"]},
            "plugins": {"load": ["./gone.py"]},
            "runtime_root": 7,
        },
    )
    assert answer.code == 5
    told = {key: one["code"] for key, one in found.items()}
    assert told == {
        "object_stor": "PROFILE_INVALID",
        "authority.dsn": "ENV_UNSET",
        "authority.pool_max": "PROFILE_INVALID",
        "control_bus.feed": "PROFILE_INVALID",
        "control_bus.lotf": "PROFILE_INVALID",
        "control_bus.loft": "PROFILE_INVALID",
        "lease.ttl_seconds": "PROFILE_INVALID",
        "evidence.law_isolation": "PROFILE_INVALID",
        "evidence.workers": "PROFILE_INVALID",
        "observability.sinks": "PLUGIN_BROKEN",
        "plugins.load": "PLUGIN_BROKEN",
        "runtime_root": "PROFILE_INVALID",
    }
    assert "did you mean object_store?" in found["object_stor"]["what"]
    assert "did you mean loft?" in found["control_bus.lotf"]["what"]
    assert found["control_bus.feed"]["what"].endswith("must be a whole number above 0, not 'lots'")
    assert "SR_TEST_NOBODY_SETS_THIS" in found["authority.dsn"]["remedy"]
    assert all(one["remedy"] for one in found.values())
    assert answer.json["errors"] == len(found)


def test_a_sound_profile_is_told_so(sr: Shell) -> None:
    answer = sr("--json", "profile", "check", "profile.yaml")
    assert (answer.code, answer.json["errors"], answer.json["findings"]) == (0, 0, [])
    assert sr("profile", "check").out == "profile.yaml: 0 errors, 0 warnings\n"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_is_sound_where_its_variables_are_set(
    sr: Shell, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SR_S3_BUCKET", "SR_S3_REGION", "SR_S3_PREFIX", "SR_KINESIS_STREAM", "SR_KINESIS_REGION"):
        monkeypatch.setenv(variable, "eu-west-1")
    for variable in ("SR_S3_ENDPOINT_URL", "SR_KINESIS_ENDPOINT_URL"):
        monkeypatch.setenv(variable, "http://localhost:1")
    monkeypatch.setenv("SR_PG_DSN", "postgresql://sr@localhost/sr")
    answer = sr("--json", "profile", "check", name)
    assert [one for one in answer.json["findings"] if one["severity"] == "error"] == []
    assert answer.code == 0


def test_no_value_of_the_environment_and_no_secret_is_shown(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SR_TEST_HUSH", "correct-horse-battery")
    node = {"lease": {"ttl_seconds": "${SR_TEST_HUSH}"}, "object_store": {"adapter": "${SR_TEST_HUSH}"}}
    answer, found = faults(sr, node)
    assert set(found) == {"lease.ttl_seconds", "object_store.adapter"}
    assert "correct-horse" not in answer.out + answer.err
    assert "SR_TEST_HUSH" in found["lease.ttl_seconds"]["what"]


@pytest.mark.parametrize("text", ["[1]", "a: [", "a: 1\na: 2\n"], ids=["list", "no yaml", "twice"])
def test_what_is_no_profile_at_all_is_one_error(sr: Shell, text: str) -> None:
    (sr.folder / "odd.yaml").write_text(text)
    answer = sr("profile", "check", "odd.yaml")
    assert answer.code == 2
    assert answer.error in ("PROFILE_INVALID", "DOCUMENT_INVALID")
    assert sr("profile", "check", "gone.yaml").error == "PROFILE_NOT_FOUND"


def test_a_library_that_is_not_installed_is_a_warning(sr: Shell, site: Site) -> None:
    site.install("acme", BUS.replace("settings=Settings", "requires=('no_such_module',), settings=Settings"))
    answer, found = faults(sr, {"control_bus": {"adapter": "pigeon", "loft": "x"}})
    assert (answer.code, found["control_bus.adapter"]["severity"]) == (0, "warning")


def test_a_file_under_a_shared_store_is_told_and_one_that_is_allowed_is_not(sr: Shell) -> None:
    (sr.folder / "my_law.py").write_text(
        "from sr_ports import hookimpl\nclass Law:\n    kind = 'zz'\n    def digest(self, bundle): return ''\n"
        "@hookimpl\ndef sr_hashing_laws(): return [Law()]\n"
    )
    store = {"adapter": "s3", "bucket": "b", "region": "eu-west-1"}
    _, found = faults(sr, {"object_store": store, "plugins": {"load": ["./my_law.py"]}})
    assert found["plugins.load"]["code"] == "PLUGIN_NOT_ALLOWED"
    plugins = {"load": ["./my_law.py"], "allow": ["scenario-runner", "local"]}
    _, found = faults(sr, {"object_store": store, "plugins": plugins})
    assert "plugins.load" not in found


def test_the_schema_has_typed_settings_of_third_parties_and_marks_secrets(sr: Shell, site: Site) -> None:
    site.install("acme", BUS)
    schema = sr("--json", "profile", "schema").json
    assert sr("profile", "schema").json == schema
    (section,) = [one for one in schema["properties"]["control_bus"]["anyOf"] if "allOf" in one]
    rules = {rule["if"]["properties"]["adapter"]["const"]: rule["then"] for rule in section["allOf"]}
    assert set(rules) == {"file", "kinesis", "pigeon"}
    pigeon = rules["pigeon"]
    assert pigeon["required"] == ["loft"]
    assert pigeon["properties"]["feed"]["anyOf"][0] == {"type": "integer", "exclusiveMinimum": 0}
    assert pigeon["properties"]["whistle"]["writeOnly"] is True
    assert "hunter2" not in json.dumps(schema)
    assert "writeOnly" not in pigeon["properties"]["loft"]


def test_the_schema_takes_what_the_check_takes_and_refuses_what_it_refuses(sr: Shell, site: Site) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="needs requirements/dev.txt")
    site.install("acme", BUS)
    schema = sr("profile", "schema").json
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    for node, sound in (
        ({}, True),
        ({"control_bus": {"adapter": "pigeon", "loft": "a", "feed": 1}}, True),
        ({"control_bus": {"adapter": "pigeon"}}, False),
        ({"control_bus": {"adapter": "pigeon", "loft": "a", "feed": 0}}, False),
        ({"control_bus": {"adapter": "pigeon", "loft": "a", "food": 1}}, False),
        ({"lease": {"ttl": 3}}, False),
        ({"evidence": {"law_isolation": "all"}, "invoker": "none"}, True),
    ):
        assert validator.is_valid(node) is sound, node
        assert (faults(sr, node)[0].code == 0) is sound, node


def test_a_class_of_settings_that_means_nothing_spoils_no_schema(sr: Shell, site: Site) -> None:
    site.install("acme", BUS.replace("loft: str", "loft: 'Nothing'"))
    assert sr("profile", "schema").code == 0
    _, found = faults(sr, {"control_bus": {"adapter": "pigeon"}})
    assert found["control_bus"]["code"] == "PLUGIN_BROKEN"
