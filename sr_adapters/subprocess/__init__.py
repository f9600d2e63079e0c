"""Runs the engine as a child process, watched and ended whole by a small supervisor."""
