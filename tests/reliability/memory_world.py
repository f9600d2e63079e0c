"""The lab's engine root, in memory: quick enough for thousands of schedules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots


def world(*, skip: tuple[str, ...] = (), spoil: str = "") -> dict[str, bytes]:
    """The files of a root. `skip`: outputs or gates to leave out. `spoil`: a gate to contradict."""
    events = f"data/events/seed=7/manifest_fingerprint={'a' * 64}"
    files = {f"{events}/part-0.bin": b"0" * 50, f"{events}/part-1.bin": b"1" * 50}
    if "world" not in skip:
        files["data/world.bin"] = b"w" * 50
    for gate in ("up", "end"):
        data = f"report of {gate}".encode()
        stated = hashlib.sha256(b"other" if spoil == f"gate.{gate}" else data).hexdigest()
        files[f"{gate}/report.json"] = data
        files[f"{gate}/_passed.flag"] = f"sha256_hex = {stated}\n".encode()
    return files


def roots(files: Mapping[str, bytes]) -> MemoryEngineRoots:
    """Opens that world under the URI ``memory``; `files` may change at any time."""
    return MemoryEngineRoots({"memory": MemoryEngineRoot(files, "memory")})
