"""Whether authority and store belong together, as the doctor finds them: cheap looks; `sr audit --all` reads it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from sr_domain.queries.index_gaps import NEWEST, unindexed
from sr_domain.run.served import check_served
from sr_domain.run.store_identity import KnownStore
from sr_domain.runner import ScenarioRunner
from sr_ports import Fault, PerPlatformRun, ReasonCode

Tries = Iterator[tuple[str, Callable[[], str]]]
_SHOWN = 3


def belonging(runner: ScenarioRunner) -> Tries:
    """Each thing to try: its name, and what gives a sentence or raises."""
    yield "store identity", lambda: _identity(runner)
    yield "index and records", lambda: _index(runner)


def _identity(runner: ScenarioRunner) -> str:
    known = KnownStore(runner.ports)
    identity = known.standing()
    check_served(known, runner.ports.authority.find("").places)
    if identity is None:
        return f"{known.location} has none yet: the first command that writes mints one"
    return f"{identity.store_id} at {known.location}, as the authority knows it"


def _index(runner: ScenarioRunner) -> str:
    lost = list(islice(runner.lost(), _SHOWN))
    if lost:
        what = f"the index knows {_named(lost)} as settled, and the record is gone or was cut short"
        remedy = (
            "sr audit --all names what each side knows; restore the store, or accept the loss run by run: sr recover"
        )
        raise Fault(ReasonCode.TRUTH_ROLLED_BACK, what, remedy)
    if isinstance(runner.ports.authority, PerPlatformRun):
        return "every settled run of the index has its record"
    known = KnownStore(runner.ports)
    known.standing()
    if all(place.store_id != known.store_id for place in runner.ports.authority.find("").places):
        return "the authority never served this store: it takes in its records before it admits anything"
    unknown = list(islice(unindexed(runner.ports), _SHOWN))
    if unknown:
        what = f"the authority does not know {_named(unknown)}, of which there is a record"
        raise Fault(ReasonCode.AUTHORITY_BEHIND, what)
    return f"every settled run of the index has its record; the newest {NEWEST} platform runs are in the index"


def _named(run_ids: list[str]) -> str:
    return f"run {run_ids[0]}" if len(run_ids) == 1 else f"runs {', '.join(run_ids)}"
