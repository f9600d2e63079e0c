"""Bytes of output files: the same world and path, the same bytes, on any machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

_BLOCK = 1 << 20


class Filler:
    """Fills files at the disk's speed: a line that is the file's own, then one block over and over.

    What an output holds follows from the manifest fingerprint and its path alone (which has the
    pins of its partitions): two runs of one world agree on everything they share.
    """

    def __init__(self, root: Path, manifest_fingerprint: str) -> None:
        self._root = root
        self._world = manifest_fingerprint
        self._block = hashlib.shake_256(manifest_fingerprint.encode()).hexdigest(_BLOCK // 2).encode()

    def write(self, path: str, size: int) -> None:
        """Write exactly `size` bytes to `path`, a file below the root, whatever was there."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        head = hashlib.sha256(f"{self._world}|{path}".encode()).hexdigest().encode() + b"\n"
        block = memoryview(self._block)
        with target.open("wb", buffering=0) as file:
            left = size - file.write(head[:size])
            while left > 0:
                left -= file.write(block[:left])
