"""plan: what a request would do, and how two requests differ. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits
from sr_adapters.cli.documents import read_request
from sr_adapters.cli.errors import tell
from sr_adapters.cli.request_flags import request_flags
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_domain.plan.compile import PlanRefused


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
    report = session.runner.plan(request).document()
    code = exits.DONE if "plan_hash" in report else exits.FAILED
    if session.as_json:
        session.json({**report, "exit_code": code})
    else:
        _explain(session, report, request.get("engine_run_root"))
    if report["problems"]:
        _tell_problems("error" if code else "note", _refused(report["problems"]))
    return code


def _refused(problems: Sequence[Mapping[str, str]]) -> PlanRefused:
    from sr_domain.plan.compile import PlanRefused, Problem
    from sr_ports import ReasonCode

    return PlanRefused(tuple(Problem(ReasonCode(one["code"]), one["subject"], one["detail"]) for one in problems))


def _tell_problems(word: str, refused: PlanRefused) -> None:
    """The line that submitting would end with as things are. The table names problems of every kind."""
    others = sum(one.code is not refused.code for one in refused.problems)
    more = f" (and {others} of another kind)" if others else ""
    tell(refused.code, f"{refused.message}{more}", word=word)


def _explain(session: Session, report: Mapping[str, Any], root: str | None) -> None:
    """The plan as its document has it. `root`: the engine root that the request names."""
    session.say(f"plan for run {report['run_id']}")
    session.pairs(
        [
            ("intent", report["intent_fingerprint"]),
            ("plan hash", report.get("plan_hash")),
            ("strategy", report["strategy"]),
            ("engine root", root),
        ]
    )
    if "plan_hash" in report:
        rows = [
            (
                one["output_id"],
                "optional" if one["optional"] else "required",
                "instance" if one["instance_pins"] else "world",
                one["path"],
            )
            for one in report["outputs"]
        ]
        session.table(["output", "need", "proof", "path"], rows)
        session.table(
            ["gate", "law", "bundle", "after"],
            [(g["gate_id"], g["method"]["kind"], g["bundle_root"], len(g["upstream"])) for g in report["gates"]],
        )
    if report["problems"]:
        names = ("code", "subject", "detail")
        session.table(["problem", "subject", "detail"], [[one[name] for name in names] for one in report["problems"]])


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
