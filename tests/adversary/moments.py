"""Something is done to a world at a known moment: right before a name is opened, a folder listed, or a request sent.

The interpreter tells audit hooks of every such call, whatever code makes it, so an attack knows nothing of that code.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

LISTING = "a listing"
_VERBS = (b"GET ", b"HEAD ", b"POST ")


@attrs.define(eq=False)
class Moments:
    """The moments of one command. `names`: base names of files, or parts of request lines, that count.

    `act`: what is done once, at moment number `at`, or at the first one after a moment about the name `after`.
    `seen`: what each moment so far was about. `failed`: what `act` raised: an attack that did not happen shows nothing.
    """

    names: Collection[str]
    at: int | None = None
    act: Callable[[], object] = lambda: None
    seen: list[str] = attrs.field(factory=list)
    after: str | None = None
    failed: BaseException | None = None
    _turn: threading.RLock = attrs.field(factory=threading.RLock)
    _busy: bool = False

    def tell(self, what: str) -> None:
        """Another moment; the act happens in it, while whoever came to it waits."""
        with self._turn:
            if self._busy:
                return
            due = self.at == len(self.seen) or self.after in self.seen
            self.seen.append(what)
            if not due:
                return
            self.at = self.after = None
            self._busy = True
            try:
                self.act()
            except BaseException as error:  # noqa: BLE001 - raised again by `watched`
                self.failed = error
            finally:
                self._busy = False

    def first(self, name: str) -> int:
        """The number of the first moment that was about `name`."""
        return self.seen.index(name)


_watching: list[Moments] = []
_hooked: list[bool] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _watching or event not in ("open", "os.scandir", "os.listdir", "http.client.send"):
        return
    watch = _watching[-1]
    if event == "http.client.send":
        _sent(watch, args[1])
    elif event == "open":
        name = Path(os.fsdecode(args[0])).name if isinstance(args[0], str | bytes | os.PathLike) else ""
        if name in watch.names:
            watch.tell(name)
    elif isinstance(args[0], int) or (isinstance(args[0], str) and _world_in(args[0])):
        watch.tell(LISTING)


def _sent(watch: Moments, data: object) -> None:
    line = bytes(data).split(b"\r\n", 1)[0] if isinstance(data, bytes | bytearray) else b""
    if line.startswith(_VERBS):
        asked = line.decode("ascii", "replace")
        for name in watch.names:
            if name in asked:
                watch.tell(LISTING if "list-type" in asked else name)
                return


def _world_in(folder: str) -> bool:
    return "engine" in Path(folder).parts


@contextmanager
def watched(moments: Moments) -> Iterator[Moments]:
    """Those moments count while the block runs, on every thread of this process."""
    if not _hooked:
        sys.addaudithook(_hook)  # it can never be taken away again; without a watch it does nothing
        _hooked.append(True)
    _watching.append(moments)
    try:
        yield moments
    finally:
        _watching.remove(moments)
    if moments.failed is not None:
        raise moments.failed
