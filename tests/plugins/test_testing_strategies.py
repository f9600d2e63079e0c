"""What the strategies of `sr_plugins.testing` give is taken, and what their near siblings give is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sr_adapters.memory import MemoryEngineRoot
from sr_adapters.runtime.timezones import known_timezone
from sr_domain import RunRequest
from sr_domain.evidence.bundle import Bundle
from sr_domain.plan.request import parse_request
from sr_plugins import load_pack
from sr_plugins.laws import PartList
from sr_plugins.testing import strategies
from sr_plugins.testing.strategies import Pack
from sr_ports import BadInput, EvidenceFault, ReasonCode, VerificationMethod
from sr_ports.conformance.bundles import MemoryBundle

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(document=strategies.requests(seed=7))
def test_a_request_is_taken(document: dict[str, Any]) -> None:
    request = parse_request(document, known_timezone)
    assert isinstance(request, RunRequest)
    assert (request.seed, request.run_equivalence_key) == (7, document["run_equivalence_key"])


@QUICK
@given(document=strategies.near_requests())
def test_a_request_with_one_thing_wrong_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        parse_request(document, known_timezone)
    assert caught.value.code is ReasonCode.REQUEST_INVALID


@QUICK
@given(pack=strategies.packs())
def test_a_pack_is_loaded(tmp_path: Path, pack: Pack) -> None:
    loaded = load_pack(pack.write(tmp_path / "pack"))
    assert list(loaded.outputs) == [one["output_id"] for one in pack.catalogue["outputs"]]
    assert {name for gate in loaded.gates.values() for name in gate.authorizes_outputs} == set(loaded.outputs)


@QUICK
@given(pack=strategies.near_packs())
def test_a_pack_with_one_thing_wrong_is_refused(tmp_path: Path, pack: Pack) -> None:
    with pytest.raises(BadInput) as caught:
        load_pack(pack.write(tmp_path / "pack"))
    assert caught.value.code is ReasonCode.PACK_INVALID


@QUICK
@given(bundle=strategies.bundles())
def test_a_bundle_is_judged(bundle: MemoryBundle) -> None:
    assert len(PartList().digest(bundle)) == 64


@QUICK
@given(bundle=strategies.near_bundles())
def test_a_bundle_that_lacks_a_member_is_at_fault(bundle: MemoryBundle) -> None:
    with pytest.raises(EvidenceFault) as caught:
        PartList().digest(bundle)
    assert caught.value.code is ReasonCode.INDEXED_FILE_ABSENT


def listed(data: bytes) -> list[str]:
    """What the real view says that an index lists."""
    root = MemoryEngineRoot({"gate/index.json": data})
    view = Bundle(root, "gate", "gate/index.json", VerificationMethod("any"), lambda _read: None)
    return [entry.path for entry in view.index()]


@QUICK
@given(index=strategies.indexes())
def test_an_index_is_read(index: tuple[bytes, list[str]]) -> None:
    data, paths = index
    assert listed(data) == paths


@QUICK
@given(data=strategies.near_indexes())
def test_an_index_with_one_thing_wrong_is_at_fault(data: bytes) -> None:
    with pytest.raises(EvidenceFault):
        listed(data)
