"""Plugins that are one file of this machine, named by ``plugins.load`` in the profile."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

from sr_plugins.host.loading import PluginError, Source, raised

LOCAL = "local"
"""The distribution that such a plugin is of, as records and views name it; its version is the file's sha256."""
_LARGEST = 16 << 20


def source_of(path: str) -> tuple[Source, str | None]:
    """Where the plugin in a file comes from; and why it cannot be used, None where it can be read."""
    where = str(Path(path).absolute())
    try:
        data = _read(where)
    except PluginError as error:
        return Source(LOCAL, "?", where, where), str(error)
    return Source(LOCAL, hashlib.sha256(data).hexdigest(), where, where), None


def load_file(path: str, sha256: str) -> ModuleType:
    """The module in a file whose digest is known. Raises `PluginError`, also for one that has changed since."""
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PluginError(f"was exchanged: {path} is another file by now")
    module = ModuleType(f"sr_local_{sha256[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module
    try:
        exec(compile(data, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the profile names it to be run
    except BaseException as error:
        del sys.modules[module.__name__]
        raise PluginError(f"cannot be imported: {raised(error)}") from error
    return module


def _read(path: str) -> bytes:
    """The bytes of a regular file. Raises `PluginError`."""
    try:
        if not Path(path).is_file():
            raise PluginError(f"cannot be read: {path} is no file")
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise PluginError(f"cannot be read: {path}: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise PluginError(f"cannot be read: {path} is larger than {_LARGEST} bytes")
    return data
