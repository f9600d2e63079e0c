"""Whether a distribution with plugins is sound (``sr plugins check``): its files, versions, what it gives, its tests.

Its code runs in processes of its own, one for what it gives and one for each law: none of them can end this one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Any, Literal

import attrs

from sr_plugins.host.loading import Source, canonical, sources_of
from sr_plugins.host.local_file import source_of
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.release import DISTRIBUTION
from sr_plugins.uses.plugin_apart import ask_apart
from sr_plugins.uses.plugin_files import files_held, source_folder
from sr_ports import NotFound, ReasonCode, one_line
from sr_ports.hooks import PROJECT

TESTS_S = 900.0
"""Seconds that the tests of a distribution may take."""
_NO_TESTS = 5
"""What pytest ends with where it found none."""


@attrs.frozen
class Tried:
    """One thing tried. `ok`: None where there was nothing to try."""

    check: Literal["files", "api", "plugin", "law", "vectors", "adapter", "tests"]
    name: str
    ok: bool | None
    detail: str


@attrs.frozen
class Checked:
    """All that was tried of one distribution."""

    distribution: str
    version: str
    tried: Sequence[Tried]


def check_plugin(named: str, tests: str | None = None) -> Checked:
    """Try a distribution by its name, or a plugin in one file by its path. Raises `NotFound(PLUGIN_NOT_FOUND)`.

    `tests`: the folder of its tests; None for those beside the source of an editable install.
    """
    if named.endswith(".py") or "/" in named:
        return _file(named, tests)
    try:
        found = distribution(named)
    except (PackageNotFoundError, ValueError) as error:
        what = f"no distribution {named!r} is installed here"
        raise NotFound(ReasonCode.PLUGIN_NOT_FOUND, what, "install it, or give the path of its file") from error
    own = canonical(found.name) == DISTRIBUTION  # its tests are no matter of minutes
    folder = Path(tests) if tests is not None else None if own else source_folder(found)
    held = list(_files(found))
    if any(one.ok is False for one in held):
        held.append(Tried("plugin", found.name, None, "not tried: code that somebody changed is not run"))
        return Checked(found.name, found.version, held)
    return Checked(found.name, found.version, [*held, *_given(found), _tests(folder, asked=tests is not None)])


def _file(path: str, tests: str | None) -> Checked:
    source, why = source_of(path)
    if why is not None:
        raise NotFound(ReasonCode.PLUGIN_NOT_FOUND, f"the plugin {why}", "give the path of its file")
    held = Tried("files", path, None, f"one file, sha256 {source.version}")
    asked = _tests(None if tests is None else Path(tests), asked=tests is not None)
    return Checked(source.distribution, source.version, [held, *_plugin(source), asked])


def _files(found: Distribution) -> Iterator[Tried]:
    faults, told = files_held(found)
    if faults:
        yield from (Tried("files", name, False, why) for name, why in faults)
    else:
        yield Tried("files", found.name, None if found.files is None else True, told)


def _given(found: Distribution) -> Iterator[Tried]:
    """What each of its entry points gives."""
    mine = canonical(found.name)
    sources = [one for _, one in sources_of(entry_points(group=PROJECT)) if canonical(one.distribution) == mine]
    if not sources:
        yield Tried("plugin", found.name, False, f"it has no entry point in the group {PROJECT}")
    for source in dict.fromkeys(sources):
        yield from _plugin(source)


def _plugin(source: Source) -> Iterator[Tried]:
    """Load it in a process of its own; what it gives, and each of its laws in another."""
    told = _asked(source, None)
    laws = [row["name"] for row in told if row["check"] == "law"]
    yield from (Tried(**row) for row in told if row["check"] != "law")
    yield from _rivals(source, [*laws, *(row["name"] for row in told if row["check"] == "adapter")])
    for kind in laws:
        yield from (Tried(**row) for row in _asked(source, kind))


def _rivals(source: Source, names: Sequence[str]) -> Iterator[Tried]:
    """Names that another plugin gives already, on the same port."""
    mine = canonical(source.distribution)
    points = [point for point, one in sources_of(entry_points(group=PROJECT)) if canonical(one.distribution) != mine]
    offered = {(port, name): other for (port, name), (_, other) in PluginHost.survey(points=points).offered.items()}
    for said in names:
        port, _, name = said.rpartition(" ")
        other = offered.get((port or "law", name))
        if other is not None:
            yield Tried("plugin", said, False, f"{other} gives this name, too: neither can be used beside the other")


def _asked(source: Source, kind: str | None) -> list[dict[str, Any]]:
    """What the process says that has the plugin. `kind`: the law to try; None for what there is."""
    rows = ask_apart(source, "check", kind)
    if isinstance(rows, str):
        return [_fault("plugin" if kind is None else "law", kind or source.entry_point, rows)]
    return list(rows)


def _fault(check: str, name: str, detail: str) -> dict[str, Any]:
    return {"check": check, "name": name, "ok": False, "detail": detail}


def _tests(folder: Path | None, *, asked: bool) -> Tried:
    """Run the tests in a folder, which hold what it gives against the conformance suites."""
    if folder is None or not folder.is_dir():
        why = f"{folder} is no folder" if asked else "no folder of tests is known: name one with --tests"
        return Tried("tests", str(folder or ""), False if asked else None, why)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder.absolute())]
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter
            words,
            env=theirs,
            timeout=TESTS_S,
            capture_output=True,
            check=False,
            cwd=folder.parent,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Tried("tests", str(folder), False, f"they did not end within {TESTS_S:g} s")
    last = one_line(done.stdout.decode("utf-8", "replace").strip().rpartition("\n")[2])
    if done.returncode == _NO_TESTS or b"No module named pytest" in done.stderr:
        return Tried("tests", str(folder), None, last or "pytest is not installed: pip install 'scenario-runner[test]'")
    return Tried("tests", str(folder), done.returncode == 0, last or f"pytest ended with {done.returncode}")
