"""Details of events about where an engine's run is (others are in `details`)."""

from __future__ import annotations

from sr_domain.record.values import Value, value


@value
class RootCorrected(Value):
    """A resubmission named another engine root. `left`: the one that is not taken again; None where there was none."""

    engine_run_root: str
    left: str | None = None
