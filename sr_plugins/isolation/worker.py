"""The worker: a process that loads one plugin and judges by its laws, for the parent that started it.

``python -m sr_plugins.isolation.worker PARENT_PID``: questions come on descriptor 0 and answers go to descriptor 1,
as `frames` says. It has neither the profile nor a root: bytes and names come from the parent alone. What the
plugin prints goes to stderr. It ends when the parent does, whatever its law is at.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import sys
import threading
from collections.abc import Iterable
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from typing import Any

import attrs

from sr_domain.evidence.law_traits import traits_of
from sr_plugins.host.loading import (
    UNKNOWN,
    Found,
    OffersNothing,
    PluginError,
    Source,
    Tell,
    absent,
    ask,
    canonical,
    load,
)
from sr_plugins.host.local_file import load_file
from sr_plugins.isolation.asking import Channel, View
from sr_plugins.isolation.frames import (
    ENTRY_TEXT,
    MEMBERS_TEXT,
    MOST_MEMBERS,
    TOO_MANY_MEMBERS,
    Ended,
    Pipe,
    pages,
    receive,
    send_json,
)
from sr_plugins.isolation.offered import told_of_law
from sr_ports import (
    CutShort,
    EvidenceFault,
    HashingLaw,
    IndexEntry,
    Params,
    ReasonCode,
    SrError,
    Unreachable,
    VerificationMethod,
    one_line,
)
from sr_ports.errors import described, foreseen
from sr_ports.hooks import PROJECT

_LONGEST_ANSWER = 1 << 14
_LONGEST_ENTRY = 32 << 10
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


def main(parent: int) -> None:
    """Serve until the parent closes its end."""
    _end_with(parent)
    reading, writing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.pop("PYTHONPATH", None)
    threading.Thread(target=_end_when_closed, args=(reading,), daemon=True).start()
    try:
        _serve(_Pipe(reading, writing))
    except Ended:
        os._exit(0)


@attrs.frozen
class _Pipe:
    """The pipes to the parent."""

    reading: int
    writing: int

    def read(self, size: int) -> bytes:
        return os.read(self.reading, size)

    def write(self, data: memoryview) -> int:
        return os.write(self.writing, data)


def _end_with(parent: int) -> None:
    """Have the kernel end this process when the parent's ends, also while a law hangs in C."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _end_when_closed(reading: int) -> None:
    """The same where the kernel is not asked: the parent's end of the pipe closes with it."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(reading, 0)
        poll.poll()
        os._exit(0)


def _serve(pipe: Pipe) -> None:
    laws: dict[str, HashingLaw] = {}
    while True:
        node = json.loads(receive(pipe)[1])
        if "plugin" in node:
            answer = _loaded(node["plugin"], laws)
        else:
            law, flag = laws.get(node["judge"]), _flag(pipe, node["flag"])
            answer = {"failed": "its plugin has no such law any more"}
            if law is not None:
                of = flag if node["question"] in ("stated", "members") else None
                answer = _judged(law, Channel(pipe), _method(node["method"]), node["question"], of)
        rows = answer.pop("items", None)
        try:
            for page in [answer] if rows is None else pages(rows):
                send_json(pipe, page)
        except ValueError:  # a lone surrogate in what it says
            send_json(pipe, {"failed": "its answer is no text"})


def _flag(pipe: Pipe, size: int) -> bytes:
    """The flag's bytes, which follow the question."""
    held = io.BytesIO()
    while held.tell() < size:
        held.write(receive(pipe)[1])
    return held.getvalue()


def _loaded(plugin: dict[str, Any], laws: dict[str, HashingLaw]) -> dict[str, Any]:
    """Load the plugin; the kinds of its laws, or why there are none."""
    notes: list[str] = []
    try:
        found = _offers(plugin, notes.append)
    except PluginError as error:
        return {"failed": f"its plugin {one_line(str(error))}"}
    except OffersNothing as nothing:
        return {"nothing": one_line(str(nothing))}
    except KeyboardInterrupt as error:  # the plugin's own: no terminal reaches a worker
        return {"failed": f"its plugin cannot be imported: {one_line(described(error))}"}
    laws.update({one.name: one.offer for one in found if one.port == "law"})
    try:
        said = [told_of_law(kind, traits_of(law)) for kind, law in sorted(laws.items())]
    except Exception as error:  # noqa: BLE001 - of whatever class: a property of a plugin's class may raise anything
        return {"failed": f"its plugin cannot be asked: {one_line(described(error))}"}
    adapters = [_told_of(one) for one in found if one.port != "law"]
    return {"laws": said, "adapters": adapters, "notes": notes}


def _told_of(found: Found) -> dict[str, Any]:
    """What is said of an adapter to whoever has not imported its plugin. `lacks`: libraries that are not installed."""
    made = found.offer
    lacks = [module for module in made.requires if absent(module)]
    return {"port": found.port, "name": made.name, "lacks": lacks, "extra": made.extra, "schemes": list(made.schemes)}


def _offers(plugin: dict[str, Any], tell: Tell) -> list[Found]:
    source = Source(**plugin)
    if source.file is not None:
        return ask(load_file(source.file, source.version), source, tell)
    here = _version_here(source)
    if here not in (None, source.version):
        raise PluginError(f"was exchanged: {source.distribution} is of version {here} by now")
    name, _, value = source.entry_point.partition(" = ")
    return load(EntryPoint(name, value, PROJECT), source, tell)


def _version_here(source: Source) -> str | None:
    """The version of a plugin's distribution that is installed by now; None where that cannot be told."""
    if UNKNOWN in (source.distribution, source.version):
        return None
    try:
        return version(canonical(source.distribution))
    except PackageNotFoundError:
        return None


def _method(node: dict[str, Any]) -> VerificationMethod:
    excluded, params = tuple(node.pop("exclude_filenames")), Params(node.pop("params"))
    return VerificationMethod(**node, exclude_filenames=excluded, params=params)


def _judged(
    law: HashingLaw, channel: Channel, method: VerificationMethod, question: str, flag: bytes | None
) -> dict[str, Any]:
    """What the law makes of the bundle, or of its flag where that is given."""
    try:
        answer: Any = getattr(law, question)(View(channel, method) if flag is None else flag)
        if question in ("members", "notes"):
            told = answer if question == "members" else (one for one in answer if isinstance(one, str))
            return {"items": _items(told)}
    except BaseException as error:  # noqa: BLE001 - of whatever class: a plugin may raise SystemExit, too
        return _told(error, channel)
    finally:
        channel.over = True
    sound = isinstance(answer, str) and len(answer) <= _LONGEST_ANSWER
    return {"answer": str(answer) if sound else None}


def _items(answer: Iterable[Any]) -> list[tuple[str, Any]]:
    """Members or notes, each with the text by which its length is known."""
    found: list[tuple[str, Any]] = []
    size = 0
    for one in answer:
        text, row = (one, one) if isinstance(one, str) else _row(one)
        size += len(text) + ENTRY_TEXT
        if len(found) >= MOST_MEMBERS or size > MEMBERS_TEXT:
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, TOO_MANY_MEMBERS)
        found.append((text, row))
    return found


def _row(entry: Any) -> tuple[str, Any]:
    if not isinstance(entry, IndexEntry) or not isinstance(entry.path, str):
        raise TypeError(f"a member is an IndexEntry, not {type(entry).__name__}")
    row = [entry.path, entry.sha256_hex, entry.claim]
    if len(entry.path) + len(str(entry.sha256_hex)) + len(str(entry.claim)) > _LONGEST_ENTRY:
        raise EvidenceFault(ReasonCode.NAME_TOO_LONG, f"the flag has an entry of more than {_LONGEST_ENTRY} characters")
    return entry.path + str(entry.claim), row


def _told(error: BaseException, channel: Channel) -> dict[str, Any]:
    if error is channel.raised:
        return {"passed": True}
    if isinstance(error, EvidenceFault | Unreachable) and foreseen(error):
        return _foreseen(error)
    return {"failed": one_line(described(error))}


def _foreseen(error: SrError) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.code.value, "what": error.what}
    if isinstance(error, Unreachable):
        return {"unreachable": {**told, "remedy": error.remedy}}
    path = getattr(error, "path", None)
    where = one_line(path) if isinstance(path, str) else None
    return {"fault": {**told, "path": where, "cut_short": isinstance(error, CutShort)}}


if __name__ == "__main__":
    main(int(sys.argv[1]))
