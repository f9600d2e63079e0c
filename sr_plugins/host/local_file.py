"""Plugins that are one file of this machine, named by ``plugins.load`` in the profile."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sr_plugins.host.admittance import Admittance

from sr_plugins.host.loading import Broken, Found, PluginError, Source, Tell, ask, raised

LOCAL = "local"
"""The distribution that such a plugin is of, as records and views name it; its version is the file's sha256."""
_LARGEST = 16 << 20
_OPENED = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""No link is followed, and nothing waits for who would write to a pipe."""


def source_of(path: str) -> tuple[Source, str | None]:
    """Where the plugin in a file comes from; and why it cannot be used, None where it can be read."""
    where = str(Path(path).absolute())
    try:
        data = _read(where)
    except PluginError as error:
        return Source(LOCAL, "?", where, where), str(error)
    return Source(LOCAL, hashlib.sha256(data).hexdigest(), where, where), None


def asked_of(path: str, admittance: Admittance) -> tuple[Source, Callable[[Tell], list[Found]]] | Broken:
    """A plugin that is one file, and how to ask it; or why it is left out."""
    source, why = source_of(path)

    def offers(tell: Tell) -> list[Found]:
        if why is not None:
            raise PluginError(why)
        return ask(load_file(str(source.file), source.version), source, tell)

    left_out = admittance.left_out(source)
    return (source, offers) if left_out is None else Broken(source, left_out)


def load_file(path: str, sha256: str) -> ModuleType:
    """The module in a file whose digest is known. Raises `PluginError`, also for one that has changed since."""
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PluginError(f"was exchanged: {path} is another file by now")
    module = ModuleType(f"sr_local_{sha256[:16]}")
    module.__file__ = path
    try:
        code = compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise PluginError(f"cannot be imported: {path} is no Python: {raised(error)}") from error
    sys.modules[module.__name__] = module
    try:
        exec(code, vars(module))  # noqa: S102 - the profile names it to be run
    except BaseException as error:
        del sys.modules[module.__name__]
        raise PluginError(f"cannot be imported: {raised(error)}") from error
    return module


def _read(path: str) -> bytes:
    """The bytes of a regular file, itself and no link to one. Raises `PluginError`."""
    try:
        fd = os.open(path, _OPENED)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise PluginError(f"cannot be read: {path} is {'a folder, and ' * Path(path).is_dir()}no file")
            with open(fd, "rb", closefd=False) as file:
                data = file.read(_LARGEST + 1)
        finally:
            os.close(fd)
    except OSError as error:
        raise PluginError(f"cannot be read: {path} {_why(path, error)}") from error
    if len(data) > _LARGEST:
        raise PluginError(f"cannot be read: {path} is larger than {_LARGEST} bytes")
    return data


def _why(path: str, error: OSError) -> str:
    if Path(path).is_symlink():
        return "is a link, and could lead to another file at any time: name the file itself"
    if isinstance(error, FileNotFoundError):
        return "is no file that is there"
    return "is a folder, and no file" if Path(path).is_dir() else f"cannot be opened: {error.strerror}"
