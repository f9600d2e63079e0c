"""The parent's side of one judgement: what the law asks for is read here, and nothing of it is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import attrs

from sr_domain.encoding.strict_json import strict_loads
from sr_domain.evidence.bundle import BundleAbsent
from sr_domain.evidence.provided_law import LawStopped, Question
from sr_plugins.isolation.frames import (
    CHUNK,
    ENTRY_TEXT,
    JSON,
    MEMBERS_TEXT,
    MESSAGE,
    MOST_MEMBERS,
    TOO_MANY_MEMBERS,
    Garbled,
    pages,
    receive,
    send_bytes,
    send_json,
)
from sr_plugins.isolation.offered import GivesNothing, Offered, Unloaded, adapter, law
from sr_plugins.isolation.process import Worker
from sr_plugins.isolation.watch import Reads, Watch
from sr_ports import (
    BadInput,
    BundleView,
    CutShort,
    EvidenceFault,
    IndexEntry,
    ReasonCode,
    Unreachable,
    VerificationMethod,
    one_line,
)
from sr_ports.laws import PathBase

STREAMS = 256
"""Files that a law may go through side by side."""
NAMED = 64 << 20
"""Characters of all paths together that a law may ask one digest of."""
_BASES: tuple[PathBase, ...] = ("bundle_root", "run_root")
_MANY = ("members", "notes")
_ABOUT_EVIDENCE = (EvidenceFault, BundleAbsent, PermissionError)


class Raised(Exception):
    """The law's own last word was an error. The conversation is over, and the worker may have another."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = [error]

    def taken(self) -> BaseException:
        """The error, once: this one is its context, and each would keep the other and all that they went through."""
        return self._error.pop()


def loaded(worker: Worker) -> Offered:
    """Have the worker load its plugin; what that gives. Raises `LawStopped`, `Ended`, `Garbled`."""
    send_json(worker, {"plugin": attrs.asdict(worker.source)})
    match _node(worker):
        case {"laws": list(laws), "adapters": list(adapters), "notes": list(notes)}:
            told = tuple(map(one_line, map(str, notes)))
            return Offered(tuple(map(law, laws)), tuple(map(adapter, adapters)), told)
        case {"nothing": str(why)}:
            raise GivesNothing(one_line(why))
        case {"failed": str(why)}:
            raise Unloaded(one_line(why))
    raise Garbled("an answer that is none")


@attrs.frozen
class Asked:
    """What a law of that kind is asked. `flag`: the gate's, for what is asked of a flag."""

    kind: str
    question: Question = "digest"
    flag: bytes = b""


class Conversation:
    """One law, one bundle. Raises from `judged` what ends the run's look, `Ended` and `Garbled`."""

    def __init__(self, worker: Worker, view: BundleView, watch: Watch) -> None:
        self._worker, self._view, self._reads = worker, view, Reads(watch)
        self._streams: dict[int, tuple[Iterator[bytes], bool]] = {}
        self._number = 0
        self._last: BaseException | None = None
        self._question: Question = "digest"

    def judged(self, asked: Asked) -> Any:
        """What the law answers. Raises `Raised`, and what the world raises."""
        self._question = asked.question
        told = {"judge": asked.kind, "question": asked.question, "flag": len(asked.flag)}
        send_json(self._worker, {**told, "method": _method(self._view.method)})
        for at in range(0, len(asked.flag), CHUNK):
            send_bytes(self._worker, asked.flag[at : at + CHUNK])
        while True:
            node = _node(self._worker)
            if "ask" not in node:
                return self._final(node)
            for left in _numbers(node.get("left", [])):
                self._streams.pop(left, None)
            try:
                self._serve(node)
            except _ABOUT_EVIDENCE as error:
                self._last = error
                send_json(self._worker, _raise(error))

    def _serve(self, node: dict[str, Any]) -> None:
        match node:
            case {"ask": "files"}:
                files = self._read("files", self._view.files)
                self._rows((one.path, [one.path, one.size]) for one in files)
            case {"ask": "index"}:
                entries = self._read("index", self._view.index)
                self._rows((one.path + (one.claim or ""), [one.path, one.sha256_hex, one.claim]) for one in entries)
            case {"ask": "stream", "path": str(path), "base": base} if base in _BASES:
                self._open(path, base)
            case {"ask": "more", "stream": int(number)} if number in self._streams:
                self._more(number)
            case {"ask": "sha256", "base": base} if base in _BASES:
                self._digest(base)
            case _:
                raise Garbled("a question that there is not")

    def _rows(self, rows: Iterator[tuple[str, Any]]) -> None:
        for page in pages(rows):
            send_json(self._worker, page)

    def _read(self, what: str, work: Callable[[], Any]) -> Any:
        return self._reads.timed(self._reads.first((what,)), work)

    def _open(self, path: str, base: PathBase) -> None:
        if len(self._streams) >= STREAMS:
            raise LawStopped(f"it has more than {STREAMS} files open at once")
        stream = self._view.stream(path, base=base)
        self._number += 1
        self._streams[self._number] = (stream, self._reads.first_of(base, path))
        send_json(self._worker, {"stream": self._number})

    def _more(self, number: int) -> None:
        chunks, free = self._streams[number]
        try:
            chunk = self._reads.timed(free, lambda: next(chunks, None))
        except BaseException:
            del self._streams[number]
            raise
        if chunk is None:
            del self._streams[number]
            send_json(self._worker, {"end": True})
        else:
            self._chunk(chunk, number, free)

    def _chunk(self, chunk: bytes, number: int, free: bool) -> None:
        """Send a chunk; what is longer than a frame holds is sent in the answers to the questions after this one."""
        if len(chunk) > CHUNK:
            self._streams[number] = (_before(chunk[CHUNK:], self._streams[number][0]), free)
        send_bytes(self._worker, chunk[:CHUNK])

    def _digest(self, base: PathBase) -> None:
        paths = list(self._paths())
        first = [self._reads.first_of(base, path) for path in paths]
        digest = self._reads.timed(all(first), lambda: self._view.sha256(paths, base=base))
        send_json(self._worker, {"sha256": digest})

    def _paths(self) -> Iterator[str]:
        size, more = 0, True
        while more:
            node = _node(self._worker)
            rows, more = node.get("rows"), node.get("more") is True
            if not isinstance(rows, list) or not all(isinstance(one, str) for one in rows):
                raise Garbled("paths that are none")
            size += sum(len(one) + 1 for one in rows)
            if size > NAMED:
                raise LawStopped(f"it asks one digest of paths of more than {NAMED} characters")
            yield from rows

    def _passed(self, last: BaseException) -> Raised:
        """What the view raised and the law let pass; it is kept here no longer."""
        self._last = None
        return Raised(last)

    def _many(self, node: dict[str, Any]) -> list[Any]:
        """What the law answers with many of, page by page."""
        found: list[Any] = []
        size = 0
        while True:
            rows, more = node.get("rows"), node.get("more") is True
            if not isinstance(rows, list):
                raise Garbled("a page that is none")
            found += map(_entry, rows)
            size += sum(len(str(one)) + ENTRY_TEXT for one in rows)
            if len(found) > MOST_MEMBERS or size > MEMBERS_TEXT:
                raise Raised(EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, TOO_MANY_MEMBERS))
            if not more:
                return found
            node = _node(self._worker)

    def _final(self, node: dict[str, Any]) -> Any:
        match node:
            case {"answer": answer} if self._question not in _MANY:
                return answer
            case {"rows": list()} if self._question in _MANY:
                return self._many(node)
            case {"passed": True} if self._last is not None:
                raise self._passed(self._last)
            case {"fault": {"code": str(code), "what": str(what), "path": path, "cut_short": cut_short}}:
                kind = CutShort if cut_short is True else EvidenceFault
                raise Raised(kind(_code(code), what, path if isinstance(path, str) else None))
            case {"unreachable": {"code": str(code), "what": str(what), "remedy": str(remedy)}}:
                raise Raised(Unreachable(_code(code), what, remedy))
            case {"failed": str(why)}:
                raise Raised(LawStopped(one_line(why)))
        raise Garbled("an answer that is none")


def _entry(row: Any) -> Any:
    """A member, or a note, as a worker tells it."""
    match row:
        case [str(path), str() | None as digest, str() | None as claim]:
            return IndexEntry(path, digest, claim)
        case str(note):
            return note
    raise Garbled("a member that is none")


def _before(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _node(worker: Worker) -> dict[str, Any]:
    """The next message of a worker. Raises `Ended`, `Garbled`."""
    kind, data = receive(worker)
    if kind != JSON:
        _garbled()
    try:
        node = strict_loads(data, what="a law's message", max_bytes=MESSAGE, max_depth=4)
    except BadInput as error:
        raise Garbled(error.what) from error
    return node if isinstance(node, dict) else _garbled()


def _garbled() -> NoReturn:
    raise Garbled("a message that is none")


def _numbers(node: Any) -> list[int]:
    return [one for one in node if isinstance(one, int)] if isinstance(node, list) else _garbled()


def _raise(error: BaseException) -> dict[str, Any]:
    if isinstance(error, EvidenceFault):
        told = {"raise": "fault", "code": error.code.value, "what": error.what, "path": error.path}
        return {**told, "cut_short": isinstance(error, CutShort)}
    if isinstance(error, PermissionError):
        return {"raise": "refused", "what": str(error)}
    return {"raise": "absent", "what": str(error)}


def _code(text: str) -> ReasonCode:
    try:
        return ReasonCode(text)
    except ValueError:
        raise Garbled("a reason code that there is not") from None


def _method(method: VerificationMethod) -> dict[str, Any]:
    params = method.params.document()
    return {
        "kind": method.kind,
        "digest_field": method.digest_field,
        "ordering": method.ordering,
        "path_base": method.path_base,
        "exclude_filenames": list(method.exclude_filenames),
        "params": params,
    }
