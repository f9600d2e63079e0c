"""What a consumer reads is what was proven: exactly those files, with those bytes, of a run that stands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sr_plugins.consumer import open_facts, verify_facts
from sr_ports import BadInput, Fault, NotFound, ReasonCode, SrError
from tests.cli.conftest import Shell
from tests.consumer.world import DAYS, FILES, LATE, ORDERS, World, put, world

FIRST = ORDERS[0]
BIG = bytes(range(256)) * 20_000


def test_a_run_is_opened_and_says_what_it_is_of(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        assert (facts.run_id, facts.outputs, facts.days) == (run, ("customers", "orders"), DAYS)
        assert facts.window == made.request("first")["window"]
        assert facts.pins["manifest_fingerprint"] == made.fingerprint
        assert (facts.root, facts.superseded_by) == (str(made.data), None)


def test_every_name_of_a_run_opens_it(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made.submit()
    view = made.view(run)
    ref = str(view.relative_to(made.folder / "runs"))
    monkeypatch.setenv("SR_PROFILE", str(made.profile_file()))
    for name in (run, run[:8], "key:first", view, str(view), view.as_uri(), ref):
        with open_facts(name) as facts:
            assert facts.run_id == run


def test_its_files_are_those_that_were_proven_day_by_day(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        assert facts.paths("orders") == [str(made.data / name) for name in ORDERS]
        assert facts.paths("customers") == [str(made.data / "customers.csv")]
        for part, name in zip(facts.parts("orders"), ORDERS, strict=True):
            uri, size, sha256, day, version_id = part
            assert (uri, size, day) == (str(made.data / name), len(FILES[name]), name.split("/")[1])
            assert (len(sha256), version_id) == (64, None)
        assert facts.parts("customers")[0].day is None


def test_a_file_of_a_day_that_was_not_proven_is_never_among_them(made: World) -> None:
    """The natural glob would read it."""
    run = made.submit()
    third = made.data / "orders/2026-01-03/part-0.csv"
    third.parent.mkdir()
    third.write_text("order,amount\n666,1.0\n")
    assert third in made.data.glob("orders/*/*.csv")
    with open_facts(run, made.profile) as facts:
        assert facts.paths("orders") == [str(made.data / name) for name in ORDERS]


def test_nothing_of_the_bytes_is_read_before_they_are_used(made: World) -> None:
    run = made.submit()
    (made.data / "customers.csv").write_text("other")
    with open_facts(run, made.profile) as facts:
        assert facts.paths("orders")
        refused(lambda: facts.paths("customers"), "ROTTED")


def refused(act: Callable[[], Any], how: str = "", code: ReasonCode = ReasonCode.TRUTH_ALTERED) -> Fault:
    with pytest.raises(Fault, match=how) as caught:
        act()
    assert caught.value.code is code
    return caught.value


USES: dict[str, Callable[[Any], Any]] = {
    "paths": lambda facts: facts.paths("orders"),
    "parts": lambda facts: facts.parts("orders"),
    "open": lambda facts: [facts.open("orders", uri).read() for uri in paths_of(facts)],
}


def paths_of(facts: Any) -> list[str]:
    return [f"{facts.root}/{name}" for name in ORDERS]


def folder_in_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_in_place(path: Path, twin: Path) -> None:
    path.rename(twin)
    path.symlink_to(twin)


FAULTS: dict[str, tuple[Callable[[World], object], str]] = {
    "late": (lambda made: (made.data / LATE).write_text("order,amount\n666,1\n"), "ADDED: .*part-9.csv was not proven"),
    "gone": (lambda made: (made.data / FIRST).unlink(), "MOVED: .*part-0.csv is gone"),
    "rotated": (lambda made: (made.data / FIRST).rename(made.data / LATE), "MOVED|ADDED"),
    "changed in place": (lambda made: (made.data / FIRST).write_text("order,amount\n1,2.5\n2,9.5\n"), "ROTTED"),
    "replaced": (lambda made: put(made.data / FIRST, "order,amount\n1,9.5\n2,3.5\n"), "ROTTED"),
    "a folder in its place": (lambda made: folder_in_place(made.data / FIRST), "MOVED"),
    "a link in its place": (lambda made: link_in_place(made.data / FIRST, made.folder / "twin"), "MOVED"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_whatever_became_of_a_file_before_it_is_used_is_told(
    made: World, fault: str | None, use: Callable[[Any], Any]
) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        if fault is None:
            assert use(facts)
            return
        act, how = FAULTS[fault]
        act(made)
        link = fault == "a link in its place"
        refused(lambda: use(facts), how, ReasonCode.PATH_ESCAPES if link else ReasonCode.TRUTH_ALTERED)


@pytest.mark.parametrize("fault", [None, "gone", "changed in place", "replaced", "a link in its place"])
def test_a_file_that_is_swapped_behind_its_proof_is_told_when_the_block_ends(made: World, fault: str | None) -> None:
    run = made.submit()

    def read() -> list[str]:
        with open_facts(run, made.profile) as facts:
            paths = facts.paths("orders")
            if fault is not None:
                FAULTS[fault][0](made)
            return paths

    if fault is None:
        assert len(read()) == len(ORDERS)
    else:
        assert "may have been read since" in refused(read, "part-0.csv").what


def test_another_folder_in_the_roots_place_is_told_too(made: World) -> None:
    run = made.submit()

    def read() -> None:
        with open_facts(run, made.profile) as facts:
            assert facts.paths("orders")
            made.data.rename(made.folder / "older")
            shutil.copytree(made.folder / "older", made.data)

    refused(read, "may have been read since")


def test_what_comes_beside_proven_files_later_is_no_matter(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        before = facts.paths("orders")
        (made.data / LATE).write_text("late")
        assert facts.paths("orders") == before


def test_what_was_told_is_not_told_again(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        assert facts.paths("orders")
        (made.data / FIRST).write_text("other")
        refused(lambda: facts.open("orders", str(made.data / FIRST)).read(), "MOVED")


def test_an_error_of_the_readers_own_is_not_hidden_by_a_fault(made: World) -> None:
    run = made.submit()
    with pytest.raises(KeyError), open_facts(run, made.profile) as facts:
        assert facts.paths("orders")
        (made.data / FIRST).write_text("other")
        raise KeyError("mine")


# a file that proves what is read


def test_an_outputs_one_file_is_opened_by_the_outputs_name(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        with facts.open("customers") as file:
            assert file.readline() == b"id,name\n"
            assert file.read(3) == b"1,a"
            assert file.read() == b"nn\n2,bob\n"
            assert file.read() == b""
        with pytest.raises(BadInput, match="orders has 3 files"):
            facts.open("orders")
        with pytest.raises(BadInput, match="none is nope"):
            facts.open("orders", "nope")
        part = facts.parts("orders")[1]
        with facts.open("orders", part) as file:
            assert list(file) == FILES[ORDERS[1]].encode().splitlines(keepends=True)


@pytest.mark.parametrize("size", [-1, 1, 7, 1 << 20])
def test_the_last_bytes_are_given_only_when_all_are_proven(made: World, size: int) -> None:
    run = made.submit()
    (made.data / "customers.csv").write_text(FILES["customers.csv"].replace("bob", "eve"))
    with open_facts(run, made.profile) as facts:
        file, got = facts.open("customers"), bytearray()

        def read() -> None:
            while data := file.read(size):
                got.extend(data)

        refused(read, "ROTTED: customers.csv: proven with [0-9a-f]{64}, now [0-9a-f]{64}")
        assert len(got) < len(FILES["customers.csv"])
        file.close()


def test_a_big_file_streams_in_parts_and_its_last_part_waits_for_the_proof(tmp_path: Path) -> None:
    made, big = world(tmp_path, {**FILES, "customers.csv": BIG}), BIG
    run = made.submit()
    with open_facts(run, made.profile) as facts, facts.open("customers") as file:
        assert file.read() == big
    (made.data / "customers.csv").write_bytes(big[:-1] + b"?")
    with open_facts(run, made.profile) as facts:
        file, got = facts.open("customers"), bytearray()

        def read() -> None:
            while data := file.read(100_000):
                got.extend(data)

        refused(read, "ROTTED")
        assert bytes(got) == big[: len(got)]
        assert len(big) - (1 << 20) <= len(got) < len(big)
        file.close()


def test_a_file_that_is_closed_early_is_proven_all_the_same(tmp_path: Path) -> None:
    made = world(tmp_path, {**FILES, "customers.csv": BIG})
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        file = facts.open("customers")
        assert file.read(3) == BIG[:3]
        file.close()
        assert file.closed
    (made.data / "customers.csv").write_bytes(BIG[:-1] + b"?")
    with open_facts(run, made.profile) as facts:
        file = facts.open("customers")
        assert file.read(3) == BIG[:3]
        refused(file.close, "ROTTED")
        with pytest.raises(KeyError), facts.open("customers") as file:
            assert file.read(3) == BIG[:3]
            raise KeyError("mine")


def no_more(facts: Any) -> Any:
    return facts.open("customers").read(3)  # and let go of it


def still_open(facts: Any) -> Any:
    facts.kept = facts.open("customers")
    return facts.kept.read(3)


def own_error(facts: Any) -> Any:
    with suppress(KeyError), facts.open("customers") as file:
        got = file.read(3)
        FILES["mine"]
    return got


@pytest.mark.parametrize("use", [no_more, still_open, own_error])
@pytest.mark.parametrize("sound", [True, False])
def test_bytes_that_were_given_and_not_proven_are_proven_when_the_block_ends(
    tmp_path: Path, use: Callable[[Any], Any], sound: bool
) -> None:
    made = world(tmp_path, {**FILES, "customers.csv": BIG})
    run = made.submit()
    if not sound:
        (made.data / "customers.csv").write_bytes(b"?" + BIG[1:])

    def read() -> bytes:
        with open_facts(run, made.profile) as facts:
            return bytes(use(facts))

    if sound:
        assert read() == BIG[:3]
    else:
        refused(read, "ROTTED: customers.csv")


def test_after_the_block_nothing_is_read(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        file = facts.open("customers")
    with pytest.raises((RuntimeError, ValueError)):
        file.read()
    with pytest.raises(ValueError, match="closed"):
        facts.paths("orders")
    facts.close()


# a run that was corrected


def test_a_run_that_was_superseded_is_refused_at_every_moment(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts:
        assert facts.paths("orders")
        newer = made.submit("second", supersedes=run)
        for use in (lambda: facts.paths("orders"), lambda: facts.paths("customers"), lambda: facts.open("customers")):
            told = refused(use, f"superseded by {newer}", ReasonCode.SUPERSEDED)
        assert newer in told.remedy
    refused(lambda: open_facts(run, made.profile), f"superseded by {newer}", ReasonCode.SUPERSEDED)
    with open_facts(newer, made.profile) as facts:
        assert facts.paths("orders")


@pytest.mark.parametrize("fault", [None, "gone", "damaged"])
def test_a_record_that_can_tell_no_more_whether_its_run_stands_ends_the_reading(made: World, fault: str | None) -> None:
    run = made.submit()
    (record,) = (made.folder / "runs").glob(f"fraud-platform/*/sr/run_record/{run}.jsonl")
    with open_facts(run, made.profile) as facts:
        assert facts.paths("orders")
        made.submit("second", supersedes=run)
        if fault is None:
            refused(lambda: facts.paths("customers"), "superseded by", ReasonCode.SUPERSEDED)
        elif fault == "gone":
            record.unlink()
            refused(lambda: facts.paths("customers"), "is gone", ReasonCode.TRUTH_MISSING)
        else:
            record.write_bytes(record.read_bytes().replace(b'"actor"', b'"actOr"', 1))
            refused(lambda: facts.paths("customers"), "it was sound", ReasonCode.TRUTH_ALTERED)


def test_a_run_that_is_superseded_while_it_is_read_is_told_when_the_block_ends(made: World) -> None:
    run = made.submit()

    def read(allowed: Any = "refuse") -> None:
        with open_facts(run, made.profile, superseded=allowed) as facts:
            assert facts.paths("orders")
            made.submit("second", supersedes=run)

    refused(read, "superseded by", ReasonCode.SUPERSEDED)
    read("allow")


def test_a_superseded_run_is_read_when_it_is_allowed_and_says_so(made: World) -> None:
    run = made.submit()
    newer = made.submit("second", supersedes=run)
    with open_facts(run, made.profile, superseded="allow") as facts:
        assert facts.superseded_by == newer
        assert facts.paths("orders") == [str(made.data / name) for name in ORDERS]
    with pytest.raises(BadInput, match="superseded is 'no'"):
        open_facts(run, made.profile, superseded="no")  # type: ignore[arg-type]


# what stands beside the bytes


def test_what_is_wrong_with_view_record_or_lists_is_told_before_anything_is_read(made: World) -> None:
    run = made.submit()
    base = made.view(run).parents[1]
    for path in (*base.glob("part_lists/*.json"), *base.glob(f"run_record/{run}.jsonl"), made.view(run)):
        kept = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(kept[:-2])
        with pytest.raises(Fault):
            open_facts(run, made.profile)
        path.write_bytes(kept)
        with open_facts(run, made.profile) as facts:
            assert facts.paths("orders")


def test_what_is_not_there_is_not_found_and_a_run_that_is_not_ready_has_no_facts(made: World) -> None:
    with pytest.raises(NotFound):
        open_facts("0" * 32, made.profile)
    (made.data / "customers.csv").unlink()
    waiting = made.outcome("first")
    with pytest.raises(SrError):
        open_facts(waiting.run_id, made.profile)


def test_an_output_that_is_not_there_is_named_with_those_that_are(made: World) -> None:
    run = made.submit()
    with open_facts(run, made.profile) as facts, pytest.raises(BadInput) as caught:
        facts.paths("order")
    assert (caught.value.code, "customers, orders" in caught.value.remedy) == (ReasonCode.UNKNOWN_OUTPUT_ID, True)


def test_the_same_bytes_are_read_from_another_mount(made: World) -> None:
    run = made.submit()
    mount = made.folder / "mount"
    made.data.rename(mount)
    with open_facts(run, made.profile) as facts, pytest.raises(Fault):
        facts.paths("orders")
    with open_facts(run, made.profile, engine_run_root=str(mount)) as facts:
        assert facts.root == str(mount)
        assert facts.paths("orders") == [str(mount / name) for name in ORDERS]
        (mount / FIRST).write_text("other")
        refused(lambda: facts.open("orders", str(mount / FIRST)).read(), "MOVED")


def test_sr_open_prints_the_same_paths(made: World, capsys: pytest.CaptureFixture[str]) -> None:
    run, shell = made.submit(), Shell(made.folder, capsys)
    profile = str(made.profile_file())
    with open_facts(run, profile) as facts:
        for output in facts.outputs:
            assert shell.bare("--profile", profile, "open", run, output).out.splitlines() == facts.paths(output)
    (made.data / LATE).write_text("late")
    answer = shell.bare("--profile", profile, "open", run, "orders")
    assert (answer.code, answer.out, answer.error) == (5, "", "TRUTH_ALTERED")
    assert verify_facts(run, profile=profile).verification.findings[0].what.startswith("ADDED")
