"""Which of the bindings of a run id is the one of the store at hand."""

from __future__ import annotations

from sr_domain.run.store_identity import KnownStore
from sr_ports import AuthorityStore, BadInput, Binding, Fault, Found, ReasonCode
from sr_ports.authority import NO_STORE


def own(found: Found, store_id: str | None) -> Binding | None:
    """The store's own binding, else one of no store; None where only other stores have one."""
    named = {one.store_id: one for one in found.bindings}
    return named.get(store_id or NO_STORE) or named.get(NO_STORE)


def bound(authority: AuthorityStore, run_id: str, known: KnownStore) -> Binding | None:
    """What the authority has bound to a run id in the store at hand; None for nothing. Writes nothing.

    Raises `BadInput(USAGE)` where only other stores have it, and several.
    """
    return chosen(authority.find(run_id), known)


def chosen(found: Found, known: KnownStore) -> Binding | None:
    """Of what was found the binding of the store at hand. Raises as `bound` does."""
    if len(found.bindings) <= 1 and known.store_id is None:  # a reader need not ask which store this is
        return next(iter(found.bindings), None)
    identity = known.standing()
    mine = own(found, None if identity is None else identity.store_id)
    if mine is None and len(found.bindings) > 1:
        run_id = found.bindings[0].run_id
        what = f"run {run_id} is in several stores of this authority, and this is none of them: {stores_of(found)}"
        raise BadInput(ReasonCode.USAGE, what, "name one of these stores in the profile")
    return mine


def stores_of(found: Found) -> str:
    """The stores that a run id is bound in, each by where it is served."""
    where = {place.store_id: place.location for place in found.places}
    return ", ".join(where.get(one.store_id, f"store {one.store_id}") for one in found.bindings)


def index_store(authority: AuthorityStore, known: KnownStore) -> str:
    """The store whose rows of the index are meant; rows of no store count as every store's. Writes nothing.

    For readers: of a store that lost its identity those which the authority has for its place.
    """
    try:
        identity = known.standing()
    except Fault:  # what stands is none
        identity = None
    if identity is not None:
        return identity.store_id
    places = authority.find("", location=known.location).places
    return next((place.store_id for place in places if place.location == known.location), NO_STORE)
