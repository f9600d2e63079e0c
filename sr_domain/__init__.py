"""The pure core of Scenario Runner: what is true, and what comes next.

No file, socket, thread, environment or clock is reachable from here but through a port.
"""
