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
from sr_ports.compared import Compared
from sr_ports.stores import check_location

if TYPE_CHECKING:
    from sr_domain.run.ports import Ports

_CONTRACT = "store_identity"


@attrs.frozen(eq=False, repr=False)
class StoreIdentity(Compared):
    """Who a store is, for ever. `store_id`: 32 hex characters. `minted_at_utc`: RFC 3339."""

    store_id: str
    minted_at_utc: str

    def data(self) -> bytes:
        """As it is stored."""
        document = attrs.asdict(self)
        validate(_CONTRACT, document)
        return exact_json(document)


def fresh_identity(ports: Ports) -> StoreIdentity:
    """An identity that no store has, nor had."""
    return StoreIdentity(ports.ids.new_id(), format_instant(ports.clock.now()))


@attrs.define(eq=False, repr=False)
class KnownStore:
    """The object store as a runner knows it. Its identity is read once, and kept, until somebody asks again.

    Only what is about to write mints one.
    """

    ports: Ports
    _identity: StoreIdentity | None = attrs.field(default=None, init=False)
    _read: bool = attrs.field(default=False, init=False)

    @property
    def location(self) -> str:
        """Where the store is."""
        return self.ports.store.location()

    @property
    def store_id(self) -> str | None:
        """The identity's id; None where there is none, or nobody has asked yet."""
        return None if self._identity is None else self._identity.store_id

    def standing(self, *, again: bool = False) -> StoreIdentity | None:
        """The identity that stands; None where none was minted. `again`: as it stands now.

        Raises `Fault(TRUTH_ALTERED)`, `Unreachable`.
        """
        if again or not self._read:  # of two threads both read, and find the same
            self._identity, self._read = read_identity(self.ports), True
        return self._identity

    def identity(self) -> StoreIdentity:
        """The store's identity, minted where it has none.

        Raises `Fault(TRUTH_ALTERED)` where what stands is none, `Unreachable`, and `BadInput` for a store
        whose location no control fact could carry.
        """
        if self._identity is None:
            check_location(self.location)
            self._identity = self.standing() or _minted(self.ports)
        return self._identity

    def attributes(self) -> Mapping[str, str]:
        """What a control fact says of the store. Raises as `identity` does."""
        return {"store_id": self.identity().store_id, "store_uri": self.location}


def read_identity(ports: Ports) -> StoreIdentity | None:
    """The identity that stands; None where none was minted. Writes nothing. Raises `Fault(TRUTH_ALTERED)`."""
    blob = ports.store.read(store_identity_key())
    return None if blob is None else parsed_identity(blob)


def identify(ports: Ports) -> StoreIdentity:
    """The identity that stands, else a new one; of any number that mint at once one stands, and all get that."""
    return read_identity(ports) or _minted(ports)


def _minted(ports: Ports) -> StoreIdentity:
    minted = fresh_identity(ports)
    if ports.store.create(store_identity_key(), minted.data()) is not None:
        return minted
    first = read_identity(ports)
    if first is None:
        raise Fault(ReasonCode.TRUTH_MISSING, f"{store_identity_key()} was there and is gone")
    return first


def parsed_identity(blob: Blob) -> StoreIdentity:
    """The identity that these bytes are. Raises `Fault(TRUTH_ALTERED)`."""
    key = store_identity_key()
    try:
        document = strict_loads(blob.data, what=key)
    except BadInput as error:
        raise Fault(ReasonCode.TRUTH_ALTERED, error.what) from error
    misfit = problem(_CONTRACT, document)
    if misfit is not None:
        raise Fault(ReasonCode.TRUTH_ALTERED, f"{key} is no identity of a store: {misfit.what}")
    return StoreIdentity(**document)
