"""On whose behalf an engine root is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sr_domain.encoding.contracts import Problem
    from sr_domain.evidence.provided_law import ProvidedLaw
    from sr_domain.plan.request import RunRequest
    from sr_domain.record.layout import Layout
    from sr_domain.record.read import Record
    from sr_domain.run.ports import Settings
    from sr_ports import Clock, EngineRoots, Held, WorkPool


class World(Protocol):
    """What evidence is read with. `sr_domain.run.ports.Ports` is one."""

    @property
    def roots(self) -> EngineRoots: ...
    @property
    def laws(self) -> Mapping[str, ProvidedLaw]: ...
    @property
    def pool(self) -> WorkPool: ...
    @property
    def clock(self) -> Clock: ...


class Telling(Protocol):
    """Who is told how far a long read has come, and at its end how much was read."""

    def progress(self, told: str) -> None: ...
    def read(self, size: int, told: str) -> None: ...


class Asking(Protocol):
    """On whose behalf evidence is read: a run that is held, or a folder that is checked beside any run.

    `history`: the record so far, which says by whose rules the root is listed. `layout`: where refs say that what is
    stored lies. `held`: stops the reading when it is lost. `late`: whether the evidence deadline has come. `pause`:
    lets seconds pass while the run stays held. `misfit`: what breaks a contract, or the pack's own.
    """

    @property
    def ports(self) -> World: ...
    @property
    def request(self) -> RunRequest: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def telemetry(self) -> Telling: ...
    @property
    def held(self) -> Held: ...
    @property
    def history(self) -> Record: ...
    @property
    def run_id(self) -> str: ...
    def now(self) -> datetime: ...
    def late(self) -> bool: ...
    def pause(self, seconds: float) -> None: ...
    def misfit(self, contract: str, document: Any) -> Problem | None: ...
