"""Signing READY with a key in a file, and checking such signatures: DSSE by securesystemslib."""
