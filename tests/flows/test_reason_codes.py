"""Every reason code that submitting and its kin can end with is produced, through the runner."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw
from sr_domain.plan.pack import OutputSpec
from sr_domain.run.ports import Settings
from sr_plugins.laws import BUILTIN_LAWS
from sr_ports import EngineResult, HashingLaw, ReasonCode, SrError
from tests.kit import BASE, LAWS, Lab, request
from tests.worlds import FLAG, GATES, MF, OUTPUTS, PH, gate, law, pack, small_world

Play = Callable[[Lab], Any]


def submit(*, files: dict[str, bytes] | None = None, wired: dict[str, Any] | None = None, **changes: Any) -> Play:
    """Submit a request over a world, with a runner wired otherwise."""

    def play(lab: Lab) -> Any:
        changes.setdefault("engine_run_root", lab.world(small_world() if files is None else files))
        return lab.runner(**(wired or {})).submit(request(**changes))

    return play


def ends(reason: ReasonCode) -> Play:
    """Submit with an engine that ends so."""
    wired = {"engine": lambda call: EngineResult(reason, None, detail="as told")}
    return submit(wired=wired, engine_run_root=None)


def spoilt(path: str, data: bytes | None) -> dict[str, bytes]:
    files = small_world()
    files.pop(path, None)
    return files if data is None else {**files, path: data}


def outputs(*more: OutputSpec) -> dict[str, Any]:
    return {"packed": pack((*OUTPUTS, *more))}


def gates(*gates_: Any) -> dict[str, Any]:
    return {"packed": pack(gates=gates_)}


@attrs.frozen
class BrokenLaw:
    """A third party's law with a bug."""

    kind: str = "sha256_bundle_digest"

    def digest(self, bundle: Any) -> str:
        raise ZeroDivisionError("oops")


def twice(lab: Lab) -> Any:
    lab.reuse(small_world())
    return lab.runner().submit(request(seed=8))


def drift(lab: Lab) -> Any:
    lab.reuse(small_world())
    return lab.reuse(spoilt(f"data/events/seed=7/manifest_fingerprint={MF}/part-1.bin", b"new"), key="other")


def orphan(lab: Lab) -> Any:
    """A receipt stands that no run wrote."""
    first = lab.reuse(small_world(), run_equivalence_key="first").run_id
    receipt = next(one for one in lab.document("run_facts_view", first)["instance_receipts"])
    key = receipt["artifacts"]["receipt_path"]
    receipt["target_digest"]["hex"] = "0" * 64
    lab.store.replace(key, json.dumps(receipt).encode(), etag=lab.store.stat(key).etag)
    return lab.reuse(small_world())


def superseding(state: str) -> Play:
    def play(lab: Lab) -> Any:
        files = small_world() if state == "READY" else spoilt(f"gates/gate.a/{FLAG}", None)
        old = lab.reuse(files).run_id
        if state == "READY":
            assert lab.reuse(small_world(), key="first", supersedes=old).state == "READY"
        return lab.reuse(small_world(), key="second", supersedes=old)

    return play


def busy(lab: Lab) -> Any:
    from sr_domain.encoding.ids import run_id_for

    lab.authority.acquire(run_id_for("key"), "somebody", ttl_s=60)
    return lab.reuse(small_world())


def vanishing(lab: Lab) -> Any:
    """Somebody deletes the facts view between the write that was refused and the look at what stands."""

    class Store:
        def __getattr__(self, name: str) -> Any:
            return getattr(lab.store, name)

        def create(self, key: str, data: bytes) -> Any:
            return None if "/run_facts_view/" in key else lab.store.create(key, data)

    return submit(wired={"store": Store()})(lab)


def altered(lab: Lab) -> Any:
    run_id = lab.reuse(small_world()).run_id
    key = f"{BASE}/run_facts_view/{run_id}.json"
    lab.store.replace(key, b"{", etag=lab.store.stat(key).etag)
    return lab.runner().facts(run_id)


def cut_off(lab: Lab) -> Any:
    run_id = lab.reuse(small_world()).run_id
    key = f"{BASE}/run_record/{run_id}.jsonl"
    lab.store.replace(key, lab.store.read(key).data[:-5], etag=lab.store.stat(key).etag)
    return lab.runner().status(run_id)


def oracle(**world: Any) -> dict[str, bytes]:
    key = {"manifest_fingerprint": MF, "parameter_hash": PH, "scenario_id": "baseline", "seed": 7, **world}
    manifest = {"version": "1", "oracle_pack_id": "d" * 64, "world_key": key, "engine_release": "e",
                "catalogue_digest": "1" * 64, "gate_map_digest": "2" * 64,
                "created_at_utc": "2026-01-01T00:00:00Z"}  # fmt: skip
    return {**small_world(), "_oracle_pack_manifest.json": json.dumps(manifest).encode()}


def unstable(lab: Lab) -> Any:
    from pathlib import Path

    from sr_adapters.file.root import FileEngineRoot

    class Growing(FileEngineRoot):
        def stream(self, path: str, sink: Any, **how: Any) -> Any:
            if path.endswith("world.bin") and "expect" in how:
                (Path(self.uri) / path).write_bytes(b"longer than it was")
            return super().stream(path, sink, **how)

    class Roots:
        def open(self, uri: str) -> FileEngineRoot:
            return Growing(uri)

    return submit(wired={"roots": Roots()}, output_ids=["world"])(lab)


def conflict(files: dict[str, bytes], **wired: Any) -> Play:
    """What the quarantine artifact says first."""

    def play(lab: Lab) -> Any:
        outcome = submit(files=files, wired=wired)(lab)
        return lab.document("quarantine", outcome.run_id)["conflicts"][0]["code"]

    return play


@attrs.frozen
class LateLaw(BrokenLaw):
    """A law that whoever watches it ended."""

    def watched(self, bundle: Any, check: Any) -> str:
        raise LawStopped("it ran for more than 5 s", late=True)


def upgraded(lab: Lab) -> Any:
    """The run waits, and the law's plugin comes to be of another version before it goes on."""
    law = next(law for law in BUILTIN_LAWS if law.kind == "sha256_bundle_digest")
    laws = {version: {**LAWS, law.kind: ProvidedLaw(law, "acme-laws", version)} for version in ("1.2", "1.3")}
    root = lab.world(spoilt(f"gates/gate.a/{FLAG}", None))
    waits = lab.runner(laws=laws["1.2"]).submit(request(engine_run_root=root))
    assert waits.state == "WAITING_EVIDENCE"
    lab.world(small_world())
    rests = lab.runner(laws=laws["1.3"]).resume(waits.run_id)
    assert "acme-laws==1.2, and here it is acme-laws==1.3" in rests.message
    assert lab.runner(laws=laws["1.2"]).resume(waits.run_id).state == "READY"
    return rests


C = ReasonCode
BROKEN = {**LAWS, "sha256_bundle_digest": ProvidedLaw(BrokenLaw(), "third-party", "0")}
LATE = {**LAWS, "sha256_bundle_digest": ProvidedLaw(LateLaw(), "third-party", "0")}
SHORT = OutputSpec("short", "data/short.bin", "scope_seed_run_id", ("seed",), ("gate.a",))
PLAYS: dict[ReasonCode, Play] = {
    C.REQUEST_INVALID: submit(seed=-1),
    C.AUTH_DENIED: submit(wired={"settings": Settings(submitters=frozenset({"ann"}))}),
    C.EQUIVALENCE_COLLISION: twice,
    C.LEASE_BUSY: busy,
    C.RUN_NOT_FOUND: lambda lab: lab.runner().status("0" * 32),
    C.USAGE: lambda lab: lab.runner().status("nonsense"),
    C.FACTS_VIEW_MISSING: lambda lab: lab.runner().facts(lab.reuse(spoilt(f"gates/gate.a/{FLAG}", None)).run_id),
    C.SUPERSEDES_NOT_FOUND: submit(supersedes="0" * 32),
    C.SUPERSEDES_NOT_READY: superseding("WAITING_EVIDENCE"),
    C.SUPERSEDES_TAKEN: superseding("READY"),
    C.UNKNOWN_OUTPUT_ID: submit(output_ids=["nowhere"]),
    C.UNKNOWN_GATE_ID: submit(wired=gates(*GATES[1:])),
    C.UNKNOWN_HASHING_LAW: submit(wired={"laws": {}}),
    C.GATE_CYCLE: submit(
        wired=gates(gate("gate.a", law("sha256_bundle_digest"), "world", after=("gate.c",)), *GATES[1:])
    ),
    C.OUTPUT_UNGATED: submit(output_ids=["loose"]),
    C.NO_OUTPUTS: submit(output_ids=None, wired={"policy": {"traffic_output_ids": []}}),
    C.LAW_NOT_ALLOWED: submit(wired={"policy": {"allowed_laws": ["sha256_bundle_digest"]}}),
    C.UNRESOLVED_PATH_TOKEN: submit(
        output_ids=["bad"], wired=outputs(OutputSpec("bad", "data/{weather}.bin", read_requires_gates=("gate.a",)))
    ),
    C.STRATEGY_UNAVAILABLE: submit(requested_strategy="FORCE_INVOKE"),
    C.ENGINE_INVOCATION_INVALID: submit(
        requested_strategy="FORCE_INVOKE",
        wired={
            "engine": lambda call: EngineResult(None, None),
            "settings": Settings(oracle_engine_run_root="r" * 5000),
        },
    ),
    C.TRUTH_MISSING: vanishing,
    C.TRUTH_ALTERED: altered,
    C.RECORD_INVALID: cut_off,
    C.ENGINE_UNAVAILABLE: ends(C.ENGINE_COMMAND_UNUSABLE),
    C.ENGINE_EXIT_NONZERO: ends(C.ENGINE_EXIT_NONZERO),
    C.ENGINE_TIMEOUT: ends(C.ENGINE_TIMEOUT),
    C.ENGINE_ABANDONED_REPEATEDLY: ends(C.ENGINE_CANCELLED),
    C.ENGINE_ROOT_UNFIT: submit(engine_run_root="s3://me:hush@bucket/x"),
    C.ENGINE_ROOT_MISSING: submit(wired={"engine": lambda call: EngineResult(None, None)}, engine_run_root=None),
    C.EVIDENCE_WAITING: submit(files=spoilt(f"gates/gate.a/{FLAG}", None)),
    C.EVIDENCE_MISSING_DEADLINE: submit(
        files=spoilt(f"gates/gate.a/{FLAG}", None), wired={"policy": {"evidence_wait_seconds": 0}}
    ),
    C.EVIDENCE_CONFLICT: submit(files=spoilt(f"gates/gate.a/{FLAG}", b"ok")),
    C.EVIDENCE_UNSTABLE: unstable,
    C.LAW_FAILED: submit(wired={"laws": BROKEN}),
    C.LAW_TIMEOUT: submit(wired={"laws": LATE}),
    C.LAW_VERSION_CHANGED: upgraded,
    C.GATE_DIGEST_MISMATCH: conflict(spoilt("gates/gate.a/z.csv", b"1")),
    C.FLAG_MALFORMED: conflict(spoilt(f"gates/gate.a/{FLAG}", b"ok")),
    C.INDEX_MALFORMED: conflict(spoilt("gates/gate.b/index.json", b"{}")),
    C.INDEX_EMPTY: conflict(spoilt("gates/gate.b/index.json", b"[]")),
    C.INDEXED_FILE_ABSENT: conflict(
        spoilt("gates/gate.c/index.json", b'["gone"]'), policy={"evidence_wait_seconds": 0}
    ),
    C.PATH_ESCAPES: conflict(spoilt("gates/gate.c/index.json", b'["../x"]')),
    C.NOT_A_FILE: conflict(spoilt("gates/gate.c/index.json", b'["data/"]')),
    C.MEMBER_DIGEST_MISMATCH: conflict(
        spoilt("gates/gate.b/report.json", b"[1]"), policy={"member_digests": "ENFORCE"}
    ),
    C.LOCATOR_SCHEMA_INVALID: submit(
        output_ids=["wordy"],
        wired=outputs(OutputSpec("wordy", "data/loose.bin", read_requires_gates=("gate.a",), schema_ref="x" * 5000)),
    ),
    C.INSTANCE_RECEIPT_DRIFT: drift,
    C.INSTANCE_RECEIPT_ORPHAN: orphan,
    C.INSTANCE_SCOPE_MISSING: submit(
        files={**small_world(), "data/short.bin": b"x"}, output_ids=["short"], wired=outputs(SHORT)
    ),
    C.ORACLE_PACK_INVALID: submit(files={**small_world(), "_oracle_pack_manifest.json": b"{}"}),
    C.ORACLE_PACK_MISMATCH: submit(files=oracle(seed=8)),
}  # fmt: skip

ELSEWHERE = {
    "tests/flows/test_attempts.py": (
        C.ATTEMPT_LIMIT_EXCEEDED, C.ENGINE_RECEIPT_MISSING, C.ENGINE_RECEIPT_INVALID, C.ENGINE_RECEIPT_MISMATCH,
        C.LEASE_LOST, C.ENGINE_CANCELLED, C.ENGINE_STILL_RUNNING,
    ),
    "tests/flows/test_engine.py": (
        C.ENGINE_COMMAND_MISSING, C.ENGINE_COMMAND_UNUSABLE, C.ENGINE_COMMAND_TEMPLATE_UNRESOLVED,
    ),
    "tests/client": (
        C.LOCAL_COMMAND, C.SERVICE_UNREACHABLE, C.SERVICE_UNTRUSTED, C.SERVICE_ANSWER_INVALID,
    ),
    "tests/cli": (
        C.REQUEST_NOT_FOUND, C.DOCUMENT_INVALID, C.PROFILE_INVALID, C.PROFILE_NOT_FOUND, C.ENV_UNSET, C.ADAPTER_UNKNOWN,
        C.PACK_INVALID, C.POLICY_INVALID, C.POLICY_DIGEST_MISMATCH, C.INTERNAL, C.STORE_FULL, C.STORE_UNREACHABLE,
        C.DATA_UNFIT,
        C.PLATFORM_UNSUPPORTED, C.FILE_SYSTEM_UNFIT, C.PLATFORM_RUN_INVALID, C.PLATFORM_RUN_REQUIRED,
        C.INTERRUPTED, C.RECEIPT_SCHEMA_INVALID, C.PLUGIN_NOT_FOUND, C.PLUGIN_UNSOUND, C.AUTH_UNPROVEN,
        C.AUTH_UNREACHABLE, C.AUTH_UNSAFE,
    ),
    "tests/flows/test_manifest_laws.py": (C.FILE_UNLISTED,),
    "tests/flows/test_pack_contracts.py": (C.INSTANCE_RECEIPT_SCHEMA_INVALID,),
    "runs of earlier releases": (C.INSTANCE_DIGEST_MISSING,),
    "tests/cli/test_doctor_truth.py": (C.AUTHORITY_BEHIND,),
    "tests/cli/test_superseded.py": (C.SUPERSEDED,),
    "tests/flows/test_planted.py": (C.TRUTH_LOST,),
    "tests/flows/test_rolled_back.py": (C.STORE_COPIED,),
    "tests/flows/test_record_lost.py": (C.TRUTH_ROLLED_BACK, C.RUN_UNFINISHED),
    "tests/flows/test_retry.py": (C.RETRY_NOT_ENDED,),
    "tests/flows/test_revisions.py": (C.REVISION_UNKNOWN,),
    "tests/flows/test_signed_ready.py": (C.ATTESTATION_MISSING, C.ATTESTATION_INVALID),
    "tests/plugins/test_host.py": (C.EXTRA_MISSING, C.PLUGIN_BROKEN, C.PLUGIN_CONFLICT, C.PLUGIN_NOT_ALLOWED,
        C.PLUGIN_FAILED),
    "tests/domain": (C.CONTRACT_VIOLATION, C.FENCED),
    "tests/adversary/test_bounds.py": (
        C.DOCUMENT_TOO_LARGE, C.DOCUMENT_TOO_DEEP, C.DOCUMENT_TOO_MANY, C.NAME_TOO_LONG, C.PATH_TOO_DEEP,
        C.PATTERN_TOO_LONG,
    ),
    "tests/adapters": (
        C.STORE_DENIED, C.STORE_BUCKET_MISSING, C.STORE_WRONG_REGION, C.STORE_THROTTLED, C.STORE_UNSAFE,
        C.OUTCOME_UNKNOWN, C.AUTHORITY_UNREACHABLE, C.AUTHORITY_SCHEMA, C.BUS_UNREACHABLE, C.BUS_STREAM_MISSING,
        C.BUS_MESSAGE_TOO_LARGE, C.BUS_DENIED, C.BUS_REFUSED, C.ENGINE_ROOT_UNREACHABLE, C.ENGINE_ROOT_DENIED,
        C.ENGINE_ROOT_ARCHIVED, C.ENGINE_ROOT_BUCKET_MISSING, C.AUTHORITY_ENCODING, C.CLIENT_CONFIG_INVALID,
        C.CLOCK_SKEW, C.OBJECT_TOO_LARGE,
    ),
    "tests/consumer": (C.BUS_POSITION_LOST, C.FOLLOWER_BUSY, C.FOLLOWERS_UNREACHABLE),
    "tests/http": (
        C.HTTP_INVALID, C.HEADERS_TOO_LARGE, C.REQUEST_TOO_SLOW, C.HOST_UNKNOWN, C.PATH_UNKNOWN, C.METHOD_NOT_ALLOWED,
        C.MEDIA_TYPE_UNSUPPORTED, C.PARAMETER_INVALID, C.REPLICA_BUSY, C.ADDRESS_UNUSABLE, C.PLAN_MISSING,
        C.SERVICE_BUSY,
    ),
    "re-emit": tuple(code for code in C if code.value.startswith("REEMIT")),
}  # fmt: skip


@pytest.mark.parametrize("code", PLAYS, ids=lambda code: code.value)
def test_the_code_is_produced_in_one_line(lab: Lab, code: ReasonCode) -> None:
    try:
        answer = PLAYS[code](lab)
    except SrError as error:
        assert "\n" not in str(error)
        answer = error.code
    if not isinstance(answer, str):
        assert answer.message.isprintable()
        assert answer.remedy
        answer = answer.reason_code
    assert answer == code


def test_every_code_is_produced_here_or_is_anothers_to_produce() -> None:
    claimed = [*PLAYS, *(code for codes in ELSEWHERE.values() for code in codes)]
    assert sorted(claimed) == sorted(set(claimed)), "a code is claimed twice"
    assert set(ReasonCode) - set(claimed) == set(), "a new code needs a test that produces it"


def test_a_broken_law_is_still_a_law() -> None:
    assert isinstance(BrokenLaw(), HashingLaw)
