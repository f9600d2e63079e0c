"""Which platform run this process works in (spec: behaviour, "Identity")."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from sr_adapters import places
from sr_domain.evidence.small_files import unmarked
from sr_plugins.documents.files import create_file
from sr_ports import BadInput, Clock, ReasonCode, Unreachable
from sr_ports.compared import Compared

ENV = "PLATFORM_RUN_ID"
FILE = "ACTIVE_RUN_ID"
FOLDER = "fraud-platform"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_LONGEST_FILE = 4096


def _checked(value: str, where: str) -> str:
    if not _ID.fullmatch(value):
        what = f"{where} holds {value!r}, which is no platform run id"
        remedy = "use 1 to 128 letters, digits, '_', '.' or '-', the first a letter or digit"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, remedy)
    return value


def _fixed(value: str) -> str:
    return _checked(value, "the platform run id")


@attrs.frozen(eq=False, repr=False)
class FixedPlatformRuns(Compared):
    """Always `platform_run_id`. Raises `BadInput` when it cannot be one."""

    platform_run_id: str = attrs.field(converter=_fixed)

    def current(self) -> str | None:
        """The id."""
        return self.platform_run_id

    def ensure(self) -> str:
        """The id."""
        return self.platform_run_id


@attrs.frozen(eq=False, repr=False)
class FilePlatformRuns(Compared):
    """The id that env PLATFORM_RUN_ID names, else the ACTIVE_RUN_ID file, else a new one.

    The file is ``<runtime_root>/ACTIVE_RUN_ID`` where an operator put one there, else
    ``<runtime_root>/fraud-platform/ACTIVE_RUN_ID``, which `ensure` makes: once, durably, and
    of any number of processes all get the same id. Raises `BadInput` for an id that could not
    name a folder or a file system that cannot keep truth, `Unreachable` when the file system fails.
    """

    runtime_root: str
    env: Mapping[str, str]
    clock: Clock

    def current(self) -> str | None:
        """The platform run id, or None when none was ever made here. Writes nothing."""
        if self.env.get(ENV):
            return _checked(self.env[ENV], f"env {ENV}")
        return _read(f"{self.runtime_root}/{FILE}") or _read(f"{self.runtime_root}/{FOLDER}/{FILE}")

    def ensure(self) -> str:
        """The platform run id; mints and keeps one when there is none. For submit alone."""
        found = self.current()
        if found is not None:
            return found
        minted = self.clock.now().strftime("platform_%Y%m%dT%H%M%SZ")
        target = Path(self.runtime_root) / FOLDER / FILE
        places.prove(self.runtime_root)
        with _file_system(target):
            create_file(target, f"{minted}\n".encode())
        return _read(str(target)) or minted


def _read(path: str) -> str | None:
    """The id in the file; None when there is certainly no file."""
    with _file_system(path):
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - each submission asks: strings all the way
                data = file.read(_LONGEST_FILE)
        except FileNotFoundError:
            return None
    return _checked(unmarked(data).decode("utf-8", "replace").strip(), path)


@contextlib.contextmanager
def _file_system(path: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        code = ReasonCode.STORE_FULL if full else ReasonCode.STORE_UNREACHABLE
        raise Unreachable(code, f"the platform run file {path} failed: {exc.strerror}") from exc
