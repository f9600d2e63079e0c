"""Pins, and the paths that templates become with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_TOKEN = re.compile(r"\{([^{}]*)\}")
_WILD = re.compile(r"\*\*|\*|\?|\[(!?)([^\]]+)\]")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\{}]")
PINS = ("manifest_fingerprint", "parameter_hash", "seed", "run_id")


class EngineFault(Exception):
    """Something the engine was given is unfit; its text is one line for people."""


def pins_of(invocation: Any) -> dict[str, str]:
    """The invocation's pins as path text. Raises `EngineFault` naming what is not there."""
    if not isinstance(invocation, dict):
        raise EngineFault("the invocation is not a JSON object")
    absent = [key for key in PINS if not isinstance(invocation.get(key), str | int)]
    if absent:
        raise EngineFault(f"the invocation has no {', '.join(absent)}")
    return {**{key: str(invocation[key]) for key in PINS}, "scenario_id": _scenario(invocation)}


def _scenario(invocation: Mapping[str, Any]) -> str:
    binding = invocation.get("scenario_binding")
    if isinstance(binding, dict) and isinstance(binding.get("scenario_id"), str):
        return str(binding["scenario_id"])
    names = binding.get("scenario_set") if isinstance(binding, dict) else None
    if not isinstance(names, list) or not names:
        raise EngineFault("the invocation has no scenario_binding")
    joined = "|".join(sorted({str(name) for name in names}))
    return "scnset_" + hashlib.sha256(joined.encode()).hexdigest()[:16]


def fill(template: str, pins: Mapping[str, str]) -> str | None:
    """The template's path below the root; None when no pin fills a token or the path would leave the root."""
    template = template.strip()
    if any(token not in pins for token in _TOKEN.findall(template)):
        return None
    path = _TOKEN.sub(lambda match: pins[match[1]], template)
    parts = path.removesuffix("/").split("/")
    return None if _UNSAFE.search(path) or any(part in ("", ".", "..") for part in parts) else path


def files_of(template: str, pins: Mapping[str, str], days: Iterable[str], parts: int) -> list[str]:
    """The files an output consists of: one, or `parts` for a folder or a glob, for each day where it has one."""
    spread: Sequence[str] = tuple(days) if "{utc_day}" in template else ("",)
    paths = [fill(template, {**pins, "utc_day": day}) for day in spread]
    return sorted({file for path in paths if path is not None for file in _spread(path, parts)})


def _spread(path: str, parts: int) -> list[str]:
    if path.endswith("/"):
        path += "part-*.bin"
    if not _WILD.search(path):
        return [path]
    return [_WILD.sub(lambda match, at=at: _instead(match, at), path) for at in range(parts)]  # type: ignore[misc]


def _instead(match: re.Match[str], at: int) -> str:
    """Something a wildcard matches: the part's number, or a single character."""
    if match[0] in ("*", "**"):
        return f"{at:05d}"
    if match[2] is None or match[1]:
        return "0" if match[2] is None or "0" not in match[2] else "x"
    return str(match[2][0])
