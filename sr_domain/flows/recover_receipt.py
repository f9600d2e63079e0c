"""Recover: set an orphan receipt aside, so that the run that it stands in the way of can be decided.

Spec: behaviour, "Evidence". The run proves its evidence anew, under its lease; the receipt that this gives
replaces what stands. Nothing is lost: what stood is kept, and both digests are on the run's record.
"""

from __future__ import annotations

from sr_domain.flows.accepted_loss import AcceptedLoss, refuse_while_others_work
from sr_domain.flows.orphans import Orphan, orphans_of, who_rests
from sr_domain.flows.recover import asked_to_recover
from sr_domain.flows.work import telemetry_of, work
from sr_domain.plan.request import RunRequest
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_domain.run.append_aside import read_record
from sr_domain.run.context import Context
from sr_domain.run.outcome import Outcome
from sr_ports import BadInput, Identity, ReasonCode


def recover_receipt(context: Context, run: str, output_id: str, *, reason: str, actor: Identity) -> Outcome:
    """Set the orphan receipts of an output aside, those of every day, and take the run as far as it goes now.

    `run`: its id or a ref of it. An actor without the right gets an `Outcome` that says so. Raises `NotFound`;
    `BadInput` where the run rests for no orphan of that output (`USAGE`), a run's decision rests on it by now
    (`INSTANCE_RECEIPT_DRIFT`), or another run of the platform run is held (`LEASE_BUSY`); `Unreachable`, `LeaseLost`.
    """
    asked = asked_to_recover(context, run, reason=reason, actor=actor)
    if isinstance(asked, Outcome):
        return asked
    context, layout, request = asked.context, asked.layout, asked.request
    orphans = _orphans(context, layout, request.run_id, output_id)
    refuse_while_others_work(context.ports, layout, request.run_id, context.known_store.identity().store_id)
    _refuse_where_rested_on(context, layout, request, orphans)
    return work(context, layout, request, actor, loss=AcceptedLoss(output_id, asked.reason), known=asked.known)


def _orphans(context: Context, layout: Layout, run_id: str, output_id: str) -> tuple[Orphan, ...]:
    """The orphans of the output that the run rests for. Raises `BadInput(USAGE)` for none."""
    rest = Record(read_record(context.ports, layout, run_id)[0]).rest
    found = () if rest is None else orphans_of(rest)
    wanted = tuple(one for one in found if one.output_id == output_id)
    if not wanted:
        names = ", ".join(sorted({one.output_id for one in found}))
        what = f"run {run_id} rests for no orphan receipt of {output_id!r}" + (f", but of {names}" if names else "")
        remedy = "name an output whose orphan receipt the run rests for" if names else "sr explain says why it rests"
        raise BadInput(ReasonCode.USAGE, what, remedy)
    return wanted


def _refuse_where_rested_on(context: Context, layout: Layout, request: RunRequest, orphans: tuple[Orphan, ...]) -> None:
    tell = telemetry_of(context, request).progress
    resting = who_rests(context.ports, layout, orphans, tell=tell) or []  # other bytes by now: to be judged anew
    for one, who in zip(orphans, resting, strict=False):
        if who:
            what = f"{who} rests on the receipt at {one.key}: it is no orphan, and is not set aside"
            remedy = "restore the bytes that it states, or use other pins; sr resume ends this run"
            raise BadInput(ReasonCode.INSTANCE_RECEIPT_DRIFT, what, remedy)
