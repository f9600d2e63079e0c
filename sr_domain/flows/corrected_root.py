"""A resubmission may correct the engine root of a run that waits, or has not begun to read evidence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs

from sr_domain.encoding.canonical import exact_json
from sr_domain.plan.request import RunRequest, parse_request
from sr_domain.record.details import Accepted
from sr_domain.record.events import ENGINE_ATTEMPT_FINISHED, ENGINE_ROOT_CORRECTED
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_domain.record.states import SUCCEEDED, RunState
from sr_domain.run.allowed_root import admissible_root
from sr_domain.run.append_aside import read_record
from sr_domain.run.context import Context
from sr_domain.run.held_run import HeldRun
from sr_domain.run.outcome import Outcome
from sr_ports import BadInput, Unreachable

if TYPE_CHECKING:
    from sr_domain.record.engine_details import RootCorrected

_NOT_TAKEN = "the engine root was not taken: "


def named_root(context: Context, request: RunRequest) -> tuple[str | None, str]:
    """The root that a resubmission names, in full, and what to tell where it cannot be one: then there is none."""
    asked = context.settings.oracle_engine_run_root or request.engine_run_root
    if asked is None:
        return None, ""
    try:
        return admissible_root(context, asked), ""
    except BadInput as error:
        return None, f"{_NOT_TAKEN}{error.what}"
    except Unreachable:  # the run meets it where it reads
        return None, ""


def same_as_bound(context: Context, request: RunRequest, bound: RunRequest) -> bool:
    """Whether a resubmission names the root that its key was bound with, or none; by letters, then by place."""
    asked, first = request.engine_run_root, bound.engine_run_root
    if asked in (None, first) or context.settings.oracle_engine_run_root is not None:
        return True
    if first is None:
        return False
    try:
        return admissible_root(context, str(asked)) == admissible_root(context, first)
    except BadInput:
        return False


def busy_told(context: Context, layout: Layout, run_id: str, root: str | None) -> str:
    """What to tell of a root that is named while another worker holds the run: nothing where the run has it already."""
    if root is None or root == Record(read_record(context.ports, layout, run_id)[0]).named_root:
        return ""
    return not_taken("another worker holds the run; submit it again")


def root_too_late(context: Context, intent: str, request: RunRequest, known: Outcome) -> Outcome:
    """The answer to a duplicate of a settled run, which takes no other root. `intent`: as its key was bound.

    The record is read again only where it says that the run's root was corrected: then that one rules.
    """
    if known.rerooted:
        return _corrected_too_late(context, request, known)
    if f'"engine_run_root":{exact_json(request.engine_run_root).decode()}' in intent:
        return known  # by its letters alone, as most do: nothing is parsed for them
    bound = parse_request(json.loads(intent), context.ports.known_timezone)
    return known if same_as_bound(context, request, bound) else with_told(known, not_taken(f"the run is {known.state}"))


def _corrected_too_late(context: Context, request: RunRequest, known: Outcome) -> Outcome:
    """The same for a run whose root was corrected: the root that its key was bound with may be the one it left."""
    root, told = named_root(context, request)
    if root is None:
        return with_told(known, told)
    record = Record(read_record(context.ports, Layout(str(known.platform_run_id)), known.run_id)[0])
    if root == record.named_root:
        return known
    now = f"the run is {known.state}, with its evidence at {record.root or record.named_root}"
    return with_told(known, not_taken(now))


def not_taken(why: str) -> str:
    """What to tell of a root that comes too late."""
    return f"{_NOT_TAKEN}{why}"


def correction(record: Record, root: str) -> RootCorrected | str:
    """The correction that `root` means; else what to tell: why it is not taken, empty where the run has it already."""
    now = record.named_root
    if root == now:
        return ""
    if root in record.roots_left:
        return not_taken(f"the run has left {root} for {now}, and goes back to none that it left")
    if any(one.details.outcome == SUCCEEDED for one in record.all(ENGINE_ATTEMPT_FINISHED)):
        return not_taken("the engine's own attempt made the run's evidence")
    waits = record.ledger.state is RunState.WAITING_EVIDENCE or record.root_fault is not None
    if record.decided or (record.started is not None and not waits):
        return not_taken(f"the run reads its evidence at {record.root}, or has read it")
    return ENGINE_ROOT_CORRECTED.details(root, now)


def with_told(outcome: Outcome, told: str) -> Outcome:
    """The answer, with what became of the engine root that was named."""
    return attrs.evolve(outcome, message="; ".join(filter(None, (outcome.message, told)))) if told else outcome


def correct_root(run: HeldRun, accepted: Accepted) -> None:
    """Put the root that whoever asks names on record, where it may be taken; `run.root_told` says what became of it."""
    root, state = run.named_root, run.ledger.state
    if root is None or (state is None and root == accepted.engine_run_root):
        return
    if state is None:
        run.record()  # the admission, which the correction follows
    if state is not None and state.final:
        told = correction(run.history, root)
        run.root_told = "" if told == "" else not_taken(f"the run is {state.value}")
        return
    found = correction(run.history, root)
    if isinstance(found, str):
        run.root_told = found
        return
    run.record(ENGINE_ROOT_CORRECTED(found))
    run.root_told = f"the engine root is {root} from now on" + (f", no longer {found.left}" if found.left else "")
