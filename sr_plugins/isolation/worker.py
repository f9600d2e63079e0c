"""The worker: a process that loads one plugin and judges by its laws, for the parent that started it.

``python -m sr_plugins.isolation.worker PARENT_PID``: questions come on descriptor 0 and answers go to descriptor 1,
as `frames` says. It has neither the profile nor a root: bytes and names come from the parent alone. What the
plugin prints goes to stderr. It ends when the parent does, whatever its law is at.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from typing import Any

import attrs

from sr_plugins.host.loading import UNKNOWN, Found, OffersNothing, PluginError, Source, absent, ask, canonical, load
from sr_plugins.host.local_file import load_file
from sr_plugins.isolation.asking import Channel, View
from sr_plugins.isolation.frames import Ended, Pipe, receive, send_json
from sr_ports import EvidenceFault, HashingLaw, Params, SrError, Unreachable, VerificationMethod, one_line
from sr_ports.errors import described, foreseen
from sr_ports.hooks import PROJECT

_LONGEST_DIGEST = 1024
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
            law = laws.get(node["judge"])
            answer = {"failed": "its plugin has no such law any more"}
            if law is not None:
                answer = _judged(law, Channel(pipe), _method(node["method"]))
        try:
            send_json(pipe, answer)
        except ValueError:  # a lone surrogate in what it says
            send_json(pipe, {"failed": "its answer is no text"})


def _loaded(plugin: dict[str, Any], laws: dict[str, HashingLaw]) -> dict[str, Any]:
    """Load the plugin; the kinds of its laws, or why there are none."""
    try:
        found = _offers(plugin)
    except PluginError as error:
        return {"failed": f"its plugin {one_line(str(error))}"}
    except OffersNothing as nothing:
        return {"nothing": one_line(str(nothing))}
    except KeyboardInterrupt as error:  # the plugin's own: no terminal reaches a worker
        return {"failed": f"its plugin cannot be imported: {one_line(described(error))}"}
    laws.update({one.name: one.offer for one in found if one.port == "law"})
    return {"kinds": sorted(laws), "adapters": [_told_of(one) for one in found if one.port != "law"]}


def _told_of(found: Found) -> dict[str, Any]:
    """What is said of an adapter to whoever has not imported its plugin. `lacks`: libraries that are not installed."""
    made = found.offer
    lacks = [module for module in made.requires if absent(module)]
    return {"port": found.port, "name": made.name, "lacks": lacks, "extra": made.extra, "schemes": list(made.schemes)}


def _offers(plugin: dict[str, Any]) -> list[Found]:
    source = Source(**plugin)
    if source.file is not None:
        return ask(load_file(source.file, source.version), source)
    here = _version_here(source)
    if here not in (None, source.version):
        raise PluginError(f"was exchanged: {source.distribution} is of version {here} by now")
    name, _, value = source.entry_point.partition(" = ")
    return load(EntryPoint(name, value, PROJECT), source)


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


def _judged(law: HashingLaw, channel: Channel, method: VerificationMethod) -> dict[str, Any]:
    """What the law made of the bundle."""
    try:
        digest: Any = law.digest(View(channel, method))
    except BaseException as error:  # noqa: BLE001 - of whatever class: a plugin may raise SystemExit, too
        return _told(error, channel)
    finally:
        channel.over = True
    sound = isinstance(digest, str) and len(digest) <= _LONGEST_DIGEST
    return {"digest": str(digest) if sound else None}


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
    return {"fault": {**told, "path": one_line(path) if isinstance(path, str) else None}}


if __name__ == "__main__":
    main(int(sys.argv[1]))
