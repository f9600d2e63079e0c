"""audit: whether anything in the truth of runs was altered, is gone, or was left by a crash."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import remedy_here, tell
from sr_adapters.cli.findings import step
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_adapters.cli.use_cases import WholeAudit
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.audit_all import Audited
    from sr_domain.queries.finding import Finding

_PAGE = 50
"""Runs that are shown one by one where nothing is wrong with them."""
_EVERY_S = 1.0


@click.command("audit")
@run_argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("--all", "all_runs", is_flag=True, help="All that records, artifacts, index and bus know, of every run.")
@click.option("--repair-status", is_flag=True, help="Write the status each record derives, and nothing else.")
@click.pass_obj
def audit_command(session: Session, run_ids: tuple[str, ...], all_runs: bool, repair_status: bool) -> int:
    """Chain, order, fences, refs and status derivation. Exit code 5 when anything was altered.

    What a crash left, or a worker is at, is unfinished and no fault. With --all also what the index, the control bus
    and lone artifacts know of runs without a record; who could not be asked is told.
    """
    if bool(run_ids) == all_runs:
        raise click.UsageError("give run ids, or --all")
    if repair_status:
        session.require("resume")
    report = _Report(session)

    def repair(run: str) -> None:
        if repair_status and session.runner.repair_status(run):
            report.repaired.append(session.run_id(run))

    def work(run: str) -> Audit:
        repair(run)
        return session.runner.audit(run)

    if len(run_ids) == 1:
        report.add(work(run_ids[0]))
        return report.told()
    if all_runs:
        whole = session.runner.audit_all()
        report.take(whole.audits(repair) if repair_status else whole.audits())
        report.repaired += getattr(whole, "repaired", ())
        return report.told(whole)
    report.take(_each(run_ids, work))
    return report.told()


def _each(run_ids: Iterable[str], work: Any) -> Iterator[Audited]:
    from sr_domain.run.trouble import each

    yield from each(run_ids, work)


@attrs.define
class _Report:
    """What was audited so far. `shown`: the first runs; `marked`: those with something to tell, by run and home."""

    session: Session
    repaired: list[str] = attrs.field(factory=list)
    rows: list[dict[str, Any]] = attrs.field(factory=list)
    shown: list[Audit] = attrs.field(factory=list)
    marked: dict[str, Audit] = attrs.field(factory=dict)
    codes: list[int] = attrs.field(factory=list)
    count: int = 0
    spoken: float = attrs.field(factory=time.monotonic)

    def take(self, audits: Iterable[Audited]) -> None:
        """Run after run. One that cannot be audited is at fault by that; its exit code is told apart."""
        from sr_domain.queries.audit import Audit
        from sr_domain.queries.finding import Finding

        for run, done in audits:
            if isinstance(done, Audit):
                self.add(done, run)
            else:
                run_id = self.session.run_id(run)
                self.session.traceback(done.error)
                self.codes.append(exits.exit_for_error(done.error))
                finding = Finding(done.error.code, f"run {run_id}", f"it cannot be audited: {done.error.what}")
                self.add(Audit.of(run_id, None, [finding]), run)
            self._progress()

    def add(self, one: Audit, run: str = "") -> None:
        """One run's audit. What another side knows of a run that was told before is added to it."""
        before = self.marked.get(run)
        if before is not None:
            self.marked[run] = attrs.evolve(before, findings=(*before.findings, *one.findings))
            return
        self.count += 1
        if one.findings or one.unfinished or one.lost:
            self.marked[run] = one
        elif self.session.as_json:
            self.rows.append(one.document())
        elif len(self.shown) < _PAGE:
            self.shown.append(one)

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self.spoken >= _EVERY_S:
            self.spoken = now
            output.tell(f"audited {self.count} runs, {len(self._faulty())} at fault so far")

    def _faulty(self) -> list[Audit]:
        return [one for one in self.marked.values() if one.findings]

    def told(self, whole: WholeAudit | None = None) -> int:
        """Say it; the exit code."""
        faulty, store = self._faulty(), () if whole is None else whole.store
        not_asked = [] if whole is None else list(whole.not_asked)
        if whole is None:
            not_asked = sorted({what for one in (*self.marked.values(), *self.shown) for what in one.not_asked})
        if self.session.as_json:
            more = {"store": [one.document() for one in store], "not_asked": not_asked}
            told = (*self.rows, *(one.document() for one in self.marked.values()))
            rows = sorted(told, key=lambda row: str(row["run_id"]))
            found = {name: what for name, what in more.items() if what}
            self.session.json({"ok": not (faulty or store), "repaired": self.repaired, "runs": rows, **found})
        else:
            self._say(not_asked)
        for one in store:
            tell(one.code, f"{one.where}: {one.what}")
        for audit in faulty:
            self._tell(audit.findings, audit.run_id)
        altered = [exits.FAULT] if store or len(faulty) > len(self.codes) else []
        return exits.worst([*self.codes, *altered])

    def _tell(self, findings: Iterable[Finding], run_id: str) -> None:
        for one in list(findings)[:1]:
            tell(one.code, f"{one.where}: {one.what}", step(one, run_id))

    def _say(self, not_asked: Iterable[str]) -> None:
        sound = "no fault" if not_asked else "sound"
        for one in (*(self.shown if self.count < _PAGE else ()), *self.marked.values()):
            word = "FAULT" if one.findings else "unfinished" if one.unfinished else "lost" if one.lost else sound
            self.session.say(f"{word}  run {one.run_id}  {one.state or ''}".rstrip())
            self.session.say(*(f"    {also.code}: {also.where}: {also.what}" for also in one.findings[1:]))
            for left in (*one.unfinished, *one.lost):
                told = remedy_here(left.code, step(left, one.run_id) or "")
                self.session.say(f"    {left.where}: {left.what}; {told}")
        self.session.say(*(f"status of run {run_id} written again" for run_id in self.repaired))
        self.session.say(*(f"SKIPPED, not asked: {what}" for what in not_asked))
        left = sum(1 for one in self.marked.values() if one.unfinished and not one.findings)
        more = f", {left} unfinished" if left else ""
        self.session.say(f"{self.count} runs audited, {len(self._faulty())} at fault{more}")
