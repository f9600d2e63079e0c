"""The engine's environment: what the profile lists of SR's own, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

PASS = ("PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR")
"""Names, or patterns of names, that are passed on where a profile says nothing else."""


def engine_environment(
    base: Mapping[str, str],
    given: Mapping[str, str],
    *,
    passed: Sequence[str] = PASS,
    fixed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Of `base` what `passed` names, then `fixed`, then `given` on top.

    A worker's environment holds what is nobody's business (DSNs, tokens, its own profile): a name that is not
    listed stays behind, whatever its value looks like.
    """
    kept = {name: value for name, value in base.items() if any(fnmatchcase(name, one) for one in passed)}
    return {**kept, **(fixed or {}), **given}
