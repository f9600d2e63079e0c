"""Recover: somebody with the right decides which store this is (spec: behaviour, "Home and store").

Moved: the identity stays, and the place that it had is retired. Copy and new: another identity is minted, and what
was known of the former one is no longer this store's. Nothing of a run's truth is touched.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs

from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.encoding.contracts import validate
from sr_domain.encoding.times import format_instant
from sr_domain.flows.index import index_records
from sr_domain.record.details import Denied
from sr_domain.record.events import AUTH_DENIED, GOV_LOSS_ACCEPTED
from sr_domain.record.layout import Layout, store_identity_key, store_note_key, store_record_key
from sr_domain.record.losses import LossAccepted
from sr_domain.run.append_aside import append_at
from sr_domain.run.context import Context
from sr_domain.run.platform_runs import platform_runs
from sr_domain.run.rights import allows, check_caller
from sr_domain.run.store_identity import StoreIdentity, fresh_identity, parsed_identity
from sr_domain.run.telemetry import RunTelemetry
from sr_ports import BadInput, Fault, Identity, PerPlatformRun, ReasonCode, SrError, StorePlace
from sr_ports.masking import redact
from sr_ports.stores import Elsewhere

_LONGEST = 512
"""Characters that a reason may have."""


class StoreIs(enum.StrEnum):
    """What a store that is not where, or what, the authority knows it as turned out to be."""

    MOVED = "moved"
    COPY = "copy"
    NEW = "new"


@attrs.frozen
class StoreDecision:
    """What was decided. `former_store_id`: the identity that it had; None where none is known. `retired`: locations."""

    decided_as: StoreIs
    store_id: str
    location: str
    former_store_id: str | None
    retired: tuple[str, ...] = ()

    def document(self) -> Mapping[str, Any]:
        """JSON form, for machines."""
        return {**attrs.asdict(self), "decided_as": self.decided_as.value}


def recover_store(context: Context, what: str, *, reason: str, actor: Identity) -> StoreDecision:
    """Decide that the store is `what`, and let the authority serve it where it is.

    Raises `BadInput`: `AUTH_DENIED` for an actor without the right; `USAGE` for another word, no reason, or a move of
    what has no identity; `STORE_COPIED` for a move while the former place still answers. `Fault`, `Unreachable`.
    Who decided, what and why goes on the record of the identity that the store had, before it is done.
    """
    check_caller(context.settings, actor)
    if what not in set(StoreIs) or not reason.strip():
        raise BadInput(ReasonCode.USAGE, "a store is moved, copy or new, for a reason", "give --as and --reason")
    if not allows(context.settings, "recover", actor):
        telemetry = RunTelemetry(context.ports.telemetry, context.ports.clock, {}, context.policy_rev)
        telemetry.event(AUTH_DENIED(Denied(actor.actor, "recover", ReasonCode.AUTH_DENIED, actor_proof=actor.mode)))
        raise BadInput(ReasonCode.AUTH_DENIED, f"actor {actor.actor!r} may not recover; nothing was written")
    said = _Said(context, StoreIs(what), redact(reason)[:_LONGEST], actor)
    return _moved(said) if said.decided_as is StoreIs.MOVED else _another(said)


@attrs.frozen
class _Said:
    """What an actor with the right said."""

    context: Context
    decided_as: StoreIs
    reason: str
    actor: Identity

    def put_on_record(
        self, identity: StoreIdentity | None, former_store_id: str, becomes: StoreIdentity, left: Collection[str] = ()
    ) -> None:
        """Keep it in a note, and the note on the record of the former identity, before anything follows from it.

        `identity`: the one that stands, if any; `becomes`: the one that will. `left`: where the store was known to be.
        Each step may be done again: of what died on the way another decision is made, with a note of its own.
        """
        ports = self.context.ports
        note = exact_json(self._note(identity, former_store_id, becomes.store_id, left))
        digest = sha256_hex(note)
        key = store_note_key(former_store_id, digest)
        ports.store.create(key, note)
        swapped = None if identity == becomes else sha256_hex(becomes.data())
        loss = LossAccepted(self.reason, store_identity_key(), key, digest, swapped)
        append_at(
            ports,
            store_record_key(former_store_id),
            former_store_id,
            GOV_LOSS_ACCEPTED(loss),
            actor=self.actor,
            policy_rev=self.context.policy_rev,
            pins={},
        )

    def _note(
        self, identity: StoreIdentity | None, former_store_id: str, store_id: str, left: Collection[str]
    ) -> Mapping[str, Any]:
        note = {
            "store_id": former_store_id,
            **({} if identity is None else {"minted_at_utc": identity.minted_at_utc}),
            "decided_as": self.decided_as.value,
            "reason": self.reason,
            "actor": self.actor.actor,
            "actor_proof": self.actor.mode,
            "decided_at_utc": format_instant(self.context.ports.clock.now()),
            "location": self.context.known_store.location,
            "successor_store_id": store_id,
            **({"former_locations": sorted(left)} if left else {}),
        }
        validate("store_note", note)
        return note


def _moved(said: _Said) -> StoreDecision:
    context, known = said.context, said.context.known_store
    identity = known.standing(again=True)
    if identity is None:
        raise BadInput(ReasonCode.USAGE, f"{known.location} has no identity: it was moved from nowhere", "use --as new")
    others = [one for one in _places(context) if one.store_id == identity.store_id and one.location != known.location]
    for place in others:
        _refuse_while_it_answers(context, place)
    said.put_on_record(identity, identity.store_id, identity, {place.location for place in others})
    retired = _serve(context, identity)
    return StoreDecision(StoreIs.MOVED, identity.store_id, known.location, identity.store_id, retired)


def _refuse_while_it_answers(context: Context, place: StorePlace) -> None:
    """Return where nothing at a store's former place has its identity any more. What does not answer has none."""
    store = context.ports.store
    former = store.elsewhere(place.location) if isinstance(store, Elsewhere) else None
    if former is None:
        context.notice(f"whether {place.location} still has the store was not asked: it is of another kind")
        return
    try:
        blob = former.read(store_identity_key())
    except SrError as error:
        context.notice(f"{place.location} did not answer ({error.what}): taken for gone")
        return
    if blob is not None and parsed_identity(blob).store_id == place.store_id:
        what = f"store {place.store_id} is still at {place.location}: this one is a copy of it"
        remedy = "use --as copy, or take the store away from there first"
        raise BadInput(ReasonCode.STORE_COPIED, what, remedy)


def _another(said: _Said) -> StoreDecision:
    context = said.context
    ports, known = context.ports, context.known_store
    blob = ports.store.read(store_identity_key())
    standing = None if blob is None else parsed_identity(blob)
    here = [place.store_id for place in _places(context) if place.location == known.location]
    former = standing.store_id if standing is not None else next(iter(here), None)
    minted = fresh_identity(ports)
    said.put_on_record(standing, former or minted.store_id, minted)
    swapped = (
        ports.store.create(store_identity_key(), minted.data())
        if blob is None
        else ports.store.replace(store_identity_key(), minted.data(), etag=blob.etag)
    )
    if swapped is None:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{store_identity_key()} was written by somebody else at this moment")
    retired = _serve(context, minted, lost=former or ports.ids.new_id())
    return StoreDecision(said.decided_as, minted.store_id, known.location, former, retired)


def _contexts(context: Context) -> Iterator[tuple[Context, Sequence[Layout]]]:
    """Each authority that may know the store, and the platform runs whose keys it has."""
    layouts = [Layout(name) for name in platform_runs(context.ports.store)]
    if not isinstance(context.ports.authority, PerPlatformRun):
        yield context, layouts
        return
    current = context.ports.platform.current()
    names = {layout.platform_run_id for layout in layouts} | ({current} if current is not None else set())
    for name in sorted(names):
        yield context.at(name), [Layout(name)]


def _places(context: Context) -> list[StorePlace]:
    return [place for own, _ in _contexts(context) for place in own.ports.authority.find("").places]


def _serve(context: Context, identity: StoreIdentity, lost: str | None = None) -> tuple[str, ...]:
    """Let every authority serve the store at its place; the other locations that were retired for that.

    `lost`: the store that is given what the first release bound and no record here is of. Where somebody else decided
    meanwhile, the identity of that decision stands, and is the one that is served.
    """
    known = context.known_store
    while True:
        retired = _served(context, StorePlace(known.location, identity.store_id), lost)
        standing = known.standing(again=True)
        if standing in (identity, None):
            return retired
        identity = standing


def _served(context: Context, place: StorePlace, lost: str | None) -> tuple[str, ...]:
    retired = set[str]()
    for own, layouts in _contexts(context):
        authority = own.ports.authority
        retired |= {one.location for one in authority.find("").places if one.store_id == place.store_id}
        if lost is not None:
            index_records(own, layouts)
            authority.claim(lost)
        authority.serve(place, decided=True)
        if authority is not context.ports.authority:
            authority.close()
    return tuple(sorted(retired - {place.location}))
