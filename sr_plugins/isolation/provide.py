"""Deciding where a law's code runs (profile: ``evidence.law_isolation``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import attrs

from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_plugins.host.host_laws import in_this_process
from sr_plugins.host.loading import Source
from sr_ports import HashingLaw

if TYPE_CHECKING:
    from sr_plugins.isolation.workers import LawWorkers

Isolation = Literal["foreign", "none", "all"]


class Isolating:
    """Provides laws in workers or here. `limit_s`: of a law's own time. `workers`: makes them, when first needed."""

    def __init__(self, isolation: Isolation, limit_s: float, workers: Callable[[], LawWorkers]) -> None:
        self._isolation, self._limit_s, self._make = isolation, limit_s, workers
        self._workers: LawWorkers | None = None

    def provide(self, law: HashingLaw, source: Source) -> ProvidedLaw:
        """See `host_laws.Provide`. An object that code of this process gave cannot be had in another."""
        if source.given or self._isolation == "none" or (source.own and self._isolation == "foreign"):
            return self._here(in_this_process(law, source))
        from sr_domain.evidence.law_traits import traits_of
        from sr_plugins.isolation.law import IsolatedLaw

        self._workers = self._workers or self._make()
        apart = IsolatedLaw(law.kind, source, self._workers, traits_of(law))
        return ProvidedLaw(apart, source.distribution, source.version, RunsIn.OWN if source.own else RunsIn.WORKER)

    def _here(self, provided: ProvidedLaw) -> ProvidedLaw:
        """A law of this process; another's is watched."""
        if provided.runs_in is RunsIn.OWN:
            return provided
        from sr_plugins.isolation.timed import TimedLaw

        return attrs.evolve(provided, law=TimedLaw(provided.law, self._limit_s))

    def close(self) -> None:
        """End the workers that are idle."""
        if self._workers is not None:
            self._workers.close()
