"""Compiling a request into a plan: outputs, gate closure, resolved paths, hash.

Pure: the same intent under the same policy and pack gives the same plan hash, always.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from sr_domain.encoding.canonical import digest_of
from sr_domain.encoding.times import utc_days
from sr_domain.plan.absent_law import absence
from sr_domain.plan.closure import closure, covers, find_cycle
from sr_domain.plan.pack import GateSpec, InterfacePack, OutputSpec
from sr_domain.plan.policy import Policy, ReusePolicy, UngatedOutputs
from sr_domain.plan.request import RunRequest, Strategy
from sr_domain.plan.sealed import SealedGate, SealedOutput, SealedPlan
from sr_domain.plan.templates import DAY, RUN, Unresolved, names, names_day, render
from sr_ports import REASONS, ReasonCode
from sr_ports.compared import Compared

PINS = ("manifest_fingerprint", "parameter_hash", "seed", "scenario_id", "run_id")
_INSTANCE_PINS = frozenset(PINS) - {"manifest_fingerprint"}
_LOCATOR_PINS = frozenset(PINS) - {"seed"}
_SCOPE_WORD = re.compile(
    r"(manifest_fingerprint|fingerprint|parameter_hash|scenario_id|run_id|seed|utc_day|global)(?:_|$)"
)
WHOLE_ROOT = (".", "./")
"""How a gate map names the engine root itself as a gate's bundle."""
MAX_DAYS = 3_660
"""How long a window may be, in days, where a path has ``{utc_day}``: ten years and a little."""


@attrs.frozen(eq=False, repr=False)
class Problem(Compared):
    """One thing that cannot be planned. `subject`: the output or gate it is about."""

    code: ReasonCode
    subject: str
    detail: str


@attrs.frozen(eq=False, repr=False)
class PlanRefused(Compared):
    """The plan cannot be made. `problems`: every one found, the gravest first."""

    problems: tuple[Problem, ...]

    @property
    def code(self) -> ReasonCode:
        return self.problems[0].code

    @property
    def lacks_only_laws(self) -> bool:
        """Whether nothing but laws that no plugin here provides is in the way: that is no fact about the request."""
        return all(one.code is ReasonCode.UNKNOWN_HASHING_LAW for one in self.problems)

    @property
    def message(self) -> str:
        """One line: what is wrong, and everything at fault under the first code."""
        same = [problem for problem in self.problems if problem.code is self.code]
        shown = ", ".join(
            f"{problem.subject} ({problem.detail})" if problem.detail else problem.subject for problem in same[:5]
        )
        more = f" and {len(same) - 5} more" if len(same) > 5 else ""  # noqa: PLR2004
        return f"{REASONS[self.code].meaning}: {shown}{more}"


_GRAVITY = {
    code: rank
    for rank, code in enumerate(
        (
            ReasonCode.NO_OUTPUTS,
            ReasonCode.REQUEST_INVALID,
            ReasonCode.UNKNOWN_OUTPUT_ID,
            ReasonCode.UNKNOWN_GATE_ID,
            ReasonCode.GATE_CYCLE,
            ReasonCode.LAW_NOT_ALLOWED,
            ReasonCode.OUTPUT_UNGATED,
            ReasonCode.UNRESOLVED_PATH_TOKEN,
            ReasonCode.UNKNOWN_HASHING_LAW,
        )
    )
}
"""Which of several problems a plan is refused for: the one that is first here; one that is not here comes last."""


def _rank(problem: Problem) -> tuple[int, str]:
    return _GRAVITY.get(problem.code, len(_GRAVITY)), problem.subject


def pins_of(request: RunRequest) -> dict[str, Any]:
    """The five pins, typed as the wire has them."""
    return {
        "manifest_fingerprint": request.manifest_fingerprint,
        "parameter_hash": request.parameter_hash,
        "seed": request.seed,
        "scenario_id": request.scenario_id,
        "run_id": request.run_id,
    }


def choose_strategy(request: RunRequest, policy: Policy) -> Strategy:
    """The policy's DENY forces invoke; else the request's wish; else AUTO."""
    if policy.reuse_policy is ReusePolicy.DENY:
        return Strategy.FORCE_INVOKE
    return request.requested_strategy or Strategy.AUTO


def scope_pins(scope: str) -> tuple[frozenset[str], str]:
    """The pins a catalogue scope word names, and what of the word could not be read."""
    rest, found = scope.removeprefix("scope_"), set()
    while match := _SCOPE_WORD.match(rest):
        found.add("manifest_fingerprint" if match[1] == "fingerprint" else match[1])
        rest = rest[match.end() :]
    return frozenset(found) & frozenset(PINS), rest


def compile_plan(
    request: RunRequest, policy: Policy, pack: InterfacePack, laws: Collection[str]
) -> SealedPlan | PlanRefused:
    """The sealed plan, or every reason why there is none (spec: behaviour, "Plan")."""
    wanted = sorted(set(request.output_ids if request.output_ids is not None else policy.traffic_output_ids))
    if not wanted:
        return PlanRefused((Problem(ReasonCode.NO_OUTPUTS, "output_ids, traffic_output_ids", ""),))
    problems = [
        Problem(ReasonCode.UNKNOWN_OUTPUT_ID, output_id, "") for output_id in wanted if output_id not in pack.outputs
    ]
    outputs = [pack.outputs[output_id] for output_id in wanted if output_id in pack.outputs]
    cover = covers(outputs, pack.gates)
    required = closure({gate_id for ids in cover.values() for gate_id in ids}, pack.gates)
    problems += _gate_problems(required, pack.gates, policy, laws)
    problems += _ungated(outputs, cover, policy)
    sealed_outputs, unresolved = _seal_outputs(outputs, cover, request, policy)
    sealed_gates, broken = _seal_gates(required, pack.gates, request)
    problems += unresolved + broken
    if problems:
        return PlanRefused(tuple(sorted(problems, key=_rank)))
    return seal(request, policy, pack, sealed_outputs, sealed_gates)


def seal(
    request: RunRequest,
    policy: Policy,
    pack: InterfacePack,
    outputs: Iterable[SealedOutput],
    gates: Iterable[SealedGate],
) -> SealedPlan:
    """Bind outputs and gates to the revisions they were made under; hash what was decided."""
    outputs, gates = tuple(outputs), tuple(gates)
    hashed = {
        "intent_fingerprint": request.fingerprint,
        "policy_rev": attrs.asdict(policy.rev),
        "pack_digest": pack.digest,
        "intended_outputs": [output.output_id for output in outputs],
        "required_gates": [gate.gate_id for gate in gates],
        "attempt_limit": policy.attempt_limit,
    }
    return SealedPlan(
        plan_hash=digest_of(hashed),
        policy_rev=policy.rev,
        pack_digest=pack.digest,
        contracts=pack.contracts,
        strategy=choose_strategy(request, policy),
        outputs=outputs,
        gates=gates,
        attempt_limit=policy.attempt_limit,
        retry_backoff_seconds=policy.retry_backoff_seconds,
        member_digests=policy.member_digests,
        settle_seconds=policy.settle_seconds,
        abandoned_limit=policy.abandoned_limit,
        evidence_wait_seconds=policy.evidence_wait_seconds,
    )


def _gate_problems(
    required: Iterable[str], gates: Mapping[str, GateSpec], policy: Policy, laws: Collection[str]
) -> list[Problem]:
    problems = []
    unexplained = True
    for gate_id in sorted(required):
        gate = gates.get(gate_id)
        if gate is None:
            problems.append(Problem(ReasonCode.UNKNOWN_GATE_ID, gate_id, ""))
        elif gate.method.kind not in laws:
            told = absence(laws, gate.method.kind) if unexplained else gate.method.kind  # the reason once, it is long
            problems.append(Problem(ReasonCode.UNKNOWN_HASHING_LAW, gate_id, told))
            unexplained = False
        elif policy.allowed_laws is not None and gate.method.kind not in policy.allowed_laws:
            problems.append(Problem(ReasonCode.LAW_NOT_ALLOWED, gate_id, gate.method.kind))
    cycle = find_cycle(required, gates)
    if cycle:
        problems.append(Problem(ReasonCode.GATE_CYCLE, " -> ".join(cycle), ""))
    return problems


def _ungated(outputs: Iterable[OutputSpec], cover: Mapping[str, frozenset[str]], policy: Policy) -> list[Problem]:
    if policy.ungated_outputs is UngatedOutputs.ALLOW:
        return []
    return [Problem(ReasonCode.OUTPUT_UNGATED, one.output_id, "") for one in outputs if not cover[one.output_id]]


def _text_pins(request: RunRequest) -> dict[str, str]:
    return {name: str(value) for name, value in pins_of(request).items()}


def _days(request: RunRequest) -> tuple[str, ...] | Unresolved:
    """The UTC days that the window touches, for ``{utc_day}``; why not, for a window that is too long."""
    window = request.window
    length = window.end - window.start
    if length > timedelta(days=MAX_DAYS):
        longer = -(-length // timedelta(days=1))
        return Unresolved(f"the window is {longer:,} days long, and {{{DAY}}} is filled for at most {MAX_DAYS:,}")
    return tuple(day.isoformat() for day in utc_days(window.start, window.end))


def _seal_outputs(
    outputs: Sequence[OutputSpec], cover: Mapping[str, frozenset[str]], request: RunRequest, policy: Policy
) -> tuple[list[SealedOutput], list[Problem]]:
    pins, sealed, problems = _text_pins(request), [], []
    traffic, window = frozenset(policy.traffic_output_ids), _days(request)
    for output in outputs:
        days = window if names_day(output.path_template) else ()
        if isinstance(days, Unresolved):
            problems.append(Problem(ReasonCode.REQUEST_INVALID, output.output_id, days.what))
            continue
        path = render(output.path_template, pins, days)
        if isinstance(path, Unresolved):
            problems.append(Problem(ReasonCode.UNRESOLVED_PATH_TOKEN, output.output_id, path.what))
        else:
            made = _seal_output(output, path, cover[output.output_id], output.output_id in traffic)
            sealed.append(attrs.evolve(made, days=days))
    return sealed, problems


def _seal_output(output: OutputSpec, path: str, gates: Iterable[str], traffic: bool) -> SealedOutput:
    partitions = tuple(name for name in PINS if name in output.partitions)
    named, rest = scope_pins(output.scope)
    instance = tuple(name for name in PINS if name in named) if named & _INSTANCE_PINS else ()
    return SealedOutput(
        output_id=output.output_id,
        path=path,
        locator_pins=partitions if _LOCATOR_PINS & set(partitions) else ("manifest_fingerprint", *partitions),
        instance_pins=instance,
        scope_missing=tuple(sorted((named & _INSTANCE_PINS) - set(partitions)))
        + ((rest,) if rest and named & _INSTANCE_PINS else ()),
        engine_run_id=names(path, RUN) or RUN in partitions or RUN in instance,
        optional=output.optional,
        traffic=traffic,
        gates=tuple(sorted(gates)),
        schema_ref=output.schema_ref,
        dictionary_ref=output.dictionary_ref,
    )


def _seal_gates(
    required: Iterable[str], gates: Mapping[str, GateSpec], request: RunRequest
) -> tuple[list[SealedGate], list[Problem]]:
    sealed, problems, window, pins = [], [], _days(request), _text_pins(request)
    for gate_id in sorted(required):
        gate = gates.get(gate_id)
        if gate is None:
            continue
        made = _seal_gate(gate, pins, window if gate_is_daily(gate) else ())
        if isinstance(made, Problem):
            problems.append(made)
        else:
            sealed.append(made)
    return sealed, problems


def _seal_gate(gate: GateSpec, pins: Mapping[str, str], days: tuple[str, ...] | Unresolved) -> SealedGate | Problem:
    if isinstance(days, Unresolved):
        return Problem(ReasonCode.REQUEST_INVALID, gate.gate_id, days.what)
    fault = gate_day_fault(gate)
    flag = render(gate.passed_flag_path_template, pins, days)
    bundle = "" if gate.bundle_root_template in WHOLE_ROOT else render(gate.bundle_root_template, pins, days)
    index = None if gate.index_path_template is None else render(gate.index_path_template, pins, days)
    for one in (flag, bundle, index):
        fault = one.what if isinstance(one, Unresolved) else fault
    if fault is not None:
        return Problem(ReasonCode.UNRESOLVED_PATH_TOKEN, gate.gate_id, fault)
    scope, _ = scope_pins(gate.scope)
    named = (str(flag), str(bundle), str(index))
    return SealedGate(
        gate_id=gate.gate_id,
        flag_path=str(flag),
        bundle_root=str(bundle).rstrip("/"),
        index_path=None if index is None else str(index),
        method=gate.method,
        scope_pins=tuple(name for name in PINS if name in scope | {"manifest_fingerprint"}),
        upstream=tuple(sorted(gate.upstream_gate_dependencies)),
        authorizes=tuple(sorted(gate.authorizes_outputs)),
        days=days,
        engine_run_id=RUN in scope or any(names(one, RUN) for one in named),
    )


def gate_is_daily(gate: GateSpec) -> bool:
    """Whether the gate is judged once a day: one of its templates names the day."""
    templates = (gate.passed_flag_path_template, gate.bundle_root_template, gate.index_path_template or "")
    return any(map(names_day, templates))


def gate_day_fault(gate: GateSpec) -> str | None:
    """Why a gate that names the day cannot be judged once a day; None when it can, or names none."""
    for told, template in (("flag", gate.passed_flag_path_template), ("bundle root", gate.bundle_root_template)):
        if gate_is_daily(gate) and not names_day(template):
            return f"its {told} lacks {{{DAY}}}, which another of its paths has: a day has a bundle and flag of its own"
    return None
