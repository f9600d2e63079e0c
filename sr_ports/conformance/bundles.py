"""A bundle in memory, for gate authors' tests: the view a law sees, without an engine root."""

from __future__ import annotations

from sr_ports.bundles import MemoryBundle

__all__ = ["MemoryBundle"]
