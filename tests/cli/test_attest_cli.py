"""Signed READY on the command line, and what the ecosystem's own tools say of the envelope."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import Parse, ParseDict
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from sr_domain.encoding.ids import run_id_for
from sr_plugins import build_runner
from sr_plugins.consumer import verify_facts
from sr_plugins.host import plugin_host
from sr_ports import BadInput, Fault, ReasonCode
from tests.adapters.test_attest_key_file import write_key
from tests.cli.conftest import Shell
from tests.forger import details, rechained
from tests.worlds import sha

RUN = run_id_for("key")
PROFILE = "runtime_root: runs\nengine: {interface_pack: pack}\n"


@attrs.frozen
class Signed:
    """A run that was signed with ``key.pem``."""

    folder: Path

    def file(self, kind: str) -> Path:
        (found,) = (self.folder / "runs").glob(f"fraud-platform/*/sr/{kind}/{RUN}.*json*")
        return found

    @property
    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.file("attestation").read_bytes())
        return made


@pytest.fixture
def keyed(sr: Shell) -> Shell:
    """A shell whose profile names a signing key; another pair is beside it."""
    write_key(sr.folder / "key.pem")
    write_key(sr.folder / "other.pem")
    (sr.folder / "profile.yaml").write_text(PROFILE + "attest: {signing_key: '${SR_TEST_KEY:-key.pem}'}\n")
    return sr


@pytest.fixture
def signed(keyed: Shell) -> Signed:
    assert keyed("submit", keyed.request()).code == 0
    return Signed(keyed.folder)


def test_securesystemslib_accepts_the_envelope(signed: Signed) -> None:
    envelope = Envelope.from_dict(signed.document)
    key = SSlibKey.from_crypto(load_pem_public_key((signed.folder / "key.pub").read_bytes()))
    assert list(envelope.verify([key], 1)) == [key.keyid]
    other = SSlibKey.from_crypto(load_pem_public_key((signed.folder / "other.pub").read_bytes()))
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


def test_in_totos_own_bindings_accept_the_statement_and_its_predicate(signed: Signed) -> None:
    assert signed.document["payloadType"] == "application/vnd.in-toto+json"
    payload = b64decode(signed.document["payload"])
    read = Parse(payload, statement_pb2.Statement())
    statement = Statement.copy_from_pb(read)
    statement.validate()
    assert statement.pb.predicate_type == "https://slsa.dev/verification_summary/v1"
    digests = {one.name: one.digest["sha256"] for one in statement.pb.subject}
    view = signed.file("run_facts_view")
    ref = view.relative_to(signed.folder / "runs").as_posix()
    assert digests.pop(ref) == hashlib.sha256(view.read_bytes()).hexdigest()
    world = (signed.folder / "root" / "data" / "world.bin").read_bytes()
    assert digests["world"] == hashlib.sha256(world).hexdigest()
    plan, record = signed.file("run_plan"), signed.file("run_record")
    assert digests.pop(plan.relative_to(signed.folder / "runs").as_posix()) == sha(plan.read_bytes())
    (decision,) = (line for line in record.read_bytes().splitlines() if b'"EVIDENCE_COMPLETE"' in line)
    ref_of_decision = f"{record.relative_to(signed.folder / 'runs').as_posix()}#EVIDENCE_COMPLETE"
    assert digests.pop(ref_of_decision) == sha(decision)
    assert set(digests) == {"events", "world"}
    predicate = json.loads(payload)["predicate"]
    # The versions of a verifier came with SLSA 1.1, which these bindings do not know.
    assert predicate["verifier"].pop("version") == {"scenario-runner-rules": "2"}
    # The list that SLSA prescribes is one string in these bindings: in-toto/attestation issue 425.
    assert (
        predicate.pop("verifiedLevels") == list(statement.pb.predicate["verifiedLevels"]) == ["SCENARIO_RUNNER_READY"]
    )
    summary = ParseDict(predicate, vsa_pb2.VerificationSummary())
    assert summary.verification_result == "PASSED"
    assert summary.policy.uri == "scenario-runner:policy/test/1"
    assert summary.resource_uri == f"scenario-runner:{ref}"
    assert summary.time_verified.ToDatetime().year >= 2026


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
@pytest.mark.parametrize("tampered", [False, True], ids=["as signed", "tampered"])
def test_openssl_accepts_the_signature_over_the_encoding_that_dsse_prescribes(signed: Signed, tampered: bool) -> None:
    payload, kind = b64decode(signed.document["payload"]), signed.document["payloadType"]
    payload = payload.replace(b"PASSED", b"FAILED") if tampered else payload
    encoded = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    (signed.folder / "encoded").write_bytes(encoded)
    (signed.folder / "sig").write_bytes(b64decode(signed.document["signatures"][0]["sig"]))
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pub", "-in", "encoded", "-sigfile", "sig"],
        cwd=signed.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("Verified Successfully" in done.stdout) is not tampered, done


def test_verify_asks_for_the_signature_of_the_key_it_is_given(keyed: Shell, signed: Signed) -> None:
    done = keyed("verify", RUN, "--key", "key.pub")
    assert (done.code, done.err) == (0, "")
    assert "signed" in done.out
    assert keyed("--json", "verify", RUN, "--key", "key.pub", "--fast").json["ok"]
    wrong = keyed("verify", RUN, "--key", "other.pub")
    assert (wrong.code, wrong.error) == (5, "ATTESTATION_INVALID")
    assert "not signed by this key" in wrong.err
    signed.file("attestation").unlink()
    gone = keyed("verify", RUN, "--key", "key.pub")
    assert (gone.code, gone.error) == (5, "ATTESTATION_MISSING")
    assert keyed("verify", RUN).code == 0


def test_a_consumer_needs_the_view_and_the_public_key_alone(keyed: Shell, signed: Signed) -> None:
    for name in ("key.pem", "profile.yaml"):
        (keyed.folder / name).unlink()
    view = str(signed.file("run_facts_view"))
    assert keyed.bare("verify", view, "--key", "key.pub").code == 0
    verify_facts(view, key=keyed.folder / "key.pub").raise_if_faulty()
    with pytest.raises(Fault) as caught:
        verify_facts(view, key="other.pub").raise_if_faulty()
    assert caught.value.code is ReasonCode.ATTESTATION_INVALID


def test_a_reader_of_a_signing_profile_needs_no_signing_key(keyed: Shell, signed: Signed) -> None:
    (keyed.folder / "key.pem").unlink()
    assert keyed("verify", RUN, "--key", "key.pub").code == 0


def test_every_byte_of_the_envelope_counts(keyed: Shell, signed: Signed) -> None:
    path = signed.file("attestation")
    whole = path.read_bytes()
    where = {name: whole.index(json.dumps(name).encode()) for name in ("payload", "payloadType", "keyid", "sig")}
    last = whole.rindex(b'"') - 1  # bits that base64 leaves unused are in here
    for at in (0, 20, last, last - 2, len(whole) - 1, *(start + 14 for start in where.values())):
        path.chmod(0o644)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        answer = keyed("verify", RUN, "--fast", "--key", "key.pub")
        assert (answer.code, answer.error) == (5, "ATTESTATION_INVALID"), at
    path.write_bytes(whole)
    assert keyed("verify", RUN, "--fast", "--key", "key.pub").code == 0


def test_a_byte_of_the_view_counts_and_is_named(keyed: Shell, signed: Signed) -> None:
    view = signed.file("run_facts_view")
    view.chmod(0o644)
    view.write_bytes(view.read_bytes().replace(b'"environment":"local"', b'"environment":"locak"'))
    answer = keyed("--json", "verify", RUN, "--fast", "--key", "key.pub")
    assert answer.code == 5
    found = {one["code"]: one for one in answer.json["findings"]}
    assert set(found) == {"TRUTH_ALTERED", "ATTESTATION_INVALID"}
    assert view.name in found["ATTESTATION_INVALID"]["what"]


def forged(signed: Signed, kind: str, change: Callable[[bytes], bytes]) -> str:
    """An artifact of the run, rewritten by somebody who may write the store; its new digest."""
    path = signed.file(kind)
    path.chmod(0o644)
    data = change(path.read_bytes())
    path.write_bytes(data)
    return sha(data)


def test_truth_that_was_only_written_again_is_the_truth_that_was_signed(keyed: Shell, signed: Signed) -> None:
    """The twin of the attacks below."""
    for kind in ("run_plan", "ready_signal", "run_status"):
        forged(signed, kind, lambda data: data)
    forged(signed, "run_record", lambda data: rechained(data, lambda event: event))
    assert keyed("verify", RUN, "--key", "key.pub").code == 0


def test_record_and_plan_rewritten_in_keeping_with_each_other_are_found(keyed: Shell, signed: Signed) -> None:
    plan = forged(signed, "run_plan", lambda data: data.replace(b'"attempt_limit":', b'"attempt_limit":1'))
    forged(signed, "run_record", lambda data: rechained(data, details("PLAN_COMMITTED", run_plan_digest=plan)))
    assert keyed("verify", RUN).code == 0
    answer = keyed("--json", "verify", RUN, "--key", "key.pub")
    assert answer.code == 5
    assert {one["code"] for one in answer.json["findings"]} == {"TRUTH_ALTERED"}
    told = {one["where"].split("/")[3]: one for one in answer.json["findings"]}
    assert set(told) == {"run_record", "run_plan"}
    assert all(one["bound"] for one in told.values())
    assert answer.json["not_judged"] == ["gate.end", "gate.up"]


def test_bad_bytes_are_found_whatever_root_the_record_names(keyed: Shell, signed: Signed) -> None:
    shutil.copytree(signed.folder / "root", signed.folder / "copies")
    elsewhere = details("EVIDENCE_STARTED", engine_run_root=str(signed.folder / "copies"))
    forged(signed, "run_record", lambda data: rechained(data, elsewhere))
    (signed.folder / "root" / "data" / "world.bin").write_bytes(b"bad")
    answer = keyed("--json", "verify", RUN, "--key", "key.pub")
    assert answer.json["engine_run_root"] == str(signed.folder / "root")
    assert {one["where"].rpartition("/")[0].rpartition("/")[2] or one["where"] for one in answer.json["findings"]} == {
        "run_record",
        "world",
    }


def test_a_swapped_ready_signal_is_found(keyed: Shell, signed: Signed) -> None:
    signal = forged(
        signed, "ready_signal", lambda data: data.replace(b'"environment":"local"', b'"environment":"lokal"')
    )
    forged(signed, "run_record", lambda data: rechained(data, details("READY_COMMITTED", ready_signal_digest=signal)))
    assert keyed("verify", RUN).code == 0
    answer = keyed("verify", RUN, "--key", "key.pub")
    assert (answer.code, answer.error) == (5, "TRUTH_ALTERED")
    assert "not the READY signal of the view that was signed" in answer.err


def test_without_the_record_the_envelope_alone_is_held_against_view_and_bytes(keyed: Shell, signed: Signed) -> None:
    view = str(signed.file("run_facts_view"))
    signed.file("run_record").unlink()
    answer = keyed("--json", "verify", view, "--key", "key.pub")
    assert (answer.code, answer.error) == (5, "TRUTH_MISSING")
    assert [one["code"] for one in answer.json["findings"]] == ["TRUTH_MISSING"]
    assert answer.json["proven_outputs"] == 2
    other = keyed("--json", "verify", view, "--key", "other.pub")
    assert {one["code"] for one in other.json["findings"]} == {"TRUTH_MISSING", "ATTESTATION_INVALID"}


def test_audit_and_doctor_know_of_it(keyed: Shell, signed: Signed) -> None:
    assert keyed("audit", "--all").code == 0
    (check,) = [one for one in keyed("--json", "doctor").json["checks"] if one["port"] == "attest"]
    assert check["ok"]
    assert signed.document["signatures"][0]["keyid"] in check["detail"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{signing_key: gone.pem}", "gone.pem"),
        ("{signing_key: ''}", "attest.signing_key"),
        ("{signing_key: key.pub}", "no private key"),
        ("{signing_kye: key.pem}", "attest.signing_kye"),
        ("[key.pem]", "attest must be a mapping"),
    ],
)
def test_a_profile_that_cannot_sign_is_refused_before_anything_is_written(
    keyed: Shell, section: str, said: str
) -> None:
    (keyed.folder / "profile.yaml").write_text(f"{PROFILE}attest: {section}\n")
    answer = keyed("submit", keyed.request())
    assert (answer.code, answer.error) == (2, "PROFILE_INVALID")
    assert said in answer.err
    assert not (keyed.folder / "runs").exists()


def test_the_key_may_come_from_the_environment(keyed: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SR_TEST_KEY", "other.pem")
    assert keyed("submit", keyed.request()).code == 0
    assert keyed("verify", RUN, "--key", "other.pub").code == 0


def test_an_empty_section_signs_nothing(keyed: Shell) -> None:
    for section in ("", "{}", "null"):
        (keyed.folder / "profile.yaml").write_text(f"{PROFILE}attest: {section}\n")
        assert keyed("submit", keyed.request()).code == 0
        assert not list((keyed.folder / "runs").rglob("attestation"))


def test_without_the_library_the_extra_is_named(keyed: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = plugin_host.absent
    monkeypatch.setattr(plugin_host, "absent", lambda module: module == "securesystemslib" or absent(module))
    with pytest.raises(BadInput) as caught:
        build_runner("profile.yaml", policy="policy.yaml")
    assert caught.value.code is ReasonCode.EXTRA_MISSING
    assert "scenario-runner[attest]" in caught.value.remedy
    (keyed.folder / "profile.yaml").write_text(PROFILE)
    assert keyed("submit", keyed.request()).code == 0
    answer = keyed("verify", RUN, "--key", "key.pub")
    assert (answer.code, answer.error) == (2, "EXTRA_MISSING")


def test_who_signs_nothing_imports_no_cryptography(sr: Shell) -> None:
    import sys

    code = (
        "import sys; from sr_plugins import build_runner; build_runner('profile.yaml', policy='policy.yaml');"
        "print([m for m in sys.modules if m.startswith(('securesystemslib', 'cryptography'))])"
    )
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        cwd=sr.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
