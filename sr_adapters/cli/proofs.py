"""verify: proving again what was proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import tell
from sr_adapters.cli.far import local_only
from sr_adapters.cli.findings import step
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.session import Session, counted

if TYPE_CHECKING:
    from sr_domain.queries.verify import Verification

_SHOWN = 8
"""Names of outputs and gates that a line has room for."""


@click.command("verify")
@run_argument("facts", metavar="FACTS")
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

    FACTS is a path, a file:// or s3:// URI, the facts_view_ref that READY carries, or a run. Needs no
    authority and no service. Exit code 9 where a gate's law is not here, or is another than the one that judged it;
    5 on any fault; that the run was superseded is one, and that its
    record is gone another: outputs are proven from the view and its part lists all the same.
    """

    how = {"engine_run_root": engine_run_root, "fast": fast, "allow_superseded": allow_superseded}
    done = (
        _verified_here(session, facts, key, how) if session.server is None else _verified_afar(session, facts, key, how)
    )
    if session.as_json:
        session.json(done.document())
    else:
        _say_proven(session, done, fast=fast, signed=key is not None)
    for one in done.findings:
        tell(one.code, f"{one.where}: {one.what}", step(one, done.run_id))
    if done.ok:
        session.tell_superseded(done.run_id, done.superseded_by)
    return _exit_code(done)


def _exit_code(done: Verification) -> int:
    from sr_domain.queries.finding import Weight
    from sr_domain.queries.view_gates import WORKERS_FAULTS

    if done.ok:
        return exits.DONE
    left = [one for one in done.findings if one.code not in WORKERS_FAULTS]
    if not left:
        return exits.UNREACHABLE
    return exits.FAULT if any(one.weight is not Weight.UNFINISHED for one in left) else exits.WAITING


def _verified_here(session: Session, facts: str, key: str | None, how: Mapping[str, Any]) -> Verification:
    from sr_plugins.uses.consumer import verify_facts

    def progress(line: str) -> None:
        if session.narrates:
            output.tell(line)

    return verify_facts(facts, profile=session.loaded, key=key, progress=progress, **how).verification


def _verified_afar(session: Session, facts: str, key: str | None, how: Mapping[str, Any]) -> Verification:
    """As the service proves it. A view that is named by its path is proven where that is, and so is a signature."""
    from sr_domain.record.layout import run_of
    from sr_domain.run.names import is_name

    if key is not None or not (is_name(facts) or run_of(facts)):
        raise local_only("verify PATH" if key is None else "verify --key")
    return session.remote.verify(facts, **how)


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
    outputs, gates = counted(done.proven_outputs, "output"), counted(done.proven_gates, "gate")
    return f"{outputs} and {gates}, every byte read again"


def _some(names: Sequence[str]) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
