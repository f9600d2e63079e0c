"""For consumers: the guard before a read, what is read through it, and the follower of the control bus.

from sr_plugins.consumer import open_facts
with open_facts("key:orders-1") as facts:
    frame = facts.frame("orders")
"""

from __future__ import annotations

from sr_domain.queries.reading import ProvenPart
from sr_plugins.uses.consumer import Guarded, open_facts, verify_facts
from sr_plugins.uses.facts import Facts
from sr_plugins.uses.follower import Follower
from sr_plugins.uses.messages import Message

__all__ = ["Facts", "Follower", "Guarded", "Message", "ProvenPart", "open_facts", "verify_facts"]
