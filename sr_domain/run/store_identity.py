"""Which store this is: an identity, minted once, and a location (spec: behaviour, "Home and store").

Consumers of a stream that several stores publish to tell facts apart by (`store_id`, `message_id`), and find
the store by `store_uri`. Both are attributes of every control fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.contracts import problem, validate
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.encoding.times import format_instant
from sr_domain.record.layout import store_identity_key
from sr_ports import BadInput, Blob, Fault, ReasonCode
from sr_ports.stores import check_location

if TYPE_CHECKING:
    from sr_domain.run.ports import Ports

_CONTRACT = "store_identity"


@attrs.frozen
class StoreIdentity:
    """Who a store is, for ever. `store_id`: 32 hex characters. `minted_at_utc`: RFC 3339."""

    store_id: str
    minted_at_utc: str


@attrs.define
class KnownStore:
    """The object store as control facts name it. Its identity is read once, and kept.

    Only what is about to write asks for it: the first that does so mints the identity.
    """

    ports: Ports
    _identity: StoreIdentity | None = attrs.field(default=None, init=False)

    def identity(self) -> StoreIdentity:
        """The store's identity, minted where it has none.

        Raises `Fault(TRUTH_ALTERED)` where what stands is none, `Unreachable`, and `BadInput` for a store
        whose location no control fact could carry.
        """
        if self._identity is None:  # of two threads both read, and find the same
            check_location(self.ports.store.location())
            self._identity = identify(self.ports)
        return self._identity

    def attributes(self) -> Mapping[str, str]:
        """What a control fact says of the store. Raises as `identity` does."""
        return {"store_id": self.identity().store_id, "store_uri": self.ports.store.location()}


def read_identity(ports: Ports) -> StoreIdentity | None:
    """The identity that stands; None where none was minted. Writes nothing. Raises `Fault(TRUTH_ALTERED)`."""
    blob = ports.store.read(store_identity_key())
    return None if blob is None else _parsed(blob)


def identify(ports: Ports) -> StoreIdentity:
    """The identity that stands, else a new one; of any number that mint at once one stands, and all get that."""
    standing = read_identity(ports)
    if standing is not None:
        return standing
    minted = StoreIdentity(ports.ids.new_id(), format_instant(ports.clock.now()))
    document = attrs.asdict(minted)
    validate(_CONTRACT, document)
    if ports.store.create(store_identity_key(), exact_json(document)) is not None:
        return minted
    first = read_identity(ports)
    if first is None:
        raise Fault(ReasonCode.TRUTH_MISSING, f"{store_identity_key()} was there and is gone")
    return first


def _parsed(blob: Blob) -> StoreIdentity:
    key = store_identity_key()
    try:
        document = strict_loads(blob.data, what=key)
    except BadInput as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, error.what) from error
    misfit = problem(_CONTRACT, document)
    if misfit is not None:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is no identity of a store: {misfit.what}")
    return StoreIdentity(**document)
