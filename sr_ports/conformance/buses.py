"""The laws of `sr_ports.bus.ControlBus`, as tests.

Subclass `ControlBusLaws` and give it the fixtures `bus` and `reopen` (a callable giving a
further, independent handle). Every test uses a topic of its own, so a stream may be shared.
`elsewhere` is `reopen` for a bus that knows nothing of sessions; where one is built from a
`Wiring`, it must give a handle as a session of another platform run builds it. `broken` and
`copied` have defaults that skip their tests; give them where the adapter can fail, and where
what it keeps can be copied.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import attrs
import pytest

from sr_ports.bus import ControlBus, Envelope
from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import PATIENCE_S, together
from sr_ports.errors import Unreachable

Reopen = Callable[[], ControlBus]
AT = "2026-01-31T13:42:00.000000Z"
HOMES = ("platform_20260131T134200Z", "platform_20260201T080000Z", "platform_20260202T080000Z")
"""Platform runs, as runs' homes."""


def message_id(name: str) -> str:
    """64 hex characters, as SR's own ids."""
    return hashlib.sha256(name.encode()).hexdigest()


def fact(
    topic: str, name: str, *, key: str = "run-1", kind: str = "READY", home: str = HOMES[0], **payload: Any
) -> Envelope:
    """A control fact named `name` on partition `key`, about a run whose home is the platform run `home`."""
    attributes = {"kind": kind, "run_id": key, "platform_run_id": home}
    return Envelope(topic, message_id(name), AT, attributes, key, {"name": name, "emitted_at_utc": AT, **payload})


def reemitted(first: Envelope, at: str) -> Envelope:
    """The same fact said again on purpose, later."""
    return attrs.evolve(
        first,
        published_at_utc=at,
        attributes={**first.attributes, "kind": "READY_REEMIT"},
        payload={**first.payload, "emitted_at_utc": at},
    )


class ControlBusLaws(Laws):
    """Laws B1 to B5. Needs `bus` and `reopen`."""

    states: ClassVar[tuple[type[Any], ...]] = (ControlBus,)

    @pytest.fixture
    def topic(self) -> str:
        """The topic this test has to itself."""
        return f"conformance.{uuid.uuid4().hex}"

    @pytest.fixture
    def many(self) -> int:
        """Facts of a topic that must be read whole; more than any server gives in one answer."""
        return 1_100

    @pytest.fixture
    def broken(self) -> ControlBus:
        """A bus of this kind that cannot publish."""
        pytest.skip("no way is given to make this bus fail")

    @pytest.fixture
    def copied(self) -> Reopen:
        """A handle on a copy of what the bus keeps, made without regard to times and owners."""
        pytest.skip("nothing of this bus can be copied")

    @pytest.fixture
    def elsewhere(self, reopen: Reopen) -> Reopen:
        """A further handle, as a session of another platform run opens it."""
        return reopen

    # B1

    def test_b1_what_was_published_is_read_from_the_start_by_any_handle(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        first, second = fact(topic, "one"), fact(topic, "two", kind="RUN_SUPERSEDED")
        bus.publish(first)
        assert read(reopen(), topic) == [first]
        reopen().publish(second)
        assert read(bus, topic) == [first, second]
        assert read(reopen(), topic) == [first, second]

    def test_b1_a_topic_nobody_published_to_is_empty(self, bus: ControlBus, topic: str) -> None:
        assert read(bus, topic) == []

    def test_b1_topics_are_kept_apart(self, bus: ControlBus, topic: str) -> None:
        here, there = fact(topic, "one"), fact(f"{topic}.b", "one")
        bus.publish(here)
        bus.publish(there)
        assert read(bus, topic) == [here]
        assert read(bus, f"{topic}.b") == [there]

    def test_b1_of_many_publishers_at_once_nothing_is_lost(self, bus: ControlBus, reopen: Reopen, topic: str) -> None:
        sent = [[fact(topic, f"{who}.{n}", key=f"run-{who}") for n in range(4)] for who in range(8)]
        together([partial(publish_all, reopen(), envelopes) for envelopes in sent])
        found = read(bus, topic)
        for envelopes in sent:  # B4 for each of the keys
            assert once(e for e in found if e.partition_key == envelopes[0].partition_key) == envelopes

    def test_b1_of_many_facts_none_is_left_out(self, bus: ControlBus, reopen: Reopen, topic: str, many: int) -> None:
        sent = [[fact(topic, f"{who}.{n}", key=f"run-{who}") for n in range(many // 8)] for who in range(8)]
        together([partial(publish_all, reopen(), envelopes) for envelopes in sent], switch_s=None)
        found = read(bus, topic)
        for envelopes in sent:
            assert once(e for e in found if e.partition_key == envelopes[0].partition_key) == envelopes

    # B2

    def test_b2_publishing_again_is_safe_and_keeps_the_message_id(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        first = fact(topic, "one")
        later = "2026-01-31T13:45:00.000000Z"
        retry = attrs.evolve(first, published_at_utc=later, payload={**first.payload, "emitted_at_utc": later})
        bus.publish(first)
        bus.publish(first)
        reopen().publish(retry)
        found = read(bus, topic)
        assert found[0] == first
        assert 1 <= len(found) <= 3
        assert {e.message_id for e in found} == {first.message_id}
        assert all(timeless(e) == timeless(first) for e in found)

    def test_b2_a_bus_that_cannot_publish_says_so(self, broken: ControlBus, topic: str) -> None:
        with pytest.raises(Unreachable):
            broken.publish(fact(topic, "one"))

    # B3

    def test_b3_each_reemit_is_one_more_envelope_beside_the_first(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        first = fact(topic, "one")
        again = [reemitted(first, f"2026-02-0{day}T00:00:00.000000Z") for day in (1, 2)]
        bus.publish(first)
        for envelope in again:
            reopen().publish(envelope)
        assert read(bus, topic) == [first, *again]

    def test_b3_an_equal_reemit_is_still_one_more(self, bus: ControlBus, topic: str) -> None:
        first = fact(topic, "one")
        again = reemitted(first, AT)
        for envelope in (first, again, again):
            bus.publish(envelope)
        assert read(bus, topic) == [first, again, again]

    def test_b3_a_reemit_before_the_first_does_not_hide_it(self, bus: ControlBus, topic: str) -> None:
        first = fact(topic, "one")
        early = reemitted(first, AT)
        bus.publish(early)
        bus.publish(first)
        assert read(bus, topic) == [early, first]

    def test_b3_another_payload_under_the_same_id_replaces_nothing(self, bus: ControlBus, topic: str) -> None:
        first, other = fact(topic, "one", n=1), fact(topic, "one", n=True)
        bus.publish(first)
        bus.publish(other)
        assert [type(e.payload["n"]) for e in read(bus, topic)] == [int, bool]

    def test_b3_what_was_read_does_not_change_with_the_publishers_objects(self, bus: ControlBus, topic: str) -> None:
        payload = {"name": "one", "deep": {"list": [1, 2]}}
        bus.publish(attrs.evolve(fact(topic, "one"), payload=payload))
        payload["deep"] = "changed"
        assert read(bus, topic)[0].payload == {"name": "one", "deep": {"list": [1, 2]}}

    # B4

    def test_b4_one_partition_keys_order_is_that_of_publication(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        # neither names nor claimed times follow the order
        sent = [
            attrs.evolve(fact(topic, f"m{n * 7 % 20}"), published_at_utc=f"2026-01-01T00:00:{59 - n:02}.000000Z")
            for n in range(20)
        ]
        for n, envelope in enumerate(sent):
            (bus, reopen())[n % 2].publish(envelope)
        assert read(reopen(), topic) == sent

    @pytest.mark.parametrize(
        "payload",
        [{}, {"text": "ä€😀\n\u2028\"\\'"}, {"n": [0, -1, 1.5, 2**63, None, True]}, {"long": "x" * 65_536}],
        ids=["empty", "text", "values", "64 KiB"],
    )
    def test_b4_envelopes_come_back_whole(self, bus: ControlBus, topic: str, payload: Mapping[str, Any]) -> None:
        attributes = {"kind": "READY", "run_id": "r", "platform_run_id": HOMES[0], "odd": "ä = \n"}
        sent = Envelope(topic, message_id("one"), AT, attributes, "key ä", payload)
        bus.publish(sent)
        assert read(bus, topic) == [sent]

    def test_b4_tail_from_now_leaves_out_what_was(self, bus: ControlBus, topic: str) -> None:
        bus.publish(fact(topic, "one"))
        assert list(bus.tail(topic, from_start=False)) == []

    def test_b4_a_follower_gets_old_and_new_in_order_until_close(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        sent = [fact(topic, f"m{n}") for n in range(6)]
        publish_all(bus, sent[:2])
        with following(reopen(), topic) as got:
            assert [got.get(timeout=PATIENCE_S) for _ in range(2)] == sent[:2]
            for envelope in sent[2:]:
                bus.publish(envelope)
            assert [got.get(timeout=PATIENCE_S) for _ in range(4)] == sent[2:]
        assert got.empty()

    def test_b4_a_copy_of_what_the_bus_keeps_has_the_order(self, bus: ControlBus, copied: Reopen, topic: str) -> None:
        sent = [fact(topic, f"m{n * 7 % 20}") for n in range(20)]
        publish_all(bus, sent)
        assert read(copied(), topic) == sent

    # B5

    def test_b5_whoever_publishes_a_fact_it_lies_where_its_runs_home_is(
        self, bus: ControlBus, elsewhere: Reopen, topic: str
    ) -> None:
        """A retry from another session finds what the first one published, and a re-emit lies beside it."""
        first = fact(topic, "one")
        bus.publish(first)
        elsewhere().publish(first)
        found = len(read(bus, topic))
        bus.publish(first)
        assert len(read(bus, topic)) in (found, found + 1)
        again = reemitted(first, AT)
        elsewhere().publish(again)
        for handle in (bus, elsewhere()):
            assert once(read(handle, topic)[:-1]) == [first]
            assert read(handle, topic)[-1] == again

    def test_b5_any_session_reads_the_facts_of_all_platform_runs(
        self, bus: ControlBus, elsewhere: Reopen, topic: str
    ) -> None:
        sent = [fact(topic, f"m{n}", key=f"run-{n % 3}", home=HOMES[n % 3]) for n in range(9)]
        for n, envelope in enumerate(sent):
            (bus, elsewhere())[n % 2].publish(envelope)
        for handle in (bus, elsewhere()):
            found = read(handle, topic)
            assert sorted(one.message_id for one in found) == sorted(one.message_id for one in sent)
            for run in range(3):
                key = f"run-{run}"
                assert [one for one in found if one.partition_key == key] == sent[run::3]

    def test_b5_a_follower_meets_platform_runs_that_begin_meanwhile(
        self, bus: ControlBus, elsewhere: Reopen, topic: str
    ) -> None:
        sent = [fact(topic, f"m{n}", key=f"run-{n}", home=home) for n, home in enumerate(HOMES)]
        bus.publish(sent[0])
        with following(elsewhere(), topic) as got:
            assert got.get(timeout=PATIENCE_S) == sent[0]
            for envelope in sent[1:]:
                bus.publish(envelope)
                assert got.get(timeout=PATIENCE_S) == envelope
        assert got.empty()

    def test_b4_close_may_be_called_twice(self, reopen: Reopen) -> None:
        handle = reopen()
        handle.close()
        handle.close()


def read(bus: ControlBus, topic: str) -> list[Envelope]:
    """All there is, from the start."""
    return list(bus.tail(topic))


def once(envelopes: Iterable[Envelope]) -> list[Envelope]:
    """The envelopes without adjacent repetitions of one message, which a bus may keep."""
    kept: list[Envelope] = []
    for envelope in envelopes:
        if not kept or kept[-1].message_id != envelope.message_id:
            kept.append(envelope)
    return kept


def timeless(envelope: Envelope) -> Mapping[str, Any]:
    """The payload but for when it was emitted."""
    return {name: value for name, value in envelope.payload.items() if name != "emitted_at_utc"}


def publish_all(bus: ControlBus, envelopes: list[Envelope]) -> None:
    """Publish one after another."""
    for envelope in envelopes:
        bus.publish(envelope)


@contextmanager
def following(bus: ControlBus, topic: str) -> Iterator[queue.Queue[Envelope]]:
    """What a follower gets, from a thread that ends when its handle is closed."""
    got: queue.Queue[Envelope] = queue.Queue()

    def run() -> None:
        for envelope in bus.tail(topic, follow=True):
            got.put(envelope)

    follower = threading.Thread(target=run, daemon=True)
    follower.start()
    try:
        yield got
    finally:
        bus.close()
        follower.join(PATIENCE_S)
    assert not follower.is_alive(), "close() did not end the follower"
