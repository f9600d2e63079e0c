"""An engine root copied to where consumers can read it, before anything of it is evidence."""

from __future__ import annotations

from functools import partial

from sr_domain.run.held_run import HeldRun
from sr_ports import EngineRoot, EvidenceFault, FileFact, Keeping, Located, ReasonCode, Unreachable
from sr_ports.wanted import Wanted

EVERY_FILE = Wanted("**", files_alone=True)
"""Regular files: a link, a FIFO or a socket is passed over."""
_WHO = "see who writes below engine.publish_root"
_MEND = "correct engine.publish_root in the profile"


def check_place(run: HeldRun) -> None:
    """Return where a copy could go, before an engine is run for it. Raises `Unreachable`: the run rests."""
    target = run.settings.publish_root
    if target is not None:
        _is_there(target, _keeping(run))


def published_root(run: HeldRun, uri: str, number: int) -> str:
    """The root that the record is to name after attempt `number`: the copy, or `uri` where none is asked for.

    A root that lies below `engine.publish_root` already is not copied. The copy has a folder of the run's and
    attempt's own, in which nothing was before. Raises `EvidenceFault` where the root cannot be copied as it is,
    `Unreachable` where the copy cannot be written: the run rests.
    """
    target = run.settings.publish_root
    if target is None:
        return uri
    roots = _keeping(run)
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
    if _is_there(f"{target}/{below}", roots):
        raise _unwritable(f"copying the engine root to {target}/{below}: something is there", _WHO)

    def keep(fact: FileFact) -> None:
        run.held.check()
        roots.keep(target, f"{below}/{fact.path}", partial(root.stream, fact.path, expect=fact))

    run.ports.pool.map(keep, root.list("", EVERY_FILE))
    changed = root.changes()
    if changed:
        first = ", ".join(changed.paths)
        raise EvidenceFault(ReasonCode.EVIDENCE_UNSTABLE, f"{first} changed while the engine root was copied", first)


def _keeping(run: HeldRun) -> Keeping:
    roots = run.ports.roots
    if not isinstance(roots, Keeping):
        what = f"engine.publish_root {run.settings.publish_root}: no adapter here writes engine roots"
        raise _unwritable(what, _MEND)
    return roots


def _is_there(uri: str, roots: Keeping) -> bool:
    """Whether anything has this name. Raises `Unreachable`, also where it could be no root."""
    try:
        with roots.open(uri) as root:
            return root.exists()
    except EvidenceFault as fault:
        raise _unwritable(f"copying the engine root: {fault.what}", _WHO) from fault


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
