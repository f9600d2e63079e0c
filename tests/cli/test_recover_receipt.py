"""The drill for an orphan receipt, as the person on call types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import SR, Shell

RUN = run_id_for("key")


def planted(sr: Shell) -> Path:
    """A receipt of other bytes, in the place of one that a READY run wrote and rests on no more."""
    assert sr("submit", sr.request("first", "first.yaml")).code == 0
    (place,) = sr.folder.rglob("instance_receipts/output_id=events/**/instance_receipt.json")
    node = json.loads(place.read_bytes())
    node["target_digest"]["hex"] = "0" * 64
    place.write_text(json.dumps(node))
    return place


def test_an_orphan_rests_the_run_with_exit_9_until_it_is_set_aside(sr: Shell) -> None:
    place = planted(sr)
    stood = place.read_bytes()
    for command in (("submit", sr.request()), ("resume", RUN), ("submit", sr.request())):
        answer = sr(*command)
        assert (answer.code, answer.error) == (9, "INSTANCE_RECEIPT_ORPHAN")
        assert f"{SR} recover {RUN} --receipt events --accept-loss --reason R" in answer.err
    assert sr("--json", "status", RUN).json["state"] == "WAITING_EVIDENCE"
    shown = sr("explain", RUN)
    assert "INSTANCE_RECEIPT_ORPHAN" in shown.out + shown.err
    accept = ("--accept-loss", "--reason", "planted by a test")
    assert sr("recover", RUN, "--receipt", "world", *accept).code == 2
    assert sr("recover", RUN, "--receipt", "events", *accept).code == 0
    (kept,) = sr.folder.rglob(f"quarantine/set_aside/{sha256_hex(stood)}.json")
    assert kept.read_bytes() == stood
    assert sr("audit", RUN).code == 0
    assert sr("verify", RUN).code == 0
    assert "set_aside" not in sr("quarantine", "list").out


def test_without_a_loss_accepted_nothing_is_set_aside(sr: Shell) -> None:
    place = planted(sr)
    stood = place.read_bytes()
    assert sr("submit", sr.request()).code == 9
    assert sr("recover", RUN, "--receipt", "events", "--reason", "r").code == 2
    assert sr("recover", RUN, "--receipt", "events", "--accept-loss").code == 2
    assert place.read_bytes() == stood


def test_a_run_that_waits_for_something_else_is_sent_to_no_receipt(sr: Shell, policy: Any) -> None:
    policy(evidence_wait_seconds=600)
    answer = sr("submit", sr.request(engine_run_root="nothing-yet"))
    assert (answer.code, answer.error) == (3, "EVIDENCE_WAITING")
    assert " recover " not in answer.err
