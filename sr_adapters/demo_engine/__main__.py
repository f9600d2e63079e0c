"""``python -m sr_adapters.demo_engine``: reads its invocation, writes a world."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from sr_adapters.demo_engine.world import Faults, World


def size(text: str) -> int:
    """Bytes, with an optional k, M or G."""
    units = {"k": 10**3, "m": 10**6, "g": 10**9}
    unit = units.get(text[-1:].lower(), 1)
    return int(float(text[:-1] if unit > 1 else text) * unit)


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo-engine", description="Writes a sealed world for an interface pack.")
    parser.add_argument("--invocation", help="invocation file; default: $SR_ENGINE_INVOCATION_JSON")
    parser.add_argument("--root", help="where to write; default: $SR_ENGINE_RUN_ROOT")
    parser.add_argument("--pack", required=True, help="folder of the interface pack")
    parser.add_argument("--size", type=size, default=200_000, help="total bytes, about: 10k, 5M, 2G")
    parser.add_argument("--parts", type=int, default=2, help="files for a folder or glob output")
    parser.add_argument("--utc-days", default=os.environ.get("SR_DEMO_UTC_DAYS", ""), help="days, comma-separated")
    parser.add_argument("--only-outputs", default="", help="write these outputs alone, comma-separated")
    parser.add_argument("--fail", default="", metavar="GATE", help="corrupt this gate's bundle after its flag is made")
    parser.add_argument("--missing", default="", metavar="GATE", help="leave this gate's flag out")
    parser.add_argument("--omit", default="", metavar="OUTPUT", help="leave this output out")
    parser.add_argument("--receipt-mismatch", action="store_true", help="write another seed into the receipt")
    parser.add_argument("--exit-code", type=int, default=0)
    parser.add_argument("--sleep", type=float, default=0.0, help="seconds to take at least")
    args = parser.parse_args()
    text = Path(args.invocation).read_text("utf-8") if args.invocation else os.environ["SR_ENGINE_INVOCATION_JSON"]
    root = args.root or os.environ["SR_ENGINE_RUN_ROOT"]
    world = World(
        pack=Path(args.pack),
        root=Path(root),
        invocation=json.loads(text),
        size=args.size,
        parts=args.parts,
        days=tuple(filter(None, args.utc_days.split(","))) or ("2026-01-01",),
        only=frozenset(filter(None, args.only_outputs.split(","))),
        faults=Faults(args.fail, args.missing, args.omit, args.receipt_mismatch),
        say=lambda line: print(line, flush=True),  # noqa: T201 - a program's own output
    )
    time.sleep(args.sleep)
    exit_code: int = args.exit_code
    if exit_code:
        print(f"demo engine: ending with {exit_code}, as told", file=sys.stderr)  # noqa: T201
        return exit_code
    world.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
