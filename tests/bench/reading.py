"""Reading a run through its consumer's guard: ``python -m tests.bench.reading HOW PROFILE RUN SECONDS_FILE``.

HOW is ``parts`` (every byte proven at first use), ``open`` (proven while it is read, file after file), or ``hash``
(the floor: hashlib alone on one thread over the same files). The seconds of that alone are written to the file.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from sr_plugins.consumer import open_facts
from tests.bench.floor import digest


def main(how: str, profile: str, run: str, seconds: str) -> None:
    with open_facts(run, profile) as facts:
        named = [str(path) for path in sorted(Path(facts.root, "out").iterdir())]
        started = time.perf_counter()
        if how == "hash":
            for path in named:
                digest(path)
        elif how == "parts":
            assert len(facts.parts("out")) == len(named)
        else:
            for path in named:
                with facts.open("out", path) as file:
                    while file.read(1 << 20):
                        pass
        Path(seconds).write_text(str(time.perf_counter() - started), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
