"""``python -m tests.bench [--scale X] [--rounds N]``: every row that exists so far, in one table."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench import rows
from tests.bench.measure import machine
from tests.bench.telemetry import telemetry


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--scale", type=float, default=1.0, help="1.0: 2 GiB and 10,000 files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each rate")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sr-bench-") as name:
        folder = Path(name)
        measured = [
            *rows.starts(folder, args.rounds),
            *rows.small_run(_in(folder, "small"), args.rounds),
            *telemetry(_in(folder, "telemetry"), args.rounds),
            *rows.rates(_in(folder, "rates"), args.seconds),
            *rows.trees(folder, args.rounds, args.scale),
            *rows.guarded(_in(folder, "guard"), args.rounds, args.scale),
            *rows.many_files(_in(folder, "many"), args.scale),
        ]
    print(f"medians of {args.rounds}, in turns; {machine()}; scale {args.scale}\n")  # noqa: T201
    print("| work | measured | floor | ratio | bar | earlier implementation |\n|---|---|---|---|---|---|")  # noqa: T201
    for row in measured:
        print(f"| {row.name} | {row.measured} | {row.floor} | {row.ratio} | {row.bar} | {row.earlier} |")  # noqa: T201


def _in(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


if __name__ == "__main__":
    main()
