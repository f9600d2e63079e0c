"""Dashboard and rules ask for metrics that there are, by labels that they have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_adapters.observability.metrics import METRICS, Metric

HOME = Path(__file__).resolve().parents[2] / "docs" / "observability"
NAME = re.compile(r"\bsr[_:][a-z0-9_:]+")
PARTS = ("_bucket", "_sum", "_count")


def rules() -> list[dict[str, Any]]:
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


def promtool(*args: object) -> None:
    """Have promtool check or test something; skips where it is not installed."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run([found, *map(str, args)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_the_rules_sound() -> None:
    promtool("check", "rules", HOME / "rules.yaml")


def test_promtool_reads_every_query_of_the_dashboard(tmp_path: Path) -> None:
    ranges = {"$__rate_interval": "5m", "$__range": "1d"}
    asked = [re.sub(r"\$__\w+", lambda found: ranges[found[0]], query) for query in dashboard()]
    made = [{"record": f"asked:{at}", "expr": query} for at, query in enumerate(asked)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": made}]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


def alerts(name: str, at: str, *labels: dict[str, str]) -> dict[str, Any]:
    """That these alerts fire then, and no others of the name."""
    (rule,) = [one for one in rules() if one.get("alert") == name]

    def told(text: str, known: dict[str, str]) -> str:
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: known[found[1]], text)

    fire = [
        {
            "exp_labels": {**rule["labels"], **one},
            "exp_annotations": {key: told(text, one) for key, text in rule["annotations"].items()},
        }
        for one in labels
    ]
    return {"eval_time": at, "alertname": name, "exp_alerts": fire}


SERIES = {
    'sr_runs_quarantined_total{reason="FIRST"}': "_x1600 1+0x200",  # never met before
    'sr_runs_quarantined_total{reason="AGAIN"}': "3+0x1600 4+0x200",
    'sr_runs_quarantined_total{reason="LONG_AGO"}': "5+0x1800",
    'sr_runs_quarantined_total{reason="UNSEEN"}': "5+0x1500 _x60 5+0x240",  # Prometheus was away, and nothing happened
    'sr_sink_dropped_total{sink="file"}': "_x1600 7+0x200",
    "sr_oldest_waiting_timestamp_seconds": "0+0x100 6000+0x1700",  # 0 for none; then since minute 100, and nobody looks
}


def test_alerts_fire_for_what_happens_for_the_first_time_too_and_for_nothing_else(tmp_path: Path) -> None:
    """increase() alone is 0 for a series that begins at 1."""
    reasons = ({"reason": "FIRST"}, {"reason": "AGAIN"})
    expected = [
        alerts("ScenarioRunnerQuarantined", "1590m"),
        alerts("ScenarioRunnerQuarantined", "1610m", *reasons),
        alerts("ScenarioRunnerQuarantined", "1655m", *reasons),
        alerts("ScenarioRunnerQuarantined", "1790m"),
        alerts("ScenarioRunnerSinkDrops", "1590m"),
        alerts("ScenarioRunnerSinkDrops", "1610m", {"sink": "file"}),
        alerts("ScenarioRunnerWaitsLong", "90m"),
        alerts("ScenarioRunnerWaitsLong", "150m"),
        alerts("ScenarioRunnerWaitsLong", "170m", {}),
    ]
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": expected}
    document = {"rule_files": [str(HOME / "rules.yaml")], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", tmp_path / "tests.yaml")
