"""The law over parts: what it covers, and that gate and outputs come from one read over all cores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sr_adapters.memory import MemoryEngineRoot, MemoryEngineRoots
from sr_adapters.sealing import FilePart
from sr_adapters.sealing import part_list as sealed_list
from sr_domain.evidence.digests import FileDigest, part_list
from sr_domain.evidence.gates import GateMissing, GatePassed, GateVerdict, verify_gate
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_domain.record.states import RunState
from sr_plugins.laws import PartList
from sr_ports import ReasonCode, VerificationMethod
from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.laws import IndexEntry
from tests.kit import Lab, request
from tests.worlds import flag, pack, sha

DATA = {"data/b.bin": b"bb", "data/a.bin": b"a", "data/sub/c.bin": b"ccc"}
KIND = "sha256_part_list"


def listed(files: Mapping[str, bytes]) -> bytes:
    return part_list(FileDigest(path, len(data), sha(data)) for path, data in sorted(files.items()))


def sealed(files: Mapping[str, bytes], **more: bytes) -> dict[str, bytes]:
    """The files with an index and a flag over all of them, as `sr seal` writes both."""
    return {**files, "seal/index.json": listed(files), "seal/_passed.flag": flag(sha(listed(files))), **more}


def judge(files: Mapping[str, bytes], *, index: bool = True, pool: Any = None, **method: Any) -> GateVerdict:
    how = VerificationMethod(KIND, **{"path_base": "run_root", **method})
    root = "seal" if index else "data"
    gate = SealedGate(
        "g", "seal/_passed.flag" if index else "data/ok.flag", root, how, "seal/index.json" if index else None
    )
    law, world = ProvidedLaw(PartList(), "scenario-runner", "1"), MemoryEngineRoot(dict(files))
    return verify_gate(world, gate, law, enforce_members=False, guard=lambda _read: None, pool=pool)


def test_what_the_index_lists_is_covered_and_nothing_else() -> None:
    world = sealed(DATA)
    assert isinstance(judge(world), GatePassed)
    assert isinstance(judge({**world, "data/unlisted": b"x"}), GatePassed)
    verdict = judge({**world, "data/a.bin": b"A"})
    assert isinstance(verdict, Conflict)
    assert (verdict.code, verdict.path) == (ReasonCode.GATE_DIGEST_MISMATCH, "data/a.bin")
    assert verdict.expected == sha(listed(DATA))
    assert verdict.actual == sha(listed({**DATA, "data/a.bin": b"A"}))


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda paths: [f"./{one}" for one in reversed(paths)],
        lambda paths: [*paths, paths[0]],
        lambda paths: {"files": [{"path": one, "size": 99, "sha256": "0" * 64} for one in paths]},
    ],
    ids=["other spelling and order", "one twice", "false claims"],
)
def test_how_the_index_says_it_is_no_matter(rewritten: Callable[[list[str]], Any]) -> None:
    world = {**sealed(DATA), "seal/index.json": json.dumps(rewritten(sorted(DATA))).encode()}
    assert isinstance(judge(world), GatePassed)
    assert isinstance(judge({**world, "data/b.bin": b"xx"}), Conflict)


def test_a_listed_file_that_is_not_there_may_be_on_its_way() -> None:
    world = sealed(DATA)
    del world["data/b.bin"]
    verdict = judge(world)
    assert isinstance(verdict, GateMissing)
    assert verdict.path == "data/b.bin"


@pytest.mark.parametrize(("base", "cut"), [("run_root", ""), ("bundle_root", "data/")])
def test_without_an_index_all_files_are_covered_but_the_flag_and_excluded_names(base: str, cut: str) -> None:
    stated = flag(sha(listed({path.removeprefix(cut): data for path, data in DATA.items()})))
    world = {**DATA, "data/ok.flag": stated, "other/x": b"elsewhere", "data/sub/_SUCCESS": b""}
    how: dict[str, Any] = {"index": False, "path_base": base, "exclude_filenames": ("_SUCCESS",)}
    assert isinstance(judge(world, **how), GatePassed)
    assert isinstance(judge({**world, "data/new": b""}, **how), Conflict)
    assert isinstance(judge({path: data for path, data in world.items() if path != "data/a.bin"}, **how), Conflict)
    assert isinstance(judge({"data/ok.flag": stated}, **how), GateMissing)


def test_a_view_alone_gives_the_same_digest() -> None:
    entries = tuple(IndexEntry(path) for path in ("data/sub/c.bin", "data/a.bin", "data/b.bin"))
    bundle = MemoryBundle({}, entries, VerificationMethod(KIND, path_base="run_root"), elsewhere=DATA)
    assert PartList().digest(bundle) == sha(listed(DATA))


def test_the_sealing_library_writes_the_very_list() -> None:
    odd = {**DATA, 'q"\\é\U0001f600.bin': b"", "data/ü\u2028": b"x"}
    assert sealed_list([FilePart(path, len(data), sha(data)) for path, data in odd.items()]) == listed(odd)


class Counting(MemoryEngineRoot):
    """Counts how often each file is read."""

    reads: ClassVar[Counter[str]] = Counter()

    def _chunks(self, path: str, fact: Any) -> Any:
        self.reads[path] += 1
        return super()._chunks(path, fact)


class Pool:
    """Remembers how many things it was given at once."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        given = list(items)
        self.given.append(len(given))
        return [work(one) for one in given]


def test_every_file_is_read_once_for_gate_and_outputs_and_all_of_them_are_given_to_the_pool(tmp_path: Path) -> None:
    lab, pool = Lab.memory(tmp_path), Pool()
    root = Counting(sealed(DATA), "memory:own")
    root.reads.clear()
    gate = GateSpec("gate.x", "seal/_passed.flag", "seal/", VerificationMethod(KIND, path_base="run_root"),
                    "seal/index.json", "fingerprint", ("out",))  # fmt: skip
    runner = lab.runner(
        roots=MemoryEngineRoots({"memory:own": root}), packed=pack((OutputSpec("out", "data/"),), (gate,)), pool=pool
    )
    outcome = runner.submit(request(engine_run_root="memory:own", output_ids=["out"]))
    assert outcome.state is RunState.READY
    assert {path: root.reads[path] for path in DATA} == dict.fromkeys(DATA, 1)
    assert len(DATA) in pool.given
    view = lab.document("run_facts_view", outcome.run_id)
    assert view["locators"][0]["content_digest"]["hex"] == sha(
        listed({path.removeprefix("data/"): data for path, data in DATA.items()})
    )
    root.reads.clear()
    assert runner.verify(outcome.run_id).ok
    assert {path: root.reads[path] for path in DATA} == dict.fromkeys(DATA, 1), "verify reads as evidence does"


def test_what_verify_reads_once_it_holds_against_gate_and_output(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    gate = GateSpec("gate.x", "seal/_passed.flag", "seal/", VerificationMethod(KIND, path_base="run_root"),
                    "seal/index.json", "fingerprint", ("out",))  # fmt: skip
    files = sealed(DATA)
    roots = MemoryEngineRoots({"memory:own": MemoryEngineRoot(files, "memory:own")})
    runner = lab.runner(roots=roots, packed=pack((OutputSpec("out", "data/"),), (gate,)))
    run_id = runner.submit(request(engine_run_root="memory:own", output_ids=["out"])).run_id
    other = MemoryEngineRoot({**files, "data/a.bin": b"A"}, "memory:own")
    rotten = lab.runner(
        roots=MemoryEngineRoots({"memory:own": other}), packed=pack((OutputSpec("out", "data/"),), (gate,))
    )
    done = rotten.verify(run_id)
    assert [one.where for one in done.findings] == ["gate.x", "out"]
    assert all("ROTTED" in one.what and "data/a.bin" in one.what for one in done.findings)
