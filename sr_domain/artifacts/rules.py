"""What a revision of the rules is: how each artifact follows from the record, and how evidence is listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from sr_domain.artifacts.attestation import statement
from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.contracts import Problem, problem, validate
from sr_ports import ListingRules
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.artifacts.attestation import Ready
    from sr_domain.record.details import Decided
    from sr_domain.record.layout import Layout
    from sr_domain.record.ledger import Event, Ledger
    from sr_domain.record.read import Entry

Document = dict[str, Any]
Node = Mapping[str, Any]


@attrs.frozen(eq=False, repr=False)
class Rules(Compared):
    """One revision. Its functions are pure: the same record gives the same document, by any release.

    They take plan and decision in the JSON form that is on record, so that what a value of today's
    comes to have changes nothing that an earlier revision derived.

    `listing`: how an engine root is listed for a run decided by it. `bundle_hash`: of a facts view.
    `same_receipt`: whether the instance receipt that stands, in bytes, proves what a view states.
    `subjects`: of the statement that a signature on READY is on, name and sha256 of each.
    `emitted_at`: the time that the READY signal gives, of the decision and of READY on record. The other
    fields are named for what they make; an artifact's contract has the same name.
    """

    revision: int
    listing: ListingRules
    run_plan: Callable[[Layout, str, Event], Document]
    run_status: Callable[[Layout, Ledger], Document | None]
    facts_view: Callable[[Layout, Node, Node, Node], Document]
    bundle_hash: Callable[[Node], str]
    same_receipt: Callable[[Node, bytes], bool]
    subjects: Callable[[Ready], list[tuple[str, str]]]
    emitted_at: Callable[[Event, Event], str]
    ready_signal: Callable[[Layout, Node, str | None, str], Document]
    terminal_signal: Callable[[Layout, Node, str], Document]
    run_superseded: Callable[[Layout, str, Entry[Decided], str | None], Document]
    quarantine_record: Callable[[Layout, Event], Document]

    def statement(self, ready: Ready) -> bytes:
        """What a signature on READY states of a run, as the bytes that are signed."""
        return statement(ready, self.subjects(ready), self.revision)

    def problem(self, contract: str, document: Any) -> Problem | None:
        """What breaks the contract of that name as it stands in this revision; None when the document fits."""
        return problem(contract, document, self.revision)

    def validate(self, contract: str, document: Node) -> None:
        """Raise `ContractViolation` unless the document fits the contract of that name in this revision."""
        validate(contract, document, self.revision)

    def stored(self, contract: str, document: Node) -> bytes:
        """The bytes that the document is stored as. Raises `ContractViolation` for one that does not fit."""
        self.validate(contract, document)
        return exact_json(document)
