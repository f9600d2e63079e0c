"""Receipts where truth is on S3: an orphan rests the run, is set aside by compare-and-swap, and is never deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.runtime.pool import ThreadPool
from sr_adapters.s3.store import S3ObjectStore
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import ReasonCode, Unreachable
from tests.adapters.s3_fixtures import moto_server
from tests.kit import BASE, Lab, request
from tests.servers.s3 import S3Server, fresh_prefix
from tests.worlds import EVENTS, small_world

pytestmark = pytest.mark.parity
_ = moto_server
RUN = run_id_for("key")


@pytest.fixture
def s3_lab(moto_server: S3Server, tmp_path: Path) -> Lab:
    lab = Lab.memory(tmp_path)
    lab.store = S3ObjectStore(moto_server.endpoint, moto_server.bucket, fresh_prefix())
    return lab


def receipt_of(lab: Lab) -> str:
    (key,) = [one.key for one in lab.store.list(f"{BASE}/instance_receipts/output_id=events/")]
    return str(key)


def plant(lab: Lab) -> bytes:
    """A receipt of other bytes in the place of the one that stands."""
    key = receipt_of(lab)
    blob = lab.store.read(key)
    node = json.loads(blob.data)
    node["target_digest"]["hex"] = "0" * 64
    planted = json.dumps(node).encode()
    assert lab.store.replace(key, planted, etag=blob.etag)
    return planted


def test_an_orphan_on_s3_rests_the_run_until_it_is_set_aside(s3_lab: Lab) -> None:
    assert s3_lab.reuse(small_world(), run_equivalence_key="first").state is RunState.READY
    planted = plant(s3_lab)
    assert s3_lab.reuse(small_world()).reason_code is ReasonCode.INSTANCE_RECEIPT_ORPHAN
    before = s3_lab.truth()
    assert s3_lab.runner().resume(RUN).reason_code is ReasonCode.INSTANCE_RECEIPT_ORPHAN
    assert s3_lab.truth() == before
    outcome = s3_lab.runner(pool=ThreadPool(4)).recover_receipt(RUN, "events", reason="planted", actor="ann")
    assert outcome.state is RunState.READY, outcome
    assert s3_lab.truth()[f"{BASE}/quarantine/set_aside/{sha256_hex(planted)}.json"] == planted
    assert not s3_lab.runner().audit(RUN).findings


def test_drift_on_s3_names_the_run_that_rests_on_the_receipt(s3_lab: Lab) -> None:
    first = s3_lab.reuse(small_world(), run_equivalence_key="first").run_id
    files = {**small_world(), f"{EVENTS}/part-0.bin": b"other"}
    outcome = s3_lab.runner(pool=ThreadPool(4)).submit(request(engine_run_root=s3_lab.world(files)))
    assert outcome.reason_code is ReasonCode.INSTANCE_RECEIPT_DRIFT
    (kept,) = s3_lab.document("quarantine", RUN)["conflicts"]
    assert kept["changes"]["resting"] == [first]


@pytest.mark.parametrize("planted", [True, False], ids=["replaced", "twin: left alone"])
def test_on_s3_a_run_decides_only_while_its_own_receipts_stand(s3_lab: Lab, planted: bool) -> None:
    class Authority:
        def __getattr__(self, name: str) -> Any:
            return getattr(s3_lab.authority, name)

        def renew(self, lease: Any, *, ttl_s: float) -> Any:
            if planted:
                plant(s3_lab)
            return s3_lab.authority.renew(lease, ttl_s=ttl_s)

    runner = s3_lab.runner(authority=Authority(), pool=ThreadPool(4))
    asked = request(engine_run_root=s3_lab.world(small_world()))
    if not planted:
        assert runner.submit(asked).state is RunState.READY
        return
    with pytest.raises(Unreachable):
        runner.submit(asked)
    assert "EVIDENCE_COMPLETE" not in s3_lab.kinds(RUN)
