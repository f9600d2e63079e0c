"""In-memory adapters: for embedders, examples and tests."""
