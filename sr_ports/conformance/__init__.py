"""Conformance suites: subclass one per adapter, give it its fixtures, and pytest does the rest."""
