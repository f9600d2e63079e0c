"""verify and audit: proving again what was proven."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import running, tell
from sr_adapters.cli.session import Session
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.finding import Finding
    from sr_domain.queries.verify import Verification

_SHOWN = 8
"""Names of outputs and gates that a line has room for."""


@click.command("verify")
@click.argument("facts")
@click.option("--engine-run-root", metavar="R", help="Where the bytes are now; default: the view's own root.")
@click.option("--fast", is_flag=True, help="Skip the bytes.")
@click.option("--key", metavar="PATH", help="A public key (PEM) whose holder must have signed the view.")
@click.option("--allow-superseded", is_flag=True, help="A run that another has corrected is no fault.")
@click.pass_obj
def verify_command(
    session: Session,
    facts: str,
    engine_run_root: str | None,
    fast: bool,
    key: str | None,
    allow_superseded: bool,
) -> int:
    """Re-prove a facts view against its contract, receipts, record and the bytes.

    FACTS is a path, a file:// or s3:// URI, the facts_view_ref that READY carries, or a run id. Needs no
    authority and no service. Exit code 5 on any fault; that the run was superseded is one, and that its
    record is gone another: outputs are proven from the view and its part lists all the same.
    """
    from sr_plugins.consumer import verify_facts

    def progress(line: str) -> None:
        if session.narrates:
            output.tell(line)

    done = verify_facts(
        facts,
        profile=session.profile,
        engine_run_root=engine_run_root,
        fast=fast,
        key=key,
        allow_superseded=allow_superseded,
        progress=progress,
    ).verification
    if session.as_json:
        session.json(done.document())
    else:
        _say_proven(session, done, fast=fast, signed=key is not None)
    _faults(done.findings)
    if done.ok:
        session.tell_superseded(done.run_id, done.superseded_by)
    return exits.DONE if done.ok else exits.FAULT


def _say_proven(session: Session, done: Verification, *, fast: bool, signed: bool) -> None:
    """What was proven, and what was not, for people."""
    if done.ok:
        by = ", signed by the key" if signed else ""
        session.say(f"proven: run {done.run_id}: {_read(done, fast=fast)}{by}")
    if done.unbound:
        session.say(f"no signature binds what this rests on: {', '.join(done.unbound)}")
    if done.not_judged:
        session.say(f"not judged: {_some(done.not_judged)}")


def _read(done: Verification, *, fast: bool) -> str:
    if fast:
        return "bytes not read (--fast)"
    return f"{done.proven_outputs} outputs and {done.proven_gates} gates, every byte read again"


def _some(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _faults(findings: Any) -> None:
    for one in findings:
        tell(one.code, f"{one.where}: {one.what}", _remedy(one))


def _remedy(one: Finding) -> str | None:
    """What to do about it; None for the code's own remedy."""
    if "/run_status/" in one.where:  # the one artifact that may be written again
        again = "--repair-status" if running() == "audit" else "sr audit --repair-status"
        return f"{again} writes it again"
    if one.code is ReasonCode.TRUTH_ALTERED and one.what.startswith("ROTTED: "):  # the engine's file, none of SR's
        return "restore it from backup, or supersede the run"
    return None


@click.command("audit")
@click.argument("run_ids", nargs=-1, metavar="[RUN_ID]...")
@click.option("--all", "all_runs", is_flag=True, help="Every run with a record, of every platform run.")
@click.option("--repair-status", is_flag=True, help="Write the status each record derives, and nothing else.")
@click.pass_obj
def audit_command(session: Session, run_ids: tuple[str, ...], all_runs: bool, repair_status: bool) -> int:
    """Chain, order, fences, refs and status derivation. Exit code 5 when anything was altered."""
    if bool(run_ids) == all_runs:
        raise click.UsageError("give run ids, or --all")
    repaired: list[str] = []

    def work(run_id: str) -> Audit:
        if repair_status and session.runner.repair_status(run_id):
            repaired.append(session.run_id(run_id))
        return session.runner.audit(run_id)

    codes: list[int] = []
    if len(run_ids) == 1:
        audits = [work(run_ids[0])]
    else:
        audits, codes = _audit_each(session, run_ids or session.runner.recorded_runs(), work)
    faulty = [one for one in audits if one.findings]
    if session.as_json:
        session.json({"ok": not faulty, "repaired": repaired, "runs": [one.document() for one in audits]})
    else:
        for one in audits if len(audits) < 50 else faulty:  # noqa: PLR2004 - a page of them
            session.say(f"{'FAULT' if one.findings else 'sound'}  run {one.run_id}  {one.state or ''}".rstrip())
        session.say(*(f"status of run {run_id} written again" for run_id in repaired))
        session.say(f"{len(audits)} runs audited, {len(faulty)} at fault")
    for one in faulty:
        _faults(one.findings[:1])
    altered = [exits.FAULT] if len(faulty) > len(codes) else []
    return exits.worst([*codes, *altered])


def _audit_each(
    session: Session, run_ids: Iterable[str], work: Callable[[str], Audit]
) -> tuple[list[Audit], list[int]]:
    """Audit runs one by one. One that cannot be audited is at fault by that; its exit code is told apart."""
    from sr_domain.queries.audit import Audit
    from sr_domain.queries.finding import Finding
    from sr_domain.run.trouble import Trouble, each

    audits: list[Audit] = []
    codes: list[int] = []
    for run, done in each(run_ids, work):
        if isinstance(done, Trouble):
            run_id = session.run_id(run)
            session.traceback(done.error)
            codes.append(exits.exit_for_error(done.error))
            finding = Finding(done.error.code, f"run {run_id}", f"it cannot be audited: {done.error.what}")
            audits.append(Audit(run_id, None, (finding,)))
        else:
            audits.append(done)
    return audits, codes
