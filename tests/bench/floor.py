"""The floor: hashlib alone on the same bytes, ``python -m tests.bench.floor THREADS FOLDER``."""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor


def digest(path: str) -> str:
    """sha256 of one file, streamed through one buffer."""
    whole, view = hashlib.sha256(), memoryview(bytearray(1 << 20))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the floor is as plain as it gets
        while count := file.readinto(view):
            whole.update(view[:count])
    return whole.hexdigest()


def main(threads: int, folder: str) -> None:
    paths = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]  # noqa: PTH118
    if threads == 1:
        for path in paths:
            digest(path)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(digest, paths))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
