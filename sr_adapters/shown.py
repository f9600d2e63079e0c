"""Text from outside as it is shown to people: what moves a cursor or turns text around is spelt out.

Source: spec behaviour, "Observability". Spelt as JSON does, so that a JSON document still means the same.
"""

from __future__ import annotations

import re

FORMAT = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f"
)
"""Characters without a look of their own: bidirectional ones, joiners, tags, marks of zero width (Unicode's Cf)."""
UNSAFE = f"\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029{FORMAT}\ud800-\udfff"
"""For a character class: control (but new line, tab, return and escape) and format characters, line and paragraph
separators, halves of surrogate pairs."""

# Not compiled before a text needs them, which few do: all that they match is unprintable.
_TEXT = rf"\x1b\[[0-9;]{{0,16}}m|[{UNSAFE}\r\x1b]"
_LINE = rf"[{UNSAFE}\r\x1b\n\t]"


def spelling(text: str) -> str:
    """Characters as JSON escapes."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def plain(text: str) -> str:
    """Text of several lines, made by SR with its own colours: those stay."""
    if text.isprintable():
        return text
    return re.sub(_TEXT, lambda found: found[0] if len(found[0]) > 1 else spelling(found[0]), text)


def in_line(text: str) -> str:
    """Text that keeps to its line and place."""
    if text.isprintable():
        return text
    return re.sub(_LINE, lambda found: {"\n": "\\n", "\t": "\\t"}.get(found[0]) or spelling(found[0]), text)


def folded(text: str, room: int, hang: int | None = None) -> str:
    """A line in lines of `room` columns, broken at spaces alone: ids, paths and commands about a run stay whole.

    What follows stands `hang` columns in; by default two further than the line itself, in a tree below its branch.
    """
    if len(text) <= room or len(re.sub(_COLOUR, "", text)) <= room:
        return text
    margin = re.match("[ │]*", text)[0]  # type: ignore[index]
    lines, line = [], margin
    deeper = f"{margin}  " if hang is None else " " * hang
    for found in re.finditer(rf"( *)({_COMMAND}|[^ ]+)", text[len(margin) :]):
        gap, word = found.groups()
        if line.strip(" │") and _columns(line + gap + word) > room:
            lines.append(line)
            line = f"{deeper}{word}"
        else:
            line += gap + word
    return "\n".join([*lines, line])


_COLOUR = r"\x1b\[[0-9;]{0,16}m"
_COMMAND = r"sr (?:--[a-z]+ [^ ]+ )*[a-z]+(?: [a-z]+)? (?:[^ ]*=)?[0-9a-f]{32}[^ ]*"


def _columns(text: str) -> int:
    return len(re.sub(_COLOUR, "", text))


def short_digests(text: str) -> str:
    """A sentence with its digests cut to 12 characters. One in a path, an option or behind ``=`` stays."""
    return re.sub(r"(?<![\w/=.'-])(?<!= )([0-9a-f]{12})[0-9a-f]{52}(?![\w/]|\.\w)", r"\1…", text)
