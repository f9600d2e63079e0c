"""A law in the caller's process, watched: one that does not end is left behind, and keeps no lease.

It runs in a thread, which is asked to stop when its time is over. One that hangs in C stays behind until it
returns, and one that ends the process ends it: what is to be kept from that runs in a worker.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar
from weakref import proxy

import attrs

from sr_domain.evidence.law_traits import LawTraits, traits_of
from sr_domain.evidence.provided_law import LawStopped, Question
from sr_plugins.isolation.frames import ENTRY_TEXT, MEMBERS_TEXT, MOST_MEMBERS, TOO_MANY_MEMBERS
from sr_plugins.isolation.watch import LOOKS_S, Reads, Watch
from sr_ports import (
    BundleFile,
    BundleView,
    EvidenceFault,
    HashingLaw,
    IndexEntry,
    Params,
    ReasonCode,
    VerificationMethod,
)
from sr_ports.laws import PathBase

_LET_GO_S = 1.0
T = TypeVar("T")


class _Stop(SystemExit):
    """Raised in a law's thread when its time is over; of a kind that ends a thread without a word."""


@attrs.frozen
class TimedLaw:
    """Implements `HashingLaw` and `WatchedLaw` by an object of this process. `limit_s`: seconds of its own time."""

    law: HashingLaw
    limit_s: float

    @property
    def kind(self) -> str:
        return self.law.kind

    @property
    def traits(self) -> LawTraits:
        return traits_of(self.law)

    def digest(self, bundle: BundleView) -> Any:
        return self.watched(bundle, lambda: None)

    def watched(
        self, bundle: BundleView, check: Callable[[], None], question: Question = "digest", flag: bytes = b""
    ) -> Any:
        call = _Call(partial(_answer, self.law, question, flag))
        with Watch(self.limit_s, check=check, alive=lambda: True, end=call.stop) as watch:
            try:
                ended = call.run(timed_view(bundle, Reads(proxy(watch)), call.inside))
            except BaseException:
                call.stop()
                raise
        if watch.refused is not None:
            raise watch.refused
        if watch.late or not ended:
            raise LawStopped(f"it ran for more than {watch.limit_s:g} s", late=True)
        return call.answer()


def _answer(law: HashingLaw, question: Question, flag: bytes, bundle: BundleView) -> Any:
    """What the law says; what it makes one by one is made here, while it is watched."""
    answer = getattr(law, question)(flag if question in ("stated", "members") else bundle)
    return _gathered(answer) if question in ("members", "notes") else answer


def _gathered(answer: Iterable[Any]) -> list[Any]:
    """The items, as far as anybody takes them."""
    found: list[Any] = []
    size = 0
    for one in answer:
        size += len(getattr(one, "path", None) or "") + len(getattr(one, "claim", None) or "") + ENTRY_TEXT
        if len(found) >= MOST_MEMBERS or size > MEMBERS_TEXT:
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, TOO_MANY_MEMBERS)
        found.append(one)
    return found


class _Call:
    """One call of a law in a thread of its own."""

    def __init__(self, ask: Callable[[BundleView], Any]) -> None:
        self._ask = ask
        self._done, self._over = threading.Event(), threading.Event()
        self._lock, self._reading = threading.Lock(), False
        self._thread: threading.Thread | None = None
        self._answer: Any = None
        self._error: BaseException | None = None

    def run(self, bundle: BundleView) -> bool:
        """Call the law, until it answers or is stopped; whether it ended."""
        self._thread = threading.Thread(target=self._work, args=(bundle,), name="sr-law", daemon=True)
        self._thread.start()
        while not self._done.wait(LOOKS_S):
            if self._over.is_set():
                return self._done.wait(_LET_GO_S)
        return True

    def _work(self, bundle: BundleView) -> None:
        try:
            self._answer = self._ask(bundle)
        except BaseException as error:  # noqa: BLE001 - carried to the caller, and raised there
            self._error = error
        finally:
            self._done.set()

    def answer(self) -> Any:
        """What the law answered. Raises what it raised; a KeyboardInterrupt of its own is no signal."""
        if isinstance(self._error, KeyboardInterrupt):
            raise LawStopped("it raised KeyboardInterrupt")
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error  # held here, it would keep this frame and itself
        return self._answer

    def inside(self, work: Callable[[], T]) -> T:
        """Read for the law, which is not stopped meanwhile. A law that asks on after its time is stopped here."""
        with self._lock:
            if self._over.is_set():
                raise _Stop
            self._reading = True
        try:
            return work()
        finally:
            with self._lock:
                self._reading = False

    def stop(self) -> None:
        """Ask the thread to stop."""
        with self._lock:
            self._over.set()
            thread = self._thread
            if self._reading or self._done.is_set() or thread is None or thread.ident is None:
                return
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Stop))


def timed_view(view: BundleView, reads: Reads, inside: Callable[[Callable[[], Any]], Any]) -> BundleView:
    """The view, whose reading is not the law's own time. Nothing more is within reach of it than of `view`."""

    def read(key: tuple[str, ...], work: Callable[[], Any]) -> Any:
        return inside(lambda: reads.timed(reads.first(key), work))

    class View:
        """A bundle, as a law sees it that is watched."""

        __slots__ = ()

        @property
        def method(self) -> VerificationMethod:
            return view.method

        @property
        def params(self) -> Params:
            return view.method.params

        def files(self) -> Sequence[BundleFile]:
            return read(("files",), view.files)  # type: ignore[no-any-return]

        def index(self) -> Sequence[IndexEntry]:
            return read(("index",), view.index)  # type: ignore[no-any-return]

        def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
            chunks: Iterator[bytes] = inside(lambda: view.stream(path, base=base))
            first = reads.first_of(base, path)

            def pull() -> bytes | None:
                return inside(lambda: reads.timed(first, lambda: next(chunks, None)))  # type: ignore[no-any-return]

            return iter(pull, None)

        def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
            named = tuple(paths)
            first = [reads.first_of(base, path) for path in named]
            return inside(lambda: reads.timed(all(first), lambda: view.sha256(named, base=base)))  # type: ignore[no-any-return]

    return View()
