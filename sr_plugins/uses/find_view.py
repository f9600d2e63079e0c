"""Finding a facts view, whatever names it: a path, a URI, a ref or a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from sr_domain.encoding.strict_json import strict_loads
from sr_domain.queries.finding import Finding
from sr_domain.queries.opened_view import OpenedView, opened_view
from sr_domain.queries.verify import Verification, Verifier, verify
from sr_domain.record.layout import Layout, run_of
from sr_domain.run.lookup import view_of
from sr_domain.run.names import id_of, is_name, no_view
from sr_domain.run.ports import Ports
from sr_plugins.documents.files import read_config
from sr_plugins.documents.profile import Profile, ProfileSource, Section, load_profile
from sr_plugins.wiring.wire import wire_checker, wire_ports
from sr_ports import BadInput, NotFound, ReasonCode
from sr_ports.stores import Closing

_ID = 32
"""Characters of a whole run id, which no file of that name hides."""


@attrs.frozen
class FoundView:
    """A view as it was read. `facts`: None where it is no document, for the reason in `why`."""

    ports: Ports
    verifier: Verifier
    where: str
    data: bytes
    facts: Any
    why: str
    is_copy: bool

    def verified(self, *, engine_run_root: str | None, fast: bool, allow_superseded: bool) -> Verification:
        """The view, proven again."""
        if self.why:
            return Verification(self.where, None, (Finding(ReasonCode.TRUTH_ALTERED, self.where, self.why),))
        laws = self.verifier.laws
        try:
            return verify(
                self.verifier,
                self.data,
                self.facts,
                asked=None if self.is_copy else self.where,
                engine_run_root=engine_run_root,
                fast=fast,
                allow_superseded=allow_superseded,
            )
        finally:
            if isinstance(laws, Closing):
                laws.close()

    def opened(self, engine_run_root: str | None) -> OpenedView:
        """The view to be read; it was found sound. Raises `Fault`, `Unreachable`."""
        return opened_view(self.verifier, self.data, self.facts, engine_run_root)

    def close(self) -> None:
        """Let go of what the ports hold open."""
        self.ports.close()


def find_view(
    source: str | os.PathLike[str],
    profile: ProfileSource,
    key: str | os.PathLike[str] | None,
    progress: Callable[[str], None],
    at: Callable[[Ports], Ports] = lambda ports: ports,
) -> FoundView:
    """The view that `source` names, read and not proven yet. Parameters and errors as of `verify_facts`.

    `at`: the ports to read by, of those that the profile gives; raises where there are none.
    """
    chosen, ref, copy = _locate(str(source), load_profile(profile))
    signed_by = None if key is None else wire_checker(chosen, os.fspath(key))
    ports = wire_ports(attrs.evolve(chosen, attest=None))  # who reads needs no signing key
    try:
        ports = at(ports)
        where, data = (str(source), copy) if copy is not None else _stored(ports, str(source), ref, progress)
    except BaseException:
        ports.close()
        raise
    facts, why = None, ""
    try:
        facts = strict_loads(data, what=where)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no facts view
        why = str(error)
    verifier = Verifier(ports.store, ports.roots, ports.laws, ports.pool, ports.clock, progress, signed_by)
    return FoundView(ports, verifier, where, data, facts, why, copy is not None)


def _stored(ports: Ports, source: str, ref: str | None, progress: Callable[[str], None]) -> tuple[str, bytes]:
    """The view at `ref`, or that of a run: the current platform run's, else the one it is in."""
    asked = source
    try:
        source = id_of(ports, source) if ref is None else source
        current = ports.platform.current()
        key = Layout(current).facts(source) if ref is None and current is not None else ref
        blob = None if key is None else ports.store.read(key)
        if blob is None and ref is None:
            key = view_of(ports, source, progress)
            blob = ports.store.read(key)
    except NotFound:
        blob = None
    finally:
        ports.authority.close()
    if blob is None or key is None:
        raise no_view(asked)
    return key, blob.data


def _locate(source: str, profile: Profile) -> tuple[Profile, str | None, bytes | None]:
    """The profile whose store holds the view; its key, None for a run id; and the bytes of a copy.

    Any ref of a run leads to its view: the path or URI of a store with the ref behind it, or, as
    READY carries it, the ref alone, which is a key of the profile's store.
    """
    if is_name(source) and (len(source) == _ID or not Path(source).exists()):
        return profile, None, None
    alone = run_of(source)
    if alone is not None and not Path(source).exists():
        return profile, alone[0].facts(alone[1]), None
    path = source if source.startswith("s3://") else str(_path(source).absolute())
    place, folder, rest = path.rpartition("fraud-platform/")
    named = run_of(folder + rest)
    if named is not None:
        return _at(profile, place), named[0].facts(named[1]), None
    if not path.startswith("s3://") and Path(path).is_file():
        return profile, None, read_config(Path(path), ReasonCode.FACTS_VIEW_MISSING, "facts view")
    raise NotFound(
        ReasonCode.FACTS_VIEW_MISSING,
        f"{source!r} is neither a run id nor the place of a facts view",
        "give .../fraud-platform/<platform_run_id>/sr/run_facts_view/<run_id>.json",
    )


def _at(profile: Profile, place: str) -> Profile:
    """The profile with its object store at another place."""
    place = place.removesuffix("/")
    if not place.startswith("s3://"):
        return attrs.evolve(profile, object_store=Section("file", {"root": place or "/"}))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    store = profile.object_store
    kept = store.settings if store.adapter in ("s3", "minio") else {}
    adapter = store.adapter if store.adapter in ("s3", "minio") else "s3"
    return attrs.evolve(profile, object_store=Section(adapter, {**kept, "bucket": bucket, "prefix": prefix}))


def _path(source: str) -> Path:
    """The file that a path or a ``file://`` URI names. Raises `BadInput` for a URI of another machine."""
    if not source.startswith("file:"):
        return Path(source)
    parts = urlsplit(source)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        remedy = "give file:///path on this machine"
        raise BadInput(ReasonCode.USAGE, f"{source!r} names no file of this machine", remedy)
    return Path(unquote(parts.path))
