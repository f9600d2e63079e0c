"""A control bus that keeps its envelopes in a list of this process."""

from collections.abc import Iterator, Mapping, Sequence

from sr_ports import Adapter, ControlBus, Envelope, Wiring, hookimpl


class ListBus:
    """`ControlBus` that follows nothing: `tail` ends where the list does."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._name = str(settings.get("name", "list"))
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


def build(wiring: Wiring) -> ListBus:
    """The bus of a profile."""
    return ListBus(wiring.settings)


ADAPTERS = [Adapter("list", build, settings=frozenset({"name"}))]


@hookimpl
def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
    return ADAPTERS
