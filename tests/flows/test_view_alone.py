"""A facts view and its part lists are enough to prove outputs; what stands in their way is told, not followed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs
import pytest

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime.clock import ManualClock
from sr_adapters.runtime.pool import SerialPool
from sr_domain.artifacts.revisions import today
from sr_domain.evidence.digests import FileDigest, part_list
from sr_domain.queries.verify import Verification, Verifier, verify
from tests.kit import BASE, LAWS, PLATFORM, START
from tests.worlds import MF, PH, sha

RUN = "c" * 32
ROOT = "memory:world"
PINS = {"manifest_fingerprint": MF, "parameter_hash": PH, "seed": 7, "scenario_id": "baseline", "run_id": RUN}
FOLDER = {"data/events/part-0.bin": b"events 0", "data/events/part-1.bin": b"events 1"}
GLOB = {"data/daily/a.bin": b"a", "data/daily/b.bin": b"b"}
FILES = {"data/world.bin": b"the world", **FOLDER, **GLOB, "data/daily/notes.txt": b"beside"}
DAYS = {f"data/days/utc_day=2026-01-0{day}/part-{n}.bin": b"%d %d" % (day, n) for day in (1, 2) for n in (0, 1)}


def listed(files: dict[str, bytes], base: str) -> bytes:
    """The part list of these files."""
    cut = len(base)
    return part_list(FileDigest(path[cut:], len(data), sha(data)) for path, data in sorted(files.items()))


def locator(output_id: str, path: str, digest: str) -> dict[str, Any]:
    node = {"algo": "sha256", "hex": digest}
    return {"output_id": output_id, "path": f"{ROOT}/{path}", "manifest_fingerprint": MF, "content_digest": node}


@attrs.define
class World:
    """An engine root, a store with nothing of the run but its part lists, and a view, made by hand."""

    files: dict[str, bytes] = attrs.field(factory=lambda: {**FILES, **DAYS})
    store: MemoryObjectStore = attrs.field(factory=MemoryObjectStore)
    locators: list[dict[str, Any]] = attrs.field(factory=list)
    root: str = ROOT
    told: list[str] = attrs.field(factory=list)

    def keep(self, output_id: str, path: str, parts: bytes) -> str:
        """A locator with a stored part list; the list's key."""
        key = f"{BASE}/part_lists/{sha(parts)}.json"
        self.store.create(key, parts)
        self.locators.append(locator(output_id, path, sha(parts)))
        return key

    def facts(self, **changes: Any) -> dict[str, Any]:
        """The view, its bundle hash made anew."""
        rev = {"policy_id": "lab", "revision": "1", "content_digest": "d" * 64}
        names = {"run_id": RUN, "platform_run_id": PLATFORM, "scenario_run_id": RUN}
        view = {
            **names,
            "pins": {**PINS, **names},
            "locators": self.locators,
            "gate_receipts": [],
            "policy_rev": rev,
            "plan_ref": f"{BASE}/run_plan/{RUN}.json",
            "record_ref": f"{BASE}/run_record/{RUN}.jsonl",
            "status_ref": f"{BASE}/run_status/{RUN}.json",
            "oracle_pack_ref": {"engine_run_root": ROOT},
            **changes,
        }
        return {**view, "bundle_hash": today().bundle_hash(view)}

    def verify(self, facts: dict[str, Any] | None = None, **how: Any) -> Verification:
        facts = facts or self.facts()
        roots = MemoryEngineRoots({self.root: MemoryEngineRoot(self.files, self.root)})
        verifier = Verifier(self.store, roots, LAWS, SerialPool(), ManualClock(START), self.told.append)
        asked = {"engine_run_root": None, "fast": False, **how}
        return verify(verifier, json.dumps(facts).encode(), facts, **asked)

    def of_bytes(self, **how: Any) -> list[tuple[str, str, str]]:
        """What is wrong with the bytes; that record, plan, signal and status are gone is told besides."""
        done = self.verify(**how)
        gone = [f"{BASE}/{name}" for name in ("run_record", "run_plan", "ready_signal", "run_status")]
        beside = [one for one in done.findings if one.where.rpartition("/")[0] in gone]
        assert [one.code for one in beside] == ["TRUTH_MISSING"] * 4
        return [(one.code.value, one.where, one.what) for one in done.findings if one not in beside]


@pytest.fixture
def world() -> World:
    made = World()
    made.locators.append(locator("world", "data/world.bin", sha(b"the world")))
    made.keep("events", "data/events/", listed(FOLDER, "data/events/"))
    made.keep("daily", "data/daily/*.bin", listed(GLOB, "data/daily/"))
    for day in ("utc_day=2026-01-01", "utc_day=2026-01-02"):
        files = {path: data for path, data in DAYS.items() if day in path}
        made.keep("days", f"data/days/{day}/", listed(files, f"data/days/{day}/"))
    return made


def test_outputs_are_proven_from_view_and_lists_alone(world: World) -> None:
    assert world.of_bytes() == []
    done = world.verify()
    assert (done.proven_outputs, done.proven_gates, done.engine_run_root) == (5, 0, ROOT)
    assert "the record is not there; without it no gate could be judged" in [one.what for one in done.findings]
    assert [line for line in world.told if "events" in line] == ["output events: the same bytes as were proven"] * 2


def test_another_root_is_read_as_prefix_of_every_path(world: World) -> None:
    world.root = "memory:elsewhere"
    assert len(world.of_bytes()) == 5, "nothing is left where it was proven"
    assert world.of_bytes(engine_run_root="memory:elsewhere") == []
    assert world.verify(engine_run_root="memory:elsewhere").engine_run_root == "memory:elsewhere"


@pytest.mark.parametrize(
    ("path", "output"),
    [("data/world.bin", "world"), ("data/events/part-1.bin", "events"), ("data/daily/a.bin", "daily"),
     ("data/days/utc_day=2026-01-02/part-0.bin", "days")],
)  # fmt: skip
@pytest.mark.parametrize("after", [b"?", b"another size altogether"])
def test_other_bytes_have_rotted(world: World, path: str, output: str, after: bytes) -> None:
    before = world.files[path]
    world.files[path] = after[:1] + before[1:] if len(after) == 1 else after
    ((code, where, what),) = world.of_bytes()
    assert (code, where) == ("TRUTH_ALTERED", output)
    assert what.startswith(f"ROTTED: {path}: ")
    assert world.verify().proven_outputs == 4


def test_a_part_that_is_gone_has_moved_and_a_neighbour_was_added(world: World) -> None:
    world.files["data/events/part-9.bin"] = world.files.pop("data/events/part-1.bin")
    assert world.of_bytes() == [
        ("TRUTH_ALTERED", "events", "MOVED: data/events/part-1.bin is gone"),
        ("TRUTH_ALTERED", "events", "ADDED: data/events/part-9.bin was not proven"),
    ]


def test_what_the_locator_does_not_take_is_nobodys_business(world: World) -> None:
    world.files |= {"data/daily/more.txt": b"", "data/world.bin.bak": b"", "data/days/other": b""}
    assert world.of_bytes() == []


def test_many_of_a_kind_are_one_finding(world: World) -> None:
    world.files |= {f"data/daily/z{n}.bin": b"" for n in range(5)}
    ((_, _, what),) = world.of_bytes()
    assert what == "ADDED: data/daily/z0.bin was not proven; and 4 more"


@pytest.mark.parametrize("output", ["world", "events", "daily"])
def test_a_file_in_the_place_of_a_list_and_a_folder_in_that_of_a_file_have_moved(world: World, output: str) -> None:
    place = {"world": "data/world.bin", "events": "data/events", "daily": "data/daily"}[output]
    world.files = {path: data for path, data in world.files.items() if not path.startswith(place)}
    world.files["data/world.bin/part-0" if output == "world" else place] = b"the world"
    ((code, where, what),) = world.of_bytes()
    assert (code, where) == ("TRUTH_MISSING", output)
    assert what.startswith("MOVED: ")


def test_a_missing_list_is_missing_truth_and_its_output_not_judged(world: World) -> None:
    key = f"{BASE}/part_lists/{world.locators[1]['content_digest']['hex']}.json"
    world.store.delete(key)
    assert world.of_bytes() == [("TRUTH_MISSING", key, "the part list of output events is not there")]
    done = world.verify()
    assert (done.proven_outputs, done.not_judged) == (4, ("events",))
    assert done.document()["not_judged"] == ["events"]
    assert world.of_bytes(fast=True) == [("TRUTH_MISSING", key, "the part list of output events is not there")]


def test_another_list_under_its_name_is_altered_truth(world: World) -> None:
    key = f"{BASE}/part_lists/{world.locators[1]['content_digest']['hex']}.json"
    world.store.delete(key)
    world.store.create(key, listed(GLOB, "data/daily/"))
    ((code, where, _),) = world.of_bytes()
    assert (code, where) == ("TRUTH_ALTERED", key)
    assert world.verify().not_judged == ("events",)


TRICKS = ["../world.bin", "/data/world.bin", "a/../../world.bin", "..\\world.bin", "./part-0.bin", "", "a//b", "a\x00b"]


@pytest.mark.parametrize("trick", TRICKS)
def test_a_planted_list_that_leads_out_of_its_folder_is_a_fault_and_not_followed(world: World, trick: str) -> None:
    read: list[str] = []

    class Watched(MemoryEngineRoot):
        def stream(self, path: str, *more: Any, **how: Any) -> Any:
            read.append(path)
            return super().stream(path, *more, **how)

    planted = part_list([FileDigest(trick, len(b"the world"), sha(b"the world"))])
    world.locators.clear()
    key = world.keep("events", "data/events/", planted)
    roots = MemoryEngineRoots({ROOT: Watched(world.files, ROOT)})
    verifier = Verifier(world.store, roots, LAWS, SerialPool(), ManualClock(START))
    facts = world.facts()
    done = verify(verifier, json.dumps(facts).encode(), facts, engine_run_root=None, fast=False)
    told = [one.code for one in done.findings if one.where == key]
    assert told, done
    assert set(told) <= {"PATH_ESCAPES", "NOT_A_FILE", "TRUTH_ALTERED"}
    assert read == []
    assert done.not_judged == ("events",)


@pytest.mark.parametrize(
    "spelt",
    [b"[]", b"", b"{}", b"[1]", b"[" * 5000, b'[{"path":"a","sha256":"0","size":1.5}]', b"\xff\xfe", b'["a"]',
     b'[{"path":"a","sha256":"0","size":-1}]',
     b'[{"path":"b","sha256":"0","size":1},{"path":"a","sha256":"0","size":1}]',
     b'[{"path":"a", "sha256":"0","size":1}]', b'[{"path":"a","sha256":"0","size":1}] ',
     b'[{"path":"a","sha256":"0","size":1},]', b'[{"path":"a","sha256":"0","size":1,"more":1}]'],
)  # fmt: skip
def test_what_is_no_list_is_told_as_that(world: World, spelt: bytes) -> None:
    world.locators.clear()
    key = world.keep("events", "data/events/", spelt)
    told = world.of_bytes()
    assert ("TRUTH_ALTERED", key) in [(code, where) for code, where, _ in told]
    assert world.verify().not_judged == ("events",)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "memory:worldly/data/world.bin", "data/world.bin", f"{ROOT}/../data/world.bin",
             f"{ROOT}//data/world.bin", f"{ROOT}/data\\world.bin", "s3://bucket/data/world.bin"],
)  # fmt: skip
def test_a_path_that_is_not_below_the_root_is_a_fault(world: World, path: str) -> None:
    world.locators[0]["path"] = path
    ((code, where, _),) = world.of_bytes()
    assert code in ("TRUTH_ALTERED", "PATH_ESCAPES", "NOT_A_FILE")
    assert where == "world"
    assert world.verify().not_judged == ("world",)


def test_a_locator_without_a_digest_is_a_fault(world: World) -> None:
    del world.locators[0]["content_digest"]
    ((code, where, _),) = world.of_bytes()
    assert (code, where) == ("TRUTH_ALTERED", "world")


def test_a_list_names_what_its_glob_takes(world: World) -> None:
    files = {**GLOB, "data/daily/notes.txt": b"beside"}
    world.locators.clear()
    key = world.keep("daily", "data/daily/*.bin", listed(files, "data/daily/"))
    assert [(code, where) for code, where, _ in world.of_bytes()] == [("TRUTH_ALTERED", key)]


def test_a_list_of_one_is_a_list(world: World) -> None:
    world.files["data/odd/what?.bin"] = b"odd"
    world.keep("odd", "data/odd/", listed({"data/odd/what?.bin": b"odd"}, "data/odd/"))
    assert world.of_bytes() == []
    world.files["data/odd/more"] = b""
    assert [what for _, _, what in world.of_bytes()] == ["ADDED: data/odd/more was not proven"]


def test_it_answers_for_the_run_that_was_asked(world: World) -> None:
    own = f"{BASE}/run_facts_view/{RUN}.json"
    others = (own.replace("c" * 32, "d" * 32), own.replace(PLATFORM, "platform_20260201T000000Z"))
    assert len(world.verify(asked=own).findings) == 4, "what is gone, and nothing else"
    assert len(world.verify(asked=None).findings) == 4, "a copy answers for what it says"
    for asked in others:
        done = world.verify(asked=asked)
        (finding,) = done.findings
        assert (finding.code, finding.where) == ("TRUTH_ALTERED", asked)
        assert own in finding.what
        assert done.proven_outputs == 0
        assert done.run_id == asked.rpartition("/")[2].removesuffix(".json")


def test_a_root_that_is_no_place_is_a_fault_of_the_view(world: World) -> None:
    astray = [{**one, "path": one["path"].replace(ROOT, "world")} for one in world.locators]
    facts = world.facts(oracle_pack_ref={"engine_run_root": "world"}, locators=astray)
    facts["locators"][0]["path"] = "/data/world.bin"
    told = [one.what for one in world.verify(facts).findings]
    assert any("neither an absolute path nor a URI" in what for what in told)


@pytest.mark.parametrize("receipt", ["../../etc/passwd", "elsewhere/receipt.json", ""])
def test_a_receipt_that_is_no_place_of_its_platform_run_is_not_read(world: World, receipt: str) -> None:
    named = {"artifacts": {"receipt_path": receipt}} if receipt else {}
    planted = {
        "output_id": "world", "status": "PASS", "scope": {"manifest_fingerprint": MF, "seed": 7},
        "target_ref": world.locators[0], "target_digest": world.locators[0]["content_digest"],
        "receipt_kind": "instance_proof", **named,
    }  # fmt: skip
    told = [
        one.what
        for one in world.verify(world.facts(instance_receipts=[planted])).findings
        if one.code == "TRUTH_ALTERED"
    ]
    assert told == ["the receipt of world is at no place of its platform run"]


def test_ten_thousand_parts(world: World) -> None:
    parts = {f"data/many/{n:05}.bin": b"%d" % n for n in range(10_000)}
    world.files |= parts
    world.keep("many", "data/many/", listed(parts, "data/many/"))
    assert world.of_bytes() == []
    world.files["data/many/00007.bin"] = b"rot"
    ((_, where, what),) = world.of_bytes()
    assert (where, what) == (
        "many",
        f"ROTTED: data/many/00007.bin: proven with {hashlib.sha256(b'7').hexdigest()}, now {sha(b'rot')}",
    )
