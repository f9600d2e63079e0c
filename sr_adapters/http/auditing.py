"""Audits over HTTP: the same document as ``sr audit --json``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from sr_adapters.http.actors import Action
from sr_adapters.http.answer import Answer, document, problem
from sr_adapters.http.operations import Asked, Operation, Reading
from sr_adapters.http.outcomes import OK, denial
from sr_domain.queries.audit import Audit
from sr_domain.queries.finding import Finding
from sr_domain.run.trouble import Trouble, each
from sr_ports import BadInput, ReasonCode


@attrs.define
class _Report:
    """What was audited so far, by run. `repaired`: whose status was written again."""

    asked: Asked
    audits: dict[str, Audit] = attrs.field(factory=dict)
    repaired: list[str] = attrs.field(factory=list)

    def repair(self, run: str) -> None:
        """Write a run's status again, where that was asked for."""
        runner = self.asked.runner
        if self.asked.body.get("repair_status") and runner.repair_status(run):
            self.repaired.append(runner.run_id(run))

    def work(self, run: str) -> Audit:
        """One run that was named."""
        self.repair(run)
        return self.asked.runner.audit(run)

    def take(self, found: Iterable[tuple[str, Any]]) -> None:
        """Run after run; one that cannot be audited is at fault by that. What another side knows of one is added."""
        for run, done in found:
            self.asked.check()
            one = done if isinstance(done, Audit) else self._failed(run, done)
            before = self.audits.get(run)
            self.audits[run] = (
                one if before is None else attrs.evolve(before, findings=(*before.findings, *one.findings))
            )

    def _failed(self, run: str, done: Trouble) -> Audit:
        run_id = self.asked.runner.run_id(run)
        finding = Finding(done.error.code, f"run {run_id}", f"it cannot be audited: {done.error.what}")
        return Audit.of(run_id, None, [finding])

    def document(self, store: Iterable[Finding], not_asked: Iterable[str]) -> Mapping[str, Any]:
        """The whole answer."""
        told = {"store": [one.document() for one in store], "not_asked": list(not_asked)}
        faulty = any(one.findings for one in self.audits.values()) or bool(told["store"])
        rows = sorted((one.document() for one in self.audits.values()), key=lambda row: str(row["run_id"]))
        more = {name: what for name, what in told.items() if what}
        return {"ok": not faulty, "repaired": self.repaired, "runs": rows, **more}


def _audit(asked: Asked) -> Answer:
    runs, whole = asked.body.get("runs"), asked.body.get("all")
    if (runs is None) == (whole is None):
        raise BadInput(ReasonCode.REQUEST_INVALID, "the request names runs and all, or neither", "name runs, or all")
    if asked.body.get("repair_status") and not asked.service.actors.may(asked.actor, Action.SUBMIT):
        return problem(ReasonCode.AUTH_DENIED, denial(asked.actor.actor, "submit, which writing a status needs"))
    report = _Report(asked)
    if runs is None:
        union = asked.runner.audit_all()
        report.take(union.audits(report.repair))
        return document(OK, report.document(union.store, union.not_asked))
    if len(runs) == 1:
        report.take([(runs[0], report.work(runs[0]))])
    else:
        report.take(_each(runs, report.work))
    return document(OK, report.document((), sorted({what for one in report.audits.values() for what in one.not_asked})))


def _each(runs: Iterable[str], work: Callable[[str], Audit]) -> Iterable[tuple[str, Any]]:
    yield from each(runs, work)


OPERATIONS: tuple[Operation, ...] = (
    Reading(
        "audit", "POST", "/v1/audit", "Whether anything in the truth of runs was altered, is gone or was left.",
        Action.READ, "audit", body="audit_request", errors=(404,), long=True, answer=_audit,
    ),
)  # fmt: skip
