"""Reading a run through its consumer's guard: ``python -m tests.bench.reading HOW PROFILE RUN SECONDS_FILE``.

HOW is ``hash`` (the floor: hashlib alone on one thread, through one buffer), ``parts`` (every byte proven at first
use), or a way in which a consumer reads file after file: ``open`` in parts of 1 MiB, ``whole`` each at once. ``plain``
and ``plain_whole`` are the same two without the guard: Python's own `open`, and hashlib over what it gives. The
processor's seconds of that alone, all threads together, are written to the file: what it costs, whoever else is on
the machine.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sr_plugins.consumer import Facts, open_facts
from tests.bench.floor import digest

PART = 1 << 20


def _hash(facts: Facts, named: Sequence[str]) -> None:
    for path in named:
        digest(path)


def _parts(facts: Facts, named: Sequence[str]) -> None:
    assert len(facts.parts("out")) == len(named)


def _open(facts: Facts, named: Sequence[str]) -> None:
    for path in named:
        with facts.open("out", path) as file:
            while file.read(PART):
                pass


def _whole(facts: Facts, named: Sequence[str]) -> None:
    for path in named:
        with facts.open("out", path) as file:
            file.read()


def _plain(facts: Facts, named: Sequence[str]) -> None:
    for path in named:
        read = hashlib.sha256()
        with Path(path).open("rb") as file:
            while data := file.read(PART):
                read.update(data)
                del data  # as in `_open`, which keeps none while it asks for more
        read.hexdigest()


def _plain_whole(facts: Facts, named: Sequence[str]) -> None:
    for path in named:
        hashlib.sha256(Path(path).read_bytes()).hexdigest()


WAYS: Mapping[str, Callable[[Facts, Sequence[str]], None]] = {
    "hash": _hash,
    "open": _open,
    "plain": _plain,
    "whole": _whole,
    "plain_whole": _plain_whole,
    "parts": _parts,
}


def main(how: str, profile: str, run: str, seconds: str) -> None:
    with open_facts(run, profile) as facts:
        named = [str(path) for path in sorted(Path(facts.root, "out").iterdir())]
        started = time.process_time()
        WAYS[how](facts, named)
        Path(seconds).write_text(str(time.process_time() - started), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
