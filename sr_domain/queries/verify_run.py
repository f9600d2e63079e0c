"""Verify a run of the store at hand: its view is found where the run is at home."""

from __future__ import annotations

from sr_domain.queries.lookups import facts
from sr_domain.queries.verifier import Verifier
from sr_domain.queries.verify import Verification, verify
from sr_domain.run.allowed_root import admissible_root
from sr_domain.run.context import Context
from sr_domain.run.lookup import home, parse_truth
from sr_ports import SignatureChecker


def verify_run(
    context: Context,
    run_id: str,
    *,
    engine_run_root: str | None,
    fast: bool,
    signed_by: SignatureChecker | None,
    allow_superseded: bool,
) -> Verification:
    """Re-prove the run's facts view; parameters as of `verify`. Raises `NotFound`.

    `BadInput(ENGINE_ROOT_UNFIT)` for another root than may be named here.
    """
    if engine_run_root is not None and context.settings.allowed_roots:
        engine_run_root = admissible_root(context, engine_run_root)
    ports, place = context.ports, home(context, run_id)
    key = place.layout.facts(place.run_id)
    blob = ports.store.read(key)
    view = facts(context, place.layout.record(place.run_id)) if blob is None else parse_truth(blob.data, key)
    verifier = Verifier(
        ports.store, ports.roots, ports.laws, ports.pool, ports.clock, signed_by=signed_by, check=context.check
    )
    return verify(
        verifier,
        b"" if blob is None else blob.data,
        view,
        asked=key,
        engine_run_root=engine_run_root,
        fast=fast,
        allow_superseded=allow_superseded,
    )
