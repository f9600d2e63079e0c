"""An artifact that stands and is not the record's: it is never taken for the run's, and the record says so.

Such a fault ends nothing: the run stays where it was, and goes on once the bytes were set aside or restored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sr_domain.record.details import ArtifactRefused
from sr_domain.record.events import ARTIFACT_REFUSED
from sr_domain.run.outcome import NextStep
from sr_ports import Fault, ReasonCode, SrError

if TYPE_CHECKING:
    from sr_domain.run.held_run import HeldRun


class AlteredArtifact(Fault):
    """What stands at `key` is not what the record of the run derives (`TRUTH_ALTERED`). `stands`: its sha256, hex64."""

    def __init__(self, run_id: str, key: str, stands: str, why: str | None = None) -> None:
        what = f"{key} is not what the record of its run says" + (f": {why}" if why else "")
        super().__init__(ReasonCode.TRUTH_ALTERED, what, set_aside_step(run_id, key).words)
        self.run_id, self.key, self.stands, self.why = run_id, key, stands, why

    def __reduce__(self) -> tuple[type[AlteredArtifact], tuple[str, str, str, str | None]]:
        return (AlteredArtifact, (self.run_id, self.key, self.stands, self.why))

    @property
    def refused(self) -> ArtifactRefused:
        """As it goes on record."""
        return ArtifactRefused(self.code.value, self.what, self.remedy, self.key, self.stands)


def set_aside_step(run_id: str, key: str) -> NextStep:
    """What to do about an artifact at `key` that is not the record's."""
    after = f" --artifact {key} --accept-loss --reason R"
    return NextStep("recover", run_id, before="restore it from backup, or set it aside: ", after=after)


@contextmanager
def refused_on_record(run: HeldRun) -> Iterator[None]:
    """Put an altered artifact that ends the block on record, then let it go on.

    The same one met again adds nothing. The fault itself is what the caller hears, also where the
    record could not be written.
    """
    try:
        yield
    except AlteredArtifact as error:
        if run.history.refused_artifact != error.refused:
            with contextlib.suppress(SrError):  # the store is away as well, or the lease is lost
                run.record(ARTIFACT_REFUSED(error.refused))
        raise
