"""What storage may do to a store once a schedule has come to its end, and what nobody may make of it.

A store that is emptied, restored from an older backup, re-identified or copied, under an index of this release or of
the first one; everybody tries everything; then the store is put back as it was, and all is as it was. Or the store is
newer than its authority, which was lost, or restored from an older backup: all is taken from the records.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.store import MemoryObjectStore
from sr_domain.record.layout import store_identity_key
from sr_domain.runner import ScenarioRunner
from sr_ports import ReasonCode, SrError
from tests.reliability.lab import request
from tests.reliability.loss import readies
from tests.store_worlds import Row, named_by_none, remember

Truth = dict[str, bytes]
Noted = dict[str, int]
"""By run, the place of the event that the index noted at the last release."""
FIRST, SERVED = 0.5, 0.5
"""How many of the indexes are as the first release left them; how many that know less have served the store."""
TOLD = (ReasonCode.TRUTH_ROLLED_BACK, ReasonCode.STORE_COPIED)


class Copy(MemoryObjectStore):
    """The same objects at another place."""

    def location(self) -> str:
        return "memory:the-copy"


def emptied(truth: Truth, noted: Noted, rng: random.Random) -> Truth:
    return {}


def older(truth: Truth, noted: Noted, rng: random.Random) -> Truth:
    """Every record as it was before its last release, what follows from it gone; the identity is older still."""
    kept: Truth = {}
    for key, data in truth.items():
        seq = noted.get(key.rpartition("/")[2].removesuffix(".jsonl"))
        if "/run_record/" in key and seq is not None:
            kept[key] = b"".join(data.splitlines(keepends=True)[: rng.randrange(seq + 1)])
        elif "/run_record/" in key or key == store_identity_key():
            kept[key] = data
    return {key: data for key, data in kept.items() if data}


def re_identified(truth: Truth, noted: Noted, rng: random.Random) -> Truth:
    other = {"store_id": f"{rng.getrandbits(128):032x}", "minted_at_utc": "2026-01-31T13:42:00Z"}
    return {**older(truth, noted, rng), store_identity_key(): json.dumps(other).encode()}


def copied(truth: Truth, noted: Noted, rng: random.Random) -> Truth:
    return truth


HOW: tuple[Callable[[Truth, Noted, random.Random], Truth], ...] = (emptied, older, re_identified, copied)


def everybody(runner: ScenarioRunner, run_id: str, rng: random.Random) -> None:
    """Every command that writes, in any order. What is refused is refused by one of the reasons there are."""
    calls: list[Callable[[], Any]] = [
        lambda: runner.submit(request(engine_run_root="memory")),
        lambda: runner.resume(run_id),
        lambda: [runner.resume(one) for one in list(runner.unsettled())],
        lambda: runner.submit(request("late", engine_run_root="memory", supersedes=run_id)),
    ]
    for call in rng.sample(calls, len(calls)):
        try:
            call()
        except SrError as error:
            assert error.code in TOLD, error


def lose(lab: Any, ports: dict[str, Any], run_id: str, rng: random.Random) -> str | None:
    """Do one of these to the store and put it back; what went wrong, None for nothing."""
    store = lab.store
    truth = {one.key: store.read(one.key).data for one in store.list("")}
    if store_identity_key() not in truth or not any("/run_record/" in key for key in truth):
        return None  # nobody got that far
    if rng.randrange(len(HOW) + 1) == len(HOW):
        return newer(lab, ports, run_id, rng)
    how = rng.choice(HOW)
    heard = len(list(lab.bus.tail("fp.bus.control.v1")))
    noted = {row.run_id: row.tail.seq for row in lab.authority.runs() if row.tail is not None}
    changed, authority = Copy() if how is copied else MemoryObjectStore(), lab.authority
    left = how(truth, noted, rng)
    if how is not copied and rng.random() < FIRST:
        authority = remembering(lab, named_by_none(known_rows(lab)))
        left.pop(store_identity_key(), None)
    for key, data in left.items():
        changed.create(key, data)
    everybody(lab.runner({**ports, "store": changed, "authority": authority}), run_id, rng)
    if len(list(lab.bus.tail("fp.bus.control.v1"))) != heard:
        return f"a store that was {how.__name__.replace('_', ' ')} told the bus of something"
    everybody_knows = {one.key: store.read(one.key).data for one in store.list("")}
    return None if everybody_knows == truth else "the store that was put back is another"


def newer(lab: Any, ports: dict[str, Any], run_id: str, rng: random.Random) -> str | None:
    """The authority was lost, or knows only some of the runs: whoever asks is answered from the records."""
    heard, state = readies(lab), lab.ledger(run_id).state
    rows = known_rows(lab)
    authority = remembering(lab, rng.sample(rows, rng.randrange(len(rows))))
    if rng.random() < SERVED:
        for place in lab.authority.find("").places:
            authority.serve(place)
    runner = lab.runner({**ports, "authority": authority})
    again = runner.submit(request(engine_run_root="memory"))
    for one in list(runner.unsettled()):
        runner.resume(one)
    if (again.state, again.is_new) != (state, False):
        return f"a known key was {again.state} under an authority that knew less, and had been {state}"
    findings = [one for ref in runner.recorded_runs() for one in runner.audit(ref).findings]
    if findings:
        return f"audit under an authority that knew less: {findings[0]}"
    return None if readies(lab) == heard else "an authority that knew less told the bus of another READY"


def known_rows(lab: Any) -> list[Row]:
    """All that the authority knows."""
    rows = lab.authority.runs()
    found = [one for row in rows for one in lab.authority.find(row.run_id).bindings if one.store_id == row.store_id]
    return [Row(one, lab.ledger(one.run_id).fence) for one in found]


def remembering(lab: Any, rows: list[Row]) -> MemoryAuthority:
    """An authority that knows these rows, and no place."""
    made = MemoryAuthority(lab.clock.now)
    remember(made, rows)
    return made
