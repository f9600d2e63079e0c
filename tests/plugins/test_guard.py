"""Adapters of other distributions: what they raise is named, and is no bug of Scenario Runner's."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from sr_adapters.cli import signals
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_plugins.host.loading import PluginError
from sr_plugins.host.plugin_host import PORTS, PluginHost
from sr_ports import Adapter, BadInput, NotFound, ReasonCode, Unreachable, hookimpl
from tests.plugins.test_host import refused


class Rude(BaseException):
    """What a careless plugin may raise."""


class Mute(Exception):
    """One whose own text fails."""

    def __str__(self) -> str:
        raise ZeroDivisionError


class Hollow(NotFound):
    """An error of a port that is none: its class never calls the port's."""

    def __init__(self) -> None:
        pass


RUDE = [
    RuntimeError("no\nlicence"), SystemExit(0), GeneratorExit(), asyncio.CancelledError(), Rude("x"), Mute(), Hollow(),
]  # fmt: skip


def pigeon(build: Any, port: str = "control_bus") -> Adapter[Any]:
    """The adapter `pigeon` of acme-bus 1.2, as the host hands it out."""
    hook = hookimpl(lambda: [Adapter("pigeon", build)])
    plugin = SimpleNamespace(**{PORTS[port]: hook}, distribution="acme-bus", version="1.2")
    return PluginHost.discover(points=[], plugins=[plugin]).adapter(port, "pigeon")


def raises(error: BaseException) -> Any:
    def work(*args: Any) -> Any:
        raise error

    return work


@pytest.mark.parametrize("error", RUDE, ids=lambda error: type(error).__name__)
def test_an_adapter_that_cannot_be_built_is_named_with_its_distribution_and_version(error: BaseException) -> None:
    told = refused(pigeon(raises(error)).build, None)
    assert told.code is ReasonCode.PLUGIN_BROKEN
    assert told.what.startswith("the control_bus adapter 'pigeon' of acme-bus 1.2 cannot be built: ")
    assert type(error).__name__ in told.what


def test_an_adapter_that_builds_nothing_is_refused() -> None:
    assert "its build returned None" in refused(pigeon(lambda wiring: None).build, None).what


def test_a_method_that_an_adapter_lacks_is_its_own_fault_and_any_other_may_be_asked_for() -> None:
    built = pigeon(lambda wiring: object()).build(None)  # type: ignore[arg-type]
    assert not hasattr(built, "migrate")
    with pytest.raises(Unreachable, match="failed in publish: AttributeError"):
        built.publish()


@pytest.mark.parametrize("error", RUDE, ids=lambda error: type(error).__name__)
def test_what_an_adapter_raises_later_is_named_and_may_be_tried_again(error: BaseException) -> None:
    def rows() -> Any:
        yield 1
        raise error

    port = SimpleNamespace(publish=raises(error), tail=rows, close=print, name="x")
    adapter: Any = pigeon(lambda wiring: port)
    built = adapter.build(None)
    assert built.name == "x"
    items = built.tail()
    assert next(items) == 1
    calls: list[Callable[[], Any]] = [lambda: built.publish(1), lambda: next(items)]
    for work in calls:
        with pytest.raises(Unreachable) as caught:
            work()
        assert caught.value.code is ReasonCode.PLUGIN_FAILED
        assert "the control_bus adapter 'pigeon' of acme-bus 1.2 failed in " in caught.value.what


def test_an_error_that_the_port_foresees_passes_as_it_is() -> None:
    gone = NotFound(ReasonCode.RUN_NOT_FOUND, "gone")
    port = SimpleNamespace(publish=raises(gone), tail=print, close=print)
    built = pigeon(lambda wiring: port).build(None)  # type: ignore[arg-type]
    with pytest.raises(NotFound) as caught:
        built.publish()
    assert caught.value is gone
    wrong = BadInput(ReasonCode.PROFILE_INVALID, "control_bus.url is missing")
    assert refused(pigeon(raises(wrong)).build, None) is wrong


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The command line has taken the signals, and none has come."""
    monkeypatch.setattr(signals, "_asked", [])
    monkeypatch.setattr(signals, "_last", [])
    before = signal.signal(signal.SIGINT, signals._ask)
    yield
    signal.signal(signal.SIGINT, before)


def law(error: Any) -> ProvidedLaw:
    """The law `zz_law` of acme-laws 1.2, as the host hands it out."""
    one = SimpleNamespace(kind="zz_law", digest=error if callable(error) else raises(error))
    plugin = SimpleNamespace(sr_hashing_laws=hookimpl(lambda: [one]), distribution="acme-laws", version="1.2")
    return PluginHost.discover(points=[], plugins=[plugin]).laws()["zz_law"]


def interrupted(*args: Any) -> Any:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


@pytest.mark.usefixtures("listening")
def test_a_keyboard_interrupt_that_no_signal_caused_is_the_plugins() -> None:
    told = refused(pigeon(raises(KeyboardInterrupt())).build, None)
    assert told.code is ReasonCode.PLUGIN_BROKEN
    assert told.what.endswith("cannot be built: KeyboardInterrupt")
    with pytest.raises(PluginError, match="it raised KeyboardInterrupt"):
        law(KeyboardInterrupt()).law.digest(None)  # type: ignore[arg-type]
    broken = SimpleNamespace(sr_hashing_laws=hookimpl(raises(KeyboardInterrupt())))
    (one,) = PluginHost.discover(points=[], plugins=[broken]).broken
    assert one.why == "its hook sr_hashing_laws failed: KeyboardInterrupt"


@pytest.mark.usefixtures("listening")
def test_a_signal_that_strikes_in_a_plugin_is_the_users() -> None:
    with pytest.raises(signals.Interrupted):
        pigeon(interrupted).build(None)  # type: ignore[arg-type]
    signals._last.clear()
    with pytest.raises(signals.Interrupted):
        law(interrupted).law.digest(None)  # type: ignore[arg-type]


def test_where_nobody_says_what_a_signal_raises_the_keyboard_is_the_users() -> None:
    with pytest.raises(KeyboardInterrupt):
        law(KeyboardInterrupt()).law.digest(None)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        pigeon(raises(KeyboardInterrupt())).build(None)  # type: ignore[arg-type]
