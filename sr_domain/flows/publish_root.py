"""An engine root copied to where consumers can read it, before anything of it is evidence."""

from __future__ import annotations

from functools import partial

from sr_domain.run.held_run import HeldRun
from sr_ports import EngineRoot, EvidenceFault, FileFact, Keeping, Located, ReasonCode, Unreachable
from sr_ports.wanted import Wanted

EVERY_FILE = Wanted("**", files_alone=True)
"""Regular files: a link, a FIFO or a socket is passed over."""
_MEND = "correct engine.publish_root in the profile"


def published_root(run: HeldRun, uri: str, number: int) -> str:
    """The root that the record is to name after attempt `number`: the copy, or `uri` where none is asked for.

    A root that lies below `engine.publish_root` already is not copied. The copy has a folder of the run's and
    attempt's own, in which nothing was before. Raises `EvidenceFault` where the root cannot be copied as it is,
    `Unreachable` where the copy cannot be written: the run rests.
    """
    target, roots = run.settings.publish_root, run.ports.roots
    if target is None:
        return uri
    if not isinstance(roots, Keeping):
        raise _unwritable(f"engine.publish_root {target}: no adapter here writes engine roots", _MEND)
    with roots.open(uri) as root:
        place = root.located() if isinstance(root, Located) else root.uri
        if _lies(place, target):
            return uri
        if _lies(target, place):
            raise _unwritable(f"engine.publish_root {target} lies in the engine root {place} itself", _MEND)
        below = f"{run.layout.platform_run_id}/{run.run_id}/attempt-{number}"
        _copy(run, root, roots, below)
    return f"{target}/{below}"


def _copy(run: HeldRun, root: EngineRoot, roots: Keeping, below: str) -> None:
    """Every regular file of the root, as it is now, written once below a name that nothing has yet."""
    target = str(run.settings.publish_root)
    _nothing_at(f"{target}/{below}", roots)

    def keep(fact: FileFact) -> None:
        run.held.check()
        roots.keep(target, f"{below}/{fact.path}", partial(root.stream, fact.path, expect=fact))

    run.ports.pool.map(keep, root.list("", EVERY_FILE))
    changed = root.changes()
    if changed:
        first = ", ".join(changed.paths)
        raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{first} changed while the engine root was copied", first)


def _nothing_at(copy: str, roots: Keeping) -> None:
    """Return where nothing has the copy's name yet. Raises `Unreachable`."""
    try:
        with roots.open(copy) as before:
            there = "something is there" if before.exists() else ""
    except EvidenceFault as fault:
        there = fault.what
    if there:
        raise _unwritable(f"copying the engine root to {copy}: {there}", "see who writes below engine.publish_root")


def _lies(place: str, above: str) -> bool:
    """Whether a place is another one, or lies below it."""
    return place == above or place.startswith(f"{above.rstrip('/')}/")


def _unwritable(what: str, remedy: str) -> Unreachable:
    return Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what, remedy)


def out_of_reach(run: HeldRun, uri: str) -> str:
    """Why consumers elsewhere cannot read this root, for the answer; "" where nothing speaks for that."""
    if not run.ports.store.shared or ("://" in uri and not uri.startswith("file://")):
        return ""
    return (
        f"the engine root {uri} is a folder of this machine and truth is shared: no consumer elsewhere can read it; "
        "see engine.publish_root"
    )
