"""What a caller gets back: where the run is, why, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.record.states import RunState
from sr_ports import REASONS, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class NextStep(Compared):
    """What to do next about a run, for whoever shows it to spell.

    `command`: what the command line names so (``resume``, ``quarantine show``), on the run `run_id`;
    empty where words alone help. `before`, `after`: the words around it, with the spaces between.
    """

    command: str = ""
    run_id: str = ""
    before: str = ""
    after: str = ""

    @property
    def words(self) -> str:
        """In words, with the command as documents name it: without the options of a command line."""
        typed = f"sr {self.command} {self.run_id}" if self.command else ""
        return f"{self.before}{typed}{self.after}"


@attrs.frozen(eq=False, repr=False)
class Outcome(Compared):
    """The answer to submit, resume and re-emit.

    `state`: None where nothing is known of the run. `is_new`: this call bound the key.
    `in_flight`: another worker holds the run. `differences`: for a collision, the fields
    of the intent that differ. `superseded_by`: the run's successor; for `status` the
    successor's own too, and so on to the newest. `refs`: keys of the run's artifacts that exist.
    `unpublished`: which fact the bus has not taken yet and why (kind, reason_code, detail, remedy).
    `actor`, `action`: for a denial, who was denied, and what: submit, supersede or reemit.
    `rerooted`: the record of a settled run names a corrected engine root; no part of the document.
    `taken_up`: this call went on with a run that had not been settled; no part of the document.
    `in_the_way`: the output whose orphan receipt the run rests for; the first, where there are several.
    """

    run_id: str
    state: RunState | None
    platform_run_id: str | None = None
    reason_code: ReasonCode | None = None
    message: str = ""
    is_new: bool = False
    in_flight: bool = False
    published: bool = False
    unpublished: Mapping[str, str] | None = None
    missing: tuple[str, ...] = ()
    differences: Mapping[str, Any] | None = None
    superseded_by: tuple[str, ...] = ()
    refs: Mapping[str, str] = attrs.field(factory=dict)
    actor: str | None = None
    action: str | None = None
    rerooted: bool = False
    taken_up: bool = False
    in_the_way: str | None = None

    @property
    def stands_out(self) -> bool:
        """Whether the number of runs that wait, or have something left to publish, may be another one since."""
        waits = self.state is RunState.WAITING_EVIDENCE and not self.in_flight
        return self.taken_up or waits or self.unpublished is not None

    @property
    def remedy(self) -> str:
        """What to do next; empty when all is well."""
        if self.reason_code is None:
            return ""
        refused = self.in_flight or self.reason_code is ReasonCode.AUTH_DENIED
        told = remedy_of(self.reason_code, None if refused else self.state, self.run_id)
        if self.in_the_way is None:
            return told
        return told.replace("RUN_ID", self.run_id).replace("OUTPUT_ID", shlex.quote(self.in_the_way))

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        node = {
            "run_id": self.run_id,
            "state": None if self.state is None else self.state.value,
            "reason_code": None if self.reason_code is None else self.reason_code.value,
            "message": self.message,
            "actor": self.actor,
            "remedy": self.remedy,
            "platform_run_id": self.platform_run_id,
            "is_new": self.is_new,
            "in_flight": self.in_flight,
            "published": self.published,
            "unpublished": self.unpublished,
            "missing": list(self.missing),
            "differences": self.differences,
            "superseded_by": self.superseded_by[0] if self.superseded_by else None,
            "newest_run_id": self.superseded_by[-1] if self.superseded_by else None,
            **self.refs,
        }
        return {key: value for key, value in node.items() if key == "state" or value not in (None, "", [])}


_ANOTHER_REQUEST = frozenset(
    {
        ReasonCode.SUPERSEDES_NOT_FOUND,
        ReasonCode.SUPERSEDES_NOT_READY,
        ReasonCode.SUPERSEDES_TAKEN,
    }
)
"""What the same request would meet again, whatever is mended."""
_PERHAPS_ANOTHER = frozenset(
    {
        ReasonCode.UNKNOWN_OUTPUT_ID,
        ReasonCode.OUTPUT_UNGATED,
        ReasonCode.NO_OUTPUTS,
        ReasonCode.LAW_NOT_ALLOWED,
        ReasonCode.UNRESOLVED_PATH_TOKEN,
        ReasonCode.ENGINE_INVOCATION_INVALID,
        ReasonCode.INSTANCE_RECEIPT_DRIFT,
        ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID,
        ReasonCode.INSTANCE_DIGEST_MISSING,
    }
)
"""What may be mended in the request as well as elsewhere."""


def remedy_of(code: ReasonCode, state: RunState | None, run_id: str) -> str:
    """What to do about `code`. A run that it ended in `state` is final: its key serves no other."""
    if state is None or not state.terminal:
        return REASONS[code].remedy
    if code is ReasonCode.TRUTH_LOST:
        return f"sr retry {run_id} asks again under another key, and supersedes it"
    mend = REASONS[code].remedy
    if code in _ANOTHER_REQUEST:
        return f"{mend}, then submit under a new key"
    other = ", or submit another request under a new key" if code in _PERHAPS_ANOTHER else ""
    return f"{mend}, then sr retry {run_id}{other}"
