"""What a whole wiring promises whoever asks it for runs, as tests: twice, at once, and after a crash.

Subclass `RunLaws` and give it two fixtures: `runners`, a callable that gives a runner, as a further process on the
same truth has it, and `request_for`, a callable that gives a request that ends READY there; each key asks for a run
of its own. `lapse` lets every lease run out; without it the suite waits for that, where leases are short. Where the
wiring comes from, a profile or ports put together by hand, does not matter here: a runner is what `Runner` says.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, Self

import attrs
import pytest

from sr_ports.conformance.crash import CrashPlan, Died, Mode, PortCall, crash
from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import together
from sr_ports.errors import SrError

CROWD = 8
CUT = ("store", "authority", "bus", "roots", "invoker")
"""The ports that hold or move truth. `invoker` is None where no engine is wired."""
LONGEST_LEASE_S = 5.0


class Answer(Protocol):
    """What a runner says of a run."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def state(self) -> Any:
        """Where it is: ``READY``, or an enumeration whose value that is."""

    @property
    def is_new(self) -> bool:
        """Whether this call bound the key."""

    @property
    def in_flight(self) -> bool:
        """Whether another holds the run."""

    @property
    def differences(self) -> Any:
        """For a collision, what differs in the intent."""


class Runner(Protocol):
    """Takes requests for runs to their end.

    Laws, for any number of runners on one truth, in any number of processes:

    X1  A request that is asked for twice is one run: the second answer is of the same run, bound by the first call
        alone, and READY; nothing more is written and nothing more is published.
    X2  Of any number of callers who ask at once one binds the key, and every answer is of that run. Who comes while
        another works is told so or waits; asked again, all find it READY.
    X3  After a crash between any two calls of the ports, whether the last one took effect or its answer was lost, the
        request or `resume` finishes the run: READY, once, as if nothing had happened.
    X4  Another intent under a key that is bound is refused with what differs, and changes nothing.
    X5  Every READY on the bus is of one fact: its message id is one.
    """

    @property
    def ports(self) -> Any:
        """The ports that it was given, an attrs value: ``store``, ``authority``, ``bus``, ``roots``, ``invoker`` ..."""

    @property
    def policy(self) -> Any:
        """The policy that it was given."""

    @property
    def pack(self) -> Any:
        """The interface pack that it was given."""

    @property
    def settings(self) -> Any:
        """The settings that it was given, with ``topic`` and ``lease_ttl_s``."""

    def submit(self, request: Mapping[str, Any], /) -> Answer:
        """Take a request as far as it goes now."""

    def resume(self, run_id: str, /) -> Answer:
        """Finish what was left."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


Runners = Callable[[], Runner]
RequestFor = Callable[[str], Mapping[str, Any]]


@attrs.frozen
class Truth:
    """What is stored, by key, and what is on the bus."""

    stored: Mapping[str, str]
    published: Sequence[Any]

    @classmethod
    def of(cls, runner: Runner) -> Truth:
        """As one runner sees it."""
        stored = {item.key: item.etag for item in runner.ports.store.list("")}
        return cls(stored, list(runner.ports.bus.tail(runner.settings.topic)))

    def of_run(self, run_id: str) -> Mapping[str, str]:
        """What is stored of a run, and its ETags."""
        return {key: etag for key, etag in self.stored.items() if run_id in key}

    def ready(self, run_id: str) -> list[str]:
        """The message ids of a run's READY facts."""
        found = [one for one in self.published if one.attributes.get("kind") == "READY"]
        return [one.message_id for one in found if one.attributes.get("run_id") == run_id]


class RunLaws(Laws):
    """Laws X1 to X5. Needs `runners` and `request_for`."""

    states = (Runner,)
    time_limit_s = 600.0

    @pytest.fixture
    def runners(self) -> Runners:
        raise NotImplementedError("give the suite a runners fixture")

    @pytest.fixture
    def request_for(self) -> RequestFor:
        raise NotImplementedError("give the suite a request_for fixture")

    @pytest.fixture
    def other_intent(self, request_for: RequestFor) -> RequestFor:
        """A request with the key of `request_for`, for something else."""
        return lambda key: {**request_for(key), "parameter_hash": "c" * 64}

    @pytest.fixture
    def lapse(self, runners: Runners) -> Callable[[], None]:
        """Returns when no lease of a runner that is gone stands any more."""
        ttl_s = float(runners().settings.lease_ttl_s)
        if ttl_s > LONGEST_LEASE_S:
            pytest.skip(f"leases of {ttl_s:g} s: give a lapse fixture, or leases of {LONGEST_LEASE_S:g} s at most")
        return lambda: time.sleep(ttl_s * 1.2)

    @pytest.fixture
    def cuts(self) -> int:
        """How many crashes are tried, spread evenly over the calls of a run and the ways to be cut off."""
        return 60

    def test_x1_a_request_twice_is_one_run(self, runners: Runners, request_for: RequestFor) -> None:
        asked = request_for("twice")
        first = ended(runners().submit(asked))
        assert first.is_new
        before = Truth.of(runners())
        for again in (runners().submit(asked), runners().resume(first.run_id)):
            assert (ended(again).run_id, again.is_new) == (first.run_id, False)
        after = Truth.of(runners())
        assert after.published == before.published
        assert after.of_run(first.run_id) == before.of_run(first.run_id)
        assert len(set(before.ready(first.run_id))) == 1

    def test_x1_keys_are_runs_of_their_own(self, runners: Runners, request_for: RequestFor) -> None:
        answers = [ended(runners().submit(request_for(f"own-{n}"))) for n in range(2)]
        assert answers[0].run_id != answers[1].run_id
        assert all(answer.is_new for answer in answers)

    def test_x2_of_a_crowd_one_binds_and_all_find_it_ready(self, runners: Runners, request_for: RequestFor) -> None:
        for turn in range(3):
            asked = request_for(f"crowd-{turn}")
            answers = together([partial(runner.submit, asked) for runner in [runners() for _ in range(CROWD)]])
            assert [answer.is_new for answer in answers].count(True) == 1
            assert len({answer.run_id for answer in answers}) == 1
            assert all(answer.in_flight or is_ready(answer) for answer in answers)
            ended(runners().submit(asked))
            assert len(set(Truth.of(runners()).ready(answers[0].run_id))) == 1

    def test_x2_of_two_who_meet_at_any_call_to_the_authority_one_binds(
        self, runners: Runners, request_for: RequestFor
    ) -> None:
        rehearsal, one, other = CrashPlan(), runners(), runners()
        ended(cut(one, rehearsal).submit(request_for("alone")))
        for call in (each.index for each in rehearsal.trace if each.port == "authority"):
            asked = request_for(f"met-{call}")
            meeting = Meeting(call=call, other=partial(other.submit, asked))
            answers = [cut(one, meeting).submit(asked), *meeting.answers]
            assert [answer.is_new for answer in answers].count(True) == 1, f"they met at call {call}: {answers}"
            assert len({answer.run_id for answer in answers}) == 1
            assert all(answer.in_flight or is_ready(answer) for answer in answers)
            ended(other.submit(asked))

    def test_x3_after_a_crash_the_run_is_finished(
        self, runners: Runners, request_for: RequestFor, lapse: Callable[[], None], cuts: int
    ) -> None:
        rehearsal, dying = CrashPlan(), runners()
        whole = ended(cut(dying, rehearsal).submit(request_for("rehearsal")))
        plans = {f"cut-{n}": plan for n, plan in enumerate(spread(rehearsal.calls, cuts))}
        for key, plan in plans.items():
            with suppress(Died, SrError):
                cut(dying, plan).submit(request_for(key))
        lapse()
        later = runners()
        ids = {key: self._finished(later, request_for(key), plan) for key, plan in plans.items()}
        truth = Truth.of(later)
        for run_id in (whole.run_id, *ids.values()):
            assert len(set(truth.ready(run_id))) == 1, "READY was said as two facts, or never"
            assert kinds(truth, run_id) == kinds(truth, whole.run_id)

    def _finished(self, runner: Runner, asked: Mapping[str, Any], plan: CrashPlan) -> str:
        """The id of the run that was cut off, which another process finishes."""
        found = runner.submit(asked)
        assert is_ready(found), f"cut at call {plan.at} ({plan.mode.value}): {found}"
        assert is_ready(runner.resume(found.run_id))
        return found.run_id

    def test_x4_another_intent_is_refused_and_changes_nothing(
        self, runners: Runners, request_for: RequestFor, other_intent: RequestFor
    ) -> None:
        first = ended(runners().submit(request_for("intent")))
        before = Truth.of(runners())
        refused = runners().submit(other_intent("intent"))
        assert refused.differences
        assert not refused.is_new
        after = Truth.of(runners())
        assert after.published == before.published
        assert after.of_run(first.run_id) == before.of_run(first.run_id)
        assert ended(runners().submit(request_for("intent"))).run_id == first.run_id

    def test_x5_ready_speaks_of_what_is_there(self, runners: Runners, request_for: RequestFor) -> None:
        run_id = ended(runners().submit(request_for("spoken"))).run_id
        truth = Truth.of(runners())
        assert len(set(truth.ready(run_id))) == 1, "READY was said as two facts, or never"
        for fact in truth.published:
            if fact.message_id in truth.ready(run_id):
                view = runners().ports.store.read(fact.payload["facts_view_ref"])
                assert json.loads(view.data)["run_id"] == run_id


@attrs.define
class Meeting(CrashPlan):
    """Cuts nothing: before the call numbered `call`, another caller does all that it came for.

    `answers`: what that gave; empty where there was no such call.
    """

    call: int = attrs.field(kw_only=True)
    other: Callable[[], Answer] = attrs.field(kw_only=True)
    answers: list[Answer] = attrs.field(factory=list, init=False)

    def begin(self, port: str, method: str, key: str) -> PortCall:
        """See `CrashPlan`."""
        begun = CrashPlan.begin(self, port, method, key)
        if begun.index == self.call:
            self.answers.append(self.other())
        return begun


def cut(runner: Runner, plan: CrashPlan) -> Runner:
    """The runner again, as one process that `plan` cuts off."""
    ports = runner.ports
    wired = {name: getattr(ports, name) for name in CUT if getattr(ports, name) is not None}
    kind: Any = type(runner)
    made: Runner = kind(attrs.evolve(ports, **crash(wired, plan)), runner.policy, runner.pack, runner.settings)
    return made


def spread(calls: int, most: int) -> Iterator[CrashPlan]:
    """At most `most` crashes, evenly spread over the calls; each way of being cut off in its turn."""
    modes, step = tuple(Mode), max(1, -(-calls // most))
    return (CrashPlan(at, modes[n % len(modes)]) for n, at in enumerate(range(0, calls, step)))


def is_ready(answer: Answer) -> bool:
    """Whether the run is READY."""
    return bool(getattr(answer.state, "value", answer.state) == "READY")


def ended(answer: Answer) -> Answer:
    """The answer, which must be that the run is READY."""
    assert is_ready(answer), f"the run is not READY: {answer}"
    return answer


def kinds(truth: Truth, run_id: str) -> set[str]:
    """What kinds of artifacts a run has: its keys, without its own id and without numbers, as of attempts."""
    return {re.sub(r"=[0-9]+", "=N", key.replace(run_id, "RUN")) for key in truth.of_run(run_id)}
