"""Check: what an engine root would prove now. No store, no key, no record; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.artifacts.revisions import today
from sr_domain.encoding.contracts import Problem
from sr_domain.encoding.pack_contracts import PackContracts
from sr_domain.evidence.judges import judge_of
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.evidence.verdict import Complete, Conflicted, Evidence, Failed, Unjudged, Waiting, classify
from sr_domain.plan.compile import PlanRefused, compile_plan
from sr_domain.plan.pack import InterfacePack
from sr_domain.plan.policy import Policy
from sr_domain.plan.request import RunRequest, parse_request
from sr_domain.plan.sealed import SealedPlan
from sr_domain.queries.explain_items import Item, ItemMaker
from sr_domain.record import proofs
from sr_domain.record.details import Rest
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.run.collect_evidence import collect
from sr_domain.run.ports import Settings
from sr_domain.run.possible import policy_lacking
from sr_ports import BadInput, Clock, EngineRoots, ReasonCode, Unreachable, WorkPool

_NAMELESS = "checked beside any run"
_Judged = Complete | Waiting | Failed | Conflicted


@attrs.frozen
class Checker:
    """What a check needs of the world. `progress`: told now and then while a long read goes on."""

    roots: EngineRoots
    laws: Mapping[str, ProvidedLaw]
    pool: WorkPool
    clock: Clock
    known_timezone: Callable[[str], bool]
    progress: Callable[[str], None] = lambda line: None

    def read(self, size: int, told: str) -> None:
        """How much was read is told to nobody: the answer is what was found."""


@attrs.frozen
class Check:
    """What a root proves. `verdict`: COMPLETE, WAITING, CONFLICT or FAIL; `reason_code`: None where it is complete.

    `missing`: what is not there yet. `changed`: the first paths that were still being written. `notes`: as a facts
    view has them.
    """

    root: str
    verdict: str
    reason_code: str | None
    detail: str
    gates: tuple[Item, ...]
    outputs: tuple[Item, ...]
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        return attrs.asdict(self)


def check(checker: Checker, policy: Policy, pack: InterfacePack, document: Mapping[str, Any], root: str) -> Check:
    """Judge the root as a run of this request would that reuses it. Raises `BadInput`, `Unreachable`."""
    asked = {"run_equivalence_key": _NAMELESS, **document, "engine_run_root": root}
    request = parse_request(asked, checker.known_timezone)
    plan = compile_plan(request, policy, pack, checker.laws)
    if isinstance(plan, PlanRefused):
        raise policy_lacking(policy, request, plan) or BadInput(plan.code, plan.message)
    evidence = collect(_Beside(checker, request, PackContracts(plan.contracts)), plan, root, reused=True)
    evidence = evidence.at(late=False)
    verdict = classify(evidence, late=False)
    if isinstance(verdict, Unjudged):
        fault = verdict.faults[0]
        raise Unreachable(ReasonCode(fault.code), f"{fault.subject}: {fault.detail}")
    return _told(root, plan, evidence, verdict, request.run_id, checker.laws)


@attrs.frozen
class _Beside:
    """A root that is read on nobody's behalf (see `Asking`): there is no lease to lose and nothing on record."""

    ports: Checker
    request: RunRequest
    contracts: PackContracts
    settings: Settings = attrs.field(factory=Settings)
    layout: Layout = attrs.field(factory=lambda: Layout("none"))
    lost: bool = False

    @property
    def telemetry(self) -> Checker:
        return self.ports

    @property
    def held(self) -> _Beside:
        return self

    def check(self) -> None:
        """Nothing is held that could be lost."""

    @property
    def run_id(self) -> str:
        return self.request.run_id

    @property
    def history(self) -> Record:
        return Record(Ledger(self.run_id))

    def now(self) -> datetime:
        return self.ports.clock.now()

    def late(self) -> bool:
        """Nobody waits for a deadline."""
        return False

    def pause(self, seconds: float) -> None:
        self.ports.clock.sleep(seconds)

    def misfit(self, contract: str, document: Any) -> Problem | None:
        return today().problem(contract, document) or self.contracts.problem(contract, document)


def _told(
    root: str, plan: SealedPlan, evidence: Evidence, verdict: _Judged, run_id: str, laws: Mapping[str, ProvidedLaw]
) -> Check:
    name, code, detail = _named(verdict, evidence)
    own = evidence.engine_run_id or run_id
    judges = (judge_of(gate, laws[gate.method.kind], lambda _: None) for gate in plan.gates)
    found = proofs.Found(judges=tuple(judges), gates=evidence.gates, outputs=evidence.outputs)
    rest = Rest(
        code or "",
        failures=evidence.failures,
        conflicts=evidence.conflicts,
        missing=evidence.missing,
        lacks=evidence.lacks,
    )
    judge = ItemMaker(rest, found, {})
    return Check(
        root,
        name,
        None if code is None else code.value,
        detail,
        gates=tuple(judge.gate(look) for gate in plan.gates for look in gate.looks(own)),
        outputs=(*judge.beside(), *(judge.output(part) for one in plan.outputs for part in one.parts(own))),
        missing=tuple(sorted(set(evidence.missing))),
        changed=evidence.unstable.paths,
        notes=evidence.notes,
    )


def _named(verdict: _Judged, evidence: Evidence) -> tuple[str, ReasonCode | None, str]:
    match verdict:
        case Complete():
            return "COMPLETE", None, "every gate passes by its own law, and every byte was read"
        case Waiting(missing, code, detail):
            return "WAITING", code, detail or f"missing: {proofs.named_missing(missing, evidence.lacks, proofs.SOME)}"
        case Failed(code, detail):
            return "FAIL", code, detail
        case Conflicted(conflicts):
            first = conflicts[0]
            more = f"; and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
            return "CONFLICT", ReasonCode.EVIDENCE_CONFLICT, f"{first.subject}: {first.code}: {first.detail}{more}"
