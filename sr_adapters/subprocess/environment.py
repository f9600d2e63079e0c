"""The engine's environment: SR's own, less whatever looks like a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

DENY = (
    "DSN",
    "*_DSN",
    "*SECRET*",
    "*PASSWORD*",
    "*PASSWD*",
    "*_TOKEN",
    "SR_*TOKEN*",
    "*API_KEY*",
    "*PRIVATE_KEY*",
)
"""Names (upper-cased) that are not passed on, unless an allow pattern names them."""

_URL_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")


def engine_environment(
    base: Mapping[str, str], extra: Mapping[str, str], *, deny: Sequence[str] = DENY, allow: Sequence[str] = ()
) -> dict[str, str]:
    """`base` without secrets, and `extra` on top.

    Left out: names matching `deny`, and any value that is a URL with a password in it. A name
    matching `allow` is passed on whatever it holds.
    """
    kept = {name: value for name, value in base.items() if _matches(name, allow) or not _secret(name, value, deny)}
    return {**kept, **extra}


def _secret(name: str, value: str, deny: Sequence[str]) -> bool:
    return _matches(name, deny) or _URL_WITH_PASSWORD.search(value) is not None


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
