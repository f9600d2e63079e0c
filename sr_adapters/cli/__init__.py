"""The command line: parse, call one use case, render (spec: surface, "CLI")."""

from __future__ import annotations


def main() -> None:
    """Console entry point."""
    from sr_adapters.cli.app import run

    raise SystemExit(run())


__all__ = ["main"]
