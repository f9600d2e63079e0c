"""For consumers: the guard before a read, what is read through it, and the follower of the control bus.

from sr_plugins.consumer import open_facts
with open_facts("key:orders-1") as facts:
    frame = facts.frame("orders")
"""

from __future__ import annotations

from sr_plugins.uses.consumer import Guarded, open_facts, verify_facts

__all__ = ["Guarded", "open_facts", "verify_facts"]
