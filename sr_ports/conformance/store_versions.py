"""Laws O3 and O8 of the object store, as tests: which write an ETag stands for, and that no handle answers from memory.

See `stores`, which has these too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.stores import Blob, ObjectStore

Reopen = Callable[[], ObjectStore]

LONG = bytes(range(256)) * 1024
ALIKE = (b"plumless", b"buckeroo", *(LONG[:at] + b"\xff\xfe" + LONG[at + 2 :] for at in (0, 130_000, len(LONG) - 2)))
"""Contents that a poor digest takes for one: of one CRC-32, of one length, and alike but for two bytes somewhere."""


class VersionLaws(Laws):
    """An ETag is of one content. Needs the fixtures of `ObjectStoreLaws`."""

    @pytest.fixture
    def content_etags(self) -> bool:
        """Whether ETags are made of the bytes alone, so that the same bytes bring theirs back."""
        return False

    # O3

    def test_o3_a_handle_that_has_looked_sees_what_others_wrote_since(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        reader, key = reopen(), f"{prefix}in/a"
        assert (reader.read(key), reader.stat(key), list(reader.list(prefix))) == (None, None, [])
        made = store.create(key, b"1")
        for data in (b"22", b"333", b"22"):
            assert made is not None
            assert (reader.stat(key), list(reader.list(prefix))) == (made, [made])
            blob = reader.read(key)
            assert blob is not None
            assert blob.etag == made.etag
            made = store.replace(key, data, etag=blob.etag)
            assert reader.read(key) == Blob(data, made.etag if made else "")
        store.delete(key)
        assert (reader.read(key), reader.stat(key), list(reader.list(prefix))) == (None, None, [])

    # O8

    def test_o8_no_etag_stands_for_two_contents(self, store: ObjectStore, prefix: str) -> None:
        contents = [b"a", b"b", b"a", b"", b"aa", b"b", b"b", b"a"]
        made = store.create(f"{prefix}x", contents[0])
        meant: dict[str, bytes] = {}
        for data in contents[1:]:
            assert made is not None
            blob = store.read(f"{prefix}x")
            assert blob is not None
            assert blob.etag == made.etag
            assert meant.setdefault(made.etag, blob.data) == blob.data
            made = store.replace(f"{prefix}x", data, etag=made.etag)
        assert made is not None
        for etag, data in meant.items():
            if data != contents[-1]:
                assert store.replace(f"{prefix}x", b"never", etag=etag) is None

    def test_o8_equal_bytes_over_themselves_count_as_a_write(
        self, store: ObjectStore, prefix: str, content_etags: bool
    ) -> None:
        first = store.create(f"{prefix}x", b"same")
        assert first is not None
        again = store.replace(f"{prefix}x", b"same", etag=first.etag)
        assert again is not None
        assert store.read(f"{prefix}x") == Blob(b"same", again.etag)
        if not content_etags:
            assert store.replace(f"{prefix}x", b"never", etag=first.etag) is None, "the first write's ETag is valid"
        assert store.replace(f"{prefix}x", b"other", etag=again.etag) is not None

    def test_o8_contents_that_are_alike_have_etags_of_their_own(self, store: ObjectStore, prefix: str) -> None:
        made = store.create(f"{prefix}x", LONG)
        seen: list[str] = []
        for data in ALIKE:
            assert made is not None
            assert made.etag not in seen
            seen.append(made.etag)
            made = store.replace(f"{prefix}x", data, etag=made.etag)
        for etag in seen:
            assert store.replace(f"{prefix}x", b"never", etag=etag) is None

    def test_o8_a_key_made_anew_has_no_etag_of_what_was_deleted(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        seen: list[str] = []
        for n in range(4):
            made = (store, reopen())[n % 2].create(f"{prefix}x", b"content %d" % n)
            assert made is not None
            again = store.replace(f"{prefix}x", b"second of %d" % n, etag=made.etag)
            assert again is not None
            for etag in seen:
                assert store.replace(f"{prefix}x", b"never", etag=etag) is None, "an ETag of what was deleted is valid"
            assert not {made.etag, again.etag} & set(seen)
            seen += [made.etag, again.etag]
            store.delete(f"{prefix}x")

    def test_o8_a_write_of_bytes_that_were_there_before_is_a_write_of_its_own(
        self, store: ObjectStore, prefix: str, content_etags: bool
    ) -> None:
        """Whoever read the first of three contents finds out that it is gone, although the third has its bytes."""
        first = store.create(f"{prefix}x", b"one")
        assert first is not None
        second = store.replace(f"{prefix}x", b"two", etag=first.etag)
        assert second is not None
        third = store.replace(f"{prefix}x", b"one", etag=second.etag)
        assert third is not None
        assert (third.etag == first.etag) is content_etags, "say in the fixture `content_etags` how it is"
        if not content_etags:
            assert store.replace(f"{prefix}x", b"never", etag=first.etag) is None
