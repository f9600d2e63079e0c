"""Adapters and laws that are known to be broken, each beside the suite that must find it out, and a sound twin.

No file here is collected by itself: `tests/conformance/test_suites_bite.py` runs them all in a pytest of its own.
"""
