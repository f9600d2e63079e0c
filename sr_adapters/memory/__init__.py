"""Ports in memory, for tests and embedders: the same laws, nothing on disk."""
