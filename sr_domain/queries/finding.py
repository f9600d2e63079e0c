"""What audit and verify find."""

from __future__ import annotations

import enum
from typing import Any

import attrs

from sr_ports import ReasonCode

_OF_THE_ENGINE = {
    "ROTTED": "restore it from backup, or supersede the run",
    "MOVED": "restore it from backup, or supersede the run",
    "ADDED": "take it out of the engine root, and read the files of the part list alone",
}


class Weight(enum.Enum):
    """What a finding says of the run."""

    FAULT = enum.auto()
    """Something was altered, or is gone."""
    UNFINISHED = enum.auto()
    """A worker is at it, or a crash left it: resume writes what is missing."""
    LOST = enum.auto()
    """It stands, and is of a history that the record lost, as was accepted."""


@attrs.frozen
class Finding:
    """Something wrong, or left. `where`: the key of the artifact at fault.

    `bound`: where a signature was asked for, whether it binds what this rests on; None where none was. `remedy`: what
    to do about this very one, for people; None for what its code says.
    """

    code: ReasonCode
    where: str
    what: str
    bound: bool | None = None
    weight: Weight = Weight.FAULT
    remedy: str | None = None

    @property
    def of_the_engine(self) -> str | None:
        """What to do about a file of the engine's that is not as it was proven, which is none of SR's to set aside.

        None for any other finding.
        """
        how, told, _ = self.what.partition(": ")
        return _OF_THE_ENGINE.get(how) if told and self.code is ReasonCode.TRUTH_ALTERED else None

    def document(self) -> dict[str, Any]:
        """JSON form; `bound` only where a signature was asked for, `remedy` where its code's own is not the way."""
        node = {"code": self.code.value, "where": self.where, "what": self.what}
        more = {"bound": self.bound, "remedy": self.remedy}
        return {**node, **{name: value for name, value in more.items() if value is not None}}


def unfinished(where: str, what: str) -> Finding:
    """The finding that a crash left something, or that a worker is at it."""
    return Finding(ReasonCode.RUN_UNFINISHED, where, f"unfinished: {what}", weight=Weight.UNFINISHED)


def lost(where: str) -> Finding:
    """The finding that what stands is of a history that its record lost."""
    what = "LOST: it is of a history that the record of its run lost, as was accepted"
    return Finding(ReasonCode.TRUTH_LOST, where, what, weight=Weight.LOST)
