"""An engine root copied to where consumers can read it, before anything of it is evidence."""

from __future__ import annotations

from functools import partial

from sr_domain.run.held_run import HeldRun
from sr_ports import EvidenceFault, Keeping, Located, ReasonCode, Unreachable
from sr_ports.wanted import Wanted

EVERY_FILE = Wanted("**")
"""Regular files alone: a link is passed over."""


def published_root(run: HeldRun, uri: str, number: int) -> str:
    """The root that the record is to name after attempt `number`: the copy, or `uri` where none is asked for.

    A root that lies below `engine.publish_root` already is not copied. The copy has a folder of the run's and
    attempt's own, so nobody else writes there. Raises `EvidenceFault` where the root cannot be copied as it is,
    `Unreachable` where the copy cannot be written: the run rests.
    """
    target, roots = run.settings.publish_root, run.ports.roots
    if target is None:
        return uri
    if not isinstance(roots, Keeping):
        what = f"engine.publish_root {target}: no adapter here writes engine roots"
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what, "correct engine.publish_root in the profile")
    with roots.open(uri) as root:
        place = root.located() if isinstance(root, Located) else root.uri
        if place == target or place.startswith(f"{target}/"):
            return uri
        copy = f"{target}/{run.layout.platform_run_id}/{run.run_id}/attempt-{number}"
        for fact in root.list("", EVERY_FILE):
            run.held.check()
            roots.keep(copy, fact.path, partial(root.stream, fact.path, expect=fact))
        changed = root.changes()
    if changed:
        first = ", ".join(changed.paths)
        raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{first} changed while the engine root was copied", first)
    return copy


def out_of_reach(run: HeldRun, uri: str) -> str:
    """Why consumers elsewhere cannot read this root, for the answer; "" where nothing speaks for that."""
    if not run.ports.store.shared or ("://" in uri and not uri.startswith("file://")):
        return ""
    return (
        f"the engine root {uri} is a folder of this machine and truth is shared: no consumer elsewhere can read it; "
        "see engine.publish_root"
    )
