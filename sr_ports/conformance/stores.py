"""The laws of `sr_ports.stores.ObjectStore`, as tests.

Subclass `ObjectStoreLaws` and give it the fixtures `store` and `reopen`:

    class TestMyStore(ObjectStoreLaws):
        @pytest.fixture
        def store(self, tmp_path): return MyStore(tmp_path)

        @pytest.fixture
        def reopen(self, tmp_path): return lambda: MyStore(tmp_path)

`broken` and `lost_answer` have defaults that skip their test; give them where the adapter can fail.
`content_etags` is True for a store whose ETags are made of bytes alone (law O8).
Every test writes under a prefix of its own, so a server's bucket may be shared and kept.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sr_ports.conformance.store_folders import FolderLaws
from sr_ports.conformance.store_lists import ListLaws
from sr_ports.conformance.store_meetings import MeetingLaws
from sr_ports.conformance.store_model import store_machine
from sr_ports.conformance.store_versions import VersionLaws
from sr_ports.conformance.together import count_up, together
from sr_ports.errors import BadInput, OutcomeUnknown, Unreachable
from sr_ports.stores import Blob, ObjectStore, Stored, check_location

Reopen = Callable[[], ObjectStore]
Losing = Callable[[], AbstractContextManager[object]]

CALLERS = 16
BIG = 5 * 1024 * 1024
BAD_KEYS = (
    *("", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a/./b"),
    *("a\\b", "..\\a", "a\x00b", "a\nb", "\ta", "a\x7f", "a\x85b", "a\ud800"),
)
ODD_NAMES = ("a b", "a+b", "a%2Fb", "a=b", "a#b?c=d&e", "ä-ö-€-😀", "a~b", "'a'", '"a"', "a:b;c", "...", ".a", "a.")


class ObjectStoreLaws(FolderLaws, ListLaws, VersionLaws, MeetingLaws):
    """Laws O1 to O11. Needs `store` and `reopen`: a callable giving a further, independent handle."""

    states = (ObjectStore,)

    @pytest.fixture
    def prefix(self) -> str:
        """Where this test may write; ends with a slash."""
        return f"conformance/{uuid.uuid4().hex}/"

    @pytest.fixture
    def broken(self) -> ObjectStore:
        """A store of this kind that cannot answer."""
        pytest.skip("no way is given to make this store fail")

    @pytest.fixture
    def lost_answer(self, store: ObjectStore) -> Losing:
        """A context in which the next write of `store` takes effect and its answer is lost."""
        del store
        pytest.skip("no way is given to lose this store's answers")

    @pytest.fixture
    def model_settings(self) -> settings:
        """How hard the stateful test tries; fewer examples for a slow server."""
        return settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )

    # keys

    @pytest.mark.parametrize("bad", BAD_KEYS, ids=ascii)
    def test_keys_anything_but_a_relative_posix_path_is_refused(
        self, store: ObjectStore, prefix: str, bad: str
    ) -> None:
        """Any other key raises `BadInput`, and nothing is touched."""
        kept = store.create(f"{prefix}kept/a", b"kept")
        assert kept is not None
        for key in (bad, f"{prefix}kept/{bad}") if not bad.startswith("/") else (bad,):
            for act in (
                partial(store.create, data=b"x"),
                partial(store.replace, data=b"x", etag=kept.etag),
                store.read,
                store.stat,
                store.delete,
            ):
                with pytest.raises(BadInput):
                    act(key)
        assert list(store.list(prefix)) == [kept]

    # O1

    def test_o1_only_the_first_create_writes(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        made = store.create(f"{prefix}a", b"first")
        assert made is not None
        assert (made.key, made.size) == (f"{prefix}a", 5)
        assert store.create(f"{prefix}a", b"second") is None
        assert store.create(f"{prefix}a", b"first") is None
        assert reopen().create(f"{prefix}a", b"third") is None
        assert reopen().read(f"{prefix}a") == Blob(b"first", made.etag)

    def test_o1_of_many_creators_at_once_one_wins_whole(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        keys = [f"{prefix}{n}" for n in range(6)]
        contents = [bytes([65 + n]) * (30_000 + n) for n in range(CALLERS)]
        answers = together([partial(create_all, reopen(), keys, content) for content in contents])
        for key, made in zip(keys, zip(*answers, strict=True), strict=True):
            winners = [n for n, answer in enumerate(made) if answer is not None]
            assert len(winners) == 1
            blob = store.read(key)
            assert blob is not None
            assert blob.data == contents[winners[0]]
            assert made[winners[0]] == Stored(key, len(blob.data), blob.etag)

    # O2

    def test_o2_replace_needs_the_current_etag(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        first = store.create(f"{prefix}a", b"1")
        assert first is not None
        second = reopen().replace(f"{prefix}a", b"22", etag=first.etag)
        assert second is not None
        assert (second.key, second.size) == (f"{prefix}a", 2)
        assert store.replace(f"{prefix}a", b"333", etag=first.etag) is None
        assert store.replace(f"{prefix}a", b"333", etag="0123456789abcdef0123456789abcdef") is None
        assert store.read(f"{prefix}a") == Blob(b"22", second.etag)

    def test_o2_a_missing_key_is_never_replaced(self, store: ObjectStore, prefix: str) -> None:
        other = store.create(f"{prefix}other", b"1")
        assert other is not None
        assert store.replace(f"{prefix}a", b"2", etag=other.etag) is None
        assert store.replace(f"{prefix}no/such/folder", b"2", etag=other.etag) is None
        assert list(store.list(prefix)) == [other]

    def test_o2_of_many_replacers_with_one_etag_one_wins(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        first = store.create(f"{prefix}a", b"start")
        assert first is not None
        contents = [b"by %d" % n for n in range(CALLERS)]
        answers = together([partial(reopen().replace, f"{prefix}a", c, etag=first.etag) for c in contents])
        winners = [n for n, answer in enumerate(answers) if answer is not None]
        assert len(winners) == 1
        made = answers[winners[0]]
        assert made is not None
        assert store.read(f"{prefix}a") == Blob(contents[winners[0]], made.etag)

    def test_o2_no_update_of_a_shared_counter_is_lost(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        assert store.create(f"{prefix}count", b"0") is not None
        together([partial(count_up, reopen(), f"{prefix}count", times=2) for _ in range(CALLERS)])
        blob = store.read(f"{prefix}count")
        assert blob is not None
        assert blob.data == b"%d" % (2 * CALLERS)

    # O3

    @pytest.mark.parametrize(
        "data",
        [b"", b"\x00", bytes(range(256)), b"line\r\nline\n\x1a", random.Random(7).randbytes(BIG)],
        ids=["empty", "nul", "every byte", "line ends", "5 MiB"],
    )
    def test_o3_bytes_are_read_back_at_once_by_any_handle(
        self, store: ObjectStore, reopen: Reopen, prefix: str, data: bytes
    ) -> None:
        made = store.create(f"{prefix}a/b", data)
        assert made is not None
        other = reopen()
        assert other.read(f"{prefix}a/b") == Blob(data, made.etag)
        assert other.stat(f"{prefix}a/b") == made
        assert list(other.list(prefix)) == [made]
        swapped = other.replace(f"{prefix}a/b", data + b"!", etag=made.etag)
        assert swapped is not None
        assert store.read(f"{prefix}a/b") == Blob(data + b"!", swapped.etag)
        assert store.stat(f"{prefix}a/b") == swapped
        assert list(store.list(prefix)) == [swapped]

    def test_o3_keys_of_any_characters_are_kept_apart(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        keys = [f"{prefix}{name}" for name in ODD_NAMES] + [f"{prefix}in/{name}/x" for name in ODD_NAMES]
        for key in keys:
            assert store.create(key, key.encode()) is not None
        other = reopen()
        assert [stored.key for stored in other.list(prefix)] == sorted(keys)
        for key in keys:
            blob = other.read(key)
            assert blob is not None
            assert blob.data == key.encode()

    # O4

    def test_o4_what_is_absent_reads_as_none(self, store: ObjectStore, prefix: str) -> None:
        assert store.read(f"{prefix}a/b") is None
        assert store.stat(f"{prefix}a/b") is None
        assert store.create(f"{prefix}a/b", b"x") is not None
        for absent in ("a", "a/bb", "a/B", "b", "a/c/d"):
            assert store.read(f"{prefix}{absent}") is None
            assert store.stat(f"{prefix}{absent}") is None

    def test_o4_a_deleted_key_is_absent_and_may_be_made_again(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        first = store.create(f"{prefix}a", b"1")
        assert first is not None
        reopen().delete(f"{prefix}a")
        reopen().delete(f"{prefix}a")
        store.delete(f"{prefix}never/was")
        assert store.read(f"{prefix}a") is None
        assert store.stat(f"{prefix}a") is None
        assert list(store.list(prefix)) == []
        assert store.replace(f"{prefix}a", b"2", etag=first.etag) is None
        assert store.create(f"{prefix}a", b"3") is not None

    def test_o4_a_store_that_cannot_answer_says_so(self, broken: ObjectStore, prefix: str) -> None:
        for act in (
            lambda: broken.read(f"{prefix}a"),
            lambda: broken.stat(f"{prefix}a"),
            lambda: list(broken.list(prefix)),
            lambda: broken.create(f"{prefix}a", b"x"),
            lambda: broken.replace(f"{prefix}a", b"x", etag="e"),
        ):
            with pytest.raises(Unreachable):
                act()

    # O5

    def test_o5_a_reader_beside_a_writer_sees_whole_objects(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        contents = [bytes([65 + n]) * (200_000 + n) for n in range(10)]
        made = store.create(f"{prefix}a", contents[0])
        assert made is not None

        def write(etag: str = made.etag) -> set[bytes]:
            for data in contents[1:]:
                swapped = store.replace(f"{prefix}a", data, etag=etag)
                assert swapped is not None
                etag = swapped.etag
            return set()

        def read() -> set[bytes]:
            reader = reopen()
            blobs = [reader.read(f"{prefix}a") for _ in range(10)]
            return {b"absent" if blob is None else blob.data for blob in blobs}

        _, one, two = together([write, read, read])
        assert one | two <= set(contents)

    # O6

    def test_o6_a_create_whose_answer_was_lost_is_settled_or_unknown(
        self, store: ObjectStore, reopen: Reopen, prefix: str, lost_answer: Losing
    ) -> None:
        try:
            with lost_answer():
                made = store.create(f"{prefix}a", b"mine")
        except OutcomeUnknown:
            return
        assert made is not None
        assert reopen().read(f"{prefix}a") == Blob(b"mine", made.etag)

    def test_o6_a_replace_whose_answer_was_lost_is_settled_or_unknown(
        self, store: ObjectStore, reopen: Reopen, prefix: str, lost_answer: Losing
    ) -> None:
        first = store.create(f"{prefix}a", b"before")
        assert first is not None
        try:
            with lost_answer():
                made = store.replace(f"{prefix}a", b"mine", etag=first.etag)
        except OutcomeUnknown:
            return
        assert made is not None
        assert reopen().read(f"{prefix}a") == Blob(b"mine", made.etag)

    # O10

    def test_o10_the_location_is_one_uri_without_secrets(self, store: ObjectStore, reopen: Reopen, prefix: str) -> None:
        before = store.location()
        check_location(before)
        assert store.create(f"{prefix}a", b"x") is not None
        assert store.location() == reopen().location() == before

    def test_o10_a_store_that_cannot_answer_has_its_location(self, broken: ObjectStore) -> None:
        check_location(broken.location())

    # all together

    def test_o1_to_o9_any_sequence_does_what_a_dict_would(
        self, store: ObjectStore, reopen: Reopen, prefix: str, model_settings: settings
    ) -> None:
        """Of any history, both handles say what a dict would."""
        run_state_machine_as_test(store_machine([store, reopen()], prefix), settings=model_settings)


def create_all(store: ObjectStore, keys: Sequence[str], data: bytes) -> list[Stored | None]:
    """Create one key after another with the same bytes; every answer."""
    return [store.create(key, data) for key in keys]
