"""explain: why a run is where it is. Faults first; what passed is a count, and listed with -v."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from sr_adapters.cli import exits
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.session import Session, bare_command, counted, shown_state, state_text
from sr_adapters.shown import in_line, short_digests
from sr_ports import ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.explain import Explanation
    from sr_domain.queries.explain_items import Item

_FAULTS = ("CONFLICT", "FAIL", "MISSING")
_WELL = {"PASS": "pass", "PROVEN": "proven", "OPTIONAL_MISSING": "absent (optional)", "UNKNOWN": "not judged"}
_UNJUDGED = "UNKNOWN"
_NAMED = 8


@click.command("explain")
@run_argument()
@click.pass_obj
def explain_command(session: Session, run_id: str) -> int:
    """Why a run is where it is: faults first, what passed as a count (-v lists it), and what to do next."""
    told = session.runner.explain(run_id)
    code = ReasonCode(told.reason_code) if told.reason_code else None
    if session.as_json:
        session.json({**told.document(), "next": session.spelled(told.next, code, bare_command)})
        return exits.DONE
    session.say(
        f"{state_text(shown_state(told.state, told.superseded_by))} run {told.run_id}"
        + (f"  {told.reason_code}: {told.meaning}" if told.reason_code else "")
    )
    session.say(in_line(told.sentence))
    left = None if told.seconds_left is None else f"{told.deadline_utc} ({told.seconds_left:.0f} s left)"
    session.pairs(
        [
            ("why", told.detail),
            ("engine root", told.engine_run_root),
            ("evidence deadline", left),
            ("held by", told.holder),
            ("superseded by", told.superseded_by),
            ("newest run", None if told.newest_run_id == told.superseded_by else told.newest_run_id),
        ]
    )
    _faults(session, told)
    _passes(session, told)
    _rest(session, told)
    session.say(f"next: {session.spelled(told.next, code)}")
    return exits.DONE


def _faults(session: Session, told: Explanation) -> None:
    """Every gate and output at fault, and what is wrong with it."""
    for title, items in (("gate", told.gates), ("output", told.outputs)):
        faulty = [one for one in items if _at_fault(one)]
        if not faulty:
            continue
        words = [_counted(faulty, word) for word in (*_FAULTS, _UNJUDGED) if any(one.verdict == word for one in faulty)]
        session.say(f"{', '.join(words)} of {len(items)} {title}{'s' * (len(items) != 1)}")
        for at, item in enumerate(faulty):
            branch, bar = ("└─", "  ") if at == len(faulty) - 1 else ("├─", "│ ")
            session.say(f"{branch} {item.verdict:<8} {item.id}{f'  {in_line(item.path)}' if item.path else ''}")
            session.say(*(f"{bar}          {line}" for line in _why(item, session.room)))


def _at_fault(item: Item) -> bool:
    """Whether it holds the run up: a gate whose law gave no judgement does, and says why."""
    return item.verdict in _FAULTS or (item.verdict == _UNJUDGED and bool(item.detail))


def _counted(items: Sequence[Item], word: str) -> str:
    return f"{sum(one.verdict == word for one in items)} {word}"


def _why(item: Item, room: int | None) -> Iterator[str]:
    """What is wrong with it; a digest that its sentence says is not said again."""
    if item.detail:
        yield in_line(item.detail if room is None else short_digests(item.detail))
    if item.expected not in (None, item.digest) and str(item.expected) not in item.detail:
        yield f"wanted {item.expected}"
    if item.digest is not None and item.digest not in item.detail:
        yield f"found  {item.digest}"
    if item.law is not None:
        yield f"law    {item.law}"


def _passes(session: Session, told: Explanation) -> None:
    """What is well: as counts, and one by one with -v."""
    well = {name: [one for one in items if not _at_fault(one)] for name, items in _kinds(told)}
    counts = [
        f"{counted(number, name.removesuffix('s'))} {'passes' if (said, number) == ('pass', 1) else said}"
        for name, items in well.items()
        for word, said in _WELL.items()
        if (number := sum(one.verdict == word for one in items))
    ]
    if not counts:
        return
    if not session.verbose:
        session.say(f"{', '.join(counts)} (-v lists them)")
    for name, items in well.items() if session.verbose else ():
        session.say(*([name] if items else []))
        for at, item in enumerate(items):
            session.say(f"{'└─' if at == len(items) - 1 else '├─'} {item.verdict:<16} {item.id}{_facts(item)}")
    _hashed(session, told.outputs)


def _kinds(told: Explanation) -> tuple[tuple[str, Sequence[Item]], ...]:
    return ("gates", told.gates), ("outputs", told.outputs)


def _hashed(session: Session, outputs: Iterable[Item]) -> None:
    """Which outputs no law read: for those a gate only vouches."""
    known = [one for one in outputs if one.hashed is not None]
    vouched = list(dict.fromkeys(one.id for one in known if not one.hashed))
    if not known:
        return
    read = f"{len(known) - sum(not one.hashed for one in known)} of {len(known)} outputs: a law hashed their very bytes"
    more = f" and {len(vouched) - _NAMED} more" if len(vouched) > _NAMED else ""
    session.say(f"{read}; only vouched for: {', '.join(vouched[:_NAMED])}{more}" if vouched else read)


def _facts(item: Item) -> str:
    parts = [
        item.law,
        None if item.digest is None else f"sha256 {item.digest}",
        None if item.size is None else f"{item.size:,} bytes in {item.files} file{'s' * (item.files != 1)}",
        item.provided_by,
        {True: "hashed by a law", False: "vouched for", None: None}[item.hashed],
        item.detail or None,
    ]
    return "".join(f"  {part}" for part in parts if part)


def _rest(session: Session, told: Explanation) -> None:
    session.say(*(f"changed: {path}" for path in told.changed))
    for problem in told.problems:
        session.say(f"problem: {problem['code']} {problem['subject']} {problem['detail']}".rstrip())
    for attempt in told.attempts:
        parts = [attempt.get(name, "") for name in ("outcome", "reason_code", "detail")]
        session.say(f"attempt {attempt.get('attempt_no')}: {' '.join(filter(None, parts))}")
        session.say(*(f"    {line}" for line in attempt.get("last_lines", ())))
