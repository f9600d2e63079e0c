"""Whether the object store is the one that the authority serves here (spec: behaviour, "Home and store")."""

from __future__ import annotations

from collections.abc import Sequence

from sr_domain.run.store_identity import KnownStore, StoreIdentity
from sr_ports import Fault, ReasonCode, StorePlace


def check_served(known: KnownStore, places: Sequence[StorePlace]) -> None:
    """Return where nothing that the authority knows of places speaks against the store.

    `places`: as `AuthorityStore.find` gave them for it. Raises `Fault`: `TRUTH_ROLLED_BACK` for a location with no
    identity or another one than was met there, `STORE_COPIED` for an identity that is served elsewhere.
    """
    if _against(known.location, known.standing(), places) is None:
        return
    found = _against(known.location, known.standing(again=True), places)  # it may have been decided upon meanwhile
    if found is not None:
        raise found


def is_served(known: KnownStore, places: Sequence[StorePlace]) -> bool:
    """Whether the authority serves the store, with the identity that it is known by, where it is."""
    return known.store_id is not None and StorePlace(known.location, known.store_id) in places


def _against(location: str, identity: StoreIdentity | None, places: Sequence[StorePlace]) -> Fault | None:
    here = [place.store_id for place in places if place.location == location]
    found = "no identity" if identity is None else f"the identity {identity.store_id}"
    if here:
        if identity is not None and identity.store_id in here:
            return None
        what = f"the authority serves store {here[0]} at {location}, and {found} stands there"
        return Fault(ReasonCode.TRUTH_ROLLED_BACK, what, _REMEDY)
    if identity is None:
        alike = [place for place in places if _inner(place.location) == _inner(location)]
        if not alike:
            return None
        what = f"{location} has no identity, and may be {alike[0].location}, where store {alike[0].store_id} is served"
        return Fault(ReasonCode.TRUTH_ROLLED_BACK, what, _REMEDY)
    elsewhere = [place.location for place in places if place.store_id == identity.store_id]
    if not elsewhere:
        return None
    what = f"{location} has {found}, which the authority serves at {elsewhere[0]}"
    return Fault(ReasonCode.STORE_COPIED, what)


_REMEDY = (
    "restore the store from backup, or name the one that is meant; to go on without what is lost: "
    "sr recover --store --as new --accept-loss --reason R"
)


def _inner(location: str) -> tuple[str, str]:
    """What stays the same whatever an endpoint is called: bucket and prefix; of any other scheme the whole location."""
    scheme, _, rest = location.partition("://")
    if scheme == "s3":
        return "s3", rest.rstrip("/")
    if scheme.startswith("s3+"):
        return "s3", rest.partition("/")[2].rstrip("/")
    return scheme, rest
