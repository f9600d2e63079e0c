"""An output and a gate over several days are proven day by day, where view and receipts say they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_domain.queries.verify import Verification
from tests.kit import BASE, Lab, request
from tests.worlds import FLAG, GATES, OUTPUTS, flag, law, pack, sha, small_world

DAYS = ("2026-01-01", "2026-01-02")
SALES = OutputSpec("sales", "data/sales/utc_day={utc_day}/*.bin")
GATE = GateSpec(
    "gate.day", "gates/day/utc_day={utc_day}/" + FLAG, "gates/day/utc_day={utc_day}/", law("sha256_bundle_digest"),
    None, "fingerprint", ("sales",), (),
)  # fmt: skip


def world() -> dict[str, bytes]:
    files = small_world()
    for day in DAYS:
        files |= {f"data/sales/utc_day={day}/{n}.bin": f"{day} {n}".encode() for n in (0, 1)}
        files[f"gates/day/utc_day={day}/report.json"] = day.encode()
        files[f"gates/day/utc_day={day}/{FLAG}"] = flag(sha(day.encode()))
    return files


@attrs.frozen
class Ready:
    lab: Lab
    run_id: str
    root: Path

    def verify(self, **how: Any) -> Verification:
        return self.lab.runner(packed=pack((*OUTPUTS, SALES), (*GATES, GATE))).verify(self.run_id, **how)


@pytest.fixture
def ready(lab: Lab) -> Ready:
    root = lab.world(world())
    window = {
        "window_start_utc": "2026-01-01T00:00:00Z", "window_end_utc": "2026-01-03T00:00:00Z", "window_tz": "UTC"
    }  # fmt: skip
    asked = request(engine_run_root=root, window=window, output_ids=["world", "sales"])
    outcome = lab.runner(packed=pack((*OUTPUTS, SALES), (*GATES, GATE))).submit(asked)
    assert outcome.state == "READY", outcome
    return Ready(lab, outcome.run_id, Path(root))


def test_every_day_is_proven(ready: Ready) -> None:
    done = ready.verify()
    assert done.ok, done
    assert (done.proven_outputs, done.proven_gates, done.not_judged) == (3, 3, ())


@pytest.mark.parametrize("day", DAYS)
def test_a_day_at_fault_is_named_and_the_other_is_proven(ready: Ready, day: str) -> None:
    (ready.root / f"data/sales/utc_day={day}/1.bin").write_bytes(b"rot")
    (ready.root / f"gates/day/utc_day={day}/report.json").write_bytes(b"rot")
    done = ready.verify()
    assert [one.where for one in done.findings] == [f"gate.day@{day}", "sales"]
    assert done.findings[0].what.startswith("ROTTED: ")
    assert done.findings[1].what.startswith(f"ROTTED: data/sales/utc_day={day}/1.bin: ")
    assert (done.proven_outputs, done.proven_gates) == (2, 2)


def test_another_root_is_where_gates_are_judged_too(ready: Ready) -> None:
    moved = ready.root.rename(ready.root.with_name("archive"))
    assert {one.what.partition(":")[0] for one in ready.verify().findings} == {"MOVED"}
    assert ready.verify(engine_run_root=str(moved)).ok


@pytest.mark.parametrize("path", ["/etc/hostname", "../flag", None])
def test_a_receipt_whose_flag_is_elsewhere_is_a_fault_and_not_judged(ready: Ready, path: str | None) -> None:
    key = f"{BASE}/run_facts_view/{ready.run_id}.json"
    view = json.loads(ready.lab.store.read(key).data)
    receipt = next(one for one in view["gate_receipts"] if one["gate_id"] == "gate.day")
    if path is None:
        del receipt["artifacts"]
    else:
        receipt["artifacts"]["passed_flag_path"] = path
    ready.lab.store.delete(key)
    ready.lab.store.create(key, json.dumps(view).encode())
    done = ready.verify()
    assert ("TRUTH_ALTERED", "gate.day") in [(one.code.value, one.where) for one in done.findings]
    assert done.not_judged == ("gate.day",)
    assert done.proven_gates == 2


@pytest.mark.parametrize("spelt", ["{utc_y}{utc_m}{utc_d}", "{utc_y}/{utc_m}/{utc_d}", "x-{utc_d}.{utc_m}.{utc_y}"])
@pytest.mark.parametrize("day", DAYS)
def test_a_day_that_is_spelt_otherwise_is_named_as_any_other(lab: Lab, spelt: str, day: str) -> None:
    def at(one: str) -> str:
        year, month, number = one.split("-")
        return spelt.format(utc_y=year, utc_m=month, utc_d=number)

    ours = {
        path.replace(f"utc_day={one}", at(one)): data for one in DAYS for path, data in world().items() if one in path
    }
    sales = attrs.evolve(SALES, path_template=f"data/sales/{spelt}/*.bin")
    gate = attrs.evolve(
        GATE, passed_flag_path_template=f"gates/day/{spelt}/{FLAG}", bundle_root_template=f"gates/day/{spelt}/"
    )
    packed = pack((*OUTPUTS, sales), (*GATES, gate))
    root = lab.world({**small_world(), **ours})
    window = {"window_start_utc": f"{DAYS[0]}T00:00:00Z", "window_end_utc": "2026-01-03T00:00:00Z", "window_tz": "UTC"}
    asked = request(engine_run_root=root, window=window, output_ids=["world", "sales"])
    runner = lab.runner(packed=packed)
    run_id = runner.submit(asked).run_id
    assert runner.verify(run_id).ok
    Path(root, f"data/sales/{at(day)}/1.bin").write_bytes(b"rot")
    Path(root, f"gates/day/{at(day)}/report.json").write_bytes(b"rot")
    assert [one.where for one in runner.verify(run_id).findings] == [f"gate.day@{day}", "sales"]
    for n in (0, 1):
        Path(root, f"data/sales/{at(day)}/{n}.bin").unlink()
    Path(root, f"gates/day/{at(day)}/report.json").write_bytes(day.encode())
    waits = lab.runner(packed=packed, policy={"evidence_wait_seconds": 600}).submit(
        {**asked, "run_equivalence_key": "again"}
    )
    assert f"sales (data/sales/{at(day)}/*.bin)" in str(waits.message)
    told = [
        (one.verdict, at(day) in str(one.path)) for one in runner.explain(waits.run_id).outputs if one.id == "sales"
    ]
    assert sorted(told) == [("MISSING", True), ("UNKNOWN", False)]
