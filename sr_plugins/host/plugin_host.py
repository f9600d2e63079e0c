"""The plugin host: finds adapters and laws, and says plainly what is wrong with any of them.

Scenario Runner's own plugins are loaded first. Those of other distributions are imported only when
a name is asked for that none of the own gives, or when everything is to be looked at (`survey`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal

import attrs

from sr_plugins.host.admittance import Admittance
from sr_plugins.host.host_laws import HostLaws, Provide, in_this_process
from sr_plugins.host.loading import (
    PORTS,
    Broken,
    Found,
    OffersNothing,
    PluginError,
    Source,
    Tell,
    absent,
    ask,
    canonical,
    given,
    load,
    sources_of,
)
from sr_plugins.host.local_file import load_file, source_of
from sr_plugins.release import DISTRIBUTION
from sr_ports import BadInput, ReasonCode
from sr_ports.compared import Compared
from sr_ports.hooks import PROJECT, Adapter

if TYPE_CHECKING:
    from sr_plugins.host.offers import Offer

_ANY = Admittance()
Asking = Callable[[Tell], list[Found]]
"""Asks one plugin; see `ask`."""


@attrs.frozen(eq=False, repr=False)
class Conflict(Compared):
    """Two plugins that give one name on one port. The first of `sources` was found first."""

    port: str
    name: str
    sources: tuple[Source, Source]

    @property
    def what(self) -> str:
        """Both, in a sentence."""
        both = " and ".join(source.distribution for source in self.sources)
        return f"two plugins give the {self.port} {self.name!r}: {both}"


class PluginHost:
    """What plugins offer, by port and name. Safe to use from several threads.

    `admittance`: who may provide anything; no code of another is run. `files`: plugins that are one file each.
    """

    def __init__(self, points: Iterable[EntryPoint], admittance: Admittance, files: Sequence[str] = ()) -> None:
        self.admittance = admittance
        self.offered: dict[tuple[str, str], tuple[Any, Source]] = {}
        self.broken: tuple[Broken, ...] = ()
        self.idle: tuple[Broken, ...] = ()
        self.conflicts: tuple[Conflict, ...] = ()
        self._lock = threading.RLock()
        self._trace = _tracer()
        wanted, left_out = _sort(points, admittance)
        local = [_of_file(one, admittance) for one in files]
        self.left_out = (*left_out, *(one for one in local if isinstance(one, Broken)))
        self._waiting: list[tuple[Source, Asking]] = [
            (source, partial(load, point, source)) for point, source in wanted if not source.own
        ]
        self._waiting += [one for one in local if not isinstance(one, Broken)]
        for one in self.left_out:
            self._trace(f"skipped {one.source} ({one.source.entry_point}): {one.why}")
        for point, source in wanted:
            if source.own:
                self._take(source, partial(load, point, source))

    @classmethod
    def discover(
        cls,
        *,
        plugins: Sequence[Any] = (),
        admittance: Admittance = _ANY,
        files: Sequence[str] = (),
        points: Iterable[EntryPoint] | None = None,
    ) -> PluginHost:
        """A host to work with: the own plugins and the given plugin objects are loaded, others when needed.

        A broken plugin is noted, not raised. Raises `BadInput(PLUGIN_CONFLICT)` when two of those
        loaded now give one name on one port.
        """
        host = cls(entry_points(group=PROJECT) if points is None else points, admittance, files)
        for plugin in plugins:
            source = given(plugin)
            host._take(source, partial(ask, plugin, source))
        if host.conflicts:
            raise _conflict(host.conflicts[0])
        return host

    @classmethod
    def survey(
        cls,
        *,
        admittance: Admittance = _ANY,
        files: Sequence[str] = (),
        points: Iterable[EntryPoint] | None = None,
    ) -> PluginHost:
        """A host to look at: everything allowed is loaded, and conflicts are noted."""
        host = cls(entry_points(group=PROJECT) if points is None else points, admittance, files)
        host.load_all()
        return host

    def load_all(self) -> None:
        """Import the plugins of other distributions, once."""
        self._load(lambda source: True)

    def _load(self, which: Callable[[Source], bool]) -> None:
        with self._lock:
            waiting = [one for one in self._waiting if which(one[0])]
            self._waiting = [one for one in self._waiting if not which(one[0])]
            for source, asking in waiting:
                self._take(source, asking)

    def require_files(self) -> None:
        """Import the plugins that are one file each. Raises `BadInput(PLUGIN_BROKEN)` for one that gives nothing."""
        self._load(lambda source: source.file is not None)
        for one in (*self.broken, *self.idle):
            error = self.unusable(one)
            if error is not None:
                raise error

    def amiss(self) -> list[Broken]:
        """Every plugin that cannot be used, or not whole, and why; all are loaded for it."""
        self.load_all()
        return [*self.broken, *self.idle]

    def unusable(self, broken: Broken) -> BadInput | None:
        """The error that stops a profile which loads a file that gives nothing; None for any other plugin."""
        if broken.source.file is None or any(broken.source == source for _, source in self.offered.values()):
            return None
        return BadInput(ReasonCode.PLUGIN_BROKEN, f"plugins.load: {broken.source.file}: the plugin {broken.why}", _MEND)

    def _take(self, source: Source, asking: Asking) -> None:
        """Note what one plugin offers, or why it offers nothing."""
        try:
            found = asking(lambda sentence: self._note("idle", source, sentence))
        except OffersNothing as nothing:
            self._note("idle", source, str(nothing))
            return
        except PluginError as error:
            self._note("broken", source, str(error))
            return
        told = ", ".join(f"{one.port} {one.name}" for one in found)
        self._trace(f"asked {source} ({source.entry_point}): it gives {told}")
        for one in found:
            place = (one.port, one.name)
            if place in self.offered:
                self.conflicts += (Conflict(*place, (self.offered[place][1], source)),)
                self._trace(f"skipped {one.port} {one.name} of {source}: {self.offered[place][1]} gives it too")
            else:
                self.offered[place] = (one.offer, source)

    def _note(self, kind: Literal["idle", "broken"], source: Source, why: str) -> None:
        """Keep what is wrong with a plugin."""
        self._trace(f"asked {source} ({source.entry_point}): {why}")
        setattr(self, kind, (*getattr(self, kind), Broken(source, why)))

    def find(self, port: str, name: str) -> tuple[Any, Source] | None:
        """What is offered under this name, and by whom; None when nobody offers it.

        An own plugin's offer always stands. Raises `BadInput(PLUGIN_CONFLICT)` when two others give the name.
        """
        found = self.offered.get((port, name))
        if found is None or not found[1].own:
            self.load_all()
            found = self.offered.get((port, name))
            rival = next((one for one in self.conflicts if (one.port, one.name) == (port, name)), None)
            if rival is not None:
                raise _conflict(rival)
        self._trace(f"{port} {name}: {self._fate(name, found)}")
        return found

    def _fate(self, name: str, found: tuple[Any, Source] | None) -> str:
        """What became of a name that was asked for, for the trace."""
        if found is None:
            return "nobody gives it"
        why = self.admittance.left_out(found[1], name)
        return f"chosen of {found[1]}" if why is None else f"skipped of {found[1]}: {why}"

    def adapter(self, port: str, name: str) -> Adapter[Any]:
        """The adapter of that name, ready to build. Raises `BadInput` saying what to do."""
        self.require([(port, name)])
        adapter, source = self.offered[(port, name)]
        made: Adapter[Any] = adapter
        if source.own:
            return made
        from sr_plugins.host.guard import guarded_adapter

        return guarded_adapter(port, made, source)

    def require(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Raise `BadInput` unless each adapter, by port and name, may be used and can be built.

        Libraries that are not installed are named for all of them at once.
        """
        lacking: dict[tuple[str, str], tuple[Source, Adapter[Any], list[str]]] = {}
        for port, name in wanted:
            found = self.find(port, name)
            if found is None:
                raise self._unknown(port, name)
            adapter, source = found
            self._check_allowed(port, name, source)
            missing = [module for module in adapter.requires if absent(module)]
            if missing:
                lacking[(port, name)] = (source, adapter, missing)
        if lacking:
            from sr_plugins.host.missing import not_there

            raise not_there(lacking)

    def title(self, port: str, name: str) -> str:
        """What people call an adapter: its name, and its distribution where it is not an own one."""
        source = self.offered[port, name][1]
        return name if source.own else f"{name} of {source}"

    def adapters(self, port: str) -> Iterator[Adapter[Any]]:
        """Every adapter on offer for a port that may be used: those loaded, and when these do not do, the others."""
        seen: set[str] = set()
        for loaded in (True, False):
            if not loaded:
                self.load_all()
            for (of, name), (offer, source) in sorted(self.offered.items(), key=lambda item: item[0]):
                if of == port and name not in seen and self.admittance.left_out(source, name) is None:
                    seen.add(name)
                    yield offer

    def laws(self, provide: Provide = in_this_process, close: Callable[[], None] = lambda: None) -> HostLaws:
        """The hashing laws that may be used, by kind, with where each came from.

        `provide` decides where a law's code runs; `close` lets go of what it holds open for that.
        """
        return HostLaws(self, provide, close)

    def offers(self) -> list[Offer]:
        """Everything found so far, usable or not, by port and name."""
        from sr_plugins.host.offers import offers

        return offers(self)

    def _check_allowed(self, port: str, name: str, source: Source) -> None:
        why = self.admittance.left_out(source, name)
        if why is not None:
            what = f"the {port} adapter {name!r} comes from {source.distribution}, and {why}"
            raise BadInput(ReasonCode.PLUGIN_NOT_ALLOWED, what)

    def _unknown(self, port: str, name: str) -> BadInput:
        known = ", ".join(sorted(offered for of, offered in list(self.offered) if of == port)) or "none"
        what = f"no plugin provides the {port} adapter {name!r}; there are: {known}"
        what = "; ".join([what, *self.silent()])
        if self.broken:
            return BadInput(ReasonCode.PLUGIN_BROKEN, what)
        return BadInput(ReasonCode.PLUGIN_NOT_ALLOWED if self.left_out else ReasonCode.ADAPTER_UNKNOWN, what)

    def silent(self) -> list[str]:
        """Every plugin that offers nothing, and why; those of other distributions once they were loaded."""
        return [f"{one.source}: {one.why}" for one in (*self.broken, *self.idle, *self.left_out)]


def _conflict(conflict: Conflict) -> BadInput:
    return BadInput(ReasonCode.PLUGIN_CONFLICT, conflict.what)


def _tracer() -> Callable[[str], None]:
    """Takes a sentence about a plugin, for the trace that `SR_TRACE_PLUGINS` asks for."""
    if os.environ.get("SR_TRACE_PLUGINS", "") in ("", "0"):
        return lambda sentence: None
    from sr_plugins.host.trace import tracer

    return tracer()


def _sort(points: Iterable[EntryPoint], admittance: Admittance) -> tuple[list[tuple[EntryPoint, Source]], list[Broken]]:
    """The entry points that may be loaded, each once, and those that may not, in a fixed order."""
    wanted: list[tuple[EntryPoint, Source]] = []
    left_out: dict[Source, Broken] = {}
    for point, source in sources_of(sorted(points, key=lambda one: (one.name, one.value))):
        why = admittance.left_out(source)
        if why is not None:
            left_out[source] = Broken(source, why)
        elif not any(_twin(source, other) for _, other in wanted):
            wanted.append((point, source))
    return wanted, list(left_out.values())


def _of_file(path: str, admittance: Admittance) -> tuple[Source, Asking] | Broken:
    """A plugin that is one file, and how to ask it; or why it is left out."""
    source, why = source_of(path)

    def asked(tell: Tell) -> list[Found]:
        if why is not None:
            raise PluginError(why)
        return ask(load_file(str(source.file), source.version), source, tell)

    left_out = admittance.left_out(source)
    return (source, asked) if left_out is None else Broken(source, left_out)


_MEND = "mend the file, or take it out of the profile's plugins.load"


def _twin(one: Source, other: Source) -> bool:
    """Whether two sources are one distribution found twice on the path."""
    return (canonical(one.distribution), one.entry_point) == (canonical(other.distribution), other.entry_point)


__all__ = ["DISTRIBUTION", "PORTS", "Broken", "Conflict", "PluginHost", "Source"]
