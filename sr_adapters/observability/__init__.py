"""Telemetry sinks: the story on a terminal, and in log files. Best effort, never truth."""
