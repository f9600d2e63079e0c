"""`engine.publish_root`: what the engine left is copied before it is evidence, and only the copy is read after that."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from sr_adapters.cli.demo import demo_request
from sr_plugins.documents.pack import load_pack
from tests.adapters.s3_fixtures import moto_server
from tests.cli.conftest import Answer, Shell
from tests.servers.s3 import S3Server, fresh_prefix

_ = moto_server
FAULT, RESTS = 5, 9
PLATFORM = "platform_20260201T000000Z"


@pytest.fixture
def asked(sr: Shell) -> Shell:
    """A working folder with a request for the demo's world and a profile that runs its engine."""
    assert sr.bare("demo", "--root", "d", "--size", "20k").code == 0
    request = demo_request(load_pack("builtin").outputs, "20k", None) | {"run_equivalence_key": "copied"}
    (sr.folder / "asked.json").write_text(json.dumps(request))
    return sr


def submit(sr: Shell, target: str | None, **changes: Any) -> Answer:
    profile = json.loads((sr.folder / "d" / "profile.yaml").read_text()) | changes
    profile["engine"] = {"publish_root": target}
    (sr.folder / "d" / "copied.json").write_text(json.dumps(profile))
    return sr.bare("--profile", "d/copied.json", "--json", "submit", "asked.json")


def view(sr: Shell, answer: Answer) -> Any:
    return sr.bare("--profile", "d/copied.json", "--json", "facts", answer.json["run_id"]).json


def root_of(facts: Any) -> str:
    return str(facts["oracle_pack_ref"]["engine_run_root"])


def test_consumers_read_the_copy_and_need_the_engines_own_root_no_more(asked: Shell) -> None:
    answer = submit(asked, "published")
    assert answer.code == 0, answer.err
    run = answer.json["run_id"]
    facts = view(asked, answer)
    copy = asked.folder / "published" / answer.json["platform_run_id"] / run / "attempt-1"
    assert root_of(facts) == str(copy)
    assert all(one["path"].startswith(f"{copy}/") for one in facts["locators"])
    own = [one for one in (asked.folder / "d" / "runs").rglob("run_receipt.json") if run in one.read_text()]
    assert own, "the engine's own root is left as it is"
    for one in own:
        shutil.rmtree(one.parent)
    assert asked.bare("--profile", "d/copied.json", "verify", run).code == 0
    (copy / "run_receipt.json").unlink()
    victim = next(one for one in sorted(copy.rglob("*.parquet")) or sorted(copy.rglob("*.json")) if one.is_file())
    victim.write_bytes(b"other")
    assert asked.bare("--profile", "d/copied.json", "verify", run).code == FAULT


def test_without_it_the_engines_own_root_is_read(asked: Shell) -> None:
    answer = submit(asked, None)
    assert answer.code == 0
    assert not (asked.folder / "published").exists()
    assert "no consumer" not in answer.out + answer.err, "a store of this machine is read on this machine"


def test_a_root_that_lies_there_already_is_not_copied(asked: Shell) -> None:
    answer = submit(asked, "d")
    assert answer.code == 0
    assert "/engine_runs/" in root_of(view(asked, answer)), "the engine's own"
    assert list((asked.folder / "d").rglob("attempt-1")) == []


@pytest.mark.parametrize(
    "target",
    ["gs://bucket/x", "s3://", "s3:///x", "s3://b//x", "s3://b/../x", "s3://key@b/x", "file://host/x", " ", "s3:/b/x"],
)
def test_a_place_that_can_be_none_is_refused_before_the_engine_runs(asked: Shell, target: str) -> None:
    there = sorted(asked.folder.rglob("*"))
    answer = submit(asked, target)
    assert (answer.code, answer.error) == (2, "PROFILE_INVALID")
    assert "engine.publish_root" in answer.err
    assert set(asked.folder.rglob("*")) - set(there) == {asked.folder / "d" / "copied.json"}


@pytest.mark.parametrize("spelt", ["published", "./a/../published/", "{uri}"])
def test_one_folder_however_it_is_spelt(asked: Shell, spelt: str) -> None:
    answer = submit(asked, spelt.format(uri=(asked.folder / "published").as_uri()))
    assert answer.code == 0, answer.err
    assert root_of(view(asked, answer)).startswith(f"{asked.folder}/published/platform_")


def test_a_copy_lies_where_no_request_may_lead(asked: Shell) -> None:
    """`engine.allowed_roots` is of what requests name; the copy is not named by one."""
    profile = json.loads((asked.folder / "d" / "profile.yaml").read_text())
    profile["engine"] = {"publish_root": "published", "allowed_roots": ["elsewhere"]}
    (asked.folder / "d" / "copied.json").write_text(json.dumps(profile))
    answer = asked.bare("--profile", "d/copied.json", "--json", "submit", "asked.json")
    assert answer.code == 0, answer.err
    assert asked.bare("--profile", "d/copied.json", "verify", answer.json["run_id"]).code == 0


def test_a_copy_that_cannot_be_written_rests_the_run_which_goes_on_later(asked: Shell) -> None:
    (asked.folder / "published").write_text("a file stands in the way")
    answer = submit(asked, "published")
    assert (answer.code, answer.error) == (RESTS, "ENGINE_ROOT_UNREACHABLE")
    (asked.folder / "published").unlink()
    assert submit(asked, "published").code == 0


def test_the_doctor_looks_at_where_copies_go(asked: Shell) -> None:
    def reach() -> Any:
        checks = asked.bare("--profile", "d/copied.json", "--json", "doctor").json["checks"]
        (found,) = [one for one in checks if one["name"] == "reach of its root"]
        return found

    assert submit(asked, "published").code == 0
    assert reach()["ok"] is True
    shutil.rmtree(asked.folder / "published")
    assert "where nothing is yet" in reach()["detail"]
    (asked.folder / "published").write_text("a file stands in the way")
    found = reach()
    assert (found["ok"], found["code"]) == (False, "ENGINE_ROOT_UNFIT")


@pytest.mark.parity
@pytest.mark.parametrize("published", [True, False])
def test_under_a_shared_store(
    asked: Shell, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    keys = moto_server.endpoint.credentials
    assert keys is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    prefix = fresh_prefix()
    at = {"bucket": moto_server.bucket, "endpoint_url": moto_server.url, "region": "us-east-1"}
    store = {"adapter": "s3", "prefix": prefix, "addressing_style": "path", **at}
    target = f"s3://{moto_server.bucket}/{prefix}-roots" if published else None
    answer = submit(asked, target, object_store=store)
    assert answer.code == 0, answer.err
    told = "no consumer elsewhere can read it"
    doctor = asked.bare("--profile", "d/copied.json", "--json", "doctor")
    (reach,) = [one for one in doctor.json["checks"] if one["name"] == "reach of its root"]
    if not published:
        assert told in answer.out
        assert reach["ok"] is None
        assert told in reach["detail"]
        return
    assert told not in answer.out
    assert reach["ok"] is True
    facts = view(asked, answer)
    assert root_of(facts) == f"{target}/{PLATFORM}/{answer.json['run_id']}/attempt-1"
    shutil.rmtree(asked.folder / "d" / "runs")
    assert asked.bare("--profile", "d/copied.json", "verify", answer.json["run_id"]).code == 0
