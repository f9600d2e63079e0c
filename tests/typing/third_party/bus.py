"""A control bus that keeps its envelopes in a list of this process."""

from collections.abc import Iterator, Sequence

import attrs

from sr_ports import Adapter, ControlBus, Envelope, Wiring, hookimpl


class ListBus:
    """`ControlBus` that follows nothing: `tail` ends where the list does."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: list[Envelope] = []

    def publish(self, envelope: Envelope) -> None:
        self._kept.append(envelope)

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        del follow
        kept = list(self._kept) if from_start else []
        return (one for one in kept if one.topic == topic)

    def describe(self) -> str:
        return self._name

    def close(self) -> None:
        self._kept.clear()


@attrs.frozen
class Settings:
    """The keys of the profile's section."""

    name: str = "list"


def build(wiring: Wiring[Settings]) -> ListBus:
    """The bus of a profile."""
    return ListBus(wiring.settings.name)


ADAPTERS = [Adapter("list", build, settings=Settings)]


@hookimpl
def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
    return ADAPTERS
