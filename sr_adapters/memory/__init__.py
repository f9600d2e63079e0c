"""Adapters that keep everything in this process: for tests, simulation and embedders."""
