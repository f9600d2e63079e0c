"""The lab's engine root, in memory: quick enough for thousands of schedules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sr_adapters.memory.root import MemoryEngineRoot, MemoryEngineRoots

VERSIONS = 10
"""How many versions of a world there are: each sealed as a whole, no two alike in a gate or in the global output."""


def world(*, skip: tuple[str, ...] = (), spoil: str = "", version: int = 0, events: bytes = b"0") -> dict[str, bytes]:
    """The files of a root. `skip`: outputs or gates to leave out. `spoil`: a gate to contradict.

    `events`: what the instance-scoped output is made of; the same in every version.
    """
    folder = f"data/events/seed=7/manifest_fingerprint={'a' * 64}"
    files = {f"{folder}/part-0.bin": events * 50, f"{folder}/part-1.bin": b"1" * 50}
    if "world" not in skip:
        files["data/world.bin"] = _global(version)
    for gate in ("up", "end"):
        data = _report(gate, version)
        stated = hashlib.sha256(b"other" if spoil == f"gate.{gate}" else data).hexdigest()
        files[f"{gate}/report.json"] = data
        files[f"{gate}/_passed.flag"] = f"sha256_hex = {stated}\n".encode()
    return files


def _global(version: int) -> bytes:
    return b"w%d" % version * 25


def _report(gate: str, version: int) -> bytes:
    return f"report {version} of {gate}".encode()


def versions_in(decision: Mapping[str, Any]) -> set[int]:
    """The versions of the world that a decision on record was made of: one, or it is of two observations."""
    known = {hashlib.sha256(_report(gate, n)).hexdigest(): n for gate in ("up", "end") for n in range(VERSIONS)}
    known |= {hashlib.sha256(_global(n)).hexdigest(): n for n in range(VERSIONS)}
    digests = [one["digest"] for one in (*decision["gates"], *decision["outputs"]) if one.get("output_id") != "events"]
    return {known[digest] for digest in digests}


def roots(files: Mapping[str, bytes]) -> MemoryEngineRoots:
    """Opens that world under the URI ``memory``; `files` may change at any time."""
    return MemoryEngineRoots({"memory": MemoryEngineRoot(files, "memory")})
