"""Adapter: an object store and a control bus in one process's memory, for tests and embedders.

They pass the same conformance suites as every other adapter, so a test that uses them is fair.
"""
