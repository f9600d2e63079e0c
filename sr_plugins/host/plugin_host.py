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

from sr_plugins.host.admittance import Admittance, sorted_out
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
    given,
    load,
)
from sr_plugins.host.local_file import asked_of
from sr_plugins.release import DISTRIBUTION
from sr_ports import BadInput, ReasonCode
from sr_ports.hooks import PROJECT, Adapter

if TYPE_CHECKING:
    from sr_plugins.host.offers import Conflict, Offer

_ANY = Admittance()
Offers = Callable[[Tell], list[Found]]
"""Asks a plugin what it offers; see `ask`. Raises `PluginError`, `OffersNothing`."""
Look = Callable[[Source, Tell], list[Found]]
"""The same of a plugin that is not imported here."""


class PluginHost:
    """What plugins offer, by port and name. Safe to use from several threads.

    `admittance`: who may provide anything; no code of another is run. `files`: plugins that are one file each.
    `look`: asks what a plugin of another distribution gives, without importing it here, which is then done when an
    adapter of it is named; None imports it to find out. `unquoted`: takes out of a sentence what nobody is to see.
    """

    look: Look | None = None

    def __init__(
        self,
        points: Iterable[EntryPoint] | None,
        admittance: Admittance,
        files: Sequence[str] = (),
        unquoted: Callable[[str], str] = str,
    ) -> None:
        self.admittance = admittance
        self.offered: dict[tuple[str, str], tuple[Any, Source]] = {}
        self.broken: tuple[Broken, ...] = ()
        if points is None:
            points, self.broken = _points_here()
        self.idle: tuple[Broken, ...] = ()
        self.conflicts: tuple[Conflict, ...] = ()
        self._lock = threading.RLock()
        self._trace = _tracer(unquoted)
        wanted, left_out = sorted_out(points, admittance)
        local = [asked_of(one, admittance) for one in files]
        self.left_out = (*left_out, *(one for one in local if isinstance(one, Broken)))
        for one in self.left_out:
            self._trace(f"skipped {one.source} ({one.source.entry_point}): {one.why}")
        self._waiting: list[tuple[Source, Offers]] = [
            (source, partial(load, point, source)) for point, source in wanted if not source.own
        ]
        self._elsewhere: dict[Source, Offers] = {}
        self._doubtful: dict[Source, Offers] = {}
        self._waiting += [one for one in local if not isinstance(one, Broken)]
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
        unquoted: Callable[[str], str] = str,
    ) -> PluginHost:
        """A host to work with: the own plugins and the given plugin objects are loaded, others when needed.

        A broken plugin is noted, not raised. Raises `BadInput(PLUGIN_CONFLICT)` when two of those
        loaded now give one name on one port.
        """
        host = cls(points, admittance, files, unquoted)
        for plugin in plugins:
            source = given(plugin)
            host._take(source, partial(ask, plugin, source))
        if host.conflicts:
            raise host.conflicts[0].error
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
        host = cls(points, admittance, files)
        host.load_all()
        return host

    def load_all(self) -> None:
        """Find out what the plugins of other distributions give, once: by `look`, else by importing them."""
        self._load(lambda source: True)

    def _load(self, which: Callable[[Source], bool]) -> None:
        with self._lock:
            waiting = [one for one in self._waiting if which(one[0])]
            self._waiting = [one for one in self._waiting if not which(one[0])]
            for source, offers in waiting:
                if self.look is None:
                    self._take(source, offers)
                else:
                    self._elsewhere[source] = offers
                    self._take(source, partial(self.look, source))

    def require_files(self) -> None:
        """Ask the plugins that are one file each. Raises `BadInput(PLUGIN_BROKEN)` for one that gives nothing."""
        self._load(lambda source: source.file is not None)
        for one in (*self.broken, *self.idle):
            error = self.unusable(one)
            if error is not None:
                raise error

    def amiss(self) -> list[Broken]:
        """Every plugin that cannot be used, or not whole, and why; all are asked for it."""
        self.load_all()
        return [*self.broken, *self.idle]

    def unusable(self, broken: Broken) -> BadInput | None:
        """The error that stops a profile which loads a file that gives nothing; None for any other plugin."""
        if broken.source.file is None or any(broken.source == source for _, source in self.offered.values()):
            return None
        what = f"plugins.load: {broken.source.file}: the plugin {broken.why}"
        return BadInput(ReasonCode.PLUGIN_BROKEN, what, "mend the file, or take it out of the profile's plugins.load")

    def _import(self, source: Source) -> None:
        """Import a plugin that was only looked at: an adapter of it is named. Its laws stay where they are."""
        with self._lock:
            offers = self._elsewhere.pop(source, None)
            if offers is None:
                return
            theirs = [place for place, (_, of) in self.offered.items() if of == source and place[0] != "law"]
            for place in theirs:
                del self.offered[place]
            self._doubtful.pop(source, None)
            self.broken = tuple(one for one in self.broken if one.source != source)
            self.idle = tuple(one for one in self.idle if one.source != source)
            self._take(source, lambda tell: [one for one in offers(tell) if one.port != "law"])

    def _take(self, source: Source, offers: Offers) -> None:
        """Note what one plugin offers, or why it offers nothing."""
        try:
            found = offers(lambda sentence: self._note("idle", source, sentence))
        except OffersNothing as nothing:
            self._note("idle", source, str(nothing))
            return
        except PluginError as error:
            self._note("broken", source, str(error))
            if source in self._elsewhere and not error.ended:
                self._doubtful[source] = self._elsewhere[source]
            return
        told = ", ".join(f"{one.port} {one.name}" for one in found)
        self._trace(f"asked {source} ({source.entry_point}): it gives {told}")
        for one in found:
            place = (one.port, one.name)
            if place in self.offered:
                from sr_plugins.host.offers import Conflict

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
            found = self._imported(port, name)
            rival = next((one for one in self.conflicts if (one.port, one.name) == (port, name)), None)
            if rival is not None:
                raise rival.error
        self._trace(f"{port} {name}: {self._fate(name, found)}")
        return found

    def _fate(self, name: str, found: tuple[Any, Source] | None) -> str:
        """What became of a name that was asked for, for the trace."""
        if found is None:
            return "nobody gives it"
        why = self.admittance.left_out(found[1], name)
        return f"chosen of {found[1]}" if why is None else f"skipped of {found[1]}: {why}"

    def _imported(self, port: str, name: str) -> tuple[Any, Source] | None:
        """What is offered under this name; an adapter is of this process.

        Where nobody offers it, it may be one of a plugin that could not be imported elsewhere, as one that reads the
        environment.
        """
        found = self.offered.get((port, name))
        if port == "law" or (found is None and not self._doubtful):
            return found
        for source in (found[1],) if found is not None else tuple(self._doubtful):
            self._import(source)
        return self.offered.get((port, name))

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
            from sr_plugins.host.offers import not_there

            raise not_there(lacking)

    def title(self, port: str, name: str) -> str:
        """What people call an adapter: its name, and its distribution where it is not an own one."""
        source = self.offered[port, name][1]
        return name if source.own else f"{name} of {source}"

    def adapters(self, port: str) -> Iterator[Adapter[Any]]:
        """Every adapter on offer for a port that may be used: those loaded, and when these do not do, the others.

        One that was only looked at has its name and schemes, and no settings.
        """
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

        return offers(self.offered, self.conflicts, (*self.broken, *self.idle, *self.left_out), self._why_not)

    def _why_not(self, port: str, name: str, offer: Any, source: Source) -> str | None:
        left_out = self.admittance.left_out(source, name)
        if left_out is not None:
            return left_out
        rival = next((one.sources[1] for one in self.conflicts if (one.port, one.name) == (port, name)), None)
        if rival is not None and not source.own:
            return f"{rival.distribution} gives this name too"
        lacks = getattr(offer, "requires", ())
        missing = list(lacks) if source in self._elsewhere else [one for one in lacks if absent(one)]
        from sr_plugins.host.offers import not_installed

        return f"{not_installed(missing)}: extra [{offer.extra}]" if missing else None

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


def _points_here() -> tuple[Sequence[EntryPoint], tuple[Broken, ...]]:
    try:
        return entry_points(group=PROJECT), ()
    except Exception:  # noqa: BLE001 - of some distribution, which need not be a plugin's; whatever the reader raises
        from sr_plugins.host.metadata import one_by_one

        return one_by_one()


def _tracer(unquoted: Callable[[str], str]) -> Callable[[str], None]:
    """Takes a sentence about a plugin, for the trace that `SR_TRACE_PLUGINS` asks for."""
    if os.environ.get("SR_TRACE_PLUGINS", "") in ("", "0"):
        return lambda sentence: None
    from sr_plugins.host.trace import tracer

    return tracer(unquoted)


__all__ = ["DISTRIBUTION", "PORTS", "Broken", "PluginHost", "Source", "absent"]
