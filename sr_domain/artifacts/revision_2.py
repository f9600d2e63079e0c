"""Revision 2 of the rules: how engine roots are listed; every artifact is derived as by revision 1.

A link is not entered by ``**`` alone, and a key that ends in ``/`` and holds bytes is a conflict. What else
changed in reading (a byte order mark, ``./``, things that stand beside the evidence) accepts more than
revision 1 did, so that a run decided before is proven by it as well.
"""

from __future__ import annotations

import attrs

from sr_domain.artifacts import revision_1
from sr_ports.wanted import TODAY

RULES = attrs.evolve(revision_1.RULES, revision=2, listing=TODAY)
