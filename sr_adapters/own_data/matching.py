"""Which files a template takes, without a look at the disk."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from sr_domain.evidence.outputs import split_pattern
from sr_ports import Wanted


class Paths:
    """Paths of files, to be asked again and again."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._sorted = sorted(set(paths))

    def taken(self, template: str) -> list[str]:
        """Those that a template takes, its tokens filled, as an output's files are found: file, folder or glob."""
        base, glob = split_pattern(template.rstrip("/"))
        if not glob and not template.endswith("/"):
            return [template] if self._has(template) else self._below(template)
        wanted, cut = Wanted(glob), len(base) + 1 if base else 0
        return [path for path in (self._below(base) if base else self._sorted) if wanted.takes(path[cut:])]

    def _has(self, path: str) -> bool:
        at = bisect_left(self._sorted, path)
        return at < len(self._sorted) and self._sorted[at] == path

    def _below(self, folder: str) -> list[str]:
        first, last = bisect_left(self._sorted, f"{folder}/"), bisect_left(self._sorted, f"{folder}0")
        return self._sorted[first:last]  # "0" comes right after "/"
