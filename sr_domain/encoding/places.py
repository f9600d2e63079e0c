"""Paths of evidence: fully resolved as artifacts state them, relative to the engine root as they are hashed."""

from __future__ import annotations


def below(root: str, path: str) -> str:
    """The absolute path or URI of what lies at the relative `path` below an engine root."""
    return f"{root.rstrip('/')}/{path}"


def relative(root: str, path: str) -> str:
    """A resolved path as it is below the engine root: empty for the root itself; as it stands where it is elsewhere."""
    root = root.rstrip("/")
    return "" if path.rstrip("/") == root else path.removeprefix(root + "/")
