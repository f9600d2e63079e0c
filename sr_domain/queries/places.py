"""What a locator names below an engine root: a file, a folder or a glob, as its `path` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.evidence.outputs import split_pattern
from sr_domain.queries.finding import Finding
from sr_domain.queries.view import View
from sr_ports import EvidenceFault, ReasonCode
from sr_ports.roots import check_path


@attrs.frozen
class Place:
    """A locator's path, taken relative to the engine root, and the digest that its bytes had.

    `path`: as the locator has it, less the root. `base`: the folder that parts are relative to, without
    trailing slash. `pattern`: the glob below it; empty for all below it. `single`: whether it names a file.
    """

    output_id: str
    path: str
    digest: str
    base: str
    pattern: str
    single: bool

    def of(self, part: str) -> str:
        """A part's path below the engine root."""
        return f"{self.base}/{part}" if self.base else part


def place_of(view: View, root: str, locator: Mapping[str, Any]) -> Place | Finding:
    """Where a locator's bytes are, or why that cannot be told. `root`: the one that the view names."""
    output_id, path = str(locator["output_id"]), str(locator["path"])
    digest = locator.get("content_digest")
    if digest is None:
        return Finding(ReasonCode.TRUTH_ALTERED, output_id, "its locator states no content digest")
    below = view.below(path, root)
    if below is None:
        return Finding(ReasonCode.TRUTH_ALTERED, output_id, f"its path {path} is not below the engine root {root}")
    named = below.removesuffix("/")
    try:
        if named:
            check_path(named)
    except EvidenceFault as fault:
        return Finding(fault.code, output_id, f"its path leads astray: {fault.what}")
    base, pattern = split_pattern(named)
    single = not pattern and not path.endswith("/")
    return Place(output_id, below, str(digest["hex"]), base, pattern, single)
