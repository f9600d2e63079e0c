"""In-memory adapters, for embedders, examples and tests.

They pass the same conformance suites as every other adapter, so a test that uses them is fair.
"""
