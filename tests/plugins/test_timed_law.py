"""Laws that are objects of the caller's process: one that does not end keeps nobody, short of a hang in C."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sr_domain.evidence.law_call import LawFault, law_digest
from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.isolation.provide import Isolating, Isolation
from sr_ports import BundleView, EvidenceFault, LeaseLost, ReasonCode, hookimpl
from tests.domain.test_law_view import FILES, bundle

WHOLE = hashlib.sha256(b"".join(FILES[path] for path in sorted(FILES) if path.startswith("gate/"))).hexdigest()


def nobody() -> Any:
    raise AssertionError("no worker is needed")


def provided(work: Callable[[BundleView], Any], limit_s: float = 20.0, isolation: Isolation = "foreign") -> ProvidedLaw:
    """The law as the host provides it that a plugin object gave."""
    plugin = SimpleNamespace(
        sr_hashing_laws=hookimpl(lambda: [SimpleNamespace(kind="mine", digest=work)]), distribution="acme", version="7"
    )
    host = PluginHost.discover(points=[], plugins=[plugin])
    return host.laws(Isolating(isolation, limit_s, nobody).provide)["mine"]


def sound(bundle: BundleView) -> Any:
    return bundle.sha256(one.path for one in bundle.files())


def streamed(bundle: BundleView) -> Any:
    whole = hashlib.sha256()
    for one in bundle.files():
        if one.path == "_passed.flag":
            whole.update(FILES["gate/_passed.flag"])
        else:
            for chunk in bundle.stream(one.path):
                whole.update(chunk)
    return whole.hexdigest()


def spins(bundle: BundleView) -> Any:
    while True:
        pass


def sleeps(bundle: BundleView) -> Any:
    time.sleep(600)


def flood(bundle: BundleView) -> Any:
    while True:
        bundle.files()


def swallows(bundle: BundleView) -> Any:
    while True:
        try:
            bundle.files()
        except BaseException:  # noqa: BLE001 - an attack
            time.sleep(0.01)


@pytest.mark.parametrize("law", [sound, streamed])
@pytest.mark.parametrize("isolation", ["foreign", "none", "all"])
def test_a_sound_law_judges_in_the_callers_process_whatever_the_isolation(law: Any, isolation: Isolation) -> None:
    made = provided(law, isolation=isolation)
    assert made.runs_in is RunsIn.CALLER
    assert law_digest(made, bundle()) == WHOLE


@pytest.mark.parametrize("law", [spins, sleeps, flood, swallows])
def test_a_law_that_does_not_end_is_left_behind(law: Any) -> None:
    with pytest.raises(LawFault) as caught:
        law_digest(provided(law, limit_s=0.3), bundle())
    assert caught.value.code is ReasonCode.LAW_TIMEOUT
    assert caught.value.what == "the law mine of acme 7 was ended: it ran for more than 0.3 s"


def test_the_parents_reading_is_not_the_laws_own_time() -> None:
    made = bundle(guard=lambda read: time.sleep(0.4 if read else 0.0))
    assert law_digest(provided(sound, limit_s=1.0), made) == WHOLE


def test_a_lease_that_is_lost_ends_a_law_that_spins() -> None:
    lost = LeaseLost("run", 1)

    def guard(read: int) -> None:
        raise lost

    with pytest.raises(LeaseLost) as caught:
        law_digest(provided(spins), bundle(guard=guard))
    assert caught.value is lost


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_what_a_law_raises_is_its_own_fault(error: BaseException) -> None:
    def raises(bundle: BundleView) -> Any:
        raise error

    with pytest.raises(LawFault) as caught:
        law_digest(provided(raises), bundle())
    assert caught.value.code is ReasonCode.LAW_FAILED
    assert type(error).__name__ in caught.value.what


def test_what_the_view_raises_and_what_the_law_says_of_the_evidence_passes() -> None:
    with pytest.raises(EvidenceFault) as escaped:
        law_digest(provided(lambda bundle: bundle.sha256(["../x"])), bundle())
    assert escaped.value.code is ReasonCode.PATH_ESCAPES


@attrs.frozen
class Interrupts:
    """Raises the keyboard's signal while a law is at work in another thread."""

    def __call__(self, bundle: BundleView) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(600)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_a_signal_ends_the_wait_for_a_law() -> None:
    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            law_digest(provided(Interrupts()), bundle())
    finally:
        signal.signal(signal.SIGINT, before)
