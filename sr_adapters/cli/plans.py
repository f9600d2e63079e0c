"""plan: what a request would do, and how two requests differ. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits
from sr_adapters.cli.documents import read_request
from sr_adapters.cli.errors import tell
from sr_adapters.cli.request_flags import request_flags
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_domain.queries.preview import PlanReport


@click.command("plan")
@request_flags
@click.option("--diff", "other", metavar="OTHER", help="Show how OTHER's plan differs.")
@click.pass_obj
def plan_command(session: Session, request: dict[str, Any], other: str | None) -> int:
    """Compile and explain the plan of a request; writes nothing.

    Exit code: 0 when it can be planned, 4 when submitting it would end FAILED whatever else is given. What only
    this command line lacks, an engine root or an invoker, is a note.
    """
    if other is not None:
        return _diff(session, session.runner.plan_diff(request, read_request(other)))
    report = session.runner.plan(request)
    code = exits.FAILED if report.plan is None else exits.DONE
    if session.as_json:
        session.json({**report.document(), "exit_code": code})
    else:
        _explain(session, report)
    if report.problems:
        _tell_problems("error" if code else "note", report)
    return code


def _tell_problems(word: str, report: PlanReport) -> None:
    """The line that submitting would end with as things are. The table names problems of every kind."""
    from sr_domain.plan.compile import PlanRefused

    refused = PlanRefused(report.problems)
    others = sum(one.code is not refused.code for one in report.problems)
    more = f" (and {others} of another kind)" if others else ""
    tell(refused.code, f"{refused.message}{more}", word=word)


def _explain(session: Session, report: PlanReport) -> None:
    request, plan = report.request, report.plan
    session.say(f"plan for run {request.run_id}")
    session.pairs(
        [
            ("intent", request.fingerprint),
            ("plan hash", None if plan is None else plan.plan_hash),
            ("strategy", report.strategy.value),
            ("engine root", request.engine_run_root),
        ]
    )
    if plan is not None:
        rows = [
            (
                one.output_id,
                "optional" if one.optional else "required",
                "instance" if one.instance_pins else "world",
                one.path,
            )
            for one in plan.outputs
        ]
        session.table(["output", "need", "proof", "path"], rows)
        session.table(
            ["gate", "law", "bundle", "after"],
            [(g.gate_id, g.method.kind, g.bundle_root, len(g.upstream)) for g in plan.gates],
        )
    if report.problems:
        session.table(["problem", "subject", "detail"], [(p.code.value, p.subject, p.detail) for p in report.problems])


def _diff(session: Session, diff: Mapping[str, Any]) -> int:
    if session.as_json:
        session.json(diff)
        return exits.DONE
    session.say("same intent" if diff["same_intent"] else "the intents differ:")
    session.table(
        ["field", "first", "second"], [(k, v["old"], v["new"]) for k, v in diff["intent"].items()] or [("-", "", "")]
    )
    for name in ("intent_fingerprint", "plan_hash", "strategy"):
        pair = diff[name]
        session.say(f"{name}: {'same' if pair['same'] else 'differs'} ({pair['old']} | {pair['new']})")
    for name in ("intended_outputs", "required_gates"):
        sets = diff[name]
        first, second = sets["only_old"] or "-", sets["only_new"] or "-"
        session.say(f"{name}: {len(sets['both'])} in both; only first: {first}; only second: {second}")
    return exits.DONE
