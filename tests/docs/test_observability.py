"""Dashboard and rules ask for metrics that there are, by labels that they have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sr_adapters.observability.metrics import METRICS, Metric

HOME = Path(__file__).resolve().parents[2] / "docs" / "observability"
NAME = re.compile(r"\bsr[_:][a-z0-9_:]+")
PARTS = ("_bucket", "_sum", "_count")


def rules() -> list[dict[str, str]]:
    document = yaml.safe_load((HOME / "rules.yaml").read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> list[str]:
    document = json.loads((HOME / "dashboard.json").read_text("utf-8"))
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


def queries() -> list[str]:
    return [*dashboard(), *(rule["expr"] for rule in rules())]


def faults(query: str, recorded: set[str]) -> Iterator[str]:
    """What a query asks for that is not there."""
    for name in NAME.findall(query):
        base = next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)
        known: Metric | None = METRICS.get(base)
        if name in recorded:
            continue
        if known is None or (known.form == "histogram") is (base == name):
            yield name
    labels = {label for one in METRICS.values() for label in one.labels} | {"le"}
    for asked in (*re.findall(r"by \(([^)]*)\)", query), *re.findall(r"\{(\w+)\s*[!=]", query)):
        yield from (one for one in re.split(r"\s*,\s*", asked) if one not in labels)


@pytest.mark.parametrize("query", queries())
def test_a_query_asks_for_what_there_is(query: str) -> None:
    assert list(faults(query, {rule["record"] for rule in rules() if "record" in rule})) == []


@pytest.mark.parametrize("wrong", ["sum(sr_runs_redy_total)", "sr_outbox_owed_bucket", "sum by (run) (sr_outbox_owed)"])
def test_a_query_for_what_is_not_there_is_found_out(wrong: str) -> None:
    assert list(faults(wrong, set()))


def test_every_metric_is_on_the_dashboard() -> None:
    asked = " ".join(dashboard())
    assert [name for name in METRICS if name not in asked] == []


def test_every_alert_says_what_to_do() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) > 5
    for rule in alerts:
        assert set(rule["annotations"]) == {"summary", "description"}


def test_promtool_finds_the_rules_sound() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        [promtool, "check", "rules", HOME / "rules.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
