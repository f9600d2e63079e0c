"""The use cases of a consumer: prove a facts view, and read what it names. Public names: `sr_plugins.consumer`."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Literal

import attrs

from sr_domain.queries.verify import Verification
from sr_plugins.documents.profile import ProfileSource
from sr_plugins.uses.facts import Facts, superseded_remedy
from sr_plugins.uses.find_view import FoundView, find_view
from sr_ports import BadInput, Fault, ReasonCode, one_line

if TYPE_CHECKING:
    from sr_plugins.uses.messages import Message

Source = str | os.PathLike[str]


def open_facts(
    view_or_run: Source | Message,
    profile: ProfileSource = None,
    key: Source | None = None,
    superseded: Literal["refuse", "allow"] = "refuse",
    engine_run_root: str | None = None,
    *,
    stores: Collection[str] = (),
    progress: Callable[[str], None] = lambda line: None,
) -> Facts:
    """Open a run's facts to read them: view, record, plan, receipts and signature are checked now, no byte yet.

    `view_or_run`, `profile`, `key`, `engine_run_root`: as of `verify_facts`; or a follower's message, whose run is
    then opened in the very store that the message names: the profile's, or one of `stores`, each a place as
    ``store_uri`` says it. `superseded`: ``refuse`` a run that another has corrected, or ``allow`` it.
    Use it as a context manager: what it gives may be read inside its block.
    Raises `NotFound`, `BadInput`, `Unreachable`, and `Fault` for whatever is not as it was decided.
    """
    if superseded not in ("refuse", "allow"):
        raise BadInput(ReasonCode.USAGE, f"superseded is {superseded!r}", 'give "refuse" or "allow"')
    refuse = superseded == "refuse"
    found = _found(view_or_run, profile, key, progress, stores)
    try:
        done = found.verified(engine_run_root=engine_run_root, fast=True, allow_superseded=not refuse)
        Guarded(done).raise_if_faulty()
        return Facts(found.opened(engine_run_root), done.superseded_by, found.close, refuse=refuse)
    except BaseException:
        found.close()
        raise


def verify_facts(
    source: Source,
    *,
    profile: ProfileSource = None,
    engine_run_root: str | None = None,
    fast: bool = False,
    key: Source | None = None,
    allow_superseded: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Guarded:
    """Re-prove a facts view: a path, a ``file://`` or ``s3://`` URI, or of the profile's store a ref or a run.

    A run is named by its id, the first characters of it (six or more), or ``key:KEY``.

    A path or URI names its own store: everything up to ``fraud-platform/``; the path of a copy that
    lies elsewhere is held against the profile's store, and answers for the run that it names.
    `engine_run_root`: read in place of the view's own root, as prefix of every path. `fast` skips the bytes.
    `key`: a public key in a PEM file, whose holder must have signed the view; None asks for no signature.
    `allow_superseded`: a run that another has corrected is no fault.
    Raises `NotFound`, `BadInput`, `Unreachable`; what is wrong with the view is in the answer.
    """
    found = find_view(source, profile, key, progress)
    return Guarded(found.verified(engine_run_root=engine_run_root, fast=fast, allow_superseded=allow_superseded))


def _found(
    source: Source | Message,
    profile: ProfileSource,
    key: Source | None,
    progress: Callable[[str], None],
    stores: Collection[str],
) -> FoundView:
    if isinstance(source, str | os.PathLike):
        return find_view(source, profile, key, progress)
    from sr_plugins.uses.store_of import ports_of, ref_of

    found = find_view(ref_of(source), profile, key, progress, partial(ports_of, message=source, stores=stores))
    bundle = source.payload.get("bundle_hash")
    if isinstance(found.facts, dict) and found.facts.get("bundle_hash") != bundle:
        found.close()
        what = f"{source.kind} of run {source.run_id} is of bundle {one_line(str(bundle))}, its facts view of another"
        raise Fault(ReasonCode.TRUTH_ALTERED, what)
    return found


@attrs.frozen
class Guarded:
    """A verification, as a guard before a read."""

    verification: Verification

    def raise_if_faulty(self) -> None:
        """Raise `Fault` naming the first fault; return when the view and its bytes are proven."""
        if not self.verification.ok:
            first = self.verification.findings[0]
            raise Fault(first.code, f"{first.where}: {first.what}", _remedy(self.verification))


def _remedy(done: Verification) -> str | None:
    """What to do about a run that another has corrected; for all else the table's."""
    first = done.findings[0]
    return superseded_remedy(done.superseded_by) if first.code is ReasonCode.SUPERSEDED else first.of_the_engine
