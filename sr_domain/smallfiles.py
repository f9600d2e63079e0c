"""Reading a small file whole, never more than its limit."""

from __future__ import annotations

from sr_ports import EngineRoot, EvidenceFault, ReasonCode


def read_small(root: EngineRoot, path: str, limit: int, code: ReasonCode) -> bytes:
    """A file's bytes. Raises `EvidenceFault(code)` when there are more than `limit` of them."""
    parts = bytearray()

    def sink(chunk: memoryview) -> None:
        if len(parts) + len(chunk) > limit:
            raise EvidenceFault(code, f"{path} is larger than {limit} bytes", path)
        parts.extend(chunk)

    root.stream(path, sink)
    return bytes(parts)
