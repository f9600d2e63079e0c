"""The service: what every request works with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sr_adapters.http.actors import Actors
from sr_adapters.http.pool import Pool

if TYPE_CHECKING:
    from sr_domain.runner import ScenarioRunner
    from sr_plugins.documents.profile import Profile
    from sr_ports import Authenticator


class Service:
    """A runner, who may ask it for what, and the threads that it is asked in.

    `stopping`: set when runs in flight are to be put down. `runner`: its calls then end early.
    """

    def __init__(self, runner: ScenarioRunner, profile: Profile, authenticator: Authenticator | None = None) -> None:
        self.settings = profile.service
        self.stopping = threading.Event()
        self.runner = runner.until(self.stopping.is_set)
        self.actors = Actors(runner.settings, authenticator)
        self.readers = Pool("sr-read", self.settings.readers, self.settings.connections)
        self.runs = Pool("sr-run", self.settings.runs, self.settings.backlog)
