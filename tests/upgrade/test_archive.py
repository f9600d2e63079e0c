"""The corpus holds what its manifest says, and every outcome that a release must be able to read."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from sr_domain.record.ledger import Ledger, read_ledger
from tests.upgrade.corpus import Corpus
from tests.upgrade.worlds import CORPORA, RUNS, Run, named

FIRST = {run.told["name"]: run for run in RUNS if run.corpus.folder.name == "v0_1_0"}


def recorded(run: Run) -> Ledger:
    """The run's record, read strictly."""
    place = run.corpus.root / "homes" / run.told["home"] / run.told.get("store", "")
    return read_ledger(run.run_id, (place / run.base / "run_record" / f"{run.run_id}.jsonl").read_bytes())


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda one: one.folder.name)
def test_what_is_unpacked_is_what_the_archive_holds(corpus: Corpus) -> None:
    assert corpus.manifest["root"] == str(corpus.root)
    for run in corpus.manifest["runs"]:
        for key, digest in run["artifacts"].items():
            assert corpus.members["/".join(filter(None, ["homes", run["home"], run.get("store"), key]))] == digest
    assert not {path for path in corpus.members if path.startswith(("/", ".."))}


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda one: one.folder.name)
def test_an_unpacked_tree_that_was_touched_is_unpacked_anew(corpus: Corpus, scratch: Path) -> None:
    here = attrs.evolve(corpus, place=scratch)
    assert not here.intact()
    here.unpack()
    assert here.intact()
    more, gates = here.root / "engine" / "sound" / "more", here.root / "pack" / "engine_gates.map.yaml"
    more.write_bytes(b"")
    assert not here.intact()
    more.unlink()
    assert here.intact()
    gates.write_bytes(gates.read_bytes() + b" ")
    assert not here.intact()
    here.unpack()
    assert here.intact()


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda one: one.folder.name)
def test_buses_keep_the_order_in_which_facts_were_published(corpus: Corpus) -> None:
    topics = [one for one in corpus.root.glob("homes/**/control_bus/*") if one.is_dir()]
    assert topics
    for topic in topics:
        times = {path.stat().st_mtime_ns: path for path in topic.glob("[!.]*.json")}
        assert len(times) == len(list(topic.glob("[!.]*.json")))
        said = [json.loads(times[at].read_bytes())["published_at_utc"] for at in sorted(times)]
        assert said == sorted(said)


OPEN = [run for run in RUNS if run.has("RUN_ACCEPTED") and run.state not in ("FAILED", "QUARANTINED")]


@pytest.mark.parametrize("run", [run for run in OPEN if not run.told.get("overdue")], ids=named)
def test_whoever_waits_has_decades_left(run: Run) -> None:
    accepted = recorded(run).first("RUN_ACCEPTED")
    assert accepted is not None
    assert int(accepted.details["evidence_deadline_utc"][:4]) >= 2076


def test_the_first_release_left_every_state_and_outcome() -> None:
    assert {run.state for run in FIRST.values()} == {
        None, "EXECUTING", "VERIFYING", "WAITING_EVIDENCE", "READY", "FAILED", "QUARANTINED",
    }  # fmt: skip
    reasons = {run.told["reason_code"] for run in FIRST.values()}
    assert reasons >= {
        "UNKNOWN_OUTPUT_ID", "OUTPUT_UNGATED", "NO_OUTPUTS", "LAW_NOT_ALLOWED", "STRATEGY_UNAVAILABLE",
        "EVIDENCE_MISSING_DEADLINE", "ORACLE_PACK_MISMATCH", "INSTANCE_RECEIPT_DRIFT", "SUPERSEDES_TAKEN",
        "ENGINE_EXIT_NONZERO", "ENGINE_RECEIPT_MISMATCH", "ENGINE_COMMAND_MISSING", "EVIDENCE_CONFLICT",
        "EVIDENCE_WAITING", "UNKNOWN_HASHING_LAW",
    }  # fmt: skip
    events = {event for run in FIRST.values() for event in run.told["events"]}
    assert events >= {
        "AUTH_DENIED", "ATTEMPT_LIMIT_EXCEEDED", "ENGINE_ATTEMPT_ABANDONED", "ENGINE_ROOT_OVERRIDDEN", "GOV_REEMIT_KEY",
        "LEASE_TAKEN", "READY_PUBLISH_FAILED", "REEMIT_DRY_RUN", "REEMIT_FAILED", "REEMIT_PUBLISHED",
        "SUPERSEDED_BY", "SUPERSEDE_CLAIMED", "SUPERSEDE_PUBLISHED",
    }  # fmt: skip
    kinds = {key.split("/")[3] for run in FIRST.values() for key in run.told["artifacts"]}
    assert kinds == {
        "attestation", "engine_attempt_logs", "instance_receipts", "quarantine", "ready_signal", "run_facts_view",
        "run_plan", "run_record", "run_status",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["adopted", "cut-adopted"])
def test_a_view_was_adopted(name: str) -> None:
    decided = recorded(FIRST[name]).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert decided.details["adopted"] is True


@pytest.mark.parametrize("name", ["file-link", "folder-link", "waiting-link", "cut-decided-links"])
def test_a_root_has_an_inner_link(name: str) -> None:
    links = [path for path in FIRST[name].corpus.members if path.startswith(f"engine/{name}/")]
    assert any(FIRST[name].corpus.members[path].startswith("->") for path in links)
