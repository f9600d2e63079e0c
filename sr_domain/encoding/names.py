"""Names that identify have one spelling, so that two that look the same are the same (spec: behaviour, "Identity")."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

LONGEST_NAME = 512
"""Characters that a name on record may have (contract: common, "name")."""
ONE_SPELLING = "a name that identifies has one spelling: leave the character out, or write it composed"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters of Hangul by category, and blank to the eye."""


_HEX = re.compile(r"[0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{32})?")


def lower_hex(document: Any, *fields: str) -> Any:
    """The document with the ids and digests in these fields in lower case; anything else as it is.

    Upper-case hex is a harmless spelling of the same value (spec: behaviour, "Evidence").
    """
    if not isinstance(document, Mapping):
        return document
    lower = {
        field: value.lower()
        for field in fields
        if isinstance(value := document.get(field), str) and _HEX.fullmatch(value)
    }
    return {**document, **lower} if lower else document


def misspelling(name: str) -> str | None:
    """What is wrong with the spelling of a name, the character named and counted from 1; None when nothing is."""
    if name.isascii() and name.isprintable() and name == name.strip(" "):
        return None  # most names, told without a look at each character
    for at, char in enumerate(name, 1):
        category = unicodedata.category(char)
        blank = category == "Zs" and char != " "
        if category in _UNSEEN or blank or char in _FILLERS:
            return f"has {_called(char)} as character {at}"
    if name.startswith(" ") or name.endswith(" "):
        begins = name.startswith(" ")
        return f"{'begins' if begins else 'ends'} with {_called(' ')} as character {1 if begins else len(name)}"
    if unicodedata.is_normalized("NFC", name):
        return None
    at = next(end for end in range(1, len(name) + 1) if not unicodedata.is_normalized("NFC", name[:end]))
    return f"is not in Unicode's form NFC: {_called(name[at - 1])} as character {at} has another spelling"


def _called(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '(without a name)')}"
