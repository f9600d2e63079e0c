"""report: a run's page as one file, for tickets, audits and mail."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.naming import run_argument
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_domain.queries.dossier import Dossier

_STDOUT = "-"
_SHORT = 8
_MODE = 0o666


@click.command("report")
@run_argument()
@click.option(
    "-o", "--output", "named", metavar="FILE", help="Where to write; - is standard output. Default: report-RUN.html."
)
@click.pass_obj
def report_command(session: Session, run_id: str, named: str | None) -> int:
    """Write a run's page as one HTML file that needs no server, no script and nothing from elsewhere.

    It opens with the sentence of sr explain; gates, timeline, outputs, digests and refs follow, in full. Printed, it
    has two pages. A report that stands is written again.
    """
    if named == _STDOUT and session.as_json:
        raise click.UsageError("standard output takes the page or the JSON answer: give -o FILE")
    from sr_adapters.console.report import check_installed, report

    check_installed()
    told = session.local.dossier(run_id)
    page = report(told)
    if named == _STDOUT:
        output.answer(page.rstrip("\n"))
        return exits.DONE
    path = Path(named or f"report-{told.explanation.run_id[:_SHORT]}.html")
    _write(path, page.encode())
    if session.as_json:
        session.json(_written(told, path, page.encode()))
    else:
        session.say(told.explanation.sentence, f"Written: {path}")
    return exits.DONE


def _written(told: Dossier, path: Path, data: bytes) -> dict[str, Any]:
    import hashlib

    return {
        "run_id": told.explanation.run_id,
        "state": told.explanation.state,
        "sentence": told.explanation.sentence,
        "path": str(path),
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises `BadInput(USAGE)` where it cannot be written."""
    from sr_ports import BadInput, ReasonCode

    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_SHORT]}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(beside).chmod(_MODE & ~_umask())
            Path(beside).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(beside).unlink()
            raise
    except OSError as error:
        what = f"{path} cannot be written: {error.strerror or error}"
        raise BadInput(ReasonCode.USAGE, what, "give another place with -o") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
