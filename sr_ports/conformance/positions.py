"""The laws B6 to B8 of `sr_ports.positions.Positioned`, as tests.

Subclass `PositionedLaws` beside `ControlBusLaws` and give it the same fixtures. `spoil` puts something that is no
envelope among a topic's, behind the bus's back, and `forget` a place that the bus never gave, by shard; their defaults
skip their tests. `split` parts a shard in two, where the bus has shards that can be parted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
import pytest

from sr_ports.bus import ControlBus, Envelope
from sr_ports.conformance.buses import HOMES, Reopen, fact, publish_all, reemitted
from sr_ports.positions import Kept, Positioned, Positions
from sr_ports.reasons import ReasonCode

Spoil = Callable[[str], None]
Split = Callable[[], None]


class PositionedLaws:
    """Laws B6 to B8. Needs `bus`, `reopen` and `topic`."""

    @pytest.fixture
    def spoil(self) -> Spoil:
        """Puts what is no envelope among those of a topic."""
        pytest.skip("no way is given to put anything else on this bus")

    @pytest.fixture
    def unknown(self) -> str:
        """A place that no shard of the bus has."""
        pytest.skip("no place is given that this bus does not know")

    @pytest.fixture
    def split(self) -> Split:
        """Parts a shard in two."""
        pytest.skip("the shards of this bus cannot be parted")

    def test_b6_a_topic_nobody_published_to_is_empty(self, bus: ControlBus, topic: str) -> None:
        assert list(positioned(bus).read(topic)) == []

    def test_b6_reading_on_gives_what_came_since_by_any_handle(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        sent = facts(topic, 12)
        publish_all(bus, sent[:5])
        got, at = read_on(bus, topic, {})
        assert by_key(got) == by_key(sent[:5])
        for handle in (bus, reopen()):
            assert read_on(handle, topic, at) == ([], at)
        publish_all(reopen(), sent[5:])
        for handle in (bus, reopen()):
            more, _ = read_on(handle, topic, at)
            assert by_key(more) == by_key(sent[5:])

    def test_b6_every_place_is_one_to_go_on_from(self, bus: ControlBus, reopen: Reopen, topic: str) -> None:
        sent = facts(topic, 9)
        publish_all(bus, sent)
        whole = list(positioned(bus).read(topic))
        assert len(whole) == len(sent)
        for count in range(len(whole) + 1):
            at = moved({}, whole[:count])
            rest = [one.place for one in positioned(reopen()).read(topic, after=at)]
            assert rest == [one.place for one in whole[count:]], count

    def test_b6_one_at_a_time_reads_everything_once_whatever_is_published_meanwhile(
        self, bus: ControlBus, topic: str
    ) -> None:
        sent = facts(topic, 10)
        publish_all(bus, sent[:3])
        left, got, at = list(sent[3:]), list[Envelope](), dict[str, str]()
        while (one := next(positioned(bus).read(topic, after=at), None)) is not None:
            assert one.envelope is not None
            got.append(one.envelope)
            at = moved(at, [one])
            publish_all(bus, left[:1])
            left = left[1:]
        assert by_key(got) == by_key(sent)

    def test_b6_the_order_is_that_of_publication_for_one_key(self, bus: ControlBus, topic: str) -> None:
        sent = [fact(topic, f"m{n * 7 % 20}", key="one") for n in range(20)]
        publish_all(bus, sent)
        got, _ = read_on(bus, topic, {})
        assert got == sent

    def test_b6_a_reemit_is_read_behind_the_first(self, bus: ControlBus, topic: str) -> None:
        first = fact(topic, "one")
        bus.publish(first)
        _, at = read_on(bus, topic, {})
        again = reemitted(first, "2026-02-01T00:00:00.000000Z")
        bus.publish(again)
        assert read_on(bus, topic, at)[0] == [again]

    def test_b6_other_topics_are_passed_over(self, bus: ControlBus, topic: str) -> None:
        bus.publish(fact(f"{topic}.b", "other"))
        bus.publish(fact(topic, "one"))
        got, at = read_on(bus, topic, {})
        assert got == [fact(topic, "one")]
        bus.publish(fact(f"{topic}.b", "another"))
        assert read_on(bus, topic, at) == ([], at)

    def test_b6_facts_of_platform_runs_that_begin_later_are_read_too(
        self, bus: ControlBus, reopen: Reopen, topic: str
    ) -> None:
        at: Positions = {}
        for home in HOMES:
            sent = fact(topic, home, key=home, home=home)
            bus.publish(sent)
            got, at = read_on(reopen(), topic, at)
            assert got == [sent]

    def test_b6_a_shard_that_is_parted_is_read_to_its_end_first(
        self, bus: ControlBus, reopen: Reopen, topic: str, split: Split
    ) -> None:
        sent = [fact(topic, f"m{n}", key=f"run-{n % 3}") for n in range(18)]
        publish_all(bus, sent[:6])
        got, at = read_on(bus, topic, {})
        publish_all(bus, sent[6:9])
        split()
        publish_all(reopen(), sent[9:12])
        for handle in (bus, reopen()):
            more, then = read_on(handle, topic, at)
            assert by_key([*got, *more]) == by_key(sent[:12])
        publish_all(bus, sent[12:])
        rest, _ = read_on(bus, topic, then)
        assert by_key([*got, *more, *rest]) == by_key(sent)

    def test_b7_what_is_no_envelope_is_told_and_stops_nothing(self, bus: ControlBus, topic: str, spoil: Spoil) -> None:
        bus.publish(fact(topic, "before"))
        _, start = read_on(bus, topic, {})
        spoil(topic)
        bus.publish(fact(topic, "after"))
        found = list(positioned(bus).read(topic, after=start))
        assert [one.envelope for one in found if one.envelope is not None] == [fact(topic, "after")]
        (told,) = [one for one in found if one.envelope is None]
        assert told.trouble is not None
        assert told.place
        assert list(positioned(bus).read(topic, after=moved(start, found))) == []

    def test_b8_a_place_that_is_not_there_is_told_and_then_all_is_read(
        self, bus: ControlBus, topic: str, unknown: str
    ) -> None:
        sent = [fact(topic, f"m{n}", key="one") for n in range(3)]
        publish_all(bus, sent)
        (shard,) = moved({}, positioned(bus).read(topic))
        first, *rest = positioned(bus).read(topic, after={shard: unknown})
        assert (first.shard, first.place, first.envelope) == (shard, "", None)
        assert first.trouble is not None
        assert first.trouble.code is ReasonCode.BUS_POSITION_LOST
        assert [one.envelope for one in rest] == sent


def positioned(bus: ControlBus) -> Positioned:
    """The bus, which must have positions."""
    assert isinstance(bus, Positioned)
    return bus


def facts(topic: str, count: int) -> list[Envelope]:
    """Facts of three runs, each with a home of its own, published one after another."""
    return [
        attrs.evolve(
            fact(topic, f"m{n}", key=f"run-{n % 3}", home=HOMES[n % 3]),
            published_at_utc=f"2026-01-31T13:42:{n:02}.000000Z",
        )
        for n in range(count)
    ]


def moved(at: Positions, found: Iterable[Kept]) -> dict[str, str]:
    """The positions of who has read so far."""
    return {**at, **{one.shard: one.place for one in found}}


def read_on(bus: ControlBus, topic: str, at: Positions) -> tuple[list[Envelope], dict[str, str]]:
    """All that came behind the positions, none of it unreadable; and the positions behind it."""
    found = list(positioned(bus).read(topic, after=at))
    assert [one.trouble for one in found if one.trouble is not None] == []
    return [one.envelope for one in found if one.envelope is not None], moved(at, found)


def by_key(envelopes: Iterable[Envelope]) -> dict[str, list[Envelope]]:
    """The envelopes of each partition key, in their order."""
    found: dict[str, list[Envelope]] = {}
    for one in envelopes:
        found.setdefault(one.partition_key, []).append(one)
    return found
