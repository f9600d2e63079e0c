"""A shared store: nobody makes up a platform run alone, and everybody reads without one."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from sr_domain.encoding.ids import run_id_for
from tests.adapters.s3_fixtures import moto_server
from tests.cli.conftest import Answer, Shell
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
_ = moto_server

ONE, RUN = "platform_20260201T000000Z", run_id_for("key")


@attrs.frozen
class Machines:
    """Machines with disks of their own and one store on S3; each has an index of its own."""

    sr: Shell
    server: S3Server
    prefix: str = attrs.field(factory=fresh_prefix)

    def at(self, disk: str, *args: str) -> Answer:
        profile = {
            "runtime_root": disk,
            "object_store": {
                "adapter": "s3",
                "bucket": self.server.bucket,
                "prefix": self.prefix,
                "endpoint_url": self.server.url,
                "region": "us-east-1",
            },
            "engine": {"interface_pack": "pack"},
        }
        (self.sr.folder / f"{disk}.json").write_text(json.dumps(profile))
        return self.sr("--profile", f"{disk}.json", *args)

    @property
    def keys(self) -> list[str]:
        found: Any = self.server.client().list_objects_v2(Bucket=self.server.bucket, Prefix=self.prefix)
        return [one["Key"] for one in found.get("Contents", ())]


@pytest.fixture
def machines(sr: Shell, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Machines:
    keys = moto_server.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    return Machines(sr, moto_server)


def test_a_submit_without_a_platform_run_is_refused_and_writes_nothing(machines: Machines) -> None:
    answer = machines.at("one", "submit", machines.sr.request())
    assert (answer.code, answer.error) == (2, "PLATFORM_RUN_REQUIRED")
    assert "; export PLATFORM_RUN_ID=platform_2" in answer.err
    assert "or run sr session new" in answer.err
    assert machines.keys == []
    assert not (machines.sr.folder / "one").exists()


def test_a_new_session_opens_the_way(machines: Machines) -> None:
    made = machines.at("one", "--json", "session", "new").json["platform_run_id"]
    assert machines.keys == [], "a session is this runtime root's own matter"
    answer = machines.at("one", "--json", "submit", machines.sr.request())
    assert (answer.code, answer.json["platform_run_id"]) == (0, made)


def test_another_machine_reads_without_a_session(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_RUN_ID", ONE)
    assert machines.at("one", "submit", machines.sr.request()).code == 0
    monkeypatch.delenv("PLATFORM_RUN_ID")
    for command in ("status", "facts", "show", "explain", "audit", "verify"):
        answer = machines.at("two", "--json", command, RUN)
        assert (answer.code, answer.err) == (0, ""), command
        assert RUN in answer.out
    for words in (("list",), ("list", "--state", "READY"), ("list", "--ready")):
        (row,) = machines.at("two", "--json", *words).json["runs"]
        assert (row["run_id"], row["state"], row["platform_run_id"]) == (RUN, "READY", ONE), words
    assert machines.at("two", "--json", "list", "--state", "FAILED").json["runs"] == []
    assert machines.at("two", "--json", "audit", "--all").json["ok"]
    assert machines.at("two", "quarantine", "list").code == 0
    assert machines.at("two", "status", "0" * 32).error == "RUN_NOT_FOUND"
    assert not (machines.sr.folder / "two").exists()


def test_engine_roots_have_a_server_of_their_own(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Truth in files, the engine's root on S3: the profile says where, and no variable is needed."""
    client, server, sr = machines.server.client(), machines.server, machines.sr
    for path in (sr.folder / "root").rglob("*"):
        if path.is_file():
            name = path.relative_to(sr.folder / "root").as_posix()
            client.upload_file(str(path), server.bucket, f"{machines.prefix}/w/{name}")
    uri = f"s3://{server.bucket}/{machines.prefix}/w"
    engine = {"interface_pack": "pack", "s3": {"endpoint_url": "${ENGINES:-}", "region": "us-east-1"}}
    (sr.folder / "apart.json").write_text(json.dumps({"runtime_root": "apart", "engine": engine}))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ENGINES", server.url)
    answer = sr("--profile", "apart.json", "--json", "submit", sr.request(engine_run_root=uri))
    assert (answer.code, answer.json["state"]) == (0, "READY")
    assert sr("--profile", "apart.json", "verify", RUN).code == 0
    monkeypatch.setenv("ENGINES", "http://127.0.0.1:9")
    assert sr("--profile", "apart.json", "verify", RUN).code == 9
