"""Deciding where a law's code runs (profile: ``evidence.law_isolation``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_plugins.host.host_laws import in_this_process
from sr_plugins.host.loading import Found, OffersNothing, PluginError, Source, Tell
from sr_ports import HashingLaw

if TYPE_CHECKING:
    from sr_plugins.isolation.workers import LawWorkers

Isolation = Literal["foreign", "none", "all"]


class Isolating:
    """Provides laws in workers or here. `limit_s`: of a law's own time. `workers`: makes them, when first needed.

    `lookers`: the same of those that plugins are looked at by, where that is to be done by others; None for the same.
    """

    def __init__(
        self,
        isolation: Isolation,
        limit_s: float,
        workers: Callable[[], LawWorkers],
        lookers: Callable[[], LawWorkers] | None = None,
    ) -> None:
        self._isolation, self._limit_s, self._make, self._make_lookers = isolation, limit_s, workers, lookers
        self._workers: LawWorkers | None = None
        self._lookers: LawWorkers | None = None

    def provide(self, law: HashingLaw, source: Source) -> ProvidedLaw:
        """See `host_laws.Provide`. An object that code of this process gave cannot be had in another."""
        if source.given or self._isolation == "none" or (source.own and self._isolation == "foreign"):
            return self._here(in_this_process(law, source))
        from sr_domain.evidence.law_traits import traits_of
        from sr_plugins.isolation.law import IsolatedLaw

        apart = IsolatedLaw(law.kind, source, self._judges_by(), traits_of(law))
        return ProvidedLaw(apart, source.distribution, source.version, RunsIn.OWN if source.own else RunsIn.WORKER)

    def look(self, source: Source, tell: Tell) -> list[Found]:
        """What a plugin gives, told by a worker that imports it. Raises `PluginError`, `OffersNothing`."""
        from sr_domain.evidence.provided_law import LawStopped
        from sr_plugins.isolation.offered import GivesNothing, Unloaded

        try:
            given = self._looks_by().offered(source)
        except GivesNothing as nothing:
            raise OffersNothing(nothing.why) from nothing
        except LawStopped as stopped:
            clean = isinstance(stopped, Unloaded)
            why = stopped.why.removeprefix("its plugin ") if clean else f"cannot be imported: {stopped.why}"
            raise PluginError(why, ended=not clean) from stopped
        for note in given.notes:
            tell(note)
        laws = [Found("law", one.kind, one, source) for one in given.laws]
        return [*laws, *(Found(port, one.name, one, source) for port, one in given.adapters)]

    def _judges_by(self) -> LawWorkers:
        self._workers = self._workers or self._make()
        return self._workers

    def _looks_by(self) -> LawWorkers:
        if self._make_lookers is None:
            return self._judges_by()
        self._lookers = self._lookers or self._make_lookers()
        return self._lookers

    def _here(self, provided: ProvidedLaw) -> ProvidedLaw:
        """A law of this process; another's is watched."""
        if provided.runs_in is RunsIn.OWN:
            return provided
        from sr_plugins.isolation.timed import TimedLaw

        return attrs.evolve(provided, law=TimedLaw(provided.law, self._limit_s))

    def close(self) -> None:
        """End the workers that are idle."""
        for workers in (self._workers, self._lookers):
            if workers is not None:
                workers.close()
