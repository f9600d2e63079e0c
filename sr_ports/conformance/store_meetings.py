"""Laws O1, O2 and O5 of the object store, as tests: two calls that meet at each line of the adapter's own code.

See `stores`, which has these too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sr_ports.conformance.between import Meetings, lines
from sr_ports.conformance.lawful import Laws
from sr_ports.stores import Blob, ObjectStore, Stored

Reopen = Callable[[], ObjectStore]

OLD, NEW = b"old" * 30_000, b"newer" * 30_000


class MeetingLaws(Laws):
    """What holds between any two calls, wherever they meet. Needs the fixtures of `ObjectStoreLaws`."""

    def test_o1_of_two_creators_that_meet_anywhere_one_wins(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        other, meetings = reopen(), Meetings(store)
        for line in lines(store, partial(store.create, f"{prefix}in/rehearsal", OLD)):
            key = f"{prefix}in/{line}"
            one, two = meetings.at(line, partial(store.create, key, OLD), partial(other.create, key, NEW))
            assert (one is None) != (two is None), f"{(one, two).count(None)} of two creators were refused"
            made, data = (one, OLD) if one is not None else (two, NEW)
            assert made is not None
            assert store.read(key) == Blob(data, made.etag)

    def test_o2_of_two_replacers_that_meet_anywhere_one_wins(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        other, meetings, key = reopen(), Meetings(store), f"{prefix}in/a"
        etag = told(store.create(key, b"first"))
        for line in lines(store, partial(store.replace, key, b"rehearsal", etag=etag)):
            blob = store.read(key)
            assert blob is not None
            one, two = meetings.at(
                line,
                partial(store.replace, key, b"one %d" % line, etag=blob.etag),
                partial(other.replace, key, b"two %d" % line, etag=blob.etag),
            )
            assert (one is None) != (two is None), f"{(one, two).count(None)} of two replacers were refused"
            data = b"%b %d" % (b"one" if one is not None else b"two", line)
            assert store.read(key) == Blob(data, told(one or two))

    def test_o5_a_reader_that_meets_a_writer_anywhere_sees_a_whole_object(
        self, store: ObjectStore, reopen: Reopen, prefix: str
    ) -> None:
        reader, meetings, key = reopen(), Meetings(store), f"{prefix}in/a"

        def look() -> tuple[Blob | None, list[int]]:
            return reader.read(key), [item.size for item in reader.list(prefix)]

        for line in lines(store, partial(store.create, key, b"rehearsal")):
            store.delete(key)
            made, (blob, sizes) = meetings.at(line, partial(store.create, key, NEW), look)
            assert blob in (None, Blob(NEW, told(made)))
            assert sizes in ([], [len(NEW)])
        before = store.read(key)
        assert before is not None
        for line in lines(store, partial(store.replace, key, OLD, etag=before.etag)):
            before = store.read(key)
            assert before is not None
            after = NEW if before.data == OLD else OLD
            made, (blob, sizes) = meetings.at(line, partial(store.replace, key, after, etag=before.etag), look)
            assert blob in (before, Blob(after, told(made))), "a reader saw what nobody wrote"
            assert sizes in ([len(before.data)], [len(after)])


def told(made: Stored | None) -> str:
    """The ETag of a write that had to succeed."""
    assert made is not None, "the write was refused"
    return made.etag
