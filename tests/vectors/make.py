"""Writes `contracts/vectors/*.json`, for implementers in other languages: ``python -m tests.vectors.make``.

Each expected value is what Scenario Runner gives; `tests/vectors/test_vectors.py` computes it once more from the
spec, in plain Python.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.memory import MemoryEngineRoot, MemoryEngineRoots
from sr_adapters.runtime.timezones import known_timezone
from sr_domain.artifacts.revisions import today
from sr_domain.encoding import ids
from sr_domain.encoding.canonical import canonical_json, digest_of, sha256_hex
from sr_domain.evidence.digests import FileDigest, part_list
from sr_domain.plan.compile import compile_plan
from sr_domain.plan.request import parse_request
from sr_domain.plan.sealed import SealedPlan
from sr_domain.record.states import RunState
from sr_plugins.documents.policy import load_policy
from sr_plugins.laws import BUILTIN_LAWS
from sr_ports import BundleFile, IndexEntry, Part, PartsLaw, VerificationMethod
from tests.kit import LAWS, PLATFORM, POLICY, Lab, request
from tests.vectors.bundles import BUNDLES, Sample
from tests.vectors.manifests import MANIFESTS
from tests.worlds import pack, small_world

FOLDER = Path(__file__).resolve().parents[2] / "contracts" / "vectors"
Case = dict[str, Any]
RUN, OTHER = ids.run_id_for("sales-2026-01"), ids.run_id_for("sales-2026-02")
H1, H2 = "1" * 64, "2" * 64


def file(description: str, source: str, cases: list[Case]) -> Case:
    """A vector file. `source`: the section of the spec."""
    return {"description": description, "source": source, "cases": cases}


def vectors() -> dict[str, Case]:
    """Every vector file by name."""
    return {
        "ids": file(
            "Identity formulas: `formula` says what is hashed, `input` what it is made from.",
            "behaviour, Identity",
            list(_ids()),
        ),
        "canonical_json": file(
            "Canonical JSON (RFC 8785); integers beyond 2^53 - 1 are written as decimal strings (RFC 7493, 2.2).",
            "behaviour, Identity",
            [_canonical(one) for one in DOCUMENTS],
        ),
        "intent": file(
            "The canonical intent of a request, and its fingerprint: sha256 of the canonical JSON of the intent.",
            "behaviour, Identity: intent_fingerprint",
            list(_intents()),
        ),
        "plan_hash": file(
            "The plan hash: sha256 of the canonical JSON of `hashed`.",
            "behaviour, Identity: plan_hash",
            list(_plans()),
        ),
        "part_list": file(
            "The content digest of an output: of one file the sha256 of its bytes; of several the sha256 of the part "
            "list, canonical JSON of {path, size, sha256} by path, which is stored as part_lists/<digest>.json.",
            "behaviour, Evidence: content digest",
            list(_part_lists()),
        ),
        "laws": file(
            "Gate verification: `files` below the engine root, as text or base64, and the digest that the passed flag "
            "must state.",
            "behaviour, Evidence: table of laws",
            [_law(one) for one in BUNDLES],
        ),
        "manifest_laws": file(
            "Gate verification where the flag lists the files: `files` below the engine root, and the digest that flag "
            "and bytes give, sha256 of the lines `<digest>  <path>` by path.",
            "behaviour, Evidence: table of laws",
            [one.case(_shown(one.files)) for one in MANIFESTS],
        ),
        "bundle_hash": file(
            "The bundle hash of a facts view: sha256 of the canonical JSON of locators, gate_receipts, "
            "instance_receipts and policy_rev, each list sorted, each path relative to engine_run_root.",
            "behaviour, Identity: bundle_hash (revision 2)",
            list(_bundle_hashes()),
        ),
        "record": file(
            "A run record. Each line's prev_hash is the sha256 of the line before, without its newline (64 zeros for "
            "the first); its event_id is the sha256 of its own line with an empty event_id.",
            "behaviour, The record",
            list(_records()),
        ),
    }


def _ids() -> Iterator[Case]:
    def case(formula: str, expected: str, **given: Any) -> Case:
        return {"formula": formula, "input": given, "expected": expected}

    for key in ("sales-2026-01", "Vertr\u00e4ge"):
        yield case("run_id", ids.run_id_for(key), run_equivalence_key=key)
    for number in (1, 12):
        yield case("attempt_id", ids.attempt_id_for(RUN, number), run_id=RUN, attempt_no=number)
    for names in (["baseline", "stress"], ["stress", "baseline", "stress"], ["one"]):
        yield case("scenario_id", ids.scenario_id_for(names), scenario_set=names)
    given = {"platform_run_id": PLATFORM, "scenario_run_id": RUN, "bundle_hash": H1}
    yield case("ready_message_id", ids.ready_message_id(*given.values()), **given)
    status = {
        "run_id": RUN,
        "state": "FAILED",
        "updated_at_utc": "2026-01-31T13:42:00Z",
        "record_ref": f"fraud-platform/{PLATFORM}/sr/run_record/{RUN}.jsonl",
        "reason_code": "EVIDENCE_MISSING_DEADLINE",
    }
    told = ids.terminal_reemit_key(RUN, "FAILED", digest_of(status))
    yield case("terminal_reemit_key", told, run_id=RUN, state="FAILED", status=status)
    yield case("superseded_message_id", ids.superseded_message_id(RUN, OTHER), run_id=RUN, superseded_by=OTHER)


DOCUMENTS: list[Any] = [
    {"b": 1, "a": [True, None, "x"], "": {}},
    {"\u20ac": "euro", "\r": "return", "\ufb33": "dalet", "1": "one", "\U0001f600": "smile", "\u0080": "control"},
    {"text": 'quote " backslash \\ newline \n tab \t bell \u0007 \u00fc \u2028 \U0001f600'},
    {"seed": 9007199254740991, "large": 18446744073709551615, "negative": -1, "zero": 0},
    {"half": 0.5, "two": 2.0, "tiny": 1e-07, "huge": 1e21},
]


def _canonical(document: Any) -> Case:
    data = canonical_json(document)
    return {"document": document, "canonical": data.decode(), "sha256": sha256_hex(data)}


def _requests() -> Iterator[tuple[str, Case]]:
    yield "as it is", request()
    window = {
        "window_start_utc": "2026-01-01T01:00:00+01:00",
        "window_end_utc": "2026-01-02T00:00:00+00:00",
        "window_tz": "Europe/London",
    }
    yield "the same instants, in other words", request(window=window)
    yield "outputs in another order, and twice", request(output_ids=["events", "world", "daily", "world"])
    told = {"request_id": "r", "notes": "n", "invoker": "i", "requested_strategy": "AUTO", "engine_run_root": "/x"}
    yield "how and by whom is no part of it", request("another key", **told)
    yield "no outputs asked for", request(output_ids=None)
    yield "a scenario set", request(scenario={"scenario_set": ["stress", "baseline"]})
    yield "a seed beyond 2^53", request(seed=18446744073709551615)
    yield "a correction", request(supersedes=RUN)


def _intents() -> Iterator[Case]:
    for note, document in _requests():
        parsed = parse_request(document, known_timezone)
        intent = canonical_json(parsed.intent()).decode()
        yield {
            "note": note,
            "request": document,
            "canonical_intent": intent,
            "intent_fingerprint": parsed.fingerprint,
        }


def _plans() -> Iterator[Case]:
    policy = load_policy(dict(POLICY))
    for outputs in (["world", "events", "daily"], ["world"]):
        parsed = parse_request(request(output_ids=outputs), known_timezone)
        plan = compile_plan(parsed, policy, pack(), LAWS)
        assert isinstance(plan, SealedPlan)
        hashed = {
            "intent_fingerprint": parsed.fingerprint,
            "policy_rev": attrs.asdict(plan.policy_rev),
            "pack_digest": plan.pack_digest,
            "intended_outputs": plan.intended_outputs,
            "required_gates": plan.required_gates,
            "attempt_limit": plan.attempt_limit,
        }
        yield {"hashed": hashed, "plan_hash": plan.plan_hash}


def _part_lists() -> Iterator[Case]:
    samples: list[dict[str, bytes]] = [
        {"orders.csv": b"1,2\n"},
        {"part-1.bin": b"bcd", "part-0.bin": b"a"},
        {"part-0.bin": b"ab", "part-1.bin": b"cd"},
        {"Z.bin": b"", "day=2/a.bin": b"x", "day=1/b.bin": b"y", "\u00fc.bin": b"\xff\x00"},
    ]
    for files in samples:
        case: Case = {"files": _shown(files)}
        if len(files) == 1:
            (data,) = files.values()
            yield {**case, "content_digest": sha256_hex(data)}
            continue
        parts = part_list(FileDigest(path, len(data), sha256_hex(data)) for path, data in sorted(files.items()))
        yield {**case, "part_list": parts.decode(), "content_digest": sha256_hex(parts)}


def _shown(files: Mapping[str, bytes]) -> dict[str, Case]:
    """Files as JSON can hold them."""

    def one(data: bytes) -> Case:
        try:
            return {"text": data.decode()}
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(data).decode()}

    return {path: one(data) for path, data in files.items()}


@attrs.frozen
class _View:
    """A bundle in memory, as a law sees it."""

    sample: Sample
    method: VerificationMethod

    def files(self) -> list[Any]:
        return [one for one in self._facts() if one.path.rpartition("/")[2] not in self.method.exclude_filenames]

    def _facts(self) -> list[Any]:
        root = self.sample.bundle_root
        paths = sorted(path.removeprefix(root) for path in self.sample.files if path.startswith(root))
        return [BundleFile(path, len(self.sample.files[root + path])) for path in paths]

    def index(self) -> list[IndexEntry]:
        return [IndexEntry(path, claim) for path, claim in self.sample.members]

    def stream(self, path: str, *, base: str = "bundle_root") -> Any:
        return iter([self.sample.files[(self.sample.bundle_root if base == "bundle_root" else "") + path]])

    def sha256(self, paths: Any, *, base: str = "bundle_root") -> str:
        root = self.sample.bundle_root if base == "bundle_root" else ""
        return sha256_hex(b"".join(self.sample.files[root + path] for path in paths))

    def parts(self) -> list[Part]:
        run_root = self.method.path_base == "run_root"
        root = self.sample.bundle_root
        below = "" if run_root else root
        named = [root + one.path for one in self.files()]
        if self.sample.index is not None:
            named = [below + path for path, _ in self.sample.members]
        return [
            Part(path.removeprefix(below), len(self.sample.files[path]), sha256_hex(self.sample.files[path]))
            for path in sorted(named)
        ]


def _law(sample: Sample) -> Case:
    method = VerificationMethod(**sample.method)
    law = next(one for one in BUILTIN_LAWS if one.kind == method.kind)
    view: Any = _View(sample, method)
    shown = {name: list(value) if isinstance(value, tuple) else value for name, value in sample.method.items()}
    return {
        "note": sample.note,
        "verification_method": shown,
        "bundle_root": sample.bundle_root,
        "index_path": sample.index_path,
        "files": _shown(sample.files),
        "expected": law.digest_parts(view.parts()) if isinstance(law, PartsLaw) else law.digest(view),
    }


def _bundle_hashes() -> Iterator[Case]:
    for root in ("memory:world", "memory:elsewhere"):
        with tempfile.TemporaryDirectory() as folder:
            lab = Lab.memory(Path(folder))
            roots = MemoryEngineRoots({root: MemoryEngineRoot(small_world(), root)})
            outcome = lab.runner(roots=roots).submit(request(engine_run_root=root))
            assert outcome.state is RunState.READY, outcome
            view = lab.document("run_facts_view", outcome.run_id)
        names = ("locators", "gate_receipts", "instance_receipts", "policy_rev", "oracle_pack_ref")
        yield {"engine_run_root": root, **{name: view[name] for name in names if name in view}} | {
            "expected": view["bundle_hash"]
        }
    for root in ("s3://bucket/engine", "/srv/engine/"):
        made = _view_below(root)
        yield {"engine_run_root": root, **made, "expected": today().bundle_hash(made)}


def _view_below(root: str) -> Case:
    """A view by hand: an output that is the whole root, one over two days, a gate that is judged once a day."""
    base, world = root.rstrip("/"), {"manifest_fingerprint": "a" * 64}

    def digest(digit: str) -> Case:
        return {"algo": "sha256", "hex": digit * 64}

    def locator(output_id: str, path: str, digit: str) -> Case:
        return {"output_id": output_id, "path": f"{base}/{path}", **world, "content_digest": digest(digit)}

    def receipt(gate_id: str, folder: str, digit: str) -> Case:
        artifacts = {
            "validation_bundle_root": f"{base}/{folder}",
            "passed_flag_path": f"{base}/{folder}_passed.flag",
        }
        told = {"gate_id": gate_id, "status": "PASS", "scope": world, "receipt_kind": "passed_flag"}
        return {**told, "digest": digest(digit), "artifacts": artifacts}

    days = [f"sales/utc_day=2026-01-0{day}/" for day in (2, 1)]  # to be sorted by path
    return {
        "locators": [locator("whole", "", "1"), *(locator("sales", f"{day}part-*.csv", "2") for day in days)],
        "gate_receipts": [receipt("gate.sales", day, "3") for day in days] + [receipt("gate.all", "", "4")],
        "policy_rev": {"policy_id": "lab", "revision": "1", "content_digest": "5" * 64},
        "oracle_pack_ref": {"engine_run_root": root},
    }


def _records() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab.memory(Path(folder))
        run_id = lab.runner().submit(request(output_ids=["no_such_output"])).run_id
        lines = lab.ledger(run_id).data.decode().splitlines()
    yield {"note": "as it was written", "run_id": run_id, "lines": lines, "sound": True}
    edited = [*lines[:-1], lines[-1].replace("no_such_output", "no_such_outpux", 1)]
    assert edited != lines
    yield {"note": "the last line edited", "run_id": run_id, "lines": edited, "sound": False}
    first = [lines[0].replace('"seed":7', '"seed":8', 1), *lines[1:]]
    assert first != lines
    yield {"note": "the first line edited", "run_id": run_id, "lines": first, "sound": False}
    yield {"note": "a line removed", "run_id": run_id, "lines": lines[1:], "sound": False}
    yield {"note": "two lines exchanged", "run_id": run_id, "lines": [lines[1], lines[0], *lines[2:]], "sound": False}


def text_of(content: Case) -> str:
    """A vector file as it should lie in the repository."""
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in vectors().items():
        (FOLDER / f"{name}.json").write_text(text_of(content), "utf-8")
    sys.stdout.write(f"written: {FOLDER}\n")
