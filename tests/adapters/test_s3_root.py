"""Engine roots on S3 keep the port's laws on real servers, with the fewest requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sr_adapters.s3.build import S3EngineRoots
from sr_adapters.s3.client import Endpoint, make_client
from sr_adapters.s3.root import S3EngineRoot
from sr_adapters.s3.settings import MinioSettings
from sr_ports import BadInput, Changes, EngineRoot, EvidenceFault, ReasonCode, Unreachable
from sr_ports.conformance.openers import EngineRootsLaws
from sr_ports.conformance.ranges import RangedLaws
from sr_ports.conformance.roots import EngineRootLaws, Put, Remove, Reopen, Snapshot, read
from sr_ports.wanted import FIRST_RELEASE, Wanted
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity


@pytest.fixture(params=["moto_server", "rgw_server"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def uri(server: S3Server) -> str:
    return f"s3://{server.bucket}/{fresh_prefix()}"


@pytest.fixture
def client(server: S3Server) -> Any:
    return server.client()


@pytest.fixture
def put(client: Any, uri: str) -> Put:
    _, _, bucket, prefix = uri.split("/", 3)
    return lambda path, data: client.put_object(Bucket=bucket, Key=f"{prefix}/{path}", Body=data)


@pytest.fixture
def remove(client: Any, uri: str) -> Remove:
    _, _, bucket, prefix = uri.split("/", 3)
    return lambda path: client.delete_object(Bucket=bucket, Key=f"{prefix}/{path}")


class TestS3EngineRoot(EngineRootLaws, RangedLaws):
    @pytest.fixture
    def reopen(self, client: Any, uri: str) -> Reopen:
        return lambda: S3EngineRoot(f"{uri}/", client, page=5)

    @pytest.fixture
    def snapshot(self, client: Any, uri: str) -> Snapshot:
        _, _, bucket, prefix = uri.split("/", 3)
        return lambda: client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]

    @pytest.fixture
    def broken(self, server: S3Server) -> EngineRoot:
        keys = server.endpoint.credentials
        dead = Endpoint("http://127.0.0.1:9", "us-east-1", "path", 0.5, 0.5, attempts=1, credentials=keys)
        return S3EngineRoot("s3://bucket/x", make_client(dead))


class TestOpened(EngineRootsLaws):
    @pytest.fixture
    def roots(self, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3EngineRoots:
        keys = server.endpoint.credentials
        if keys is not None:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
        return S3EngineRoots(None, server.url, "us-east-1")

    @pytest.fixture
    def uri(self, server: S3Server) -> str:
        found = f"s3://{server.bucket}/{fresh_prefix()}"
        prefix = found.split("/", 3)[3]
        server.client().put_object(Bucket=server.bucket, Key=f"{prefix}/in/a", Body=b"a")
        return found

    @pytest.fixture
    def absent(self, server: S3Server) -> str:
        return f"s3://{server.bucket}/{fresh_prefix()}"


def counted(client: Any, act: Callable[[], object]) -> list[str]:
    sent: list[str] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(f"{request.method} {'list' if 'list-type' in request.url else 'object'}")

    client.meta.events.register("before-send.s3", note)
    act()
    client.meta.events.unregister("before-send.s3", note)
    return sent


def test_one_list_per_prefix_and_one_get_per_file(client: Any, uri: str, put: Put) -> None:
    for name in ("out/a", "out/b", "out/in/c"):
        put(name, name.encode())
    root = S3EngineRoot(uri, client)

    def prove() -> None:
        for fact in root.list("out"):
            assert root.stat(fact.path) == fact
            root.stream(fact.path, lambda _: None, expect=fact)
        assert root.exists()
        assert [fact.path for fact in root.list("out/in")] == ["out/in/c"]
        assert root.stat("out/none") is None
        root.list("out/")

    assert counted(client, prove) == ["GET list", *["GET object"] * 3]


def test_r2_a_file_changed_after_it_was_listed_is_unstable(client: Any, uri: str, put: Put) -> None:
    put("a", b"before")
    root = S3EngineRoot(uri, client)
    assert len(root.list("")) == 1
    put("a", b"after!")
    with pytest.raises(EvidenceFault) as caught:
        root.stream("a", lambda _: None)
    assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE


def test_r2_an_object_written_between_list_and_get_is_unstable_though_its_bytes_are_the_same(
    client: Any, uri: str, put: Put
) -> None:
    for name in ("a", "twin"):
        put(name, b"the same")
    root = S3EngineRoot(uri, client)
    assert len(root.list("")) == 2
    time.sleep(1.6)  # an answer tells the time of a change in whole seconds
    put("a", b"the same")
    with pytest.raises(EvidenceFault) as caught:
        root.stream("a", lambda _: None)
    assert (caught.value.code, caught.value.path) == (ReasonCode.EVIDENCE_UNSTABLE, "a")
    assert read(root, "twin") == b"the same"
    assert root.changes() == Changes(("a",), 1)


def test_r8_every_list_and_every_single_look_is_asked_once_more(client: Any, uri: str, put: Put) -> None:
    for name in ("out/a", "out/in/b", "flag"):
        put(name, name.encode())
    root = S3EngineRoot(uri, client)
    root.list("out")
    root.list("out/in")
    for path in ("flag", "none", "out/a", "out/none"):
        root.stat(path)
    assert counted(client, root.changes) == ["GET list"] * 3


def test_r8_a_marker_that_comes_to_hold_bytes_is_a_change(client: Any, uri: str, put: Put) -> None:
    put("in/", b"")
    put("in/a", b"x")
    root, twin = S3EngineRoot(uri, client), S3EngineRoot(uri, client)
    root.list("in")
    twin.list("in")
    assert twin.changes() == Changes()
    put("in/", b"4444")
    assert root.changes() == Changes(("in/",), 1)


def test_r3_a_missing_bucket_is_not_an_empty_root(client: Any) -> None:
    acts: tuple[Callable[[S3EngineRoot], object], ...] = (
        lambda root: root.exists(),
        lambda root: root.list(""),
        lambda root: root.stat("a"),
        lambda root: root.stream("a", lambda _: None),
    )
    for act in acts:
        with pytest.raises(Unreachable) as caught:
            act(S3EngineRoot("s3://sr-no-such-bucket/x", client))
        assert caught.value.code is ReasonCode.ENGINE_ROOT_BUCKET_MISSING


HOSTILE = {
    **dict.fromkeys(("a/../b", "..", "a\\b"), ReasonCode.PATH_ESCAPES),
    **dict.fromkeys(("a//b", "a/\x01"), ReasonCode.NOT_A_FILE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_r1_a_listed_key_that_no_path_may_have_is_refused(
    moto_server: S3Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = moto_server.client()
    page = {"Contents": [{"Key": f"x/{name}", "Size": 1, "ETag": '"e"'}]}
    paginator = SimpleNamespace(paginate=lambda **_: [page])
    monkeypatch.setattr(client, "get_paginator", lambda _: paginator)
    with pytest.raises(EvidenceFault) as caught:
        S3EngineRoot("s3://b/x", client).list("")
    assert caught.value.code is HOSTILE[name]
    assert list(S3EngineRoot("s3://b/x", client).list("", Wanted("**/*.bin"))) == []


def test_folder_markers_are_no_files(client: Any, uri: str, put: Put) -> None:
    put("", b"")
    put("in/", b"")
    put("in/a", b"x")
    root = S3EngineRoot(uri, client)
    assert [fact.path for fact in root.list("")] == ["in/a"]
    assert root.stat("in") is None


FULL = {
    ("in/", ""): "in/zz/",
    ("in", "*"): "in/zz/",
    ("in", "z*"): "in/zz/",
    ("", "**"): "in/zz/",
    ("in/zz", ""): "in/zz/",
    ("in", "*.bin"): None,
    ("in", "*/*.bin"): None,
    ("in/a", ""): None,
}


@pytest.mark.parametrize(("folder", "pattern"), FULL, ids=lambda one: one or "-")
def test_r4_a_marker_that_holds_bytes_is_a_file_nobody_can_name(
    client: Any, uri: str, put: Put, folder: str, pattern: str
) -> None:
    for name, data in {"in/": b"", "in/a/": b"", "in/a/x": b"x", "in/m.bin": b"x", "in/zz/": b"4444"}.items():
        put(name, data)
    named = FULL[folder, pattern]
    root = S3EngineRoot(uri, client)
    if named is None:
        root.list(folder, Wanted(pattern))
    else:
        with pytest.raises(EvidenceFault) as caught:
            root.list(folder, Wanted(pattern))
        assert (caught.value.code, caught.value.path) == (ReasonCode.NOT_A_FILE, named)
    root.list(folder, Wanted(pattern, rules=FIRST_RELEASE))  # which passed it over


def test_r4_such_a_marker_has_no_base_name_to_leave_out(client: Any, uri: str, put: Put) -> None:
    left_out = Wanted("*", frozenset({"_passed.flag"}))
    put("in/a", b"x")
    put("in/_passed.flag", b"flag")
    assert [fact.path for fact in S3EngineRoot(uri, client).list("in", left_out)] == ["in/a"]
    put("in/_passed.flag/", b"4444")
    with pytest.raises(EvidenceFault) as caught:
        S3EngineRoot(uri, client).list("in", left_out)
    assert (caught.value.code, caught.value.path) == (ReasonCode.NOT_A_FILE, "in/_passed.flag/")


def test_r4_a_listing_pages_through_no_more_than_its_pattern_can_reach(client: Any, uri: str, put: Put) -> None:
    for name in (*(f"other/{n:03}" for n in range(30)), "day=1/part-0", "day=1/deep/x", "day=2/part-0", "top.csv"):
        put(name, name.encode())

    def lists(pattern: str, *paths: str) -> int:
        root = S3EngineRoot(uri, client, page=5)
        sent = counted(client, lambda: root.list("", Wanted(pattern)))
        assert [fact.path for fact in root.list("", Wanted(pattern))] == list(paths)
        assert set(sent) == {"GET list"}
        return len(sent)

    assert lists("*.csv", "top.csv") == 1
    assert lists("top.*", "top.csv") == 1
    assert lists("day=*/part-*", "day=1/part-0", "day=2/part-0") == 3
    assert lists("day=*/**/x", "day=1/deep/x") == 1
    assert lists("day=?/deep/x", "day=1/deep/x") == 3


def test_a_versioned_bucket_gives_the_version_that_was_read(moto_server: S3Server) -> None:
    client, bucket = moto_server.client(), f"{moto_server.bucket}-v"
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = client.put_object(Bucket=bucket, Key="x/a", Body=b"1")
    root = S3EngineRoot(f"s3://{bucket}/x", client)
    assert root.stream("a", lambda _: None).version_id == made["VersionId"]
    assert root.stream("a", lambda _: None).version_id == made["VersionId"]
    client.put_object(Bucket=bucket, Key="x/a", Body=b"1")
    with pytest.raises(EvidenceFault) as caught:  # the very same bytes, and another version
        root.stream("a", lambda _: None)
    assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE
    assert root.changes() == Changes(("a",), 1)


def test_roots_open_on_the_object_stores_endpoint(
    server: S3Server, uri: str, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a", b"x")
    keys = server.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    store = MinioSettings(bucket="other", endpoint_url=server.url, region="us-east-1")
    assert read(S3EngineRoots(store).open(uri), "a") == b"x"
    monkeypatch.setenv("SR_ENGINE_S3_ENDPOINT", server.url)
    assert read(S3EngineRoots(None).open(uri), "a") == b"x"
    assert read(S3EngineRoots(None, "", "").open(uri), "a") == b"x"


def test_roots_open_on_an_endpoint_of_their_own(
    server: S3Server, uri: str, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a", b"x")
    keys = server.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    elsewhere = "http://127.0.0.1:9"
    monkeypatch.setenv("SR_ENGINE_S3_ENDPOINT", elsewhere)
    for store in (None, MinioSettings(bucket="other", endpoint_url=elsewhere)):
        assert read(S3EngineRoots(store, server.url, "us-east-1").open(uri), "a") == b"x"
    known = MinioSettings(bucket="other", endpoint_url=server.url, region="nowhere")
    assert read(S3EngineRoots(known, None, "us-east-1").open(uri), "a") == b"x", "another region of the same server"


def test_a_fault_of_the_roots_endpoint_is_told_by_its_own_key(uri: str) -> None:
    with pytest.raises(BadInput, match=r": engine\.s3\.endpoint_url: "):
        S3EngineRoots(None, "nonsense").open(uri).exists()


@pytest.mark.parametrize("bad", ["s3://", "s3:///x", "file:///x", "s3://b/../x", "s3://b/a//b", "s3://u:p@b/x"])
def test_a_uri_that_names_no_root_is_refused(bad: str) -> None:
    with pytest.raises(BadInput):
        S3EngineRoot(bad, None)
