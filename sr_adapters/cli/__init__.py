"""The command line: parse, call one use case, render (spec: surface, "CLI")."""

from __future__ import annotations


def main() -> None:
    """Console entry point."""
    from sr_adapters.cli import signals

    signals.listen()
    try:
        from sr_adapters.cli import output, streams

        output.hold_standard_descriptors()
        from sr_adapters.cli.app import run
    except KeyboardInterrupt:  # nothing has begun yet
        raise SystemExit(signals.exit_code()) from None
    code = run()
    streams.keep()  # nor does what the end of the process writes belong to the answer
    raise SystemExit(code)


__all__ = ["main"]
