"""The bundle hash of revision 2: of the evidence, wherever it lies and in whatever order it is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_domain.artifacts.revision_2 import bundle_hash
from sr_domain.encoding.canonical import digest_of
from sr_domain.encoding.places import below, relative
from sr_domain.plan.sealed import SealedOutput

ROOTS = st.sampled_from(["/", "/data/engine", "/data", "s3://bucket/prefix", "s3://bucket", "/data/engine/data/engine"])
PATHS = st.from_regex(r"[a-z*]{1,3}(/[a-z\[]{1,3}){0,2}/?", fullmatch=True)
HEX = st.integers(0, 2**64).map(lambda number: f"{number:064x}")


def locator(output_id: str, path: str, hex64: str) -> dict[str, Any]:
    return {"output_id": output_id, "path": path, "content_digest": {"algo": "sha256", "hex": hex64}}


@st.composite
def evidence(draw: st.DrawFn) -> dict[str, Any]:
    """What a view says of evidence, its paths relative to the engine root."""
    ids = st.sampled_from(["a", "b"])
    places = draw(st.lists(st.tuples(ids, PATHS), unique=True, max_size=4))
    locators = [locator(*place, draw(HEX)) for place in places]
    gates = [
        {"gate_id": name, "artifacts": {"validation_bundle_root": f"{path}/", "passed_flag_path": f"{path}/flag"}}
        for name, path in draw(
            st.lists(st.tuples(ids, PATHS.map(lambda path: path.rstrip("/"))), unique=True, max_size=3)
        )
    ]
    receipts = [
        {
            "output_id": one["output_id"],
            "target_ref": dict(one),
            "artifacts": {"receipt_path": "fraud-platform/p/x.json"},
        }
        for one in locators
    ]
    return {
        "locators": locators,
        "gate_receipts": gates,
        "instance_receipts": receipts,
        "policy_rev": {"revision": "1"},
    }


def placed(view: dict[str, Any], root: str) -> dict[str, Any]:
    """The same, below a root."""
    view = copy.deepcopy(view)
    for one in (*view["locators"], *(one["target_ref"] for one in view["instance_receipts"])):
        one["path"] = below(root, one["path"])
    for one in view["gate_receipts"]:
        one["artifacts"] = {name: below(root, path) for name, path in one["artifacts"].items()}
    return {**view, "oracle_pack_ref": {"engine_run_root": root}}


@given(evidence(), ROOTS, ROOTS, st.randoms())
def test_it_is_the_same_below_any_root_and_in_any_order(
    view: dict[str, Any], one: str, other: str, chance: Any
) -> None:
    expected = bundle_hash(placed(view, one))
    again = placed(view, other)
    for name in ("locators", "gate_receipts", "instance_receipts"):
        chance.shuffle(again[name])
    assert bundle_hash(again) == expected
    by_hand = {
        "locators": sorted(view["locators"], key=lambda one: (one["output_id"], one["path"])),
        "gate_receipts": sorted(
            view["gate_receipts"], key=lambda one: (one["gate_id"], one["artifacts"]["passed_flag_path"])
        ),
        "instance_receipts": sorted(
            view["instance_receipts"], key=lambda one: (one["output_id"], one["target_ref"]["path"])
        ),
        "policy_rev": view["policy_rev"],
    }
    assert expected == digest_of(json.loads(json.dumps(by_hand)))


VIEW: dict[str, Any] = placed(
    {
        "locators": [locator("a", "x", "0" * 64)],
        "gate_receipts": [{"gate_id": "g", "artifacts": {"passed_flag_path": "g/flag"}}],
        "instance_receipts": [{"output_id": "a", "target_ref": locator("a", "x", "0" * 64)}],
        "policy_rev": {"revision": "1"},
    },
    "/r",
)
CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a digest": lambda view: view["locators"][0]["content_digest"].update(hex="1" * 64),
    "a path": lambda view: view["locators"][0].update(path="/r/y"),
    "a path that leaves the root": lambda view: view["locators"][0].update(path="/rx"),
    "a target": lambda view: view["instance_receipts"][0]["target_ref"].update(path="/r/y"),
    "a flag": lambda view: view["gate_receipts"][0]["artifacts"].update(passed_flag_path="/r/g/other"),
    "a policy": lambda view: view["policy_rev"].update(revision="2"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_tells_other_evidence(change: Callable[[dict[str, Any]], Any]) -> None:
    changed = copy.deepcopy(VIEW)
    change(changed)
    assert bundle_hash(changed) != bundle_hash(VIEW)


@given(ROOTS, PATHS)
def test_a_path_below_a_root_is_found_again(root: str, path: str) -> None:
    assert relative(root, below(root, path)) == path
    assert relative(root, root) == ""


def test_a_sealed_output_of_revision_1_has_its_days_in_its_paths() -> None:
    node = {"output_id": "o", "path": "d/{utc_day}/x", "locator_pins": [], "traffic": False}
    days = ("2026-01-01", "2026-01-02")
    several = SealedOutput.of({**node, "paths": [f"d/{day}/x" for day in days]})
    assert [(part.day, part.path) for part in several.parts("r")] == [(day, f"d/{day}/x") for day in days]
    one = SealedOutput.of({**node, "path": f"d/{days[0]}/x", "paths": [f"d/{days[0]}/x"]})
    assert [(part.day, part.path) for part in one.parts("r")] == [(None, f"d/{days[0]}/x")]
