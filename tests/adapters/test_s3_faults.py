"""What an S3 adapter says when the world fails: settled, or honestly unknown, never a guess."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from botocore.exceptions import ClientError

from sr_adapters.s3.client import Endpoint, make_client
from sr_adapters.s3.probe import Conditions, ProcessFindings
from sr_adapters.s3.root import S3EngineRoot
from sr_adapters.s3.store import S3ObjectStore
from sr_ports import BadInput, Blob, Changes, EvidenceFault, OutcomeUnknown, ReasonCode, Unreachable
from tests.servers.faulty_proxy import Answer, Fault, FaultyProxy, error, faulty_proxy
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
TRIES = 3

AFTER = {
    "its answer dropped": Fault(forward=True, drop=True),
    "a 500 after acting": Fault(forward=True, answer=error(500, "InternalError")),
    "a 503 after acting": Fault(forward=True, answer=error(503, "ServiceUnavailable")),
    "a timeout after acting": Fault(forward=True, hang=True),
    "an answer that is no S3": Fault(forward=True, answer=Answer(502, (), b"<html>bad gateway")),
}
BEFORE = {
    "reset": Fault(drop=True),
    "a 500 before acting": Fault(answer=error(500, "InternalError")),
    "a 503 before acting": Fault(answer=error(503, "ServiceUnavailable")),
    "a slow down": Fault(answer=error(503, "SlowDown")),
    "a conflict in progress": Fault(answer=error(409, "ConditionalRequestConflict")),
    "a timeout before acting": Fault(hang=True),
}
REFUSALS = {
    "expired": (error(400, "ExpiredToken"), ReasonCode.STORE_DENIED),
    "denied": (error(403, "AccessDenied"), ReasonCode.STORE_DENIED),
    "unknown key id": (error(403, "InvalidAccessKeyId"), ReasonCode.STORE_DENIED),
    "clock": (error(403, "RequestTimeTooSkewed"), ReasonCode.STORE_DENIED),
    "bucket": (error(404, "NoSuchBucket"), ReasonCode.STORE_BUCKET_MISSING),
    "region": (error(400, "AuthorizationHeaderMalformed"), ReasonCode.STORE_WRONG_REGION),
    "redirect": (error(301, "PermanentRedirect"), ReasonCode.STORE_WRONG_REGION),
    "throttled": (error(503, "SlowDown"), ReasonCode.STORE_THROTTLED),
    "full": (error(507, "InsufficientStorage"), ReasonCode.STORE_FULL),
}


@pytest.fixture
def proxy(moto_server: S3Server) -> Iterator[FaultyProxy]:
    with faulty_proxy(moto_server.url, moto_server.endpoint.credentials) as found:
        yield found


@pytest.fixture
def near(moto_server: S3Server, proxy: FaultyProxy) -> Endpoint:
    return attrs.evolve(moto_server.endpoint, url=proxy.url, connect_timeout_s=1.0, read_timeout_s=0.5, attempts=TRIES)


@pytest.fixture
def below() -> str:
    return fresh_prefix()


@pytest.fixture
def store(near: Endpoint, moto_server: S3Server, below: str) -> S3ObjectStore:
    return known(near, moto_server.bucket, below)


@pytest.fixture
def plain(moto_server: S3Server, below: str) -> S3ObjectStore:
    """The same objects, without the proxy."""
    return known(moto_server.endpoint, moto_server.bucket, below)


def known(endpoint: Endpoint, bucket: str, prefix: str) -> S3ObjectStore:
    """A store that was probed before."""
    findings = ProcessFindings()
    store = S3ObjectStore(endpoint, bucket, prefix, findings=findings)
    findings.put(store.describe(), Conditions(quoted=True))
    return store


def fails_with(code: ReasonCode, *acts: Callable[[], object]) -> None:
    for act in acts:
        with pytest.raises(Unreachable) as caught:
            act()
        assert caught.value.code is code


def every_call(store: S3ObjectStore) -> tuple[Callable[[], object], ...]:
    return (
        lambda: store.read("a"),
        lambda: store.stat("a"),
        lambda: list(store.list("")),
        lambda: store.create("a", b"x"),
        lambda: store.replace("a", b"x", etag="e"),
    )


class TestLostAnswers:
    @pytest.mark.parametrize("fault", [*AFTER.values(), *BEFORE.values()], ids=[*AFTER, *BEFORE])
    def test_o6_a_create_is_settled_as_its_own(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy, fault: Fault
    ) -> None:
        proxy.fail(fault)
        made = store.create("a", b"mine")
        assert made is not None
        assert plain.read("a") == Blob(b"mine", made.etag)

    @pytest.mark.parametrize("fault", [*AFTER.values(), *BEFORE.values()], ids=[*AFTER, *BEFORE])
    def test_o6_a_replace_is_settled_as_its_own(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy, fault: Fault
    ) -> None:
        first = plain.create("a", b"before")
        assert first is not None
        proxy.fail(fault)
        made = store.replace("a", b"mine", etag=first.etag)
        assert made is not None
        assert plain.read("a") == Blob(b"mine", made.etag)

    def test_o6_a_refusal_that_was_lost_is_still_a_refusal(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy
    ) -> None:
        first = plain.create("a", b"theirs")
        assert first is not None
        proxy.fail(AFTER["its answer dropped"])
        assert store.create("a", b"mine") is None
        assert plain.replace("a", b"theirs again", etag=first.etag) is not None
        assert store.read("a") is not None
        proxy.fail(AFTER["a 500 after acting"])
        assert store.replace("a", b"mine", etag=first.etag) is None

    def test_o6_every_answer_lost_is_settled_by_looking(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy
    ) -> None:
        proxy.fail(AFTER["its answer dropped"], times=TRIES)
        made = store.create("a", b"mine")
        assert made is not None
        assert plain.stat("a") == made

    def test_o6_a_write_replaced_before_it_was_settled_is_still_recognised(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy
    ) -> None:
        def overtake() -> None:
            blob = plain.read("a")
            assert blob is not None
            assert plain.replace("a", b"theirs", etag=blob.etag) is not None

        proxy.fail(AFTER["its answer dropped"])
        proxy.after = overtake
        made = store.create("a", b"mine")
        assert made is not None
        blob = plain.read("a")
        assert blob is not None
        assert blob.data == b"theirs"
        assert made.etag != blob.etag

    def test_o6_unknown_when_nothing_can_be_read_back(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy
    ) -> None:
        proxy.fail(AFTER["its answer dropped"], times=TRIES)
        proxy.fail(Fault(drop=True), method="HEAD", times=TRIES)
        with pytest.raises(OutcomeUnknown):
            store.create("a", b"mine")
        assert plain.read("a") is not None

    def test_o6_unknown_when_a_try_may_still_be_on_its_way(self, store: S3ObjectStore, proxy: FaultyProxy) -> None:
        proxy.fail(BEFORE["reset"], times=TRIES)
        with pytest.raises(OutcomeUnknown):
            store.create("a", b"mine")

    def test_o6_somebody_elses_bare_object_does_not_settle_a_doubt(
        self, store: S3ObjectStore, moto_server: S3Server, below: str, proxy: FaultyProxy
    ) -> None:
        proxy.fail(BEFORE["reset"])
        moto_server.client().put_object(Bucket=moto_server.bucket, Key=f"{below}/a", Body=b"theirs")
        with pytest.raises(OutcomeUnknown):
            store.create("a", b"mine")


class TestRefusals:
    @pytest.mark.parametrize(("answer", "code"), REFUSALS.values(), ids=REFUSALS)
    def test_o4_each_cause_has_its_code(
        self, store: S3ObjectStore, proxy: FaultyProxy, answer: Answer, code: ReasonCode
    ) -> None:
        read, _, listing, create, replace = every_call(store)
        for act, method in ((read, "GET"), (listing, "GET"), (create, "PUT"), (replace, "PUT")):
            proxy.fail(Fault(answer=answer), method=method, times=12)
            fails_with(code, act)
            proxy.calm()

    def test_o4_a_stat_never_takes_a_missing_bucket_for_a_missing_key(
        self, store: S3ObjectStore, proxy: FaultyProxy
    ) -> None:
        proxy.fail(Fault(answer=Answer(404)), method="HEAD")
        proxy.fail(Fault(answer=error(404, "NoSuchBucket")), method="GET")
        fails_with(ReasonCode.STORE_BUCKET_MISSING, lambda: store.stat("a"))

    def test_o4_a_404_that_no_store_wrote_is_not_absence(self, store: S3ObjectStore, proxy: FaultyProxy) -> None:
        proxy.fail(Fault(answer=Answer(404, (), b"<html>no such route")), method="GET")
        fails_with(ReasonCode.STORE_UNREACHABLE, lambda: store.read("a"))

    def test_o2_a_missing_key_is_a_conflict_whatever_the_status(self, store: S3ObjectStore, proxy: FaultyProxy) -> None:
        for answer in (error(412, "PreconditionFailed"), error(404, "NoSuchKey"), error(400, "InvalidArgument")):
            proxy.fail(Fault(answer=answer))
            assert store.replace("a", b"x", etag="0" * 32) is None

    def test_expired_credentials_have_a_remedy_of_their_own(self, store: S3ObjectStore, proxy: FaultyProxy) -> None:
        proxy.fail(Fault(answer=error(400, "ExpiredToken")), method="GET")
        with pytest.raises(Unreachable, match="renew the credentials"):
            store.read("a")


class TestNetwork:
    def test_o4_refused_connections(self, near: Endpoint) -> None:
        dead = attrs.evolve(near, url="http://127.0.0.1:9", attempts=2)
        fails_with(ReasonCode.STORE_UNREACHABLE, *every_call(known(dead, "b", "p")))

    def test_o4_a_name_that_does_not_resolve(self, near: Endpoint) -> None:
        lost = known(attrs.evolve(near, url="http://no-such-host.invalid", attempts=1), "b", "p")
        fails_with(ReasonCode.STORE_UNREACHABLE, *every_call(lost))
        with pytest.raises(Unreachable, match="DNS"):
            lost.read("a")

    def test_o4_no_answer_in_time(self, store: S3ObjectStore, proxy: FaultyProxy) -> None:
        proxy.fail(Fault(hang=True), method="GET", times=TRIES)
        fails_with(ReasonCode.STORE_UNREACHABLE, lambda: store.read("a"))

    def test_o4_a_read_survives_a_burst(self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy) -> None:
        plain.create("a", b"x")
        proxy.fail(Fault(answer=error(503, "SlowDown")), method="GET")
        blob = store.read("a")
        assert blob is not None
        assert blob.data == b"x"

    def test_o4_a_truncated_body_never_passes_as_whole(
        self, store: S3ObjectStore, plain: S3ObjectStore, proxy: FaultyProxy
    ) -> None:
        plain.create("a", b"x" * 1000)
        proxy.fail(Fault(forward=True, truncate=400), method="GET")
        fails_with(ReasonCode.STORE_UNREACHABLE, lambda: store.read("a"))


class TestProbe:
    def test_conditions_taken_and_ignored_are_refused_before_the_first_write(
        self, near: Endpoint, moto_server: S3Server, below: str, proxy: FaultyProxy, plain: S3ObjectStore
    ) -> None:
        proxy.strip = True
        store = S3ObjectStore(near, moto_server.bucket, below, findings=ProcessFindings())
        fails_with(ReasonCode.STORE_UNSAFE, lambda: store.create("a", b"x"), lambda: store.replace("a", b"x", etag="e"))
        assert list(plain.list("")) == []

    @pytest.mark.parametrize("fault", [BEFORE["a 500 before acting"], AFTER["its answer dropped"]])
    def test_a_probe_goes_on_after_trouble(
        self, near: Endpoint, moto_server: S3Server, below: str, proxy: FaultyProxy, fault: Fault
    ) -> None:
        store = S3ObjectStore(near, moto_server.bucket, below, findings=ProcessFindings())
        proxy.fail(fault)
        assert store.create("a", b"x") is not None

    def test_a_store_that_does_not_know_conditions_is_refused(
        self, near: Endpoint, moto_server: S3Server, below: str, proxy: FaultyProxy
    ) -> None:
        proxy.fail(Fault(answer=error(501, "NotImplemented")))
        store = S3ObjectStore(near, moto_server.bucket, below, findings=ProcessFindings())
        fails_with(ReasonCode.STORE_UNSAFE, lambda: store.create("a", b"x"))


class TestOnTheWire:
    def test_every_write_carries_what_a_bucket_with_object_lock_asks_for(
        self, near: Endpoint, moto_server: S3Server, below: str, proxy: FaultyProxy
    ) -> None:
        proxy.lock = True
        store = S3ObjectStore(near, moto_server.bucket, below, findings=ProcessFindings())
        made = store.create("a", b"1")
        assert made is not None
        assert store.replace("a", b"2", etag=made.etag) is not None
        assert [name for name, _, head in proxy.asked if name in ("PUT", "POST") and "content-md5" not in head] == []

    def test_the_lock_refuses_a_bare_write(self, near: Endpoint, moto_server: S3Server, proxy: FaultyProxy) -> None:
        proxy.lock = True
        with pytest.raises(ClientError):
            make_client(near).put_object(Bucket=moto_server.bucket, Key="bare", Body=b"x")

    def test_no_write_waits_for_leave_to_send_its_body(
        self, near: Endpoint, moto_server: S3Server, below: str, proxy: FaultyProxy
    ) -> None:
        store = S3ObjectStore(near, moto_server.bucket, below, findings=ProcessFindings())
        made = store.create("a", b"1")
        assert made is not None
        assert store.replace("a", b"2" * 100_000, etag=made.etag) is not None
        writes = [head for method, _, head in proxy.asked if method == "PUT"]
        assert len(writes) >= 7
        assert not any("expect" in head for head in writes)


class TestObjectLock:
    """A bucket whose default retention holds every version."""

    @pytest.fixture
    def locked(self, moto_server: S3Server) -> str:
        client, name = moto_server.client(), f"sr-locked-{fresh_prefix()}"
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
        client.put_object_lock_configuration(
            Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        return name

    def test_a_store_is_probed_written_and_cleared(self, near: Endpoint, proxy: FaultyProxy, locked: str) -> None:
        proxy.lock = True
        store = S3ObjectStore(near, locked, findings=ProcessFindings())
        made = store.create("a", b"1")
        assert made is not None
        assert store.create("a", b"other") is None
        assert store.replace("a", b"2", etag=made.etag) is not None
        store.delete("a")
        assert list(store.list("")) == []


class TestEngineRoot:
    @pytest.fixture
    def data(self) -> bytes:
        return bytes(range(256)) * 12_000

    @pytest.fixture
    def root(self, near: Endpoint, moto_server: S3Server, below: str, plain: S3ObjectStore, data: bytes) -> Any:
        plain.create("a", data)
        return S3EngineRoot(f"s3://{moto_server.bucket}/{below}", make_client(near))

    def test_r2_a_body_cut_short_is_resumed_where_it_broke(
        self, root: S3EngineRoot, proxy: FaultyProxy, data: bytes
    ) -> None:
        got = bytearray()
        root.stat("a")
        proxy.fail(Fault(forward=True, truncate=1_500_000), Fault(forward=True, truncate=100_000), method="GET")
        assert root.stream("a", got.extend).size == len(data)
        assert bytes(got) == data

    def test_r3_a_body_that_keeps_breaking_is_unreachable(self, root: S3EngineRoot, proxy: FaultyProxy) -> None:
        root.stat("a")
        proxy.fail(Fault(forward=True, truncate=1000), method="GET", times=8)
        fails_with(ReasonCode.ENGINE_ROOT_UNREACHABLE, lambda: root.stream("a", lambda _: None))

    def test_r2_a_file_that_changes_between_two_parts_is_unstable(
        self, root: S3EngineRoot, proxy: FaultyProxy, plain: S3ObjectStore, data: bytes
    ) -> None:
        seen = plain.stat("a")
        assert seen is not None
        root.stat("a")
        proxy.fail(Fault(forward=True, truncate=1_500_000), method="GET")

        def meddle(_: memoryview) -> None:
            plain.replace("a", data[::-1], etag=seen.etag)

        with pytest.raises(EvidenceFault) as caught:
            root.stream("a", meddle)
        assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE

    @pytest.mark.parametrize("asked", ["list", "stat"])
    def test_r8_a_second_look_that_cannot_tell_says_so_and_may_be_asked_again(
        self, root: S3EngineRoot, proxy: FaultyProxy, asked: str
    ) -> None:
        getattr(root, asked)("a" if asked == "stat" else "")
        proxy.fail(Fault(answer=error(403, "AccessDenied")), method="GET")
        fails_with(ReasonCode.ENGINE_ROOT_DENIED, root.changes)
        with pytest.raises(RuntimeError):
            root.stat("a")
        proxy.calm()
        assert root.changes() == Changes()

    @pytest.mark.parametrize("method", ["list", "stat", "stream", "exists"])
    def test_r3_trouble_is_never_absence(self, root: S3EngineRoot, proxy: FaultyProxy, method: str) -> None:
        proxy.fail(Fault(answer=error(403, "AccessDenied")), method="GET")
        acts: dict[str, Callable[[], object]] = {
            "list": lambda: root.list(""),
            "stat": lambda: root.stat("a"),
            "stream": lambda: root.stream("a", lambda _: None),
            "exists": root.exists,
        }
        fails_with(ReasonCode.ENGINE_ROOT_DENIED, acts[method])

    @pytest.mark.parametrize(
        ("answer", "code", "remedy"),
        [
            (error(403, "InvalidObjectState"), ReasonCode.ENGINE_ROOT_ARCHIVED, "restore the named object"),
            (error(403, "AccessDenied"), ReasonCode.ENGINE_ROOT_DENIED, "list and read the root"),
            (error(400, "ExpiredToken"), ReasonCode.ENGINE_ROOT_DENIED, "renew the credentials"),
            (error(400, "KMS.DisabledException"), ReasonCode.ENGINE_ROOT_DENIED, "KMS key"),
            (error(404, "NoSuchBucket"), ReasonCode.ENGINE_ROOT_BUCKET_MISSING, "request's engine_run_root"),
            (error(301, "PermanentRedirect"), ReasonCode.ENGINE_ROOT_UNREACHABLE, "region"),
            (error(503, "SlowDown"), ReasonCode.ENGINE_ROOT_UNREACHABLE, "retry later"),
            (error(500, "InternalError"), ReasonCode.ENGINE_ROOT_UNREACHABLE, "check the root"),
        ],
        ids=str,
    )
    def test_r3_each_cause_has_the_roots_own_code_and_remedy(
        self, root: S3EngineRoot, proxy: FaultyProxy, answer: Answer, code: ReasonCode, remedy: str
    ) -> None:
        for act in (root.exists, lambda: root.list(""), lambda: root.stream("a", lambda _: None)):
            proxy.fail(Fault(answer=answer), method="GET", times=12)
            with pytest.raises(Unreachable) as caught:
                act()
            proxy.calm()
            assert caught.value.code is code
            assert remedy in caught.value.remedy
            assert "object_store" not in caught.value.remedy
            assert root.uri in caught.value.what

    def test_an_archived_object_of_a_real_server_is_told(
        self, moto_server: S3Server, below: str, near: Endpoint
    ) -> None:
        if moto_server.name == "given":
            pytest.skip("whether the store that is given has archive tiers is not known")
        moto_server.client().put_object(
            Bucket=moto_server.bucket, Key=f"{below}-cold/a", Body=b"x", StorageClass="GLACIER"
        )
        root = S3EngineRoot(f"s3://{moto_server.bucket}/{below}-cold", make_client(near))
        fails_with(ReasonCode.ENGINE_ROOT_ARCHIVED, lambda: root.stream("a", lambda _: None))

    def test_a_bucket_that_can_have_no_such_name_is_the_requests_fault(self, near: Endpoint) -> None:
        with pytest.raises(BadInput) as caught:
            S3EngineRoot("s3://a b/c", make_client(near)).exists()
        assert caught.value.code is ReasonCode.REQUEST_INVALID
