"""The loop of a service: runs that are due are shared, taken on and given back, whatever is away meanwhile."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.memory.bus import MemoryControlBus
from sr_adapters.runtime.clock import SystemClock
from sr_adapters.runtime.heartbeat import boot_time
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.sqlite.authority import SqliteAuthority, SqlitePerPlatformRun
from sr_domain.encoding.ids import run_id_for
from sr_domain.flows import resume
from sr_domain.flows.work import work
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.trouble import Trouble
from sr_domain.runner import ScenarioRunner
from sr_plugins.uses import background
from sr_plugins.uses.background import Background
from sr_plugins.uses.looks import CLAIM_S, Looks
from sr_ports import (
    AuthorityStore,
    EngineCall,
    EngineResult,
    Envelope,
    Fault,
    IndexNote,
    NotFound,
    PerPlatformRun,
    ReasonCode,
    Scheduling,
    Unreachable,
)
from tests.kit import PLATFORM, WAIT_S, Lab, request
from tests.worlds import FLAG, engine, small_world

POSTGRES = find_spec("psycopg") is not None
if POSTGRES:
    from tests.servers import postgres

    postgres_dsn = postgres.postgres_dsn
PLACES = ["memory", "sqlite", *([pytest.param("postgres", marks=pytest.mark.parity)] if POSTGRES else [])]
LATE = f"gates/gate.a/{FLAG}"
LONG_S = 120.0
Authorities = Callable[[], AuthorityStore]


@pytest.fixture(params=PLACES)
def authorities(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Authorities]:
    """Makes handles on one authority, as processes of their own would have them; its time is real."""
    with ExitStack() as opened:
        memory = MemoryAuthority()
        if request.param == "postgres":
            from sr_adapters.postgres.authority import PostgresAuthority
            from sr_adapters.postgres.database import Database

            dsn = request.getfixturevalue("postgres_dsn")
            schema = opened.enter_context(postgres.fresh_schema(dsn))

        def make() -> AuthorityStore:
            handle: AuthorityStore
            if request.param == "memory":
                return memory.handle()
            if request.param == "sqlite":
                handle = SqliteAuthority(str(tmp_path / "authority.db"))
            else:
                handle = PostgresAuthority(Database(dsn, schema=schema))
            opened.callback(handle.close)
            return handle

        yield make


def real(tmp_path: Path, authority: AuthorityStore) -> Lab:
    """Truth in memory, under an authority whose time is real, as the clock's is."""
    clock: Any = SystemClock()
    return attrs.evolve(Lab.memory(tmp_path), authority=authority, clock=clock, elapsed=boot_time)


def incomplete(lab: Lab, key: str) -> Callable[[], None]:
    """Submit a run that waits; afterwards the call brings what it waits for."""
    files = small_world(key)
    late = files.pop(LATE)
    outcome = lab.runner().submit(request(key, engine_run_root=lab.world(files, key)))
    assert outcome.state is RunState.WAITING_EVIDENCE

    def bring() -> None:
        lab.world({LATE: late}, key)

    return bring


@attrs.define
class Ear:
    """Hears what came of each look."""

    done: list[tuple[str, Outcome | Trouble]] = attrs.field(factory=list)
    changed: threading.Condition = attrs.field(factory=threading.Condition)

    def __call__(self, run_id: str, done: Outcome | Trouble) -> None:
        with self.changed:
            self.done.append((run_id, done))
            self.changed.notify_all()

    def wait(self, enough: Callable[[list[tuple[str, Outcome | Trouble]]], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.done), LONG_S), self.done

    def settled(self, state: RunState) -> Counter[str]:
        return Counter(run for run, done in self.done if isinstance(done, Outcome) and done.state is state)


def looks_at(lab: Lab, **ports: Any) -> Looks:
    return Looks(lab.runner(**ports), jitter=lambda: 1.0)


def each(looks: Looks) -> list[tuple[RunState | None, ReasonCode | None]]:
    """What came of one look at all that is due."""
    return [
        (None, done.error.code) if isinstance(done, Trouble) else (done.state, done.reason_code)
        for _, done in looks.each()
    ]


class Bus:
    """A bus that may be away."""

    def __init__(self, bus: MemoryControlBus) -> None:
        self.bus, self.away = bus, True

    def publish(self, envelope: Envelope) -> None:
        if self.away:
            raise Unreachable(ReasonCode.BUS_UNREACHABLE, "no bus")
        self.bus.publish(envelope)


# any number of loops, on each authority


def test_two_loops_share_what_is_due_and_no_run_is_worked_on_twice(tmp_path: Path, authorities: Authorities) -> None:
    lab = real(tmp_path, authorities())
    keys = [f"k{n}" for n in range(200)]
    for bring in [incomplete(lab, key) for key in keys]:
        bring()
    ears, at_work = (Ear(), Ear()), Counter[str]()
    lock = threading.Lock()

    @attrs.frozen
    class Store:
        """Sees whether two work on one run at once: both would write its decision."""

        inner: Any

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def create(self, key: str, data: bytes) -> Any:
            with lock:
                at_work[key] += "/run_facts_view/" in key
            return self.inner.create(key, data)

    loops = [
        Background(lab.runner(authority=authorities(), store=Store(lab.store)), workers=3, every_s=0.05, heard=ear)
        for ear in ears
    ]
    ready = RunState.READY
    for loop in loops:
        loop.start()
    deadline = time.monotonic() + LONG_S
    while sum(len(ear.settled(ready)) for ear in ears) < len(keys) and time.monotonic() < deadline:
        with ears[0].changed:
            ears[0].changed.wait(0.1)
    assert [loop.stop() for loop in loops] == [True, True]
    both = ears[0].settled(ready) + ears[1].settled(ready)
    assert both == Counter(run_id_for(key) for key in keys)
    assert all(ear.settled(ready) for ear in ears), "one loop did all the work"
    assert not [done for ear in ears for _, done in ear.done if not isinstance(done, Outcome) or done.in_flight]
    assert set(at_work.values()) <= {0, 1}
    assert len(lab.published()) == len(keys)
    assert list(lab.runner().unsettled()) == []


def test_a_deadline_closes_a_waiting_run(tmp_path: Path, authorities: Authorities) -> None:
    lab, ear = real(tmp_path, authorities()), Ear()
    files = small_world()
    files.pop(LATE)
    short = {"evidence_wait_seconds": 2}
    waits = lab.runner(policy=short).submit(request(engine_run_root=lab.world(files)))
    assert waits.state is RunState.WAITING_EVIDENCE
    with Background(lab.runner(authority=authorities()), every_s=0.05, heard=ear):
        ear.wait(lambda done: bool(ear.settled(RunState.FAILED)))
    assert lab.runner().status(waits.run_id).reason_code is ReasonCode.EVIDENCE_MISSING_DEADLINE
    assert list(lab.runner().unsettled()) == []


def test_ready_is_published_once_the_bus_is_back(tmp_path: Path, authorities: Authorities) -> None:
    lab, ear = real(tmp_path, authorities()), Ear()
    bus = Bus(lab.bus)
    owed = lab.runner(bus=bus).submit(request(engine_run_root=lab.world(small_world())))
    assert (owed.state, owed.published) == (RunState.READY, False)
    with Background(lab.runner(authority=authorities(), bus=bus), every_s=0.05, heard=ear):
        ear.wait(lambda done: len(done) > 0)
        assert lab.published() == []
        bus.away = False
        ear.wait(lambda done: any(isinstance(one, Outcome) and one.published for _, one in done))
    assert [one.attributes["kind"] for one in lab.published()] == ["READY"]
    assert list(lab.runner().unsettled()) == []


# claims


def test_the_claims_of_one_who_died_lapse_and_another_goes_on(lab: Lab) -> None:
    bring = incomplete(lab, "key")
    bring()
    lab.clock.sleep(1)
    dead = lab.runner().due_runs().claim(limit=9, for_s=CLAIM_S)
    assert [one.run_id for one in dead] == [run_id_for("key")]
    heir = looks_at(lab)
    assert each(heir) == []
    lab.clock.sleep(CLAIM_S)
    assert each(heir) == [(RunState.READY, None)]
    assert each(heir) == []


def test_a_run_that_was_left_in_flight_is_due_once_its_lease_lapsed(lab: Lab) -> None:
    class Killed(BaseException):
        pass

    def killed(call: EngineCall) -> EngineResult:
        raise Killed

    run = run_id_for("key")
    authority = lab.authority
    with pytest.raises(Killed):
        lab.runner(engine=killed, authority=_NeverReleases(authority)).submit(request())
    assert each(looks_at(lab)) == []
    assert authority.holder(run, store_id=lab.runner().ports.authority.runs()[0].store_id) is not None
    lab.clock.sleep(61)
    assert each(looks_at(lab, engine=engine(lab.root / "made", small_world()))) == [(RunState.READY, None)]


class _NeverReleases:
    """An authority as it is for a process that is gone before it lets go."""

    def __init__(self, authority: AuthorityStore) -> None:
        self._authority = authority

    def __getattr__(self, name: str) -> Any:
        return (lambda *_, **__: None) if name == "release" else getattr(self._authority, name)


# by the rule


def test_a_waiting_run_is_looked_at_less_and_less_often_and_at_its_deadline(lab: Lab) -> None:
    incomplete(lab, "key")
    looks, at = looks_at(lab), []
    for second in range(1, WAIT_S + 1):
        lab.clock.sleep(1)
        at += [second] * len(each(looks))
    assert at[0] == 1
    assert at[-1] == WAIT_S
    pauses = [later - one for one, later in itertools.pairwise(at)]
    assert max(pauses) <= 60
    assert pauses[:-1] == sorted(pauses[:-1]), pauses
    assert lab.runner().status(run_id_for("key")).state is RunState.FAILED
    assert lab.kinds(run_id_for("key")).count("EVIDENCE_WAITING") == 1
    lab.clock.sleep(10 * WAIT_S)
    assert each(looks) == []


def test_what_meets_trouble_again_and_again_is_left_alone_ever_longer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    incomplete(lab, "key")

    def broken(*_: object, **__: object) -> Outcome:
        raise Fault(ReasonCode.TRUTH_ROLLED_BACK, "never mind")

    looks, at = looks_at(lab), []
    monkeypatch.setattr(resume, "work", broken)
    for second in range(3600):
        at += [second] * len(each(looks))
        lab.clock.sleep(1)
    assert [later - one for one, later in itertools.pairwise(at)] == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    monkeypatch.undo()
    lab.clock.sleep(900)
    assert each(looks) == [(RunState.FAILED, ReasonCode.EVIDENCE_MISSING_DEADLINE)]


def test_an_authority_without_a_schedule_is_looked_through(lab: Lab) -> None:
    @attrs.frozen
    class Plain:
        """An authority as plugins of earlier releases are: nothing of it says what is due."""

        inner: AuthorityStore

        def __getattr__(self, name: str) -> Any:
            if name in ("claim_due", "postpone"):
                raise AttributeError(name)
            return getattr(self.inner, name)

    plain = Plain(lab.authority)
    assert not isinstance(plain, Scheduling)
    bring = incomplete(lab, "key")
    looks = looks_at(lab, authority=plain)
    assert each(looks) == [(RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_WAITING)]
    assert each(looks) == []
    bring()
    lab.clock.sleep(1)
    assert each(looks) == [(RunState.READY, None)]
    lab.clock.sleep(CLAIM_S)
    assert each(looks) == []


def test_runs_of_every_platform_run_are_found_where_each_has_an_authority_of_its_own(tmp_path: Path) -> None:
    lab = real(tmp_path, MemoryAuthority())
    names = [PLATFORM, "platform_20260201T134200Z", "platform_20260202T134200Z"]

    def runner(name: str) -> ScenarioRunner:
        own = SqlitePerPlatformRun(lambda one: str(tmp_path / one / "authority.db"), lambda: name)
        return lab.runner(authority=own, platform=FixedPlatformRuns(name))

    files = small_world()
    late = files.pop(LATE)
    for name in names[:2]:
        assert runner(name).submit(request(engine_run_root=lab.world(files))).state is RunState.WAITING_EVIDENCE
    lab.world({LATE: late})
    ear = Ear()
    with Background(runner(names[2]), every_s=0.05, heard=ear):
        ear.wait(lambda done: len(done) == 2)
    assert {done.platform_run_id for _, done in ear.done if isinstance(done, Outcome)} == set(names[:2])
    assert ear.settled(RunState.READY).total() == 2


def test_a_store_that_is_not_the_authority_s_is_not_worked_on(lab: Lab) -> None:
    bring = incomplete(lab, "key")
    bring()
    lab.clock.sleep(1)
    looks = looks_at(lab)
    looks._due._context.known_store.standing()
    lab.store.delete("fraud-platform/_store.json")
    with pytest.raises(Fault) as refused:
        each(looks)
    assert refused.value.code is ReasonCode.TRUTH_ROLLED_BACK
    assert "READY_COMMITTED" not in lab.kinds(run_id_for("key"))


# the threads


@attrs.define
class Flaky:
    """An authority that is away when it is said to be."""

    inner: AuthorityStore
    away: bool = False
    asked: threading.Semaphore = attrs.field(factory=lambda: threading.Semaphore(0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def postpone(self, *args: Any) -> None:
        self.inner.postpone(*args)  # type: ignore[attr-defined]

    def claim_due(self, **asked: Any) -> Any:
        self.asked.release()
        if self.away:
            raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "no authority")
        return self.inner.claim_due(**asked)  # type: ignore[attr-defined]


def test_a_loop_outlives_an_authority_that_is_away(tmp_path: Path) -> None:
    lab, ear = real(tmp_path, MemoryAuthority()), Ear()
    bring = incomplete(lab, "key")
    flaky = Flaky(lab.authority, away=True)
    with Background(lab.runner(authority=flaky), every_s=0.01, heard=ear, jitter=lambda: 0.0) as loop:
        for _ in range(4):
            assert flaky.asked.acquire(timeout=LONG_S)
        assert (loop.alive, loop.trouble) == (True, "AUTHORITY_UNREACHABLE")
        bring()
        flaky.away = False
        ear.wait(lambda done: bool(ear.settled(RunState.READY)))
        assert loop.alive
    told = [one for one in lab.listener.events if one.event_kind == "LOOP_TROUBLED"]
    assert [(one.outcome, one.details["reason_code"]) for one in told] == [("RETRY", "AUTHORITY_UNREACHABLE")]
    assert not loop.alive


@pytest.mark.parametrize("raised", [SystemExit("bye"), KeyboardInterrupt(), MemoryError(), RecursionError()], ids=repr)
def test_a_loop_outlives_whatever_one_run_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    lab, ear = real(tmp_path, MemoryAuthority()), Ear()
    for key in ("bad", "good"):
        incomplete(lab, key)()
    met = threading.Event()

    def sometimes(*args: Any, **named: Any) -> Outcome:
        if args[2].run_equivalence_key == "bad" and not met.is_set():
            met.set()
            raise raised
        return work(*args, **named)

    monkeypatch.setattr(resume, "work", sometimes)
    escaped: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", escaped.append)
    with Background(lab.runner(), every_s=0.01, heard=ear) as loop:
        ear.wait(lambda done: run_id_for("good") in ear.settled(RunState.READY) and met.is_set())
        assert loop.alive
    assert escaped == []


def test_a_loop_says_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    lab = real(tmp_path, MemoryAuthority())
    loop = Background(lab.runner(), workers=2, every_s=0.01)
    loop.start()
    assert loop.stop() and loop.stop()
    told = [(one.event_kind, dict(one.details)) for one in lab.listener.events if one.event_kind.startswith("LOOP")]
    assert told == [("LOOP_STARTED", {"workers": 2, "every_s": 0.01}), ("LOOP_STOPPED", {"worked": 0, "left": 0})]
    assert not [one for one in threading.enumerate() if one.name.startswith("sr-loop")]


def test_what_is_not_settled_is_counted_for_telemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "STANDING_S", 0.0)
    lab, ear = real(tmp_path, MemoryAuthority()), Ear()
    incomplete(lab, "key")
    with Background(lab.runner(), every_s=0.01, heard=ear):
        ear.wait(bool)
    assert "RUNS_STANDING" in [one.event_kind for one in lab.listener.events]


# to stop


@attrs.define
class Engine:
    """An engine that goes on until it is let go, or until it is cancelled. `root`: what it makes."""

    root: str
    heeds: bool
    begun: threading.Event = attrs.field(factory=threading.Event)
    over: threading.Event = attrs.field(factory=threading.Event)

    def invoke(self, call: EngineCall, *, cancelled: Callable[[], bool], progress: object) -> EngineResult:
        self.begun.set()
        while not self.over.wait(0.005):
            if self.heeds and cancelled():
                return EngineResult(ReasonCode.ENGINE_CANCELLED, None, detail="cancelled")
        return EngineResult(None, self.root)

    def describe(self) -> str:
        return "an engine"


def at_work(tmp_path: Path, *, heeds: bool) -> tuple[Lab, Background, Engine]:
    """A loop whose one run is in the middle of its engine's work."""
    lab, run = real(tmp_path, MemoryAuthority()), run_id_for("key")
    made = Engine(lab.world(small_world()), heeds)
    policy = {"attempt_limit": 1, "retry_backoff_seconds": 0}
    with pytest.raises(Unreachable):  # this worker has no engine
        lab.runner(engine=_none, policy=policy).submit(request())
    (row,) = lab.authority.runs()
    lease = lab.authority.acquire(run, "somebody", ttl_s=60, store_id=row.store_id)
    lab.authority.release(lease, note=IndexNote("PLANNED", False), run_id=run)  # due at once
    return lab, Background(lab.runner(invoker=made), every_s=0.01), made


def _none(call: EngineCall) -> EngineResult:
    return EngineResult(ReasonCode.ENGINE_COMMAND_MISSING, None, detail="there is none")


def test_a_loop_that_stops_leaves_its_runs_to_others_and_costs_no_attempt(tmp_path: Path) -> None:
    lab, loop, made = at_work(tmp_path, heeds=True)
    loop.start()
    assert made.begun.wait(LONG_S)
    assert loop.stop(finish_s=0.01, end_s=LONG_S)
    run = run_id_for("key")
    (row,) = lab.authority.runs()
    assert lab.authority.holder(run, store_id=row.store_id) is None
    assert not row.settled
    assert row.due_at is not None
    assert (row.due_at - lab.authority.now()).total_seconds() <= 5
    assert lab.runner(engine=lambda _: EngineResult(None, made.root)).resume(run).state is RunState.READY
    assert "ENGINE_ATTEMPT_ABANDONED" in lab.kinds(run)


def test_a_run_at_work_may_finish(tmp_path: Path) -> None:
    lab, loop, made = at_work(tmp_path, heeds=False)
    loop.start()
    assert made.begun.wait(LONG_S)
    threading.Timer(0.05, made.over.set).start()
    assert loop.stop(finish_s=LONG_S)
    assert lab.runner().status(run_id_for("key")).state is RunState.READY
    assert "ENGINE_ATTEMPT_ABANDONED" not in lab.kinds(run_id_for("key"))


def test_what_does_not_heed_is_left_behind_within_the_stated_time(tmp_path: Path) -> None:
    lab, loop, made = at_work(tmp_path, heeds=False)
    loop.start()
    assert made.begun.wait(LONG_S)
    began = time.monotonic()
    assert not loop.stop(finish_s=0.05, end_s=0.05)
    assert time.monotonic() - began < 10
    assert lab.authority.holder(run_id_for("key"), store_id=lab.authority.runs()[0].store_id) is not None
    made.over.set()
    assert loop.stop(end_s=LONG_S)


def test_claims_that_nobody_began_are_given_back(lab: Lab) -> None:
    incomplete(lab, "key")()
    lab.clock.sleep(1)
    looks = looks_at(lab)
    (claim,) = looks.claim(9)
    looks.give_back(claim)
    assert each(looks_at(lab)) == [(RunState.READY, None)]


def test_nothing_is_due_without_a_platform_run(tmp_path: Path) -> None:
    def none() -> str:
        raise NotFound(ReasonCode.RUN_NOT_FOUND, "there is none")

    class Nothing:
        def current(self) -> None:
            return None

    lab = real(tmp_path, MemoryAuthority())
    own = SqlitePerPlatformRun(lambda one: str(tmp_path / one / "authority.db"), none)
    assert each(looks_at(lab, authority=own, platform=Nothing())) == []
    assert list(tmp_path.iterdir()) == []


def test_where_each_platform_run_has_a_plain_authority_of_its_own_a_closed_handle_is_not_used_again(lab: Lab) -> None:
    other = "platform_20260201T134200Z"
    books = {name: MemoryAuthority(lab.clock.now) for name in (PLATFORM, other)}

    class Handle:
        """An authority as plugins of earlier releases are, which a close ends for good."""

        def __init__(self, name: str) -> None:
            self.name, self.closed = name, False

        def of(self, name: str) -> Handle:
            return Handle(name)

        def close(self) -> None:
            self.closed = True

    def forwarded(method: str) -> Callable[..., Any]:
        def call(handle: Handle, *args: Any, **options: Any) -> Any:
            assert not handle.closed, f"{method} is asked of a handle that was closed"
            return getattr(books[handle.name], method)(*args, **options)

        return call

    for method in AuthorityStore.__dict__:
        if not method.startswith("_") and method != "close":
            setattr(Handle, method, forwarded(method))
    own: Any = Handle(PLATFORM)
    assert isinstance(own, PerPlatformRun)
    assert not isinstance(own, Scheduling)
    looks = looks_at(lab, authority=own)
    for key in ("one", "two"):
        files = small_world(key)
        late = files.pop(LATE)
        elsewhere = lab.runner(authority=books[other], platform=FixedPlatformRuns(other))
        waits = elsewhere.submit(request(key, engine_run_root=lab.world(files, key)))
        assert waits.state is RunState.WAITING_EVIDENCE
        lab.world({LATE: late}, key)
        lab.clock.sleep(300)
        assert each(looks) == [(RunState.READY, None)]
        assert each(looks) == []
