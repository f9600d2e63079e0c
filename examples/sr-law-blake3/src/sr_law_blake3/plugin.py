"""What Scenario Runner finds: the entry point of this distribution."""

from collections.abc import Sequence

from sr_ports import HashingLaw, hookimpl

sr_api = ">=1.0,<2"


@hookimpl
def sr_hashing_laws() -> Sequence[HashingLaw]:
    from sr_law_blake3.law import B3SumsFile

    return [B3SumsFile()]
