"""For consumers: a facts view by path, URI or run id, and a guard to put before reading.

from sr_plugins.consumer import verify_facts
verify_facts("runs/fraud-platform/.../run_facts_view/<id>.json").raise_if_faulty()
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from sr_domain.audit import Finding
from sr_domain.strict_json import strict_loads
from sr_domain.verify import Verification, Verifier, verify
from sr_plugins.files import read_config
from sr_plugins.profile import Profile, Section, load_profile
from sr_plugins.wire import wire_checker, wire_ports
from sr_ports import Fault, NotFound, ReasonCode

_KEY = re.compile(r"(?:(.*)/)?(fraud-platform/[^/]+/sr/run_facts_view/([0-9a-f]{32})\.json)")


def verify_facts(
    source: str | os.PathLike[str],
    *,
    profile: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    engine_run_root: str | None = None,
    fast: bool = False,
    key: str | os.PathLike[str] | None = None,
    allow_superseded: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Guarded:
    """Re-prove a facts view: a path, an ``s3://`` URI, or a run id of the profile's store.

    A path or URI names its own store: everything up to ``fraud-platform/``; the path of a copy that
    lies elsewhere is held against the profile's store. `fast` skips the bytes.
    `key`: a public key in a PEM file, whose holder must have signed the view; None asks for no signature.
    `allow_superseded`: a run that another has corrected is no fault.
    Raises `NotFound`, `BadInput`, `Unreachable`; what is wrong with the view is in the answer.
    """
    chosen, ref, copy = _locate(str(source), load_profile(profile))
    signed_by = None if key is None else wire_checker(chosen, os.fspath(key))
    ports = wire_ports(attrs.evolve(chosen, attest=None))  # who reads needs no signing key
    if ref is None:
        current = ports.platform.current()
        ref = f"fraud-platform/{current}/sr/run_facts_view/{source}.json"
    data = copy
    if data is None:
        blob = ports.store.read(ref)
        if blob is None:
            remedy = "check the path or id; sr status tells"
            raise NotFound(ReasonCode.FACTS_VIEW_MISSING, f"the facts view {source} is not there", remedy)
        data = blob.data
    try:
        facts = strict_loads(data, what=ref)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no facts view
        return Guarded(Verification(ref, None, (Finding(ReasonCode.TRUTH_ALTERED, ref, str(error)),)))
    verifier = Verifier(ports.store, ports.roots, ports.laws, ports.pool, ports.clock, progress, signed_by)
    done = verify(verifier, data, facts, engine_run_root=engine_run_root, fast=fast, allow_superseded=allow_superseded)
    return Guarded(done)


def _locate(source: str, profile: Profile) -> tuple[Profile, str | None, bytes | None]:
    """The profile whose store holds the view; its key, None for a run id; and the bytes of a copy."""
    if re.fullmatch(r"[0-9a-f]{32}", source):
        return profile, None, None
    path = source if source.startswith("s3://") else str(Path(source).absolute())
    match = _KEY.fullmatch(path)
    if match is None and Path(path).is_file():
        return profile, source, read_config(Path(path), ReasonCode.FACTS_VIEW_MISSING, "facts view")
    if match is None:
        raise NotFound(
            ReasonCode.FACTS_VIEW_MISSING,
            f"{source!r} is neither a run id nor the place of a facts view",
            "give .../fraud-platform/<platform_run_id>/sr/run_facts_view/<run_id>.json",
        )
    place = match[1] or ""
    if not path.startswith("s3://"):
        return attrs.evolve(profile, object_store=Section("file", {"root": place or "/"})), match[2], None
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    store = profile.object_store
    kept = store.settings if store.adapter in ("s3", "minio") else {}
    adapter = store.adapter if store.adapter in ("s3", "minio") else "s3"
    section = Section(adapter, {**kept, "bucket": bucket, "prefix": prefix})
    return attrs.evolve(profile, object_store=section), match[2], None


@attrs.frozen
class Guarded:
    """A verification, as a guard before a read."""

    verification: Verification

    def raise_if_faulty(self) -> None:
        """Raise `Fault` naming the first fault; return when the view and its bytes are proven."""
        if not self.verification.ok:
            first = self.verification.findings[0]
            raise Fault(first.code, f"{first.where}: {first.what}")
