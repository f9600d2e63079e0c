"""What a request would need, ready for its template: nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.console.gate_graph import GateGraph, gate_graph
from sr_adapters.console.looking import Looking, Shown
from sr_adapters.console.run_page import GateRow, OutputRow
from sr_adapters.console.words import short_names, verdict_mark
from sr_domain.queries.explain_items import Item
from sr_ports import BadInput

if TYPE_CHECKING:
    from sr_domain.plan.sealed import SealedPlan
    from sr_domain.queries.preview import PlanReport

_SIDES = ("request", "other")
FIELDS = (
    ("key", "run_equivalence_key", "text"),
    ("manifest_fingerprint", "manifest_fingerprint", "text"),
    ("parameter_hash", "parameter_hash", "text"),
    ("seed", "seed", "text"),
    ("scenario", "scenario.scenario_id", "text"),
    ("from", "window.window_start_utc", "text"),
    ("to", "window.window_end_utc", "text"),
    ("time zone", "window.window_tz", "text"),
    ("outputs", "output_ids", "text"),
    ("engine root", "engine_run_root", "text"),
)
"""Label, where it stands in a request, and kind of its field."""
EXAMPLE = """\
run_equivalence_key: spring-baseline-1
manifest_fingerprint: {digit}
parameter_hash: {digit}
seed: 42
scenario: {{scenario_id: baseline}}
window:
  window_start_utc: 2026-01-01T00:00:00Z
  window_end_utc: 2026-01-02T00:00:00Z
  window_tz: Europe/London
""".format(digit="0" * 64)


@attrs.frozen
class Side:
    """One request and what it would need. `fault`: why it cannot be planned at all."""

    text: str
    report: PlanReport | None = None
    fault: BadInput | None = None
    graph: GateGraph | None = None
    gates: tuple[GateRow, ...] = ()
    outputs: tuple[OutputRow, ...] = ()

    @property
    def field(self) -> str | None:
        """The field of the form that a fault is about."""
        told = "" if self.fault is None else self.fault.what
        names = (path for _, path, _ in FIELDS)
        return next((one for one in names if one in told or one.rpartition(".")[2] in told), None)


def plan(looking: Looking) -> Shown:
    """The plan of a request, or of two beside each other."""
    query = looking.query
    form = {path: query.get(path, "") for _, path, _ in FIELDS}
    by_form = query.get("as") == "form"
    texts = [_from_form(form) if by_form and any(form.values()) else query.get("request", ""), query.get("other", "")]
    sides = [_side(looking, text) for text in texts if text.strip()]
    diff = None
    if len(sides) == len(_SIDES) and all(one.report is not None for one in sides):
        diff = looking.runner.plan_diff(*(_parsed(one.text) for one in sides))
    return Shown(
        "plan.html",
        {
            "sides": sides,
            "texts": texts,
            "diff": diff,
            "form": form,
            "fields": FIELDS,
            "by_form": by_form,
            "example": EXAMPLE,
        },
    )


def _parsed(text: str) -> Any:
    from sr_plugins.documents.yaml import load_yaml

    return load_yaml(text.encode(), what="the request")


def _from_form(form: Mapping[str, str]) -> str:
    """The request of a form as YAML, so that both ways lead to one place."""
    import json

    node: dict[str, Any] = {}
    for path, value in form.items():
        if value.strip():
            outer, _, inner = path.partition(".")
            told: Any = value.strip()
            if path == "seed" and told.isascii() and told.isdigit():
                told = int(told)
            elif path == "output_ids":
                told = told.replace(",", " ").split()
            if inner:
                node.setdefault(outer, {})[inner] = told
            else:
                node[outer] = told
    return json.dumps(node, indent=2, ensure_ascii=False)


def _side(looking: Looking, text: str) -> Side:
    try:
        report = looking.runner.plan(_parsed(text))
    except BadInput as error:
        return Side(text, fault=error)
    if report.plan is None:
        return Side(text, report)
    gates, outputs = _rows(report.plan, report.request.run_id)
    return Side(text, report, None, gate_graph(gates, outputs), gates, outputs)


def _rows(plan: SealedPlan, run_id: str) -> tuple[tuple[GateRow, ...], tuple[OutputRow, ...]]:
    """Gates and outputs of a plan, of which nothing is known yet."""
    ids = [one.gate_id for one in plan.gates]
    names = short_names(ids) if ids else {}
    mark, word = verdict_mark("UNKNOWN")
    gates = tuple(
        GateRow(f"gate-{number}", names[look.gate_id] + (f" {look.day}" if look.day else ""), mark, word,
                Item(look.subject, "UNKNOWN", law=look.method.kind, path=look.bundle_root), look,
                tuple(names.get(one, one) for one in look.upstream))
        for number, look in enumerate((look for gate in plan.gates for look in gate.looks(run_id)), 1)
    )  # fmt: skip
    outputs = tuple(
        OutputRow(f"output-{number}", mark, word, Item(part.output.output_id, "UNKNOWN", path=part.path), part.day,
                  part.output.gates, tuple(names[one] for one in part.output.gates if one in names), None, ())
        for number, part in enumerate((part for output in plan.outputs for part in output.parts(run_id)), 1)
    )  # fmt: skip
    return gates, outputs
