"""Whatever somebody makes of a facts view, verify answers: it names what is wrong, and never breaks down."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.runtime.pool import SerialPool
from sr_domain.queries.verify import Verification, Verifier, verify
from tests.kit import BASE, LAWS, Lab
from tests.worlds import small_world

OTHERS: list[Any] = [
    None, "", "../../etc/passwd", "/etc/passwd", "s3://elsewhere/x", "file:///etc/passwd", "a" * 64, "b" * 32, "\x00",
    "ä\\..", 0, -1, 1.5, True, [], {}, {"a": 1}, [[]],
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    made = Lab.memory(tmp_path_factory.mktemp("hostile"))
    assert made.reuse(small_world()).state == "READY"
    return made


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every node of a document."""
    yield path
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield from places(value, (*path, key))


def changed(document: Any, path: tuple[Any, ...], other: Any, *, gone: bool) -> Any:
    """The document with one node made another, or taken away."""
    if not path:
        return other
    document = copy.deepcopy(document)
    node = document
    for step in path[:-1]:
        node = node[step]
    if gone:
        del node[path[-1]]
    else:
        node[path[-1]] = other
    return document


def answer(lab: Lab, facts: Any) -> Verification:
    verifier = Verifier(lab.store, FileEngineRoots(), LAWS, SerialPool(), lab.clock)
    return verify(verifier, json.dumps(facts).encode(), facts, engine_run_root=None, fast=False)


@pytest.mark.parametrize("recorded", [True, False])
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_view_that_somebody_changed_is_told_as_that(lab: Lab, recorded: bool, data: st.DataObject) -> None:
    (key,) = [one.key for one in lab.store.list(f"{BASE}/run_facts_view/")]
    view = json.loads(lab.store.read(key).data)
    record = f"{BASE}/run_record/{view['run_id']}.jsonl"
    kept = lab.store.read(record).data
    path = data.draw(st.sampled_from(list(places(view))))
    spoilt = changed(view, path, data.draw(st.sampled_from(OTHERS)), gone=data.draw(st.booleans()))
    if not recorded:
        lab.store.delete(record)
    try:
        done = answer(lab, spoilt)
    finally:
        lab.store.create(record, kept)
    assert not done.ok or spoilt == view
    json.dumps(done.document())


def test_the_view_that_nobody_changed_is_sound(lab: Lab) -> None:
    (key,) = [one.key for one in lab.store.list(f"{BASE}/run_facts_view/")]
    blob = lab.store.read(key).data
    verifier = Verifier(lab.store, FileEngineRoots(), LAWS, SerialPool(), lab.clock)
    assert verify(verifier, blob, json.loads(blob), engine_run_root=None, fast=False).ok
