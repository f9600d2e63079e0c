"""Tampering with any artifact or byte is found and named; a clean run gives no alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.runtime.pool import SerialPool
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.ids import run_id_for
from sr_domain.queries.verify import Verification, Verifier, verify
from sr_domain.record.layout import SCOPE_ORDER
from tests.reliability.lab import LAWS, PLATFORM, Lab, request, write_world

RUN = run_id_for("key")
BASE = f"fraud-platform/{PLATFORM}/sr/"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    write_world(tmp_path)
    made = Lab(tmp_path)
    assert made.runner().submit(request(engine_run_root=str(tmp_path))).state == "READY"
    yield made


def keys(lab: Lab) -> list[str]:
    return [stored.key for stored in lab.store.list(BASE)]


def tampered(data: bytes, how: str, at: int, other: bytes) -> bytes | None:
    """The object after tampering; None when it is gone."""
    at %= max(1, len(data))
    match how:
        case "flip":
            return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        case "truncate":
            return data[:at]
        case "swap":
            return other
        case "add":
            return data + b" "
        case _:
            return None


def put(lab: Lab, key: str, data: bytes | None) -> None:
    """Behind the store's back."""
    lab.store.delete(key)
    if data is not None:
        lab.store.create(key, data)


def check(lab: Lab) -> Verification:
    facts: Any = lab.runner().facts(RUN)
    blob = lab.store.read(BASE + f"run_facts_view/{RUN}.json")
    verifier = Verifier(lab.store, FileEngineRoots(), LAWS, SerialPool(), lab.clock)
    return verify(verifier, blob.data, facts, engine_run_root=None, fast=False)


def test_a_clean_run_gives_no_alarm(lab: Lab) -> None:
    assert not lab.runner().audit(RUN).findings
    assert check(lab).ok


def compared(receipt: bytes) -> dict[str, Any]:
    """A receipt that stands, less what may be another run's: where the bytes were seen, and what points there."""
    node: dict[str, Any] = json.loads(receipt)
    for name in ("bundle_manifest_ref", "artifacts", "notes", "receipt_kind"):
        node.pop(name, None)
    target = node["target_ref"]
    node["target_ref"] = {name: target[name] for name in SCOPE_ORDER if name in target}
    return node


def differs_where_none_looks(before: bytes, after: bytes) -> bool:
    """Whether a changed receipt is a receipt still, and says the same of all that is compared."""
    try:
        return not problem("instance_receipt", json.loads(after)) and compared(after) == compared(before)
    except (ValueError, KeyError, TypeError):
        return False


def test_of_a_standing_receipt_only_what_is_no_claim_is_left_alone(lab: Lab) -> None:
    (key, *_) = [one for one in keys(lab) if "/instance_receipts/" in one]
    data = lab.store.read(key).data
    assert differs_where_none_looks(data, data.replace(b'"path":"/', b'"path":"/elsewhere/'))
    for spoilt in (
        data.replace(b'"artifacts"', b'"artifcats"'),
        data.replace(b'"PASS"', b'"FAIL"'),
        data.replace(b'"run_id"', b'"run_di"'),
        data[:-1],
    ):
        assert spoilt == data or not differs_where_none_looks(data, spoilt)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), how=st.sampled_from(["flip", "truncate", "swap", "add", "delete"]), at=st.integers(0, 5000))
def test_audit_names_the_artifact_that_was_tampered_with(lab: Lab, data: st.DataObject, how: str, at: int) -> None:
    key = data.draw(st.sampled_from(keys(lab)))
    other = data.draw(st.sampled_from([one for one in keys(lab) if one != key]))
    before = {one: lab.store.read(one).data for one in keys(lab)}
    after = tampered(before[key], how, at, before[other])
    put(lab, key, after)
    if after is not None and "/instance_receipts/" in key and differs_where_none_looks(before[key], after):
        put(lab, key, before[key])
        return
    try:
        findings = lab.runner().audit(RUN).findings
        assert findings, (key, how)
        assert findings[0].where == key or "run_record" in key
    finally:
        for one, original in before.items():
            put(lab, one, original)
    assert not lab.runner().audit(RUN).findings


def harmless(path: Path, how: str, before: bytes) -> bool:
    """What no law covers: a bundle's names count by their order alone, a flag by what it states."""
    if path.name == "report.json":
        return how == "rename"
    return path.name == "_passed.flag" and path.exists() and path.read_bytes().strip() == before.strip()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    how=st.sampled_from(["flip", "truncate", "add", "delete", "rename", "extra"]),
    at=st.integers(0, 500),
)
def test_verify_finds_any_byte_that_is_not_the_one_proven(lab: Lab, data: st.DataObject, how: str, at: int) -> None:
    files = sorted(path for path in lab.root.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    before, added = path.read_bytes(), None
    if how == "rename":
        added = path.rename(path.with_name("zz-" + path.name))
    elif how == "extra":
        if path.name == "world.bin":
            return  # a single-file output names that file: a neighbour is nobody's business
        added = path.with_name("zz-extra")
        added.write_bytes(b"more")
    else:
        after = tampered(before, how, at, b"")
        path.unlink() if after is None else path.write_bytes(after)
    try:
        found = check(lab)
        assert not found.ok or harmless(path, how, before), (path, how)
    finally:
        if added is not None:
            added.unlink()
        path.write_bytes(before)
    assert check(lab).ok
