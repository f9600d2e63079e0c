"""Templates into pages: whatever comes from a run is text, and is shown safely wherever it stands."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sr_adapters.console.words import ago, lasting, utc
from sr_adapters.shown import in_line
from sr_domain.encoding.times import parse_instant
from sr_domain.queries.sentence import counted, sized

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> Environment:
    """The templates. All that they show is escaped; control and bidirectional characters are spelt out."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("sr_adapters.console"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": ago,
        "clock": _clock,
        "counted": counted,
        "document": _document,
        "lasting": lasting,
        "lines": _lines,
        "since": lambda instant, now: ago(parse_instant(instant), now),
        "sized": sized,
        "told": lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        "typed": _typed,
        "utc": utc,
        "window": _window,
    }
    return made


def rendered(template: str, **values: Any) -> str:
    """A page. `values`: what its template names."""
    return environment().get_template(template).render(**values, version=version("scenario-runner"))


@cache
def asset(name: str) -> str:
    """The text of an asset that ships with the console."""
    return (files("sr_adapters.console") / "assets" / name).read_text("utf-8")


def style() -> dict[str, Any]:
    """The style sheet within a page, and the digest by which a content security policy lets it in."""
    from markupsafe import Markup

    text = asset("console.css")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"style": Markup(text), "style_hash": f"sha256-{digest}"}  # noqa: S704 - the console's own style sheet


def _shown(value: Any) -> Any:
    """Every value on its way into a page. None is shown as nothing; markup of the templates' own stays."""
    if value is None:
        return ""
    return in_line(value) if type(value) is str else value


def _document(data: bytes) -> Any:
    """A stored document as it is read: JSON indented, line by line where it has several; nothing in it is markup."""
    from markupsafe import Markup, escape

    text = data.decode("utf-8", "replace")
    lines = text.splitlines()
    told = "\n".join(map(_indented, lines)) if len(lines) > 1 else _indented(text)
    return Markup("\n").join(escape(in_line(line)) for line in told.split("\n"))


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _clock(instant: str, begun: str) -> str:
    """The time of day, to the millisecond; the date too on any other day than that of the beginning."""
    whole, _, fraction = instant[11:].rstrip("Z").partition(".")
    date = "" if instant[:10] == begun[:10] else f"{instant[:10]} "
    return f"{date}{whole}.{fraction[:3]:0<3}"


def _lines(text: str) -> Any:
    """Text of several lines, as somebody typed it, safe to look at."""
    from markupsafe import Markup, escape

    return Markup("\n").join(escape(in_line(line)) for line in text.replace("\r\n", "\n").split("\n"))


def _window(window: tuple[str, str]) -> str:
    """A window as a list has room for: days alone where it begins and ends at midnight."""
    start, end = (one.removesuffix("T00:00:00Z") for one in window)
    return f"{start} to {end}"


def _typed(words: Sequence[str]) -> str:
    return shlex.join(words)
