"""Canonical bytes, strict JSON, instants, ids and contracts."""
