"""``python -m sr_adapters.demo_engine``: reads its invocation, writes a world.

Ends with 0 when the world is whole, with 2 and one line on stderr when it was asked for nonsense.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from sr_adapters.demo_engine.paths import EngineFault
from sr_adapters.demo_engine.world import Faults, World
from sr_adapters.sizes import parse_size


def size(text: str) -> int:
    """Bytes, with an optional k, M or G."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def names(text: str) -> tuple[str, ...]:
    """Comma-separated names."""
    return tuple(filter(None, (one.strip() for one in text.split(","))))


def count(text: str) -> int:
    """A whole number from one up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count from 1 up")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The program's options; lists are comma-separated."""
    made = argparse.ArgumentParser(prog="demo-engine", description="Writes a sealed world for an interface pack.")
    made.add_argument("--invocation", help="invocation file; default: $SR_ENGINE_INVOCATION_JSON")
    made.add_argument("--root", help="where to write; default: $SR_ENGINE_RUN_ROOT")
    made.add_argument("--pack", required=True, help="folder of the interface pack")
    made.add_argument("--size", type=size, default=200_000, help="total bytes, about: 10k, 5M, 2G")
    made.add_argument("--files", type=count, default=2, metavar="N", help="files of a folder or glob output")
    made.add_argument("--utc-days", type=names, default=names(os.environ.get("SR_DEMO_UTC_DAYS", "2026-01-01")))
    made.add_argument("--only-outputs", type=names, default=(), help="write these outputs alone")
    made.add_argument("--fail", type=names, default=(), metavar="GATE", help="corrupt this bundle after sealing it")
    made.add_argument("--missing", type=names, default=(), metavar="GATE", help="leave this gate's flag out")
    made.add_argument("--omit", type=names, default=(), metavar="OUTPUT", help="leave this output out")
    made.add_argument("--receipt-mismatch", action="store_true", help="write another seed into the receipt")
    made.add_argument("--exit-code", type=int, default=0, metavar="N", help="write nothing and end with N")
    made.add_argument("--sleep", type=float, default=0.0, metavar="S", help="seconds to wait before anything")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the program; its exit code."""
    args = parser().parse_args(argv)
    try:
        world = _world(args)
        time.sleep(max(0.0, args.sleep))
        if args.exit_code:
            print(f"demo engine: ending with {args.exit_code}, as told", file=sys.stderr)  # noqa: T201
            return int(args.exit_code)
        world.write()
    except (EngineFault, OSError) as error:
        print(f"demo engine: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _world(args: argparse.Namespace) -> World:
    root = args.root or os.environ.get("SR_ENGINE_RUN_ROOT")
    if not root:
        raise EngineFault("no root: give --root or set SR_ENGINE_RUN_ROOT")
    return World(
        pack=Path(args.pack),
        root=Path(root),
        invocation=_invocation(args.invocation),
        size=args.size,
        parts=args.files,
        days=args.utc_days,
        only=args.only_outputs,
        faults=Faults(args.fail, args.missing, args.omit, args.receipt_mismatch),
        say=lambda line: print(line, flush=True),  # noqa: T201 - a program's own output
    )


def _invocation(file: str | None) -> Any:
    text = Path(file).read_text("utf-8") if file else os.environ.get("SR_ENGINE_INVOCATION_JSON")
    if text is None:
        raise EngineFault("no invocation: give --invocation or set SR_ENGINE_INVOCATION_JSON")
    try:
        return json.loads(text)
    except ValueError as error:
        raise EngineFault(f"the invocation is not JSON: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
