"""What it costs that a law runs in a process of its own: ``python -m tests.bench.law_workers [--rounds N]``.

The start of a worker, a gate, and a MB that a law streams or has digested; each beside the same law in this process.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sr_plugins.host.loading import Source
from sr_plugins.isolation.process import environment
from sr_plugins.isolation.workers import LawWorkers
from sr_ports import BundleView
from sr_ports.conformance.bundles import MemoryBundle
from tests.bench.measure import machine
from tests.bench.rows import Row

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


def _took(work: Callable[[], object], rounds: int) -> float:
    """Median milliseconds."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found)


def here(bundle: BundleView) -> str:
    whole = hashlib.sha256()
    for one in bundle.files():
        for chunk in bundle.stream(one.path):
            whole.update(chunk)
    return whole.hexdigest()


def measured(rounds: int) -> list[Row]:
    """A row for the start, a gate, and a MB."""
    source = Source("bench-laws", "1", "plugin = plugin_bench_laws")
    small, large = Coarse({"a": b"1"}), Coarse({"a": bytes(SIZE)})
    workers = LawWorkers(1, 600.0, environment())

    def judge(kind: str, bundle: BundleView) -> object:
        return workers.judged(source, kind, bundle, lambda: None)

    def start() -> None:
        workers.close()
        judge("digested", small)

    def a_mb(kind: str) -> str:
        return f"{_took(lambda: judge(kind, large), rounds) / (SIZE >> 20):.2f} ms"

    gate = _took(lambda: judge("digested", small), rounds * 20)
    rows = [
        Row("a worker's start, its plugin loaded, and a gate", f"{_took(start, rounds):.0f} ms", "", "", ""),
        Row("a gate in a worker that runs", f"{gate:.2f} ms", "", "", ""),
        Row("a MB that a law streams through its own sha256", a_mb("streamed"),
            f"{_took(lambda: here(large), rounds) / (SIZE >> 20):.2f} ms in this process", "", ""),
        Row("a MB that crosses, and is not hashed", a_mb("reads"), "", "", ""),
        Row("a MB that a law asks the digest of", a_mb("digested"), "", "", ""),
    ]  # fmt: skip
    workers.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="law_workers")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sr-bench-") as name:
        Path(name, "plugin_bench_laws.py").write_text(textwrap.dedent(PLUGIN), "utf-8")
        sys.path.insert(0, name)
        rows = measured(args.rounds)
    print(f"medians of {args.rounds}; {machine()}\n")  # noqa: T201
    print("| work | measured | beside |\n|---|---|---|")  # noqa: T201
    for row in rows:
        print(f"| {row.name} | {row.measured} | {row.floor} |")  # noqa: T201


if __name__ == "__main__":
    main()
