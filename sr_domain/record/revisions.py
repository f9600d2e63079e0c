"""Revisions of the rules by which evidence is read and decided (spec: behaviour, "Revisions").

A decision on record names its revision; one that names none is of revision 1, the first
release. Undecided runs are read by today's rules, a decided one by those of its day.
"""

from __future__ import annotations

from sr_ports import ListingRules
from sr_ports.wanted import FIRST_RELEASE, TODAY

REVISION = 2
"""Today's. Since 2 a link is never entered by ``**`` alone, and a key that ends in ``/`` and holds bytes is a conflict.

What else changed with 2 accepts more than 1 did (a byte order mark, ``./``, things that stand
beside the evidence), so that a run decided before is proven by it as well.
"""


def listing_rules(revision: int | None) -> ListingRules:
    """How the engine root was listed for a decision of this revision; None for one that names none."""
    return TODAY if isinstance(revision, int) and revision >= REVISION else FIRST_RELEASE
