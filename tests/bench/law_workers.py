"""What it costs that a law runs in a process of its own: ``python -m tests.bench.law_workers [--rounds N]``.

The start of a worker, a gate, and a MB that a law streams or has digested; each beside the same law in this process.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import statistics
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from sr_plugins.host.loading import Source
from sr_plugins.isolation.process import environment
from sr_plugins.isolation.workers import LawWorkers
from sr_ports import BundleView
from sr_ports.conformance.bundles import MemoryBundle
from tests.bench.measure import machine

SIZE, CHUNK = 64 << 20, 1 << 20
PLUGIN = """
    import hashlib
    from sr_ports import hookimpl

    class Law:
        def __init__(self, kind, digest):
            self.kind, self.digest = kind, digest

    def digested(bundle):
        return bundle.sha256([one.path for one in bundle.files()])

    def streamed(bundle):
        whole = hashlib.sha256()
        for one in bundle.files():
            for chunk in bundle.stream(one.path):
                whole.update(chunk)
        return whole.hexdigest()

    def reads(bundle):
        for one in bundle.files():
            for chunk in bundle.stream(one.path):
                pass
        return "0" * 64

    @hookimpl
    def sr_hashing_laws():
        return [Law("digested", digested), Law("streamed", streamed), Law("reads", reads)]
"""


class Coarse(MemoryBundle):
    """A bundle that gives chunks as an engine root does."""

    def stream(self, path: str, **how: Any) -> Any:
        data = self.contents[path]
        return iter([data[at : at + CHUNK] for at in range(0, len(data), CHUNK)])


def _processor() -> float:
    """Milliseconds of processor time, of this process and of those that it started and that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent) * 1000


@attrs.frozen
class Cost:
    """Of one piece of work, in milliseconds: the median time that it took, and what the processors did for it."""

    took: float
    processor: float

    def per(self, pieces: int) -> str:
        """For a table."""
        return f"{self.took / pieces:.2f} ms, {self.processor / pieces:.2f} ms of processor time"


def _cost(work: Callable[[], object], rounds: int, end: Callable[[], None] = lambda: None) -> Cost:
    """`end`: lets go of the processes, so that their time is known."""
    found, before = [], _processor()
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    end()
    return Cost(statistics.median(found), (_processor() - before) / rounds)


def here(bundle: BundleView) -> str:
    whole = hashlib.sha256()
    for one in bundle.files():
        for chunk in bundle.stream(one.path):
            whole.update(chunk)
    return whole.hexdigest()


def measured(rounds: int) -> list[tuple[str, str]]:
    """A row for the start, a gate, and a MB."""
    source = Source("bench-laws", "1", "plugin = plugin_bench_laws")
    small, large = Coarse({"a": b"1"}), Coarse({"a": bytes(SIZE)})
    workers = LawWorkers(1, 600.0, environment())

    def judge(kind: str, bundle: BundleView) -> object:
        return workers.judged(source, kind, bundle, lambda: None)

    def start() -> None:
        workers.close()
        judge("digested", small)

    def again(kind: str, bundle: BundleView, times: int) -> Cost:
        """Without the start of the worker."""
        workers.close()
        judge("digested", small)
        cost = _cost(lambda: judge(kind, bundle), times, workers.close)
        return Cost(cost.took, max(0.0, cost.processor - starting.processor / times))

    starting, megabytes = _cost(start, rounds, workers.close), SIZE >> 20
    return [
        ("a worker's start, its plugin loaded, and a gate", starting.per(1)),
        ("a gate in a worker that runs", again("digested", small, rounds * 50).per(1)),
        ("a MB that a law has in chunks", again("reads", large, rounds).per(megabytes)),
        ("a MB that a law has in chunks and hashes itself", again("streamed", large, rounds).per(megabytes)),
        ("the same in this process", _cost(lambda: here(large), rounds).per(megabytes)),
        ("a MB that a law asks the digest of", again("digested", large, rounds).per(megabytes)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="law_workers")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sr-bench-") as name:
        Path(name, "plugin_bench_laws.py").write_text(textwrap.dedent(PLUGIN), "utf-8")
        sys.path.insert(0, name)
        rows = measured(args.rounds)
    print(f"medians of {args.rounds}; {machine()}\n")  # noqa: T201
    print("| work | takes |\n|---|---|")  # noqa: T201
    for name, cost in rows:
        print(f"| {name} | {cost} |")  # noqa: T201


if __name__ == "__main__":
    main()
