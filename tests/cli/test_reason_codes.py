"""Every reason code, as the person at the command line meets it: exit code, one line, and what is on record.

A row says how a code comes about with real files, the command's exit code, and the state that
the run's record has afterwards (None: there is none). Faults of the world (a store, bus or
authority that is away) are raised at the adapter's own edge; the run must then be finished by
the same command once the fault is gone.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from sr_adapters.file.bus import FileControlBus
from sr_adapters.file.root import FileEngineRoot
from sr_adapters.file.store import FileObjectStore
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_domain.artifacts.revisions import RULES
from sr_domain.encoding.ids import run_id_for
from sr_domain.encoding.times import parse_instant
from sr_domain.record.kinds import Draft
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import read_ledger
from sr_domain.record.revisions import REVISION
from sr_domain.runner import ScenarioRunner
from sr_ports import REASONS, BadInput, LeaseLost, OutcomeUnknown, ReasonCode, Unreachable
from tests.cli.conftest import SR, Answer, Shell
from tests.plugins.conftest import Site, site

_ = site
C = ReasonCode
RUN = run_id_for("key")
PLATFORM = "platform_20260131T134200Z"
LAYOUT = Layout(PLATFORM)
LAW = "sha256_bundle_digest"


@attrs.frozen
class Stage:
    """Where a row plays: a shell with a sound pack, world, profile and request, and ways to spoil them."""

    sr: Shell
    patch: pytest.MonkeyPatch
    site: Site

    def submit(self, *args: str, **changes: Any) -> Answer:
        return self.sr("submit", self.sr.request(**changes), *args)

    def profile(self, **sections: Any) -> None:
        base = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, "observability": {"sinks": []}}
        (self.sr.folder / "profile.yaml").write_text(json.dumps({**base, **sections}))

    def policy(self, **keys: Any) -> None:
        text = yaml.safe_dump({"policy_id": "test", "revision": "2", "evidence_wait_seconds": 600, **keys})
        (self.sr.folder / "policy.yaml").write_text(text)
        assert self.sr.bare("policy", "seal", "policy.yaml").code == 0

    def gate(self, at: int, **changes: Any) -> None:
        self._entry("engine_gates.map.yaml", "gates", at, changes)

    def output(self, at: int, **changes: Any) -> None:
        self._entry("engine_outputs.catalogue.yaml", "outputs", at, changes)

    def _entry(self, file: str, kind: str, at: int, changes: dict[str, Any]) -> None:
        path = self.sr.folder / "pack" / file
        document = json.loads(path.read_text())
        document[kind][at] |= changes
        path.write_text(json.dumps(document))

    def world(self, path: str, data: bytes | None) -> None:
        target = self.sr.folder / "root" / path
        target.unlink() if data is None else target.write_bytes(data)

    def index(self, gate: str, members: Any, kind: str = "sha256_index_json_ascii_lex_raw_bytes") -> None:
        """Give a gate another law, and its bundle an index."""
        method = {"kind": kind, "exclude_filenames": ["_passed.flag"]}
        self.gate(("up", "end").index(gate), verification_method=method, index_path_template=f"{gate}/index.json")
        self.world(f"{gate}/index.json", json.dumps(members).encode())

    def engine(self, script: str, **invoker: Any) -> Answer:
        """Submit with an engine that is this program."""
        (self.sr.folder / "engine.py").write_text(script)
        self.profile(invoker={"adapter": "subprocess", "command": [sys.executable, "engine.py"], **invoker})
        self.policy(attempt_limit=1)
        return self.submit("--strategy", "FORCE_INVOKE")

    def fails(self, owner: Any, method: str, error: BaseException) -> Callable[[], None]:
        """Make an adapter's method raise; the answer undoes it."""
        real = getattr(owner, method)

        def failing(*args: Any, **kwargs: Any) -> Any:
            raise error

        self.patch.setattr(owner, method, failing)
        return lambda: self.patch.setattr(owner, method, real)

    def stored(self, key: str) -> Path:
        return self.sr.folder / "runs" / key

    def authority(self) -> SqliteAuthority:
        return SqliteAuthority(str(self.stored(f"{LAYOUT.base}/index/authority.db")))


@attrs.frozen
class Row:
    """How a code comes about. `inside`: the error is a conflict, and the code is in the quarantine record."""

    play: Callable[[Stage], Answer]
    exit: int
    state: str | None = None
    inside: bool = False


def submits(**changes: Any) -> Callable[[Stage], Answer]:
    return lambda stage: stage.submit(**changes)


def profiled(**sections: Any) -> Callable[[Stage], Answer]:
    def play(stage: Stage) -> Answer:
        stage.profile(**sections)
        return stage.submit()

    return play


def spoiled(path: str, data: bytes | None, **policy: Any) -> Callable[[Stage], Answer]:
    def play(stage: Stage) -> Answer:
        stage.policy(**policy)
        stage.world(path, data)
        return stage.submit()

    return play


def packed(part: str, at: int, **changes: Any) -> Callable[[Stage], Answer]:
    def play(stage: Stage) -> Answer:
        getattr(stage, part)(at, **changes)
        return stage.submit()

    return play


def twice(stage: Stage) -> Answer:
    assert stage.submit().code == 0
    return stage.submit(seed=8)


def document(stage: Stage) -> Answer:
    (stage.sr.folder / "request.yaml").write_text('{"a": 1, "a": 2}')
    return stage.sr("submit", "request.yaml")


def unsealed(stage: Stage) -> Answer:
    path = stage.sr.folder / "policy.yaml"
    path.write_text(path.read_text().replace("evidence_wait_seconds: 0", "evidence_wait_seconds: 9"))
    return stage.submit()


def policy_key(stage: Stage) -> Answer:
    (stage.sr.folder / "policy.yaml").write_text("policy_id: p\nrevision: '1'\nsurprise: 1\n")
    return stage.submit()


def missing_extra(stage: Stage) -> Answer:
    stage.site.install("acme-store", _plugin("tape", requires=("no_such_library",), extra="tape"))
    return profiled(control_bus={"adapter": "tape"})(stage)


def broken_plugin(stage: Stage) -> Answer:
    stage.site.install("acme-broken", "raise RuntimeError('no')")
    return profiled(control_bus={"adapter": "tape"})(stage)


def failing_plugin(stage: Stage) -> Answer:
    code = """
        from sr_ports import Adapter, hookimpl

        class Bus:
            def publish(self, envelope):
                raise ValueError
            tail = close = publish

        @hookimpl
        def sr_control_buses():
            return [Adapter("tape", lambda wiring: Bus())]
    """
    stage.site.install("acme-bus", code)
    stage.profile(control_bus={"adapter": "tape"})
    return stage.sr("bus", "tail")


def conflicting(stage: Stage) -> Answer:
    for name in ("acme-one", "acme-two"):
        stage.site.install(name, _plugin("tape"))
    return profiled(control_bus={"adapter": "tape"})(stage)


def not_allowed(stage: Stage) -> Answer:
    stage.site.install("acme-store", _plugin("tape"))
    return profiled(control_bus={"adapter": "tape"}, plugins={"allow": ["scenario-runner"]})(stage)


def _plugin(name: str, requires: tuple[str, ...] = (), extra: str | None = None) -> str:
    return f"""
        from sr_ports import Adapter, hookimpl

        @hookimpl
        def sr_control_buses():
            return [Adapter({name!r}, lambda wiring: wiring, requires={requires!r}, extra={extra!r})]
    """


def contract_violation(stage: Stage) -> Answer:
    stage.patch.setitem(RULES, REVISION, attrs.evolve(RULES[REVISION], run_plan=lambda *parts: {}))
    return stage.submit()


def bug(stage: Stage) -> Answer:
    stage.fails(ScenarioRunner, "submit", ZeroDivisionError("a bug"))
    return stage.submit()


def busy(stage: Stage) -> Answer:
    authority = stage.authority()
    assert authority.acquire(RUN, "somebody", ttl_s=60) is not None
    answer = stage.submit()
    authority.close()
    return answer


def fenced(stage: Stage) -> Answer:
    """A newer holder writes between this one's look at the record and its append."""
    real = FileObjectStore.replace

    def replace(self: FileObjectStore, key: str, data: bytes, *, etag: str) -> Any:
        blob = self.read(key)
        if key == LAYOUT.record(RUN) and blob is not None:
            stage.patch.setattr(FileObjectStore, "replace", real)
            ledger = read_ledger(RUN, blob.data)
            now = parse_instant("2026-01-01T00:00:00Z")
            taken = ledger.append([Draft("LEASE_TAKEN")], fence=99, actor="newer", policy_rev=None, now=now)
            assert real(self, key, taken.data, etag=blob.etag) is not None
        return real(self, key, data, etag=etag)

    stage.patch.setattr(FileObjectStore, "replace", replace)
    return stage.submit()


def superseding(old: Callable[[Stage], Answer], code: int) -> Callable[[Stage], Answer]:
    """Supersede the run of another key."""

    def play(stage: Stage) -> Answer:
        assert old(stage).code == code
        return stage.submit(supersedes=run_id_for("old"))

    return play


def old_waits(stage: Stage) -> Answer:
    stage.policy()
    stage.world("end/_passed.flag", None)
    return stage.submit(run_equivalence_key="old")


def old_is_taken(stage: Stage) -> Answer:
    stage.submit(run_equivalence_key="old")
    return stage.submit(run_equivalence_key="heir", supersedes=run_id_for("old"))


def no_outputs(stage: Stage) -> Answer:
    name = stage.sr.request()
    path = stage.sr.folder / name
    path.write_text(
        json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "output_ids"})
    )
    return stage.sr("submit", name)


def law_refused(stage: Stage) -> Answer:
    stage.policy(allowed_laws=["sha256_member_digest_concat"])
    return stage.submit()


def cycle(stage: Stage) -> Answer:
    stage.gate(0, upstream_gate_dependencies=["gate.end"])
    return stage.submit()


def indexed(members: Any, **policy: Any) -> Callable[[Stage], Answer]:
    def play(stage: Stage) -> Answer:
        if policy:
            stage.policy(**policy)
        stage.index("up", members)
        return stage.submit()

    return play


def unlisted(stage: Stage) -> Answer:
    """A manifest over the whole root that lists no file of any output."""
    stage.policy(evidence_wait_seconds=0)
    outputs = json.loads((stage.sr.folder / "pack" / "engine_outputs.catalogue.yaml").read_text())["outputs"]
    stage.gate(
        0,
        verification_method={"kind": "sha256sums_file"},
        bundle_root_template="./",
        passed_flag_path_template="SHA256SUMS",
        index_path_template=None,
        authorizes_outputs=[one["output_id"] for one in outputs],
    )
    report = (stage.sr.folder / "root" / "up" / "report.json").read_bytes()
    stage.world("SHA256SUMS", f"{hashlib.sha256(report).hexdigest()}  up/report.json\n".encode())
    return stage.submit()


def member(stage: Stage) -> Answer:
    stage.policy(member_digests="ENFORCE")
    stated = hashlib.sha256(b"0" * 64).hexdigest()
    stage.world("up/_passed.flag", f"sha256_hex = {stated}\n".encode())
    stage.index("up", {"files": [{"path": "report.json", "sha256_hex": "0" * 64}]}, "sha256_member_digest_concat")
    return stage.submit()


def unstable(stage: Stage) -> Answer:
    """The engine still writes: a file grows just before it is read."""
    real = FileEngineRoot.stream
    stage.policy(evidence_wait_seconds=600)

    def stream(self: FileEngineRoot, path: str, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("world.bin"):
            stage.world("data/world.bin", b"longer than it was before")
        return real(self, path, *args, **kwargs)

    stage.patch.setattr(FileEngineRoot, "stream", stream)
    return stage.submit()


FRAGILE = """
import time
from sr_ports import hookimpl

class Law:
    kind = "fragile"
    def digest(self, bundle):
        {digest}

@hookimpl
def sr_hashing_laws():
    return [Law()]
"""
SOUND = "return bundle.sha256([one.path for one in bundle.files()])"


def judged_by(digest: str, **profile: Any) -> Callable[[Stage], Answer]:
    """A law of another distribution judges, in a process of its own."""

    def play(stage: Stage) -> Answer:
        stage.profile(**profile)
        stage.site.install("acme-laws", FRAGILE.format(digest=digest))
        stage.gate(0, verification_method={"kind": "fragile", "exclude_filenames": ["_passed.flag"]})
        return stage.submit()

    return play


def another_version(stage: Stage) -> Answer:
    """The law's plugin was exchanged while the run waited."""
    stage.world("up/_passed.flag", None)
    stage.policy(evidence_wait_seconds=600)
    assert judged_by(SOUND)(stage).code == 3
    stage.world("up/_passed.flag", b"x")
    shutil.rmtree(stage.site.folder)
    stage.site.folder.mkdir()
    stage.site.install("acme-laws", FRAGILE.format(digest=SOUND), version="1.3")
    return stage.submit()


def orphan(stage: Stage) -> Answer:
    """A receipt stands that states other bytes, and that no run's decision rests on."""
    assert stage.submit(run_equivalence_key="first").code == 0
    (place,) = stage.stored(LAYOUT.base).glob("instance_receipts/output_id=events/**/instance_receipt.json")
    planted = json.loads(place.read_bytes())
    planted["target_digest"]["hex"] = "0" * 64
    place.write_text(json.dumps(planted))
    return stage.submit()


def drift(stage: Stage) -> Answer:
    assert stage.submit().code == 0
    (changed,) = (stage.sr.folder / "root/data/events").rglob("part-1.bin")
    changed.write_bytes(b"other bytes")
    answer = stage.submit(run_equivalence_key="other")
    assert "this scope was proven with digest " in answer.err
    return answer


def oracle(**world: Any) -> Callable[[Stage], Answer]:
    key = {"manifest_fingerprint": "a" * 64, "parameter_hash": "b" * 64, "scenario_id": "baseline", "seed": 7, **world}
    manifest = {
        "version": "1",
        "oracle_pack_id": "d" * 64,
        "world_key": key,
        "engine_release": "e",
        "catalogue_digest": "1" * 64,
        "gate_map_digest": "2" * 64,
        "created_at_utc": "2026-01-01T00:00:00Z",
    }
    return spoiled("_oracle_pack_manifest.json", json.dumps(manifest).encode())


def facts_of_a_waiting_run(stage: Stage) -> Answer:
    stage.policy()
    stage.world("end/_passed.flag", None)
    assert stage.submit().code == 3
    return stage.sr("facts", RUN)


def after_ready(do: Callable[[Stage], object], *args: str) -> Callable[[Stage], Answer]:
    """A READY run, something done behind its back, then a command."""

    def play(stage: Stage) -> Answer:
        assert stage.submit().code == 0
        do(stage)
        return stage.sr(*args)

    return play


def cut_record(stage: Stage) -> None:
    path = stage.stored(LAYOUT.record(RUN))
    path.write_bytes(path.read_bytes()[:-5])


def copy_the_store(stage: Stage) -> None:
    """A profile of the same authority, over a copy of the store."""
    runs = stage.sr.folder / "runs"
    shutil.copytree(runs / "fraud-platform", stage.sr.folder / "copy" / "fraud-platform")
    stage.profile(object_store={"adapter": "file", "root": "copy"})


def cut_before_the_decision(stage: Stage) -> None:
    path = stage.stored(LAYOUT.record(RUN))
    path.write_bytes(re.split(rb'(?m)^(?=[^\n]*"details":\{"bundle_hash")', path.read_bytes())[0])


def cut_behind_the_decision(stage: Stage) -> None:
    path = stage.stored(LAYOUT.record(RUN))
    lines = path.read_bytes().splitlines(keepends=True)
    (at,) = [at for at, line in enumerate(lines) if b'"EVIDENCE_COMPLETE"' in line]
    path.write_bytes(b"".join(lines[: at + 1]))


def write_by_a_newer_release(stage: Stage) -> None:
    path = stage.stored(LAYOUT.record(RUN))
    path.write_bytes(path.read_bytes().replace(b'"revision":2', b'"revision":3', 1))


def hold_reemit(stage: Stage) -> None:
    authority = stage.authority()
    assert authority.acquire(f"reemit:{RUN}:READY_ONLY", "somebody", ttl_s=60) is not None
    authority.close()


def supersede(stage: Stage) -> None:
    assert stage.submit(run_equivalence_key="heir", supersedes=RUN).code == 0


def reemit_often(stage: Stage) -> None:
    for _ in range(5):
        assert stage.sr("reemit", RUN, "--kind", "READY_ONLY").code == 0


def failed_then(kind: str) -> Callable[[Stage], Answer]:
    def play(stage: Stage) -> Answer:
        stage.world("end/_passed.flag", None)
        assert stage.submit().code == 4
        return stage.sr("reemit", RUN, "--kind", kind)

    return play


def long_root(stage: Stage) -> Answer:
    """An engine root that no invocation may name."""
    engine = {"interface_pack": "pack", "oracle_engine_run_root": "r" * 5000}
    stage.profile(invoker={"adapter": "subprocess", "command": ["true"]}, engine=engine)
    return stage.submit("--strategy", "FORCE_INVOKE")


def without_locks(stage: Stage) -> Answer:
    """As on Windows."""
    stage.patch.setitem(sys.modules, "fcntl", None)
    return stage.submit()


def without_links(stage: Stage) -> Answer:
    stage.fails(os, "link", OSError(errno.EPERM, "Operation not permitted"))
    return stage.submit()


def interrupted(stage: Stage) -> Answer:
    """Somebody presses Ctrl-C while the engine runs."""
    stage.fails(SubprocessInvoker, "invoke", KeyboardInterrupt())
    return stage.engine("")


def named_freely(stage: Stage) -> Answer:
    stage.patch.setenv("PLATFORM_RUN_ID", "my-run")
    return stage.submit()


def unnamed_on_a_shared_store(stage: Stage) -> Answer:
    stage.patch.delenv("PLATFORM_RUN_ID")
    stage.patch.setattr(FileObjectStore, "shared", True)
    return stage.submit()


REEMIT = ("reemit", RUN, "--kind", "READY_ONLY")
RECEIPT = """
import json, os
from pathlib import Path
told = json.loads(os.environ["SR_ENGINE_INVOCATION_JSON"])
receipt = {key: told[key] for key in ("run_id", "manifest_fingerprint", "parameter_hash", "seed")}
"""
WRITE = '(Path(os.environ["SR_ENGINE_RUN_ROOT"]) / "run_receipt.json").write_text'


def unsound_plugin(stage: Stage) -> Answer:
    (stage.sr.folder / "my_law.py").write_text("x = 1\n")
    return stage.sr("plugins", "check", "./my_law.py")


ROWS: dict[ReasonCode, Row] = {
    C.REQUEST_INVALID: Row(submits(seed=-1), 2),
    C.REQUEST_NOT_FOUND: Row(lambda stage: stage.sr("submit", "gone.yaml"), 2),
    C.DOCUMENT_INVALID: Row(document, 2),
    C.DATA_UNFIT: Row(lambda stage: stage.sr("init", "absent"), 2),
    C.PROFILE_INVALID: Row(profiled(runtime_rot="x"), 2),
    C.PROFILE_NOT_FOUND: Row(lambda stage: stage.sr.bare("--profile", "gone", "list"), 2),
    C.ENV_UNSET: Row(profiled(runtime_root="${SR_TEST_NOBODY_SETS_THIS}"), 2),
    C.EXTRA_MISSING: Row(missing_extra, 2),
    C.ADAPTER_UNKNOWN: Row(profiled(object_store={"adapter": "tape"}), 2),
    C.PLUGIN_BROKEN: Row(broken_plugin, 2),
    C.PLUGIN_FAILED: Row(failing_plugin, 9),
    C.PLUGIN_CONFLICT: Row(conflicting, 2),
    C.PLUGIN_NOT_ALLOWED: Row(not_allowed, 2),
    C.PLUGIN_NOT_FOUND: Row(lambda stage: stage.sr("plugins", "show", "tape"), 8),
    C.PLUGIN_UNSOUND: Row(unsound_plugin, 5),
    C.PACK_INVALID: Row(profiled(engine={"interface_pack": "gone"}), 2),
    C.POLICY_INVALID: Row(policy_key, 2),
    C.POLICY_DIGEST_MISMATCH: Row(unsealed, 2),
    C.PLATFORM_UNSUPPORTED: Row(without_locks, 2),
    C.FILE_SYSTEM_UNFIT: Row(without_links, 2),
    C.PLATFORM_RUN_INVALID: Row(named_freely, 2),
    C.PLATFORM_RUN_REQUIRED: Row(unnamed_on_a_shared_store, 2),
    C.CONTRACT_VIOLATION: Row(contract_violation, 1),
    C.INTERNAL: Row(bug, 1),
    C.USAGE: Row(lambda stage: stage.sr("status", "nonsense"), 2),
    C.EQUIVALENCE_COLLISION: Row(twice, 7, "READY"),
    C.LEASE_BUSY: Row(busy, 3),
    C.FENCED: Row(fenced, 9, "VERIFYING"),
    C.RUN_NOT_FOUND: Row(lambda stage: stage.sr("status", RUN), 8),
    C.SUPERSEDES_NOT_FOUND: Row(submits(supersedes="0" * 32), 8),
    C.SUPERSEDES_NOT_READY: Row(superseding(old_waits, 3), 2),
    C.SUPERSEDES_TAKEN: Row(superseding(old_is_taken, 0), 2),
    C.UNKNOWN_OUTPUT_ID: Row(submits(output_ids=["nowhere"]), 4, "FAILED"),
    C.UNKNOWN_GATE_ID: Row(packed("gate", 1, upstream_gate_dependencies=["gate.none"]), 4, "FAILED"),
    C.UNKNOWN_HASHING_LAW: Row(packed("gate", 0, verification_method={"kind": "unheard_of"}), 2),
    C.GATE_CYCLE: Row(cycle, 4, "FAILED"),
    C.OUTPUT_UNGATED: Row(packed("gate", 1, authorizes_outputs=["events"]), 4, "FAILED"),
    C.NO_OUTPUTS: Row(no_outputs, 4, "FAILED"),
    C.LAW_NOT_ALLOWED: Row(law_refused, 4, "FAILED"),
    C.UNRESOLVED_PATH_TOKEN: Row(packed("output", 1, path_template="data/{weather}.bin"), 4, "FAILED"),
    C.STRATEGY_UNAVAILABLE: Row(lambda stage: stage.submit("--strategy", "FORCE_INVOKE"), 2),
    C.ENGINE_INVOCATION_INVALID: Row(long_root, 4, "FAILED"),
    C.INTERRUPTED: Row(interrupted, 130, "EXECUTING"),
    C.AUTH_DENIED: Row(profiled(auth={"submit": ["ann"]}), 6),
    C.ENGINE_UNAVAILABLE: Row(lambda stage: stage.engine("", command=["{engine_run_root}"]), 9, "EXECUTING"),
    C.ENGINE_EXIT_NONZERO: Row(lambda stage: stage.engine("raise SystemExit(3)"), 4, "FAILED"),
    C.ENGINE_TIMEOUT: Row(lambda stage: stage.engine("import time; time.sleep(60)", timeout_seconds=0.2), 4, "FAILED"),
    C.ENGINE_ROOT_MISSING: Row(
        lambda stage: stage.engine("import os, shutil; shutil.rmtree(os.environ['SR_ENGINE_RUN_ROOT'])"), 4, "FAILED"
    ),
    C.ENGINE_RECEIPT_MISSING: Row(lambda stage: stage.engine(""), 4, "FAILED"),
    C.ENGINE_RECEIPT_INVALID: Row(lambda stage: stage.engine(f"{RECEIPT}{WRITE}('{{}}')"), 4, "FAILED"),
    C.ENGINE_RECEIPT_MISMATCH: Row(
        lambda stage: stage.engine(f"{RECEIPT}receipt['seed'] += 1\n{WRITE}(json.dumps(receipt))"), 4, "FAILED"
    ),
    C.EVIDENCE_WAITING: Row(spoiled("end/_passed.flag", None), 3, "WAITING_EVIDENCE"),
    C.EVIDENCE_MISSING_DEADLINE: Row(spoiled("end/_passed.flag", None, evidence_wait_seconds=0), 4, "FAILED"),
    C.EVIDENCE_CONFLICT: Row(spoiled("up/report.json", b"altered"), 5, "QUARANTINED"),
    C.EVIDENCE_UNSTABLE: Row(unstable, 3, "WAITING_EVIDENCE"),
    C.GATE_DIGEST_MISMATCH: Row(spoiled("up/report.json", b"altered"), 5, "QUARANTINED", inside=True),
    C.MEMBER_DIGEST_MISMATCH: Row(member, 5, "QUARANTINED", inside=True),
    C.FLAG_MALFORMED: Row(spoiled("up/_passed.flag", b"nonsense"), 5, "QUARANTINED", inside=True),
    C.INDEX_MALFORMED: Row(indexed({}), 5, "QUARANTINED", inside=True),
    C.INDEX_EMPTY: Row(indexed([]), 5, "QUARANTINED", inside=True),
    C.INDEXED_FILE_ABSENT: Row(indexed(["gone.bin"], evidence_wait_seconds=0), 5, "QUARANTINED", inside=True),
    C.FILE_UNLISTED: Row(unlisted, 5, "QUARANTINED", inside=True),
    C.PATH_ESCAPES: Row(indexed(["../../../etc/passwd"]), 5, "QUARANTINED", inside=True),
    C.NOT_A_FILE: Row(indexed(["folder/"]), 5, "QUARANTINED", inside=True),
    C.LAW_FAILED: Row(judged_by("raise ZeroDivisionError"), 9, "VERIFYING"),
    C.LAW_TIMEOUT: Row(judged_by("time.sleep(60)", evidence={"law_timeout_seconds": 0.2}), 9, "VERIFYING"),
    C.LAW_VERSION_CHANGED: Row(another_version, 9, "WAITING_EVIDENCE"),
    C.LOCATOR_SCHEMA_INVALID: Row(packed("output", 1, schema_ref="x" * 5000), 4, "FAILED"),
    C.RECEIPT_SCHEMA_INVALID: Row(packed("gate", 0, index_path_template="x" * 5000), 4, "FAILED"),
    C.INSTANCE_RECEIPT_DRIFT: Row(drift, 4, "READY"),
    C.INSTANCE_RECEIPT_ORPHAN: Row(orphan, 9, "WAITING_EVIDENCE"),
    C.INSTANCE_SCOPE_MISSING: Row(packed("output", 0, partitions=["manifest_fingerprint"]), 4, "FAILED"),
    C.ORACLE_PACK_INVALID: Row(spoiled("_oracle_pack_manifest.json", b"{}"), 4, "FAILED"),
    C.ORACLE_PACK_MISMATCH: Row(oracle(seed=8), 4, "FAILED"),
    C.FACTS_VIEW_MISSING: Row(facts_of_a_waiting_run, 8, "WAITING_EVIDENCE"),
    C.RECORD_INVALID: Row(after_ready(cut_record, "audit", RUN), 5, "damaged"),
    C.REVISION_UNKNOWN: Row(after_ready(write_by_a_newer_release, "audit", RUN), 9, "damaged"),
    C.TRUTH_MISSING: Row(after_ready(lambda stage: stage.world("data/world.bin", None), "verify", RUN), 5, "READY"),
    C.TRUTH_ALTERED: Row(after_ready(lambda stage: stage.world("data/world.bin", b"rot"), "verify", RUN), 5, "READY"),
    C.TRUTH_ROLLED_BACK: Row(after_ready(cut_before_the_decision, "resume", RUN), 5, "VERIFYING"),
    C.STORE_COPIED: Row(after_ready(copy_the_store, "resume", RUN), 5, "READY"),
    C.TRUTH_LOST: Row(
        after_ready(
            cut_before_the_decision,
            *("recover", RUN, "--artifact", LAYOUT.facts(RUN), "--accept-loss", "--reason", "r"),
        ),
        5,
        "VERIFYING",
    ),
    C.TRUTH_ROLLED_BACK: Row(
        after_ready(lambda stage: stage.stored(LAYOUT.record(RUN)).unlink(), "audit", "--all"), 5, None
    ),
    C.RUN_UNFINISHED: Row(after_ready(cut_behind_the_decision, "verify", RUN), 3, "VERIFYING"),
    C.RETRY_NOT_ENDED: Row(after_ready(lambda stage: None, "retry", RUN), 2, "READY"),
    C.REEMIT_BUSY: Row(after_ready(hold_reemit, *REEMIT), 3, "READY"),
    C.REEMIT_RATE_LIMIT: Row(after_ready(reemit_often, *REEMIT), 9, "READY"),
    C.REEMIT_READY_ONLY_MISMATCH: Row(failed_then("READY_ONLY"), 2, "FAILED"),
    C.REEMIT_TERMINAL_ONLY_MISMATCH: Row(
        after_ready(lambda stage: None, "reemit", RUN, "--kind", "TERMINAL_ONLY"), 2, "READY"
    ),
    C.SUPERSEDED: Row(after_ready(supersede, "verify", RUN), 5, "READY"),
    C.REEMIT_SUPERSEDED: Row(after_ready(supersede, *REEMIT), 2, "READY"),
    C.REEMIT_PUBLISH_FAILED: Row(
        after_ready(
            lambda stage: stage.fails(FileControlBus, "publish", Unreachable(C.BUS_UNREACHABLE, "the bus is away")),
            *REEMIT,
        ),
        9,
        "READY",
    ),
}  # fmt: skip


def state_of(stage: Stage) -> Any:
    """What the record says the run is; None when there is no record of it."""
    stage.patch.undo()
    record = stage.stored(LAYOUT.record(RUN))
    if not record.exists():
        return None
    try:
        return read_ledger(RUN, record.read_bytes()).state
    except Exception:  # noqa: BLE001 - whatever it is, it is no record any more
        return "damaged"


@pytest.fixture
def stage(sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("PLATFORM_RUN_ID", PLATFORM)
    with pytest.MonkeyPatch.context() as patch:
        made = Stage(sr, patch, site)
        made.profile()
        yield made


@pytest.mark.parametrize("code", ROWS, ids=lambda code: code.value)
def test_the_code_is_met_with_its_exit_one_line_and_the_right_record(stage: Stage, code: ReasonCode) -> None:
    row = ROWS[code]
    answer = row.play(stage)
    assert answer.code == row.exit, answer
    assert answer.error == (C.EVIDENCE_CONFLICT if row.inside else code)
    reason = REASONS[ReasonCode(answer.error)]
    told = reason.remedy.replace("RUN_ID", RUN).replace("OUTPUT_ID", "events")
    told = re.sub(rf"\bsr ([a-z ]+ {RUN})", rf"{SR} \1", told)
    steps = (told, reason.otherwise or told, f"{SR} recover {RUN} --accept-loss --reason")
    assert any(one in answer.err for one in steps) or row.exit in (2, 8), "a next step"
    assert state_of(stage) == row.state
    if row.inside:
        assert code in answer.err
        (conflict,) = stage.sr("--json", "quarantine", "show", RUN).json["conflicts"]
        assert conflict["code"] == code
    if row.state in ("FAILED", "QUARANTINED") and row.exit in (4, 5):
        status = stage.sr("--json", "status", RUN)
        assert (status.json["state"], status.json["reason_code"]) == (row.state, answer.error)
        assert status.code == row.exit
    if row.state not in ("READY", "damaged") and code not in FORGOTTEN:
        assert not any(
            one["attributes"]["kind"] == "READY" and one["attributes"]["run_id"] == RUN for one in heard(stage)
        )


FORGOTTEN = (C.TRUTH_LOST, C.TRUTH_ROLLED_BACK, C.RUN_UNFINISHED)
"""What is met where the record alone forgot that the run was READY."""


def heard(stage: Stage) -> list[Any]:
    """Everything on the bus."""
    return [json.loads(path.read_text()) for path in stage.sr.folder.rglob("fp.bus.control.v1/*.json")]


def away(code: ReasonCode) -> Unreachable:
    return Unreachable(code, "the server is away")


ROOT = (C.ENGINE_ROOT_UNREACHABLE, C.ENGINE_ROOT_DENIED, C.ENGINE_ROOT_ARCHIVED, C.ENGINE_ROOT_BUCKET_MISSING)
AWAY: dict[ReasonCode, tuple[Any, str, BaseException]] = {
    **{
        code: (FileObjectStore, "create", away(code))
        for code in C
        if code.startswith("STORE_") and code is not C.STORE_COPIED
    },
    C.OUTCOME_UNKNOWN: (FileObjectStore, "replace", OutcomeUnknown("the answer to a write was lost")),
    C.AUTHORITY_UNREACHABLE: (SqliteAuthority, "admit", away(C.AUTHORITY_UNREACHABLE)),
    C.AUTHORITY_SCHEMA: (SqliteAuthority, "admit", away(C.AUTHORITY_SCHEMA)),
    C.AUTHORITY_ENCODING: (SqliteAuthority, "admit", away(C.AUTHORITY_ENCODING)),
    C.CLOCK_SKEW: (SqliteAuthority, "acquire", away(C.CLOCK_SKEW)),
    C.LEASE_LOST: (SqliteAuthority, "renew", LeaseLost(RUN, 1)),
    **{code: (FileEngineRoot, "list", away(code)) for code in ROOT},
}


@pytest.mark.parametrize("code", AWAY, ids=lambda code: code.value)
def test_what_is_away_ends_in_one_retryable_line_and_nothing_is_lost(stage: Stage, code: ReasonCode) -> None:
    back = stage.fails(*AWAY[code])
    answer = stage.submit()
    assert (answer.code, answer.error) == (9, code)
    assert REASONS[code].remedy in answer.err
    assert heard(stage) == []
    back()
    assert stage.submit().code == 0
    assert stage.sr("audit", "--all").code == 0
    assert [one["attributes"]["kind"] for one in heard(stage)] == ["READY"]


@pytest.mark.parametrize("code", ROOT, ids=lambda code: code.value)
def test_a_root_that_cannot_be_read_is_on_record_once_and_explained(stage: Stage, code: ReasonCode) -> None:
    back = stage.fails(*AWAY[code])
    for _ in range(3):
        assert stage.submit().error == code
    told = stage.sr("--json", "show", RUN).json["events"]
    (event,) = [one for one in told if one["event_kind"] == "ENGINE_ROOT_UNREADABLE"]
    assert event["details"] == {"reason_code": code, "detail": "the server is away", "remedy": REASONS[code].remedy}
    explained = stage.sr("--json", "explain", RUN).json
    assert (explained["reason_code"], explained["detail"]) == (code, "the server is away")
    assert REASONS[code].remedy in explained["next"]
    status = stage.sr("--json", "status", RUN)
    assert (status.code, status.json["reason_code"]) == (3, code)
    back()
    assert stage.submit().code == 0
    assert "reason_code" not in stage.sr("--json", "status", RUN).json
    assert stage.sr("--json", "explain", RUN).json["reason_code"] is None


BUS = (C.BUS_UNREACHABLE, C.BUS_DENIED, C.BUS_REFUSED, C.BUS_STREAM_MISSING, C.BUS_MESSAGE_TOO_LARGE)


@pytest.mark.parametrize("code", BUS, ids=lambda code: code.value)
def test_a_bus_that_is_away_blocks_no_truth_and_is_on_record(stage: Stage, code: ReasonCode) -> None:
    refused = BadInput(code, "the message is larger than the bus takes")
    back = stage.fails(FileControlBus, "publish", refused if code is C.BUS_MESSAGE_TOO_LARGE else away(code))
    answer = stage.submit()
    assert answer.code == 0
    assert f"not published yet: {code}: the " in answer.out
    told = stage.sr("--json", "status", RUN).json
    assert (told["state"], told["published"]) == ("READY", False)
    assert told["unpublished"]["reason_code"] == code
    assert told["unpublished"]["detail"] in answer.out
    assert f"not published yet: {code}: " in stage.sr("status", RUN).out
    explained = stage.sr("--json", "explain", RUN).json
    assert (explained["reason_code"], explained["detail"]) == (code, told["unpublished"]["detail"])
    failed = stage.sr("--json", "show", RUN).json["events"][-1]
    assert (failed["event_kind"], failed["details"]["reason_code"]) == ("READY_PUBLISH_FAILED", code)
    back()
    done = stage.sr("--json", "resume", RUN).json
    assert (done["published"], "unpublished" in done) == (True, False)
    assert [one["attributes"]["kind"] for one in heard(stage)] == ["READY"]


def test_a_successor_whose_news_the_bus_did_not_take_says_so(stage: Stage) -> None:
    assert stage.submit().code == 0
    publish = FileControlBus.publish

    def choosy(self: FileControlBus, envelope: Any) -> None:
        if envelope.attributes["kind"] == "RUN_SUPERSEDED":
            raise away(C.BUS_UNREACHABLE)
        publish(self, envelope)

    stage.patch.setattr(FileControlBus, "publish", choosy)
    answer = stage.sr("submit", stage.sr.request("new", supersedes=RUN))
    assert answer.code == 0
    assert "RUN_SUPERSEDED not published yet: BUS_UNREACHABLE: the server is away" in answer.out
    stage.patch.setattr(FileControlBus, "publish", publish)
    assert "not published yet" not in stage.sr("resume", run_id_for("new")).out


ELSEWHERE = {
    "tests/cli/test_doctor_truth.py": {C.AUTHORITY_BEHIND},
    "tests/client/test_commands.py": {C.LOCAL_COMMAND},
    "tests/http/test_problems.py": {
        C.PATH_UNKNOWN, C.METHOD_NOT_ALLOWED, C.MEDIA_TYPE_UNSUPPORTED, C.PARAMETER_INVALID, C.PLAN_MISSING,
        C.HEADERS_TOO_LARGE, C.REQUEST_TOO_SLOW,
    },
    "tests/http/test_limits.py": {C.HTTP_INVALID, C.HOST_UNKNOWN, C.ADDRESS_UNUSABLE},
    "tests/http/test_submissions.py": {C.REPLICA_BUSY},
    "tests/adapters/test_sole_service.py": {C.SERVICE_BUSY},
    "tests/client/test_no_service.py": {C.SERVICE_UNREACHABLE, C.SERVICE_UNTRUSTED, C.SERVICE_ANSWER_INVALID},
    "tests/cli/test_auth.py": {C.AUTH_UNPROVEN, C.AUTH_UNREACHABLE, C.AUTH_UNSAFE},
    "tests/consumer/test_follower.py": {C.FOLLOWER_BUSY, C.BUS_POSITION_LOST},
    "tests/adapters/test_followers.py": {C.FOLLOWERS_UNREACHABLE},
    "tests/adversary/test_padded.py": {C.OBJECT_TOO_LARGE},
    "tests/cli/test_attest_cli.py": {C.ATTESTATION_MISSING, C.ATTESTATION_INVALID},
    "tests/adapters/test_s3_chain.py": {C.CLIENT_CONFIG_INVALID},
    "tests/adversary/test_bounds.py": {
        C.DOCUMENT_TOO_LARGE, C.DOCUMENT_TOO_DEEP, C.DOCUMENT_TOO_MANY, C.NAME_TOO_LONG, C.PATH_TOO_DEEP,
        C.PATTERN_TOO_LONG,
    },
    "tests/flows/test_pack_contracts.py": {C.INSTANCE_RECEIPT_SCHEMA_INVALID},
    "runs of earlier releases": {C.INSTANCE_DIGEST_MISSING},
    "tests/cli/test_worker_faults.py": {C.ENGINE_ABANDONED_REPEATEDLY, C.ENGINE_ROOT_UNFIT},
    "tests/flows/test_attempts.py": {C.ENGINE_STILL_RUNNING, C.ENGINE_CANCELLED, C.ATTEMPT_LIMIT_EXCEEDED},
    "tests/flows/test_engine.py": {
        C.ENGINE_COMMAND_MISSING, C.ENGINE_COMMAND_UNUSABLE, C.ENGINE_COMMAND_TEMPLATE_UNRESOLVED,
    },
}  # fmt: skip
"""Needs an extra, takes long, has a file of its own, an earlier release, or ends no run."""


def test_every_code_is_met_at_the_command_line() -> None:
    met = [*ROWS, *AWAY, *BUS, *(code for codes in ELSEWHERE.values() for code in codes)]
    assert sorted(met) == sorted(C)


def test_plugins_lists_what_there_is_though_two_conflict(stage: Stage) -> None:
    for name in ("acme-one", "acme-two"):
        stage.site.install(name, _plugin("pigeon"))
    told = stage.sr("plugins")
    assert (told.code, told.error) == (2, "PLUGIN_CONFLICT")
    assert told.out.count("gives this name too") == 2
    assert "sha256_bundle_digest" in told.out
    document = stage.sr("--json", "plugins").json
    assert document["conflicts"] == ["two plugins give the control_bus 'pigeon': acme-one and acme-two"]


def test_plugins_shows_what_the_profile_leaves_out(stage: Stage) -> None:
    stage.site.install("acme-store", _plugin("tape"))
    (stage.sr.folder / "profile.yaml").write_text('plugins: {allow: ["scenario-runner"]}')
    rows = stage.sr("--json", "plugins").json["plugins"]
    (row,) = [one for one in rows if one["distribution"] == "acme-store"]
    assert (row["loaded"], row["why"]) == (False, "plugins.allow leaves it out")
    assert all(one["loaded"] for one in rows if one["distribution"] == "scenario-runner" and one["port"] == "law")
