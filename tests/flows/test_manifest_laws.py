"""Runs whose gates are manifests of their own: what is written of them, and what they wait for."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
import pytest

from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_plugins.laws import builtin_laws
from sr_ports import BundleView, ReasonCode, VerificationMethod
from tests.kit import LAWS, WAIT_S, Lab, request
from tests.plugins.test_bagit import bag
from tests.worlds import pack, sha, write_files

OUTPUT = OutputSpec("orders", "world/orders/*.csv", "scope_manifest_fingerprint", ("manifest_fingerprint",))
FILES = {"world/orders/1.csv": b"1", "world/orders/2.csv": b"2", "world/notes.txt": b"none of it"}


def gate(kind: str, flag: str, root: str = "world/") -> GateSpec:
    return GateSpec("gate.x", flag, root, VerificationMethod(kind), None, "fingerprint", ("orders",), ())


def sums(*paths: str, files: dict[str, bytes] = FILES) -> bytes:
    return "".join(f"{sha(files[path])}  {path.removeprefix('world/')}\n" for path in paths).encode()


ALL = sums("world/orders/1.csv", "world/orders/2.csv")
SUMS = gate("sha256sums_file", "world/SHA256SUMS")


def submitted(
    lab: Lab, files: dict[str, bytes], of: GateSpec = SUMS, output: OutputSpec = OUTPUT, **more: Any
) -> Outcome:
    runner = lab.runner(packed=pack((output,), (of,)), **more)
    return runner.submit(request(engine_run_root=lab.world(files), output_ids=["orders"]))


def later(lab: Lab, run_id: str, **more: Any) -> Outcome:
    """The run once its deadline has come."""
    lab.clock.sleep(WAIT_S + 1)
    return lab.runner(packed=pack((OUTPUT,), (SUMS,)), **more).resume(run_id)


def view(lab: Lab, outcome: Outcome) -> dict[str, Any]:
    assert outcome.state is RunState.READY, outcome.message
    found: dict[str, Any] = lab.document("run_facts_view", outcome.run_id)
    return found


def test_a_manifest_proves_what_it_lists_and_what_lies_beside_is_none_of_it(lab: Lab) -> None:
    outcome = submitted(lab, {**FILES, "world/SHA256SUMS": ALL})
    facts = view(lab, outcome)
    assert facts["gate_receipts"][0]["digest"]["hex"] == sha(ALL)
    assert lab.runner(packed=pack((OUTPUT,), (SUMS,))).verify(outcome.run_id).ok


def test_an_output_s_file_on_no_line_is_waited_for_and_a_conflict_at_the_deadline(lab: Lab) -> None:
    files = {**FILES, "world/SHA256SUMS": sums("world/orders/1.csv")}
    outcome = submitted(lab, files)
    assert (outcome.state, outcome.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_WAITING)
    assert "world/orders/2.csv" in outcome.message
    ended = later(lab, outcome.run_id)
    assert ended.state is RunState.QUARANTINED
    (conflict,) = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert (conflict["code"], conflict["path"]) == ("FILE_UNLISTED", "world/orders/2.csv")


def test_once_the_manifest_lists_it_the_run_is_ready(lab: Lab) -> None:
    outcome = submitted(lab, {**FILES, "world/SHA256SUMS": sums("world/orders/1.csv")})
    assert outcome.state is RunState.WAITING_EVIDENCE
    write_files(lab.root / "engine", {"world/SHA256SUMS": ALL})
    assert lab.runner(packed=pack((OUTPUT,), (SUMS,))).resume(outcome.run_id).state is RunState.READY


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({**FILES, "world/SHA256SUMS": ALL[:-1]}, "world/SHA256SUMS"),
        ({**FILES, "world/SHA256SUMS": b""}, "world/SHA256SUMS"),
        ({"world/orders/1.csv": b"1", "world/SHA256SUMS": ALL}, "world/orders/2.csv"),
    ],
)
def test_a_manifest_that_is_still_written_and_a_file_that_is_on_its_way_are_waited_for(
    lab: Lab, files: dict[str, bytes], path: str
) -> None:
    outcome = submitted(lab, files)
    assert outcome.state is RunState.WAITING_EVIDENCE
    assert path in outcome.message
    write_files(lab.root / "engine", {**FILES, "world/SHA256SUMS": ALL})
    assert lab.runner(packed=pack((OUTPUT,), (SUMS,))).resume(outcome.run_id).state is RunState.READY


def test_bytes_that_differ_name_the_first_file_at_fault(lab: Lab) -> None:
    outcome = submitted(lab, {**FILES, "world/orders/2.csv": b"!", "world/SHA256SUMS": ALL})
    assert outcome.state is RunState.QUARANTINED
    (conflict,) = lab.document("quarantine", outcome.run_id)["conflicts"]
    assert (conflict["expected"], conflict["path"]) == (sha(ALL), "orders/2.csv")


IN_BAG = attrs.evolve(OUTPUT, path_template="data/*.csv")
BAG = gate("bagit", "tagmanifest-sha256.txt", "./")


def test_the_engine_root_itself_may_be_the_bag_and_notes_are_in_the_view(lab: Lab) -> None:
    outcome = submitted(lab, bag({"a.csv": b"1", "A.csv": b"2"}), BAG, IN_BAG)
    facts = view(lab, outcome)
    root = facts["oracle_pack_ref"]["engine_run_root"]
    assert facts["gate_receipts"][0]["artifacts"] == {
        "validation_bundle_root": f"{root}/", "passed_flag_path": f"{root}/tagmanifest-sha256.txt"
    }  # fmt: skip
    wanted = "LAW_NOTE:gate.x:data/a.csv and data/A.csv differ in case or normal form alone"
    assert wanted in [note.replace("data/A.csv and data/a.csv", "data/a.csv and data/A.csv")
                      for note in facts["evidence_notes"]]  # fmt: skip
    assert lab.runner(packed=pack((IN_BAG,), (BAG,))).verify(outcome.run_id).ok


def test_a_bag_that_still_owes_a_file_waits_for_it(lab: Lab) -> None:
    files = bag({"a.csv": b"1", "b.csv": b"2"}, fetch=b"https://example.org/b - data/b.csv\n")
    owed = {path: data for path, data in files.items() if path != "data/b.csv"}
    outcome = submitted(lab, owed, BAG, IN_BAG)
    assert outcome.state is RunState.WAITING_EVIDENCE
    assert "data/b.csv" in outcome.message
    write_files(lab.root / "engine", files)
    assert lab.runner(packed=pack((IN_BAG,), (BAG,))).resume(outcome.run_id).state is RunState.READY


@attrs.frozen
class Sha512:
    kind: str = "whole_sha512"
    algorithm: str = "sha512"

    def digest(self, bundle: BundleView) -> str:
        whole = hashlib.sha512()
        for one in bundle.files():
            for chunk in bundle.stream(one.path):
                whole.update(chunk)
        return whole.hexdigest()


def test_a_digest_of_another_algorithm_is_told_in_the_notes_of_its_receipt(lab: Lab) -> None:
    laws = {**LAWS, "whole_sha512": ProvidedLaw(Sha512(), "acme-laws", "1.0")}
    whole = hashlib.sha512(b"none of it" + b"12").hexdigest()
    for flag, sound in ((f"sha512_hex = {whole}\n", True), (f"sha512_hex = {whole[:64]}\n", False)):
        of = gate("whole_sha512", "flag")
        outcome = submitted(Lab.memory(lab.root / flag[-9:-1]), {**FILES, "flag": flag.encode()}, of, laws=laws)
        assert (outcome.state is RunState.READY) is sound, outcome.message
    outcome = submitted(lab, {**FILES, "flag": f"sha512_hex = {whole.upper()}\n".encode()}, of, laws=laws)
    (receipt,) = view(lab, outcome)["gate_receipts"]
    assert (receipt["notes"], "digest" in receipt) == (f"sha512:{whole}", False)
    runner = lab.runner(packed=pack((OUTPUT,), (of,)), laws=laws)
    assert runner.verify(outcome.run_id).ok
    (lab.root / "engine" / "world" / "notes.txt").write_bytes(b"other")
    (finding,) = runner.verify(outcome.run_id).findings
    assert finding.code is ReasonCode.GATE_DIGEST_MISMATCH


def test_sr_s_own_laws_are_all_there() -> None:
    assert set(LAWS) == set(builtin_laws())
