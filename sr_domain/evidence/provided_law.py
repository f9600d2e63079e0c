"""A hashing law with its provenance. Apart from its caller: every `Ports` needs this, few runs a law."""

from __future__ import annotations

import attrs

from sr_ports import HashingLaw
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class ProvidedLaw(Compared):
    """A hashing law and where it came from (spec: mission, law 11)."""

    law: HashingLaw
    distribution: str
    version: str
