"""The small ports of a process: time, ids, threads, heartbeats, the platform run, zone names."""
