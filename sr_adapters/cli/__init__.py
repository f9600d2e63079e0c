"""The command line: parse, call one use case, render (spec: surface, "CLI")."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 200_000
"""How many more there may be before a look for cycles among them. Most of what a command makes lives to its end:
Python's own 700 would look some hundred times at what is all still in use, a tenth of a short command's time."""


def main() -> None:
    """Console entry point."""
    from sr_adapters.cli import signals

    gc.set_threshold(_NEW_OBJECTS, 10, 10)
    signals.listen()
    try:
        from sr_adapters.cli import output

        output.hold_standard_descriptors()
        from sr_adapters.cli.app import run
    except KeyboardInterrupt:  # nothing has begun yet
        raise SystemExit(signals.exit_code()) from None
    code = run()
    output.disown()  # nor does what the end of the process writes belong to the answer
    output.story_last()
    gc.freeze()  # no last look for cycles: the memory goes back with the process
    raise SystemExit(code)


__all__ = ["main"]
