"""Runs in every state that a page is about, on one lab."""

from __future__ import annotations

import attrs

from sr_domain.runner import ScenarioRunner
from sr_ports import EngineCall, EngineResult, ReasonCode
from tests.kit import Lab, request
from tests.worlds import engine, small_world

LOG = b"<b>no disk</b>\x1b[31m red\xe2\x80\xae\nlast line\n"
"""What an engine that failed left: markup, a colour, text turned around."""


@attrs.frozen
class Runs:
    """`lab`: where they are. The others: ids of runs in the state of that name."""

    lab: Lab
    ready: str
    waiting: str
    quarantined: str
    failed: str
    superseded: str

    @property
    def runner(self) -> ScenarioRunner:
        """A fresh process."""
        return self.lab.runner()


def every_state(lab: Lab) -> Runs:
    """READY, waiting, quarantined, failed, and READY but superseded."""
    root = lab.root
    old = lab.runner(engine=engine(root / "old", small_world("old"))).submit(request("old")).run_id
    lab.clock.sleep(60)
    ready = lab.runner(engine=engine(root / "new", small_world("new"))).submit(
        request("new", supersedes=old, notes="the tariff was wrong")
    )
    lab.clock.sleep(60)
    short = {name: data for name, data in small_world("short").items() if not name.startswith("gates/gate.c/")}
    waiting = lab.runner().submit(request("short", engine_run_root=lab.world(short, "short")))
    torn = {**small_world("torn"), "gates/gate.a/z.csv": b"1,3"}
    quarantined = lab.runner().submit(request("torn", engine_run_root=lab.world(torn, "torn")))
    failed = lab.runner(engine=_fails).submit(request("broken"))
    return Runs(lab, ready.run_id, waiting.run_id, quarantined.run_id, failed.run_id, old)


def _fails(call: EngineCall) -> EngineResult:
    return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, None, stderr=LOG, detail="exit code 3")
