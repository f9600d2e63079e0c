"""The vectors for other languages: Scenario Runner gives them, and so does a second computation from the spec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.memory import MemoryEngineRoot, MemoryEngineRoots
from sr_adapters.runtime.timezones import known_timezone
from sr_domain.encoding import ids
from sr_domain.encoding.canonical import canonical_json, digest_of
from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_domain.plan.request import parse_request
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.record.states import RunState
from sr_ports import Params, VerificationMethod
from tests.kit import Lab, request
from tests.vectors import make, plain
from tests.worlds import pack

NAMES = sorted(path.stem for path in make.FOLDER.glob("*.json"))


def read(name: str) -> Any:
    return json.loads((make.FOLDER / f"{name}.json").read_text("utf-8"))


def cases(*names: str) -> list[Any]:
    return [pytest.param(case, id=f"{name}-{at}") for name in names for at, case in enumerate(read(name)["cases"])]


def test_the_vectors_are_those_that_the_code_gives_today() -> None:
    made = make.vectors()
    assert sorted(made) == NAMES
    stale = [name for name in NAMES if (make.FOLDER / f"{name}.json").read_text("utf-8") != make.text_of(made[name])]
    assert stale == [], "run: python -m tests.vectors.make, and read the difference: others rest on these"


@pytest.mark.parametrize("name", NAMES)
def test_each_file_says_what_it_is(name: str) -> None:
    content = read(name)
    assert set(content) == {"description", "source", "cases"}
    assert content["description"].endswith(".")
    assert len(content["cases"]) > 1


@pytest.mark.parametrize("case", cases("ids"))
def test_ids(case: Any) -> None:
    given, formula = case["input"], case["formula"]
    made = {
        "run_id": lambda: ids.run_id_for(given["run_equivalence_key"]),
        "attempt_id": lambda: ids.attempt_id_for(given["run_id"], given["attempt_no"]),
        "scenario_id": lambda: ids.scenario_id_for(given["scenario_set"]),
        "ready_message_id": lambda: ids.ready_message_id(
            given["platform_run_id"], given["scenario_run_id"], given["bundle_hash"]
        ),
        "terminal_reemit_key": lambda: ids.terminal_reemit_key(
            given["run_id"], given["state"], digest_of(given["status"])
        ),
        "superseded_message_id": lambda: ids.superseded_message_id(given["run_id"], given["superseded_by"]),
    }
    assert made[formula]() == plain.identity(formula, given) == case["expected"]


@pytest.mark.parametrize("case", cases("canonical_json"))
def test_canonical_json(case: Any) -> None:
    assert canonical_json(case["document"]).decode() == plain.canonical(case["document"]) == case["canonical"]
    assert digest_of(case["document"]) == plain.digest(case["document"]) == case["sha256"]


@pytest.mark.parametrize("case", cases("intent"))
def test_intents(case: Any) -> None:
    parsed = parse_request(case["request"], known_timezone)
    ours = canonical_json(parsed.intent()).decode()
    assert ours == plain.canonical(plain.intent(case["request"])) == case["canonical_intent"]
    assert parsed.fingerprint == plain.digest(plain.intent(case["request"])) == case["intent_fingerprint"]


def test_only_what_is_asked_for_makes_another_intent() -> None:
    by_note = {case["note"]: case["intent_fingerprint"] for case in read("intent")["cases"]}
    same = {
        "as it is",
        "the same instants, in other words",
        "outputs in another order, and twice",
        "how and by whom is no part of it",
    }
    assert len({by_note[note] for note in same}) == 1
    assert len(set(by_note.values())) == len(by_note) - len(same) + 1


@pytest.mark.parametrize("case", cases("plan_hash"))
def test_plan_hashes(case: Any) -> None:
    assert digest_of(case["hashed"]) == plain.digest(case["hashed"]) == case["plan_hash"]


@pytest.mark.parametrize("case", cases("part_list"))
def test_part_lists_and_content_digests(case: Any, tmp_path: Path) -> None:
    files = plain.unpacked(case["files"])
    if len(files) == 1:
        assert plain.sha(*files.values()) == case["content_digest"]
    else:
        assert plain.part_list(files) == case["part_list"]
        assert plain.sha(case["part_list"]) == case["content_digest"]
    world = {f"data/out/{path}": data for path, data in files.items()}
    view = proven(tmp_path, world, OutputSpec("out", "data/out/**"), gate_over({}))
    assert view["locators"][0]["content_digest"]["hex"] == case["content_digest"]


@pytest.mark.parametrize("case", cases("laws"))
def test_laws(case: Any, tmp_path: Path) -> None:
    assert plain.gate_digest(case) == case["expected"]
    files = plain.unpacked(case["files"])
    view = proven(tmp_path, files, OutputSpec("out", "data/x.bin"), gate_over(case), stated=case["expected"])
    assert view["gate_receipts"][0]["digest"]["hex"] == case["expected"]


@pytest.mark.parametrize("case", cases("laws"))
def test_a_flag_that_states_another_digest_is_a_conflict(case: Any, tmp_path: Path) -> None:
    files = plain.unpacked(case["files"])
    lab, outcome = ended(tmp_path, files, OutputSpec("out", "data/x.bin"), gate_over(case), stated="0" * 64)
    assert outcome.state is RunState.QUARANTINED
    (conflict,) = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert conflict["actual"] == case["expected"]


@pytest.mark.parametrize("case", cases("manifest_laws"))
def test_manifest_laws(case: Any, tmp_path: Path) -> None:
    assert plain.manifest_digest(case) == case["expected"]
    kind, params = case["verification_method"]["kind"], dict(case["verification_method"])
    del params["kind"]
    method = VerificationMethod(kind, params=Params(params))
    gate = GateSpec("gate.x", case["flag_path"], case["bundle_root"], method, authorizes_outputs=("out",))
    listed = "world/*.csv" if kind == "sha256sums_file" else "world/data/**"
    files = plain.unpacked(case["files"])
    lab, sound = ended(tmp_path, files, OutputSpec("out", listed), gate, stated=None)
    (receipt,) = lab.document("run_facts_view", sound.run_id)["gate_receipts"]
    assert receipt["digest"]["hex"] == case["expected"]
    broken = {**files, f"{case['bundle_root']}{'' if kind == 'sha256sums_file' else 'data/'}a.csv": b"1,3\n"}
    _, outcome = ended(tmp_path / "other", broken, OutputSpec("out", listed), gate, stated=None)
    assert outcome.state is RunState.QUARANTINED


def gate_over(case: Mapping[str, Any]) -> GateSpec:
    """The gate of a case; of none, one over a bundle without files of its own."""
    method = dict(case.get("verification_method", {"kind": "sha256_bundle_digest"}))
    method["exclude_filenames"] = tuple(method.get("exclude_filenames", ("_passed.flag",)))
    root = case.get("bundle_root", "gate/")
    return GateSpec(
        "gate.x",
        f"{root}_passed.flag",
        root,
        VerificationMethod(**method),
        case.get("index_path"),
        "fingerprint",
        ("out",),
    )


def ended(folder: Path, files: dict[str, bytes], output: OutputSpec, gate: GateSpec, *, stated: str | None) -> Any:
    """A run over these files, whose flag states a digest; None: the flag is one of the files."""
    lab = Lab.memory(folder)
    flag = {} if stated is None else {gate.passed_flag_path_template: f"sha256_hex = {stated}\n".encode()}
    world = {**files, **flag}
    roots = MemoryEngineRoots({"memory:world": MemoryEngineRoot(world, "memory:world")})
    runner = lab.runner(roots=roots, packed=pack((output,), (gate,)))
    return lab, runner.submit(request(engine_run_root="memory:world", output_ids=["out"]))


def proven(
    folder: Path, files: dict[str, bytes], output: OutputSpec, gate: GateSpec, *, stated: str | None = None
) -> Any:
    """The facts view of such a run, which is READY."""
    if stated is None:
        files, stated = {**files, "gate/report": b"fine"}, plain.sha("fine")
    lab, outcome = ended(folder, files, output, gate, stated=stated)
    assert outcome.state is RunState.READY, outcome.message
    return lab.document("run_facts_view", outcome.run_id)


@pytest.mark.parametrize("case", cases("bundle_hash"))
def test_bundle_hashes(case: Any) -> None:
    assert plain.bundle_hash(case) == case["expected"]


def test_the_same_evidence_below_another_root_has_the_same_bundle_hash() -> None:
    found = read("bundle_hash")["cases"]
    assert len({case["engine_run_root"] for case in found}) == len(found) == 4
    assert len({case["expected"] for case in found[:2]}) == len({case["expected"] for case in found[2:]}) == 1
    assert found[0]["expected"] != found[2]["expected"]


@pytest.mark.parametrize("case", cases("record"))
def test_records(case: Any) -> None:
    data = "".join(f"{line}\n" for line in case["lines"]).encode()
    assert isinstance(check_ledger(case["run_id"], data), Ledger) is case["sound"]
    assert plain.chain_holds(case["run_id"], case["lines"]) is case["sound"]


def test_ids_of_events_are_whole_digests() -> None:
    found = [json.loads(line)["event_id"] for case in read("record")["cases"] for line in case["lines"]]
    assert {len(one) for one in found} == {64}


def test_each_line_of_a_record_counts() -> None:
    (sound,) = (case for case in read("record")["cases"] if case["sound"])
    for at, line in enumerate(sound["lines"]):
        for old, new in (('"actor":"', '"actor":"x'), ('"fence":', '"fence":1')):
            lines = [*sound["lines"]]
            lines[at] = line.replace(old, new, 1)
            assert lines != sound["lines"]
            assert not plain.chain_holds(sound["run_id"], lines)
            data = "".join(f"{one}\n" for one in lines).encode()
            assert not isinstance(check_ledger(sound["run_id"], data), Ledger)
