"""In the worker: the view of a bundle that a law is given, which asks the parent for everything."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_args

from sr_plugins.isolation.frames import JSON, Pipe, pages, receive, send_json
from sr_ports import BundleFile, CutShort, EvidenceFault, IndexEntry, Params, ReasonCode, VerificationMethod
from sr_ports.laws import PathBase

_LONGEST = 1 << 15


class Absent(Exception):
    """The bundle, or its index, is not there."""


class Channel:
    """One question at a time to the parent, and its answer. `raised`: the last error that an answer was."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._lock = threading.RLock()
        self._busy = False
        self.over = False
        self.raised: BaseException | None = None
        self.left: list[int] = []
        """Streams that nobody reads any more; told with the next question."""

    def ask(self, question: dict[str, Any], *more: dict[str, Any]) -> Any:
        """The answer: bytes, or a mapping. Raises what the parent says is to be raised."""
        return self._exchange(question, more, self._answer)

    def rows(self, question: dict[str, Any]) -> list[Any]:
        """An answer that comes in pages, whole."""
        return self._exchange(question, (), self._rows)  # type: ignore[no-any-return]

    def _exchange(self, question: dict[str, Any], more: Iterable[dict[str, Any]], take: Callable[[], Any]) -> Any:
        with self._lock:
            if self.over or self._busy:
                raise RuntimeError("the view may be asked while its law judges, one question at a time")
            self._busy = True
            try:
                left, self.left = self.left, []
                send_json(self._pipe, {**question, "left": left} if left else question)
                for page in more:
                    send_json(self._pipe, page)
                return take()
            finally:
                self._busy = False

    def _rows(self) -> list[Any]:
        found: list[Any] = []
        while True:
            page = self._answer()
            found += page["rows"]
            if not page["more"]:
                return found

    def _answer(self) -> Any:
        kind, data = receive(self._pipe)
        if kind != JSON:
            return data
        node = json.loads(data)
        if "raise" in node:
            self.raised = _error(node)
            raise self.raised
        return node


def _error(node: dict[str, Any]) -> BaseException:
    match node["raise"]:
        case "fault":
            kind = CutShort if node["cut_short"] else EvidenceFault
            return kind(ReasonCode(node["code"]), node["what"], node["path"])
        case "refused":
            return PermissionError(node["what"])
    return Absent(node["what"])


class View:
    """Implements `sr_ports.BundleView` in a worker."""

    def __init__(self, channel: Channel, method: VerificationMethod) -> None:
        self._channel = channel
        self.method = method

    @property
    def params(self) -> Params:
        return self.method.params

    def files(self) -> Sequence[BundleFile]:
        return [BundleFile(path, size) for path, size in self._channel.rows({"ask": "files"})]

    def index(self) -> Sequence[IndexEntry]:
        return [IndexEntry(*row) for row in self._channel.rows({"ask": "index"})]

    def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
        _check_named([path], base)
        return Chunks(self._channel, self._channel.ask({"ask": "stream", "path": path, "base": base})["stream"])

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        named = list(paths)
        _check_named(named, base)
        answer = self._channel.ask({"ask": "sha256", "base": base}, *pages((path, path) for path in named))
        return str(answer["sha256"])


def _check_named(paths: Iterable[object], base: object) -> None:
    """Raise for what names nothing, before the parent is asked: that is the law's own fault."""
    if base not in get_args(PathBase):
        raise TypeError(f"{base!r} is no base of paths")
    for path in paths:
        if not isinstance(path, str):
            raise TypeError(f"a path is a str, not {type(path).__name__}")
        if len(path) > _LONGEST:
            raise ValueError(f"no path has {len(path)} characters")
        path.encode()  # raises for half of a surrogate pair


class Chunks(Iterator[bytes]):
    """A member's bytes. An error ends them for good: whoever asks on is given it again."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel, self._number = channel, number
        self._ended: BaseException | None = None

    def __next__(self) -> bytes:
        if self._ended is None:
            try:
                answer = self._channel.ask({"ask": "more", "stream": self._number})
            except BaseException as error:
                self._ended = error
                raise
            if isinstance(answer, bytes):
                return answer
            self._ended = StopIteration()
        raise self._ended

    def __del__(self) -> None:
        if self._ended is None:
            self._channel.left.append(self._number)
