"""A run's page as one file that needs no server, no script and nothing from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from sr_adapters.console.render import rendered, style
from sr_adapters.console.run_page import run_page
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_domain.queries.dossier import Dossier


_LIBRARIES = ("jinja2", "grandalf")


def check_installed() -> None:
    """Return where pages can be made. Raises `BadInput(EXTRA_MISSING)`."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        remedy = "install what is missing: pip install 'scenario-runner[report]'"
        raise BadInput(ReasonCode.EXTRA_MISSING, f"pages are made with {' and '.join(missing)}", remedy)


def report(told: Dossier) -> str:
    """The page, whole HTML."""
    return rendered("report.html", page=run_page(told), **style())
