"""Folders that bring a gate of their own: a list of checksums, or a bag."""

from __future__ import annotations

from pathlib import Path

_SIGNS = {"SHA256SUMS": "has SHA256SUMS", "bagit.txt": "is a BagIt bag"}
"""What a folder is known by; a law that reads it can be its gate as soon as there is one."""


def own_gate(data: str) -> str | None:
    """A sentence about the gate that a folder brings; None where it brings none."""
    found = next((told for name, told in _SIGNS.items() if Path(data, name).is_file()), None)
    if found is None:
        return None
    return f"this folder {found}: it is proven by a seal of its own all the same, since no law reads that yet"
