"""Which platform run this process works in (spec: behaviour, "Identity")."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import attrs

from sr_adapters import places
from sr_domain.encoding.bounds import unmarked
from sr_domain.encoding.ids import is_platform_run_id, platform_run_id_at
from sr_plugins.documents.files import create_file, replace_file
from sr_ports import BadInput, Clock, ReasonCode, Unreachable
from sr_ports.compared import Compared

ENV = "PLATFORM_RUN_ID"
FILE = "ACTIVE_RUN_ID"
FOLDER = "fraud-platform"

_READABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_LONGEST_FILE = 4096
_READ = os.O_RDONLY | places.flags("CLOEXEC")


def _checked(value: str, where: str) -> str:
    """An id that may name a folder: of today's form, or of the first release's free one."""
    if not _READABLE.fullmatch(value):
        raise _invalid(value, where)
    return value


def _invalid(value: str, where: str) -> BadInput:
    """What a variable holds is not quoted: it may be a secret that was set by mistake."""
    held = "another value" if where == f"env {ENV}" else f"{value[:128]!r}"
    what = f"{where} holds {held}, and a platform run id is platform_YYYYMMDDTHHMMSSZ, a UTC instant"
    return BadInput(ReasonCode.PLATFORM_RUN_INVALID, what)


def _for_writing(value: str, where: str) -> str:
    """An id of today's form. Raises `BadInput(PLATFORM_RUN_INVALID)`."""
    if not is_platform_run_id(value):
        raise _invalid(value, where)
    return value


def _fixed(value: str) -> str:
    return _checked(value, "the platform run id")


@attrs.frozen(eq=False, repr=False)
class FixedPlatformRuns(Compared):
    """Always `platform_run_id`. Raises `BadInput` when it cannot be one."""

    platform_run_id: str = attrs.field(converter=_fixed)

    def current(self) -> str | None:
        return self.platform_run_id

    def ensure(self) -> str:
        return _for_writing(self.platform_run_id, "the platform run id")

    def begin(self) -> str:
        """Raises `BadInput(USAGE)`: whoever fixed the id makes another one."""
        what = f"the platform run is fixed to {self.platform_run_id} here"
        raise BadInput(ReasonCode.USAGE, what, "build the ports with another platform run id")


def _fresh(clock: Clock, taken: Container[str | None]) -> str:
    """A new id, of this second; where that is taken, of the next one, which is waited for."""
    while (minted := platform_run_id_at(clock.now())) in taken:
        clock.sleep(1.0)
    return minted


@attrs.frozen(eq=False, repr=False)
class FilePlatformRuns(Compared):
    """The id that env PLATFORM_RUN_ID names, else the ACTIVE_RUN_ID file, else a new one.

    The file is ``<runtime_root>/ACTIVE_RUN_ID`` where an operator put one there, else
    ``<runtime_root>/fraud-platform/ACTIVE_RUN_ID``, which `ensure` makes: once, durably, and
    of any number of processes all get the same id. `begin` writes whichever of them counts.
    Raises `BadInput` for what is no platform run id or a file system that cannot keep truth,
    `Unreachable` when the file system fails.
    """

    runtime_root: str
    env: Mapping[str, str]
    clock: Clock

    def current(self) -> str | None:
        return self._named()[0]

    def ensure(self) -> str:
        found, where = self._named()
        if found is not None:
            return _for_writing(found, where)
        minted = platform_run_id_at(self.clock.now())
        target = self._made
        places.prove(self.runtime_root)
        with _file_system(target):
            create_file(target, f"{minted}\n".encode())
        return _for_writing(_read(str(target)) or minted, str(target))

    def begin(self) -> str:
        """Env PLATFORM_RUN_ID, where it is set, goes on ruling the shell that set it."""
        places.prove(self.runtime_root)
        target = self._put if _there(self._put) else self._made
        with _file_system(target):
            taken = {path.name for path in self._made.parent.iterdir()} if self._made.parent.is_dir() else set()
            minted = _fresh(self.clock, {*taken, _text(str(target))})
            replace_file(target, f"{minted}\n".encode())
        return minted

    @property
    def _put(self) -> Path:
        """Where an operator may put the file."""
        return Path(self.runtime_root) / FILE

    @property
    def _made(self) -> Path:
        return Path(self.runtime_root) / FOLDER / FILE

    def _named(self) -> tuple[str | None, str]:
        """The id that is current, and what names it."""
        if self.env.get(ENV):
            return _checked(self.env[ENV], f"env {ENV}"), f"env {ENV}"
        for path in (f"{self.runtime_root}/{FILE}", f"{self.runtime_root}/{FOLDER}/{FILE}"):
            found = _read(path)
            if found is not None:
                return found, path
        return None, ""


def _there(path: Path) -> bool:
    with _file_system(path):
        return path.is_file()


def _text(path: str) -> str | None:
    """What the file holds; None when there is certainly no file. Raises `OSError`."""
    try:
        fd = os.open(path, _READ)  # each submission asks: nothing but the two calls
    except FileNotFoundError:
        return None
    try:
        return unmarked(os.read(fd, _LONGEST_FILE)).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)


def _read(path: str) -> str | None:
    """The id in the file; None when there is certainly no file."""
    try:
        text = _text(path)
    except OSError as exc:
        raise _failed(path, exc) from exc
    return None if text is None else _checked(text, path)


@contextlib.contextmanager
def _file_system(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise _failed(path, exc) from exc


def _failed(path: Path | str, exc: OSError) -> Unreachable:
    full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
    code = ReasonCode.STORE_FULL if full else ReasonCode.STORE_UNREACHABLE
    return Unreachable(code, f"the platform run file {path} failed: {exc.strerror}")
