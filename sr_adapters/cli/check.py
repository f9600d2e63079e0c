"""check: proves a folder now, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import tell
from sr_adapters.cli.session import REQUEST, Session
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.check import Check
    from sr_domain.queries.explain_items import Item

_EXITS = {"COMPLETE": exits.DONE, "WAITING": exits.WAITING}
_REMEDIES = {
    "WAITING": "put there what is missing, or seal what is there (sr seal), and look again",
    "CONFLICT": "put back the bytes that were sealed, or seal what is there now",
    "FAIL": "correct what is named, and look again",
}
_UNSTABLE = "let whatever writes there finish, seal what is there then (sr seal), and look again"
_GIVE = "give the one that the data are in"
_PASSED = frozenset({"PASS", "PROVEN", "OPTIONAL_MISSING"})


@click.command("check")
@click.argument("root")
@click.option("--pack", metavar="P", help="The folder of gates and outputs; default: the profile's.")
@click.option("--request", "request_file", metavar="R", default=REQUEST, show_default=True, help="What to prove.")
@click.pass_obj
def check_command(session: Session, root: str, pack: str | None, request_file: str) -> int:
    """Prove a folder now: every gate by its own law, every byte of every output. No run, no key, no record.

    Exit code: 0 where a run would be READY, 3 where something is missing or changes still, 5 where something
    contradicts itself.
    """
    from sr_adapters.cli.documents import read_request
    from sr_plugins.uses.check import check_root

    if request_file == REQUEST and not Path(REQUEST).exists():
        what = _absent(root) or f"there is no {REQUEST} in this folder: it is not known which world {root} is to be"
        raise BadInput(ReasonCode.DATA_UNFIT, what, "give --request; for own data, describe them first: sr init DATA")
    request = read_request(request_file)
    if "manifest_fingerprint" not in request:
        what = f"{request_file} names no manifest_fingerprint: it is not known which world {root} is to be"
        raise BadInput(ReasonCode.DATA_UNFIT, what, "seal own data first: sr seal")
    progress = output.tell if session.narrates else lambda line: None
    done = check_root(root, request, profile=session.loaded, policy=session.policy, pack=pack, progress=progress)
    code = _EXITS.get(done.verdict, exits.FAULT)
    if session.as_json:
        session.json({**done.document(), "exit_code": code})
    else:
        _tell(session, done)
    if done.reason_code is not None:
        absent = done.verdict == "WAITING" and _absent(root)
        tell(done.reason_code, absent or f"{root}: {done.detail}", _GIVE if absent else _remedy(done))
    return code


def _absent(root: str) -> str:
    """That there is no such folder; empty where there is one, or it is no folder of this machine."""
    return "" if "://" in root or Path(root).is_dir() else f"there is no folder {root}"


def _remedy(done: Check) -> str:
    return _UNSTABLE if done.reason_code == ReasonCode.EVIDENCE_UNSTABLE else _REMEDIES[done.verdict]


def _tell(session: Session, done: Check) -> None:
    """Faults first; what passes is counted, and listed with -v."""
    every = [("gate", one) for one in done.gates] + [("output", one) for one in done.outputs]
    bad = [(kind, one) for kind, one in every if one.verdict not in _PASSED]
    shown = bad + [pair for pair in every if session.verbose and pair not in bad]
    if shown:
        session.table(["", "name", "verdict", "files", "path", "detail"], [_row(kind, one) for kind, one in shown])
    passed, proven = (sum(one.verdict in _PASSED for one in items) for items in (done.gates, done.outputs))
    passing = f"{passed} of {len(done.gates)} gates pass, {proven} of {len(done.outputs)} outputs proven"
    session.say(f"{done.verdict} {done.root}: {passing}")
    session.say(*(f"note: {note}" for note in done.notes), *(f"changed: {path}" for path in done.changed))


def _row(kind: str, one: Item) -> list[Any]:
    return [kind, one.id, one.verdict, one.files, one.path, one.detail]
