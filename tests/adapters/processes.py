"""Real processes for the file adapters' tests: `python -m tests.adapters.processes WORK ROOT ...`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sr_adapters.file.bus import FileControlBus
from sr_adapters.file.store import FileObjectStore

HERE = Path(__file__).parents[2]


def start(work: str, root: Path, *more: object) -> subprocess.Popen[bytes]:
    """A process doing `work` (a function below) on the adapter at `root`."""
    command = [sys.executable, "-m", __name__, work, str(root), *map(str, more)]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE)


def finish(workers: list[subprocess.Popen[bytes]]) -> list[bytes]:
    """What each process printed; all must have ended well."""
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers)
    return said


def count(root: str, key: str, times: str) -> None:
    """Count the number under `key` up, creating it where needed."""
    from sr_ports.conformance.together import count_up

    store = FileObjectStore(root)
    store.create(key, b"0")
    count_up(store, key, times=int(times))


def create(root: str, who: str, keys: str) -> None:
    """Try to create every key with bytes of one's own; print the keys that were won."""
    store = FileObjectStore(root)
    for n in range(int(keys)):
        if store.create(f"made/here/{n}", who.encode() * 10_000) is not None:
            print(n)  # noqa: T201 - the parent reads it


def write(root: str, size: str) -> None:
    """Create new keys and replace one key for ever, each object of one repeated letter."""
    store, n = FileObjectStore(root), 0
    while True:
        data = bytes([65 + n % 26]) * int(size)
        made = store.create(f"new/{n}", data)
        old = store.read("one") or store.create("one", data)
        if old is not None:
            store.replace("one", data, etag=old.etag)
        if made is not None:
            print(n, flush=True)  # noqa: T201 - the parent reads it
        n += 1


def publish(root: str, topic: str, name: str, times: str) -> None:
    """Publish `times` facts, one after another."""
    from sr_ports.conformance.buses import fact

    bus = FileControlBus(root)
    for n in range(int(times)):
        bus.publish(fact(topic, f"{name}-{n}", key=name))


def identify(root: str) -> None:
    """Ask for the store's identity, minting it where there is none; print it."""
    from sr_adapters.memory import MemoryPorts
    from sr_domain.run.store_identity import identify

    print(identify(MemoryPorts(store=FileObjectStore(root))).store_id)  # noqa: T201 - the parent reads it


WORK: dict[str, Callable[..., None]] = {
    "count": count,
    "create": create,
    "write": write,
    "publish": publish,
    "identify": identify,
}

if __name__ == "__main__":
    WORK[sys.argv[1]](*sys.argv[2:])
