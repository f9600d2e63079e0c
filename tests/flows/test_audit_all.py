"""sr audit --all: records, artifacts, index and bus held against each other, over every platform run of a store.

What any side knows and the record does not is found and named. Each loss has its innocent twin: what a crash left, or
a worker that is at it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_domain.encoding.ids import run_id_for
from sr_domain.queries.audit_all import StoreAudit
from sr_domain.queries.finding import Finding
from sr_domain.record.states import RunState
from sr_ports import Envelope, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.kit import BASE, Lab, request
from tests.worlds import FLAG, small_world

RUN, OTHER = run_id_for("key"), run_id_for("other")
KINDS = ("run_plan", "run_status", "run_facts_view", "ready_signal")
LATE = f"gates/gate.b/{FLAG}"


def key(kind: str, run_id: str = RUN) -> str:
    return f"{BASE}/{kind}/{run_id}.json{'l' if kind == 'run_record' else ''}"


@pytest.fixture
def ready(any_lab: Lab) -> Lab:
    """Two READY runs."""
    for name in ("key", "other"):
        assert any_lab.reuse(small_world(name), run_equivalence_key=name).state is RunState.READY
    claim(any_lab)
    return any_lab


def claim(lab: Lab) -> None:
    """The index's rows are this store's."""
    lab.authority.claim(json.loads(lab.store.read("fraud-platform/_store.json").data)["store_id"])


def swept(lab: Lab, **ports: Any) -> tuple[StoreAudit, list[Finding], list[Finding]]:
    """A whole audit: itself, the faults of all runs, and what was left unfinished."""
    whole = lab.runner(**ports).audit_all()
    audits: list[Any] = [done for _, done in whole.audits()]
    return whole, [one for done in audits for one in done.findings], [one for done in audits for one in done.unfinished]


def faults(lab: Lab, **ports: Any) -> list[Finding]:
    return swept(lab, **ports)[1]


def is_sound(lab: Lab) -> None:
    whole, found, left = swept(lab)
    assert (found, left, whole.store, whole.not_asked) == ([], [], [], [])


def test_a_sound_store_has_each_run_once(ready: Lab) -> None:
    is_sound(ready)
    assert sorted(done.run_id for _, done in ready.runner().audit_all().audits()) == sorted([RUN, OTHER])


@pytest.mark.parametrize("gone", [("run_record",), ("run_record", *KINDS)], ids=["the record", "all that stands"])
def test_a_record_that_is_gone_is_named_with_what_each_side_knows(ready: Lab, gone: tuple[str, ...]) -> None:
    for kind in gone:
        ready.store.delete(key(kind))
    found = faults(ready)
    assert {(one.code, one.where) for one in found} == {(ReasonCode.TRUTH_ROLLED_BACK, key("run_record"))}
    told = " ".join(one.what for one in found)
    assert "the record is not there" in told
    assert "the index has known the run as READY and settled" in told
    assert "the control bus has its READY" in told
    for kind in KINDS:
        assert (key(kind) in told) is (len(gone) == 1)


def test_an_emptied_store_is_told_by_index_and_bus(ready: Lab) -> None:
    for stored in ready.truth():
        if not stored.endswith("_store.json"):
            ready.store.delete(stored)
    assert {one.where for one in faults(ready)} == {key("run_record"), key("run_record", OTHER)}


def test_a_row_of_the_first_release_may_be_another_stores(any_lab: Lab) -> None:
    """It names no store, and two stores may share the authority: it is told, and accuses nobody."""
    assert any_lab.reuse(small_world()).state is RunState.READY
    any_lab.of_the_first_release()
    other = Lab.memory(any_lab.root)
    whole, found, left = swept(other, authority=any_lab.authority)
    assert (found, left) == ([], [])
    (told,) = whole.not_asked
    assert RUN in told
    assert "no store" in told


@pytest.mark.parametrize("kind", KINDS)
def test_an_artifact_alone_is_told_though_nothing_else_knows_the_run(lab: Lab, kind: str) -> None:
    lab.store.create(key(kind), b"{}")
    (found,) = faults(lab)
    assert (found.code, found.where) == (ReasonCode.TRUTH_MISSING, key("run_record"))
    assert key(kind) in found.what


def test_a_ready_on_the_bus_that_no_record_knows(ready: Lab) -> None:
    (published, *_) = [one for one in ready.published() if one.attributes["run_id"] == RUN]
    forged = Envelope(
        published.topic, "f" * 64, published.published_at_utc, published.attributes, RUN, published.payload
    )
    for _ in range(3):
        ready.bus.publish(forged)
    (found,) = faults(ready)
    assert (found.code, found.where) == (ReasonCode.TRUTH_ROLLED_BACK, key("run_record"))
    assert "f" * 64 in found.what
    assert published.message_id in found.what


def test_anothers_ready_on_a_shared_bus_is_nobodys_fault(ready: Lab) -> None:
    one = ready.published()[0]
    for named in ({"store_id": "0" * 32}, {"store_id": "0" * 32, "platform_run_id": "platform_20200101T000000Z"}):
        attributes = {**one.attributes, "run_id": "1" * 32, **named}
        ready.bus.publish(Envelope(one.topic, "e" * 64, one.published_at_utc, attributes, "1" * 32, one.payload))
    is_sound(ready)


@pytest.mark.parametrize("before", ["EVIDENCE_COMPLETE", "READY_COMMITTED", "READY_PUBLISHED"])
def test_a_record_that_was_rolled_back_is_told_by_the_index(ready: Lab, before: str) -> None:
    data, at = ready.store.read(key("run_record")).data, ready.ledger(RUN).first(before)
    ready.store.delete(key("run_record"))
    ready.store.create(key("run_record"), b"".join(data.splitlines(keepends=True)[: at.seq]))  # type: ignore[union-attr]
    codes = {one.code for one in faults(ready) if one.where == key("run_record")}
    assert codes == {ReasonCode.TRUTH_ROLLED_BACK}


class Away:
    """A port whose calls of this name cannot be answered."""

    def __init__(self, port: Any, name: str, code: ReasonCode) -> None:
        self._port, self._name, self._code = port, name, code

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            return self._refuse
        return getattr(self._port, name)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise Unreachable(self._code, f"{self._name} is away")


def test_who_cannot_be_asked_is_told_and_the_others_are_asked(ready: Lab) -> None:
    ready.store.delete(key("run_record"))
    whole, found, _ = swept(ready, bus=Away(ready.bus, "tail", ReasonCode.BUS_DENIED))
    assert [one.where for one in found] == [key("run_record")]
    assert whole.not_asked == ["control bus: tail is away"]
    whole, found, _ = swept(ready, authority=Away(ready.authority, "runs", ReasonCode.AUTHORITY_UNREACHABLE))
    assert {one.where for one in found} == {key("run_record")}
    assert whole.not_asked == ["index: runs is away"]


def test_a_bus_that_lets_go_of_what_is_old_is_told(ready: Lab) -> None:
    class Forgets(Away):
        def kept_since(self) -> Any:
            return ready.clock.now()

        def publish(self, envelope: Any) -> None: ...
        def tail(self, *args: Any, **kwargs: Any) -> Any:
            return iter(())

        def describe(self) -> str:
            return ""

        def close(self) -> None: ...

    whole, found, _ = swept(ready, bus=Forgets(ready.bus, "", ReasonCode.BUS_DENIED))
    assert found == []
    assert [one.split(" from ")[0] for one in whole.not_asked] == ["control bus: it keeps nothing"]


def test_an_identity_that_is_none_is_the_stores_own_fault(ready: Lab) -> None:
    ready.store.delete("fraud-platform/_store.json")
    ready.store.create("fraud-platform/_store.json", b"junk")
    whole, found, _ = swept(ready)
    assert (found, [one.where for one in whole.store]) == ([], ["fraud-platform/_store.json"])


# What a crash left, and what a worker is at


def cuts(lab: Lab, act: Callable[[Lab, dict[str, Any]], Any]) -> Iterator[Lab]:
    """The truth of a flow that was cut off at each of its calls, one lab after the other."""
    plan = CrashPlan()
    act(lab, crash(ports(lab), plan))
    for at in range(len(plan.trace)):
        other = Lab.memory(lab.root)
        with pytest.raises(Died):
            act(other, crash(ports(other), CrashPlan(at=at, mode=Mode.AFTER)))
            raise Died  # past its last call that matters
        yield other


def ports(lab: Lab) -> dict[str, Any]:
    return {"store": lab.store, "authority": lab.authority, "bus": lab.bus}


def quarantined(lab: Lab, cut: dict[str, Any]) -> Any:
    files = {**small_world(), LATE: b"sha256_hex = " + b"0" * 64 + b"\n"}
    return lab.runner(**cut).submit(request(engine_run_root=lab.world(files)))


def made_ready(lab: Lab, cut: dict[str, Any]) -> Any:
    return lab.runner(**cut).submit(request(engine_run_root=lab.world(small_world())))


@pytest.mark.parametrize("act", [made_ready, quarantined])
def test_no_crash_is_taken_for_an_alteration(lab: Lab, act: Callable[[Lab, dict[str, Any]], Any]) -> None:
    left = 0
    for cut in cuts(lab, act):
        whole, found, unfinished = swept(cut)
        assert (found, whole.store, whole.not_asked) == ([], [], [])
        left += bool(unfinished)
        view = cut.store.read(key("run_facts_view"))
        if view is not None:  # verify accuses nobody either
            done = cut.runner().verify(RUN)
            assert {one.code for one in done.findings} <= {ReasonCode.RUN_UNFINISHED}
            assert done.ok is (cut.ledger(RUN).state is RunState.READY)
    assert left > 0, "nothing was ever left: then this shows nothing"


def test_a_run_in_flight_is_looked_at_again(lab: Lab) -> None:
    """A worker writes at every moment of the audit."""

    class Meddling:
        """A store on which a worker goes on between any two reads of the auditor."""

        def __init__(self, store: Any, worker: Iterator[None]) -> None:
            self._store, self._worker = store, worker

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def read(self, key: str) -> Any:
            blob = self._store.read(key)
            next(self._worker, None)
            return blob

    for start in range(0, 24, 3):
        other = Lab.memory(lab.root)
        worker = steps(other)
        for _ in range(start):
            next(worker, None)
        found = faults(other, store=Meddling(other.store, worker))
        assert found == [], start
        for _ in worker:
            pass
        is_sound(other)


def steps(lab: Lab) -> Iterator[None]:
    """The run of a worker, a write at a time: its truth, replayed in the order in which it was written."""
    other, journal = Lab.memory(lab.root), list[tuple[str, str, bytes]]()

    class Noted:
        def __getattr__(self, name: str) -> Any:
            return getattr(other.store, name)

        def create(self, key: str, data: bytes) -> Any:
            journal.append(("create", key, data))
            return other.store.create(key, data)

        def replace(self, key: str, data: bytes, *, etag: str) -> Any:
            journal.append(("replace", key, data))
            return other.store.replace(key, data, etag=etag)

    done = other.runner(store=Noted()).submit(request(engine_run_root=other.world(small_world())))
    assert done.state is RunState.READY
    for how, where, data in journal:
        standing = lab.store.read(where)
        if how == "create" or standing is None:
            lab.store.create(where, data)
        else:
            lab.store.replace(where, data, etag=standing.etag)
        yield
    for envelope in other.published():
        lab.bus.publish(envelope)


def test_every_platform_run_is_looked_at_from_any_session(ready: Lab) -> None:
    session = FixedPlatformRuns("platform_20260301T000000Z")
    assert faults(ready, platform=session) == []
    ready.store.delete(key("run_record", OTHER))
    assert {one.where for one in faults(ready, platform=session)} == {key("run_record", OTHER)}
