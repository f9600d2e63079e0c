"""The rows: each a name, a measure beside its floor, and the bar it is to reach."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from tests.bench import worlds
from tests.bench.measure import Cost, cold, medians
from tests.bench.reading import WAYS

REPO = Path(__file__).resolve().parents[2]


@attrs.frozen
class Row:
    """A measured row. `ratio`: measured over floor, where there is one."""

    name: str
    measured: str
    floor: str
    ratio: str
    bar: str
    earlier: str = ""


def trees(folder: Path, rounds: int, scale: float) -> Iterator[Row]:
    """The rows that read whole trees, cold process to READY."""
    big, small = int(32 * 2**20 * scale), int(10_000 * scale)
    yield from _tree(
        folder / "a",
        "2 GiB in 64 files",
        64,
        big,
        1000,
        "evidence <= 1.05 x, process <= floor + 0.25 s",
        2,
        rounds,
        "3.5 s",
    )
    yield from _own(folder / "own", big, rounds)
    yield from _tree(
        folder / "b",
        "10,000 files of 10 KiB",
        small,
        10_240,
        1000,
        "evidence <= 1.25 x, process <= 0.5 s",
        1,
        rounds,
        "1.15 s",
    )
    yield from _tree(
        folder / "c",
        "one bundle of one 2 GiB file",
        1,
        10,
        big * 64,
        "<= 1.05 x",
        1,
        rounds,
        "3.3 to 10.2 s, 2,111 MiB",
    )


def _tree(
    folder: Path, name: str, files: int, size: int, bundle: int, bar: str, threads: int, rounds: int, earlier: str
) -> Iterator[Row]:
    pack, root = worlds.single_gate(folder, files=files, size=size, bundle_size=bundle)
    yield from _measured(folder, name, pack, root, {}, bar, threads, rounds, earlier)


def _own(folder: Path, size: int, rounds: int) -> Iterator[Row]:
    """One gate over all outputs by their part list: each byte is hashed once, for gate and output."""
    pack, root, fingerprint = worlds.own_data(folder, files=64, size=size)
    name, bar = "2 GiB in 64 files, the layout of sr init", "<= floor + 0.25 s"
    yield from _measured(folder, name, pack, root, {"manifest_fingerprint": fingerprint}, bar, 2, rounds, "")


def _measured(
    folder: Path,
    name: str,
    pack: Path,
    root: Path,
    pins: dict[str, str],
    bar: str,
    threads: int,
    rounds: int,
    earlier: str,
) -> Iterator[Row]:
    profile = worlds.profile(folder, pack)
    number = itertools.count()
    phases: list[float] = []

    def ours() -> Cost:
        request = folder / "request.json"
        request.write_text(json.dumps(worlds.request(f"{name} {next(number)}", root, ["out"], **pins)), "utf-8")
        cost = cold(["-m", "tests.bench.run", str(profile), str(request), str(folder / "phase")], cwd=REPO)
        phases.append(float((folder / "phase").read_text("utf-8")))
        return cost

    def floor() -> Cost:
        return cold(["-m", "tests.bench.floor", str(threads), str(root)], cwd=REPO)

    ours()
    phases.clear()
    process, base = medians(rounds, ours, floor)
    idle = cold(["-c", "pass"], cwd=REPO).seconds
    alone = base.seconds - idle
    yield Row(f"{name}: evidence phase", f"{statistics.median(phases):.2f} s", f"{alone:.2f} s ({threads} threads)",
              f"{statistics.median(phases) / alone:.2f}", bar)  # fmt: skip
    yield Row(f"{name}: whole process", f"{process.seconds:.2f} s, {process.peak_mib:.0f} MiB", f"{base.seconds:.2f} s",
              f"{process.seconds / base.seconds:.2f}", "<= 120 MiB", earlier)  # fmt: skip


def guarded(folder: Path, rounds: int, scale: float) -> Iterator[Row]:
    """A consumer's guard over 2 GiB, beside hashing the same files once on one thread."""
    from sr_domain.encoding.ids import run_id_for

    pack, root, fingerprint = worlds.own_data(folder, files=64, size=int(32 * 2**20 * scale))
    profile, request = worlds.profile(folder, pack), folder / "request.json"
    request.write_text(json.dumps(worlds.request("read", root, ["out"], manifest_fingerprint=fingerprint)), "utf-8")
    cold(["-m", "tests.bench.run", str(profile), str(request)], cwd=REPO)
    taken: dict[str, list[float]] = {how: [] for how in WAYS}
    peaks: dict[str, float] = {}
    for _ in range(rounds + 1):
        for how, seconds in taken.items():
            args = [how, str(profile), run_id_for("read"), str(folder / "seconds")]
            peaks[how] = cold(["-m", "tests.bench.reading", *args], cwd=REPO).peak_mib
            seconds.append(float((folder / "seconds").read_text("utf-8")))
    base = statistics.median(taken["hash"][1:])
    for how, (name, bar) in _READ.items():
        mine = statistics.median(taken[how][1:])
        yield Row(f"reading 2 GiB, processor time: {name}", f"{mine:.2f} s, {peaks[how]:.0f} MiB",
                  f"{base:.2f} s (1 thread)", f"{mine / base:.2f}", bar)  # fmt: skip


_READ = {
    "open": ("through the guard, open(), 1 MiB at a time", "<= 1.05 x"),
    "plain": ("the same without the guard, what any reader pays", ""),
    "whole": ("through the guard, open().read(), each file at once", ""),
    "plain_whole": ("the same without the guard, what any reader pays", ""),
    "parts": ("through the guard, parts(), proven at first use", "<= 1.05 x"),
}
"""The rows of `guarded`: how it is read, and the bar where the guard has one."""


def many_files(folder: Path, scale: float) -> Iterator[Row]:
    """Peak memory of one output of very many files, by the law that its gate has."""
    count = int(100_000 * scale)
    for name, indexed in (("all files of a folder", False), ("the files of an index", True)):
        here = folder / str(indexed)
        pack, root = worlds.over_all(here, files=count, size=1000, indexed=indexed)
        request = here / "request.json"
        request.write_text(json.dumps(worlds.request(name, root, ["out"])), "utf-8")
        cost = cold(["-m", "tests.bench.run", str(worlds.profile(here, pack)), str(request)], cwd=REPO)
        took = f"{cost.seconds:.1f} s, {cost.peak_mib:.0f} MiB"
        yield Row(f"{count:,} files in one output, under a law over {name}", took, "", "", "<= 120 MiB")


def starts(folder: Path, rounds: int) -> Iterator[Row]:
    """Start-up: what every command pays before it does anything."""
    bare = ["-c", "pass"]
    for name, args, bar in (
        ("sr --help", ["-m", "sr_adapters.cli", "--help"], "<= 60 ms"),
        ("import sr_domain", ["-c", "import sr_domain"], "<= 10 ms"),
        ("import of all that a run needs of the core", ["-c", "import sr_domain.flows.submit"], ""),
    ):
        cost, floor = medians(rounds * 2, lambda args=args: cold(args, cwd=REPO), lambda: cold(bare, cwd=REPO))  # type: ignore[misc]
        net = cost.seconds - (floor.seconds if name.startswith("import") else 0)
        yield Row(name, f"{net * 1000:.0f} ms", f"{floor.seconds * 1000:.0f} ms (python -c pass)", "", bar)


def rates(folder: Path, seconds: float) -> Iterator[Row]:
    """New runs and duplicates in one process, file + SQLite, beside durable creates on the same disk."""
    from sr_plugins import build_runner

    pack, root = worlds.single_gate(folder, files=1, size=1000)
    runner = build_runner(str(worlds.profile(folder, pack)), policy={"policy_id": "bench", "revision": "1"})
    number = itertools.count()

    def new() -> None:
        runner.submit(worlds.request(f"new {next(number)}", root, ["out"]))

    def unsynced() -> None:
        synced, os.fsync = os.fsync, lambda fd: None
        try:
            new()
        finally:
            os.fsync = synced

    again = worlds.request("new 0", root, ["out"])
    probe = folder / "probe"
    probe.mkdir()
    new()
    works = (lambda: _durable(probe / str(next(number))), new, unsynced, lambda: runner.submit(again))
    created, fresh, fast, duplicates = _rates(works, seconds)
    yield Row("durable creates (fsync of file and folder)", f"{created:.0f}/s", "", "", "the floor of the next row")
    beside = f"{created / fresh:.1f} creates a run"
    yield Row("new runs to READY", f"{fresh:.0f}/s", f"{created:.0f}/s durable creates", beside, ">= 150/s")
    yield Row("new runs to READY, no fsync", f"{fast:.0f}/s", "", "", "", "78/s, no fsync")
    yield Row("duplicate submissions", f"{duplicates:.0f}/s", "", "", "2,340/s by DBOS", "734/s")


def _durable(path: Path) -> None:
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(fd, b"x" * 1000)
    os.fsync(fd)
    os.close(fd)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _rates(works: Sequence[Callable[[], object]], seconds: float, slices: int = 7) -> list[float]:
    """How often each work is done in a second: medians of short slices, taken in turn on a noisy machine."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(slices):
        for work, rates in zip(works, found, strict=True):
            rates.append(_per_second(work, seconds / slices))
    return [statistics.median(rates) for rates in found]


def _per_second(work: Callable[[], object], seconds: float) -> float:
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - started)


def small_run(folder: Path, rounds: int) -> Iterator[Row]:
    """A small run of the shipped pack, its catalogue filled up to 340 outputs, cold to READY; `sr status` after it."""
    from sr_adapters.demo_engine.world import World
    from sr_domain.encoding.ids import run_id_for
    from sr_plugins.documents.pack import load_pack, pack_folder

    root = folder / "root"
    ungated = ("segment_reports", "tariff_table")
    known = load_pack("builtin").outputs.items()
    chosen = sorted(one for one, spec in known if "run_id" not in spec.partitions and one not in ungated)[:14]
    invocation = {**worlds.PINS, "run_id": "0" * 32, "scenario_binding": {"scenario_id": "bench"}}
    World(pack=Path(str(pack_folder("builtin"))), root=root, invocation=invocation).write()
    profile = worlds.profile(folder, worlds.wide_pack(folder, Path(str(pack_folder("builtin"))), outputs=340))
    number = itertools.count()

    def cold_run(*args: str) -> Cost:
        request = folder / "request.json"
        request.write_text(json.dumps(worlds.request(f"small {next(number)}", root, chosen)), "utf-8")
        return cold(["-m", *args, str(request)], cwd=REPO)

    ways: dict[str, Callable[[], Cost]] = {
        "sr submit": lambda: cold_run("sr_adapters.cli", "--profile", str(profile), "submit"),
        "build_runner in Python": lambda: cold_run("tests.bench.run", str(profile)),
    }
    for way in ways.values():
        way()
    for name, cost in zip(ways, medians(rounds, *ways.values()), strict=True):
        yield Row(
            f"a small run (10 gates, 14 outputs, 340-output pack), cold process to READY, {name}",
            f"{cost.seconds:.2f} s, {cost.peak_mib:.0f} MiB",
            "",
            "",
            "<= 0.20 s",
            "0.81 s",
        )
    status = ["-m", "sr_adapters.cli", "--profile", str(profile), "status", run_id_for("small 0")]
    (cost,) = medians(rounds, lambda: cold(status, cwd=REPO))
    yield Row("sr status", f"{cost.seconds * 1000:.0f} ms", "", "", "<= 130 ms")
