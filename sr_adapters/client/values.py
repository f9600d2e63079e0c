"""Documents of a service as the values they were made of, so that the command line tells them as it tells its own.

Each document is held against its contract first: a value of another shape than this release's is never built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from sr_domain.flows.reemit import Reemit
from sr_domain.queries.audit import Audit
from sr_domain.queries.explain import Explanation
from sr_domain.queries.finding import Finding, Weight
from sr_domain.queries.listing import Listing
from sr_domain.queries.timeline import Timeline
from sr_domain.queries.verifier import Input, Verification
from sr_domain.record.states import RunState
from sr_domain.run.outcome import NextStep, Outcome
from sr_domain.run.trouble import Trouble
from sr_ports import Envelope, Fault, ReasonCode

if TYPE_CHECKING:
    from cattrs import Converter

_T = TypeVar("_T")
_NOT_AUDITED = "it cannot be audited: "


@attrs.frozen(eq=False, repr=False)
class ToldOutcome(Outcome):
    """An outcome that a service told. `told_remedy`: its remedy as told, which may name what the document does not.

    `said`: the sentence of the error that it came with; empty where it came with none.
    """

    told_remedy: str = ""
    said: str = ""

    @property
    def remedy(self) -> str:
        return self.told_remedy


def outcome(document: Mapping[str, Any], said: str = "") -> ToldOutcome:
    """Where a run is. Raises `ValueError` for a state or reason code that this release does not know."""
    state, code = document["state"], document.get("reason_code")
    plain = ("message", "platform_run_id", "is_new", "in_flight", "published", "unpublished", "differences", "actor")
    return ToldOutcome(
        run_id=document["run_id"],
        state=None if state is None else RunState(state),
        reason_code=None if code is None else ReasonCode(code),
        missing=tuple(document.get("missing", ())),
        superseded_by=_chain(document),
        refs={name: value for name, value in document.items() if name.endswith("_ref")},
        told_remedy=document.get("remedy", ""),
        said=said,
        **{name: document[name] for name in plain if name in document},
    )


def _chain(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The next run and the newest of those that superseded this one; whoever is between them is not told."""
    return tuple(dict.fromkeys(filter(None, (document.get("superseded_by"), document.get("newest_run_id")))))


def reemit(document: Mapping[str, Any], said: str = "") -> Reemit | Outcome:
    """What was published again, or why not; an outcome for an actor who may not."""
    if "actor" in document:
        return outcome({"state": None, **document}, said)
    code, step = document.get("reason_code"), document.get("next")
    return Reemit(
        document["run_id"],
        tuple(document.get("published", ())),
        tuple(document.get("would_publish", ())),
        document["dry_run"],
        None if code is None else ReasonCode(code),
        document.get("message", ""),
        _chain(document),
        None if step is None else NextStep(before=step),
    )


def explanation(document: Mapping[str, Any]) -> Explanation:
    """Why a run is where it is. Its next step is words: the commands in it are as documents name them."""
    return _structured(document, Explanation)


def timeline(document: Mapping[str, Any]) -> Timeline:
    """A run's record as a story."""
    return _structured(document, Timeline)


def envelope(document: Mapping[str, Any]) -> Envelope:
    """A control fact of the bus."""
    return _structured(document, Envelope)


def listing(document: Mapping[str, Any]) -> Listing:
    """A page of runs."""
    return Listing(tuple(document["runs"]), document.get("total"), document.get("more", False))


def verification(document: Mapping[str, Any]) -> Verification:
    """What came of proving a facts view again."""
    return Verification(
        document["run_id"],
        document["engine_run_root"],
        tuple(_finding(one, _weight(one)) for one in document["findings"]),
        document["proven_outputs"],
        document["proven_gates"],
        _chain(document),
        tuple(document.get("not_judged", ())),
        tuple(_structured(one, Input) for one in document.get("rests_on", ())),
    )


def audit(row: Mapping[str, Any]) -> Audit | Trouble:
    """What an audit of one run found; what stood in its way, where it could not be done."""
    found = row["findings"]
    if found and found[0]["what"].startswith(_NOT_AUDITED) and row["state"] is None:
        error = Fault(ReasonCode(found[0]["code"]), found[0]["what"].removeprefix(_NOT_AUDITED))
        return Trouble(row["run_id"], error)
    sides = (("findings", Weight.FAULT), ("unfinished", Weight.UNFINISHED), ("lost", Weight.LOST))
    every = [_finding(one, weight) for name, weight in sides for one in row.get(name, ())]
    return Audit.of(row["run_id"], row["state"], every, row.get("not_asked", ()))


def findings(documents: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What is wrong with a store itself."""
    return [_finding(one, Weight.FAULT) for one in documents]


def _finding(document: Mapping[str, Any], weight: Weight) -> Finding:
    bound, remedy = document.get("bound"), document.get("remedy")
    return Finding(ReasonCode(document["code"]), document["where"], document["what"], bound, weight, remedy)


def _weight(document: Mapping[str, Any]) -> Weight:
    """Of what a verification found: the list has no word for it, the code has."""
    return Weight.UNFINISHED if document["code"] == ReasonCode.RUN_UNFINISHED else Weight.FAULT


def _structured(document: Mapping[str, Any], kind: type[_T]) -> _T:
    return _converter().structure(document, kind)


@cache
def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter()
    converter.register_structure_hook(NextStep, lambda words, _: NextStep(before=words))
    return converter
