"""One request for a page, as its view sees it, and what a view gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import attrs

from sr_adapters.http.actors import Action

if TYPE_CHECKING:
    from datetime import datetime

    from sr_adapters.console.counts import Counts
    from sr_adapters.console.sessions import LogIn
    from sr_adapters.http.service import Service
    from sr_domain.runner import ScenarioRunner
    from sr_ports import Identity


@attrs.frozen
class Looking:
    """`path`: of the request. `run`: the name in it. `query`, `form`: what it carries. `log`: the log-in, if any.

    `counts`: over the whole store, of a moment ago.
    """

    service: Service
    actor: Identity
    path: str
    run: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    log: LogIn | None
    counts: Counts

    @property
    def runner(self) -> ScenarioRunner:
        """The service's."""
        return self.service.runner

    @property
    def now(self) -> datetime:
        """By this process's clock, aware UTC."""
        return self.runner.ports.clock.now()

    @property
    def form_token(self) -> str:
        """What a form of the page carries; empty where nobody has to prove who he is."""
        return "" if self.log is None else self.log.form_token

    def may(self, action: Action) -> bool:
        """Whether who looks may do something of the kind."""
        return self.service.actors.may(self.actor, action)

    def url(self, **changes: str | None) -> str:
        """This page with other words in its query; None takes one out."""
        words = {name: value for name, value in {**self.query, **changes}.items() if value}
        return self.path + (f"?{urlencode(words)}" if words else "")


@attrs.frozen
class Shown:
    """A page to be. `values`: what its template names. `to`: where to go instead."""

    template: str = ""
    values: Mapping[str, Any] = attrs.field(factory=dict)
    status: int = 200
    to: str | None = None


View = Callable[[Looking], Shown]
