"""What telemetry costs: a run of 340 outputs with every sink, beside the same run with none."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import worlds
from tests.bench.measure import Cost, cold, medians
from tests.bench.rows import REPO, Row

_OUTPUTS, _SIZE = 340, 64 * 1024
_TURNS = 8
"""Runs of each kind in a round."""


def telemetry(folder: Path, rounds: int) -> Iterator[Row]:
    """In one process that goes on, as a service does; and in one of its own, which has the libraries to import."""
    pack, root, names = worlds.many_outputs(folder, outputs=_OUTPUTS, size=_SIZE)
    with _collector() as endpoint:
        sinks = ["console", "file", {"sink": "prometheus", "path": f"{folder}/sr.prom"},
                 {"sink": "otlp", "endpoint": endpoint}]  # fmt: skip
        profiles = {kind: _profile(folder, kind, pack, told) for kind, told in (("none", []), ("all", sinks))}
        number = itertools.count()

        def request() -> dict[str, Any]:
            return worlds.request(f"run {next(number)}", root, names)

        yield _warm(profiles, request, rounds)
        yield _cold(folder, profiles, request, rounds)


def _profile(folder: Path, kind: str, pack: Path, sinks: list[Any]) -> Path:
    made = folder / kind
    made.mkdir()
    path = worlds.profile(made, pack)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "observability": {"sinks": sinks}}), "utf-8")
    return path


def _warm(profiles: dict[str, Path], request: Any, rounds: int) -> Row:
    from sr_plugins import build_runner

    runners = {kind: build_runner(str(path), policy=_POLICY, narrate=True) for kind, path in profiles.items()}
    taken: dict[str, list[float]] = {kind: [] for kind in runners}
    for runner in runners.values():
        runner.submit(request())
    time.sleep(6)  # what is put off has been done once: its imports are behind us
    for turn in range(rounds * _TURNS):
        for kind, runner in list(runners.items())[:: 1 if turn % 2 else -1]:
            asked, started = request(), time.perf_counter()
            if runner.submit(asked).state != "READY":
                raise SystemExit("the run of the bench is not READY")
            taken[kind].append(time.perf_counter() - started)
    for runner in runners.values():
        runner.close()
    none, every = (statistics.median(taken[kind]) for kind in ("none", "all"))
    name = f"a run of {_OUTPUTS} outputs, every sink beside none, in a process that goes on"
    return Row(name, f"{every * 1000:.1f} ms", f"{none * 1000:.1f} ms", f"{every / none:.3f}", "< 1.05")


def _cold(folder: Path, profiles: dict[str, Path], request: Any, rounds: int) -> Row:
    def once(kind: str) -> Cost:
        asked = folder / "request.json"
        asked.write_text(json.dumps(request()), "utf-8")
        return cold(["-m", "tests.bench.run", str(profiles[kind]), str(asked)], cwd=REPO)

    once("none")
    none, every = medians(rounds, lambda: once("none"), lambda: once("all"))
    name = f"a run of {_OUTPUTS} outputs, every sink beside none, cold process to its end, all delivered"
    measured = f"{every.seconds:.2f} s, {every.peak_mib:.0f} MiB"
    return Row(name, measured, f"{none.seconds:.2f} s", f"{every.seconds / none.seconds:.2f}", "")


_POLICY = {"policy_id": "bench", "revision": "1"}


@contextmanager
def _collector() -> Iterator[str]:
    """A receiver of OTLP in a process of its own; its address."""
    command = [sys.executable, "-m", "tests.otlp_receiver"]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise SystemExit("the receiver has no pipes")
        yield process.stdout.readline().strip()
        process.stdin.close()
