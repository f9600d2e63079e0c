"""Objects that change while they are proven: READY is of the sealed bytes, or it is not READY, as on files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs
import pytest

from tests.adapters.s3_fixtures import moto_server
from tests.adversary.moments import Moments, watched
from tests.adversary.scene import FAULT, RUN, WAITING, Scene
from tests.adversary.world import CUSTOMERS, FIRST, FLAG, INDEX, LATE, NAMES, ORDERS, SECOND, THIRD, world
from tests.cli.conftest import Answer
from tests.servers.s3 import S3Server, fresh_prefix

pytestmark = pytest.mark.parity
_ = moto_server

OTHER = world("other")
UNSEALED = b"nobody sealed this"


@attrs.frozen
class Bucket:
    """A bucket with engine roots; `client`: the attacker's own."""

    name: str
    client: Any

    def put(self, prefix: str, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            self.client.put_object(Bucket=self.name, Key=f"{prefix}/{path}", Body=data)

    def delete(self, prefix: str, path: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=f"{prefix}/{path}")


@pytest.fixture(params=["plain", "versioned"])
def bucket(request: pytest.FixtureRequest, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    keys = moto_server.endpoint.credentials
    assert keys is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SR_ENGINE_S3_ENDPOINT", moto_server.url)
    client, name = moto_server.client(), f"roots-{request.param}-{fresh_prefix()}"
    client.create_bucket(Bucket=name)
    if request.param == "versioned":
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Bucket(name, client)


@attrs.frozen
class Root:
    """An engine root of its own in the bucket, and a scene that submits over it."""

    scene: Scene
    bucket: Bucket
    prefix: str = attrs.field(factory=fresh_prefix)

    def submit(self, moments: Moments | None = None) -> Answer:
        uri = f"s3://{self.bucket.name}/{self.prefix}"
        with watched(moments) if moments else contextlib.nullcontext():
            return self.scene.submit(engine_run_root=uri)

    def moments(self, at: int | None = None, act: Callable[[], object] = lambda: None) -> Moments:
        """Every request about this root."""
        return Moments((*NAMES, self.prefix), at, act)


@pytest.fixture
def roots(fresh: Iterator[Scene], bucket: Bucket) -> Iterator[Root]:
    """Any number of sound roots."""

    def made() -> Iterator[Root]:
        for scene in fresh:
            root = Root(scene, bucket)
            bucket.put(root.prefix, world())
            yield root

    return made()


def overwritten(root: Root, path: str) -> None:
    root.bucket.put(root.prefix, {path: OTHER[path]})


def deleted(root: Root, path: str) -> None:
    root.bucket.delete(root.prefix, path)


def joined(root: Root, path: str) -> None:
    """An object that nobody sealed comes into the folder."""
    root.bucket.put(root.prefix, {THIRD: UNSEALED})


def name_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def swap_id(how: Callable[[Root, str], None], path: str) -> str:
    return f"{name_of(path)} {how.__name__}"


QUICK = ((overwritten, CUSTOMERS), (deleted, SECOND), (joined, FIRST))
SLOW = ((overwritten, FIRST), (overwritten, FLAG), (overwritten, LATE), (deleted, INDEX), (deleted, CUSTOMERS))
SWAPS = [
    *(pytest.param(how, path, slice(n, None, 5), id=swap_id(how, path)) for n, (how, path) in enumerate(QUICK)),
    *(
        pytest.param(how, path, slice(n % 2, None, 2), id=f"{swap_id(how, path)}, more", marks=pytest.mark.slow)
        for n, (how, path) in enumerate(QUICK + SLOW)
    ),
]


@pytest.mark.parametrize(("how", "path", "moments_of"), SWAPS)
def test_an_object_swapped_at_any_moment(
    roots: Iterator[Root], how: Callable[[Root, str], None], path: str, moments_of: slice
) -> None:
    twin = next(roots)
    moments = twin.moments()
    twin.scene.ready(twin.submit(moments), world())
    codes, name = [], name_of(path)
    for at in range(len(moments.seen))[moments_of]:
        root = next(roots)
        attack = root.moments(at, partial(how, root, path))
        answer = root.submit(attack)
        assert len(attack.seen) > at, "the attack did not happen"
        codes.append(answer.code)
        try:
            known = name in attack.seen[:at]
            if answer.code == 0:
                root.scene.still_ready(answer, UNSEALED if how is joined else None)
                continue
            root.scene.not_ready(answer, WAITING, *(() if known else (FAULT,)))
            if answer.code == WAITING:
                root.bucket.delete(root.prefix, THIRD)
                root.bucket.put(root.prefix, world())
                root.scene.ready(root.scene.sr("resume", RUN), world())
        except AssertionError as error:
            error.add_note(f"{how.__name__} {path} at request {at} of {attack.seen}")
            raise
    assert WAITING in codes, codes


def test_an_object_beside_may_change_at_any_moment(roots: Iterator[Root], bucket: Bucket) -> None:
    """The innocent twin: what no gate and no output names is nobody's business."""
    twin = next(roots)
    moments = twin.moments()
    twin.scene.ready(twin.submit(moments), world())
    for at in range(0, len(moments.seen), 8):
        root = next(roots)
        attack = root.moments(at, partial(bucket.put, root.prefix, {"data/notes.txt": b"a note"}))
        root.scene.ready(root.submit(attack), world())


def test_the_same_bytes_put_again_before_the_run_are_ready(roots: Iterator[Root]) -> None:
    root = next(roots)
    root.bucket.put(root.prefix, OTHER)
    root.bucket.put(root.prefix, world())
    root.scene.ready(root.submit(), world())
    assert root.scene.sr("verify", RUN).code == 0


def test_bytes_under_the_key_of_a_folder_are_a_conflict_and_a_marker_is_none(roots: Iterator[Root]) -> None:
    marked = next(roots)
    marked.bucket.put(marked.prefix, {f"{ORDERS}/": b""})
    marked.scene.ready(marked.submit(), world())
    hidden = next(roots)
    hidden.bucket.put(hidden.prefix, {f"{ORDERS}/": b"bytes that nobody can name"})
    hidden.scene.not_ready(hidden.submit(), FAULT)


def test_an_object_overwritten_after_ready_is_what_verify_finds(roots: Iterator[Root]) -> None:
    root = next(roots)
    root.scene.ready(root.submit(), world())
    assert root.scene.sr("verify", RUN).code == 0
    overwritten(root, CUSTOMERS)
    assert root.scene.sr("verify", RUN).code == FAULT
