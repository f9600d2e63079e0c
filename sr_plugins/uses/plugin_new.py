"""A new distribution with a plugin, from the templates that ship with SR (``sr plugins new``)."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from sr_plugins.documents.shipped import shipped
from sr_plugins.host.plugin_host import PluginHost
from sr_ports import API_VERSION, BadInput, ReasonCode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")
_LONGEST = 32
_COMMON = "common"
_SUFFIX = ".in"
"""Of every template: it is no module, and no tool takes it for one."""
_STEPS = {
    "law": (
        "pip install -e ./{name}",
        "sr check {name}/example/world --pack {name}/example/pack --request {name}/example/request.json",
    ),
    "": ("pip install -e './{name}[test]'", "sr plugins check {name}"),
}
"""What to type next."""


@attrs.frozen
class Written:
    """A distribution that was written. `steps`: commands to type next."""

    folder: str
    files: tuple[Path, ...]
    steps: tuple[str, ...]


def write_plugin(kind: str, name: str, into: Path = Path()) -> Written:
    """Write the distribution `name` into a new folder of that name. Raises `BadInput(USAGE)`; then nothing is there."""
    _check(name, _module(name))
    folder = into / name
    if folder.exists() or folder.is_symlink():
        raise _refused(f"{folder} is there already", "give another name, or move it away")
    made = {folder / path: text for path, text in rendered(kind, name)}
    try:
        folder.mkdir(parents=True)
        for path, text in made.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise _refused(f"{folder} cannot be written: {error.strerror}", "choose another folder") from error
    steps = _STEPS.get(kind, _STEPS[""])
    return Written(str(folder), tuple(sorted(made)), tuple(one.format(name=shlex.quote(name)) for one in steps))


def _check(name: str, module: str) -> None:
    """Refuse a name that no distribution, or no module, could have, and one that is taken here."""
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST:
        wanted = f"letters, digits and single - or _ between them, a letter first, {_LONGEST} characters at most"
        raise _refused(f"{name!r} is no name of a new distribution", f"use {wanted}")
    if keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise _refused(f"{module} is a word of Python's, and no module can have it", "give another name")
    if module in sys.stdlib_module_names or module in ("tests", "test", "src", "example"):
        raise _refused(f"{module} is a module of Python's, or a folder of every distribution", "give another name")
    try:
        taken = distribution(name).name
    except PackageNotFoundError:
        taken = module if importlib.util.find_spec(module) is not None else ""
    if taken:
        raise _refused(f"{taken} is installed already", "give another name, or uninstall it")
    host = PluginHost.discover(points=None)
    if any(offered in (name, module) for _, offered in host.offered):
        raise _refused(f"Scenario Runner itself gives something named {module}", "give another name")


def _refused(what: str, remedy: str) -> BadInput:
    return BadInput(ReasonCode.USAGE, what, remedy)


def rendered(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Each file of a new distribution by its path: those of every kind, and the kind's own."""
    api = f">={API_VERSION},<{int(API_VERSION.partition('.')[0]) + 1}"
    words = {"my-plugin": name, "my_plugin": _module(name), "THE_KIND": kind, "THE_API": api}
    home = shipped("config") / "templates"
    for part in (_COMMON, kind):
        for path, text in _texts(home / part, ""):
            yield _put(path.removesuffix(_SUFFIX), words), _put(text, words)


def _module(name: str) -> str:
    return name.replace("-", "_").lower()


def _texts(folder: Traversable, at: str) -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            yield from _texts(one, f"{at}{one.name}/")
        elif one.name.endswith(_SUFFIX):
            yield f"{at}{one.name}", one.read_text("utf-8")


def _put(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
