"""The very files that an output of a view consists of, by its locators and the stored part lists."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from sr_domain.queries.finding import Finding
from sr_domain.queries.places import place_of
from sr_domain.queries.view import View, speaks_of_today
from sr_domain.queries.view_outputs import part_list_of
from sr_ports import BadInput, Fault, ObjectStore, ReasonCode


@attrs.frozen
class ProvenFile:
    """A file that was proven. `path`: absolute, or an ``s3://`` URI. `sha256`: hex64."""

    path: str
    sha256: str


def proven_files(store: ObjectStore, view: View, output_id: str, engine_run_root: str | None) -> Iterator[ProvenFile]:
    """The files of an output, day by day, each in order of path. `engine_run_root`: in place of the view's own.

    Raises `BadInput` for an output that the view has not, or one of the first release's views, whose locators
    name no files; `Fault` where what was proven cannot be told.
    """
    root = view.root
    own = [one for one in view.facts["locators"] if one["output_id"] == output_id]
    if not own:
        known = ", ".join(sorted({one["output_id"] for one in view.facts["locators"]}))
        raise BadInput(
            ReasonCode.UNKNOWN_OUTPUT_ID, f"run {view.run_id} has no output {output_id!r}", f"it has {known}"
        )
    if root is None or not speaks_of_today(view.facts):
        what = f"run {view.run_id} was decided by the first release, whose views name no files"
        raise BadInput(ReasonCode.USAGE, what, "submit it again under a new key: its view will name them")
    below = (engine_run_root or root).rstrip("/")
    for locator in sorted(own, key=lambda one: str(one["path"])):
        place = place_of(view, root, locator)
        if isinstance(place, Finding):
            raise Fault(place.code, f"{place.where}: {place.what}")
        if place.single:
            yield ProvenFile(f"{below}/{place.path}", place.digest)
            continue
        listed = part_list_of(store, view.layout, place)
        if isinstance(listed, Finding):
            raise Fault(listed.code, f"{listed.where}: {listed.what}")
        for part in listed:
            yield ProvenFile(f"{below}/{place.of(part.path)}", part.sha256)
