"""A hashing law with its provenance. Apart from its caller: every `Ports` needs this, few runs a law."""

from __future__ import annotations

import attrs

from sr_ports import HashingLaw


@attrs.frozen
class ProvidedLaw:
    """A hashing law and where it came from (spec: mission, law 11)."""

    law: HashingLaw
    distribution: str
    version: str
