"""Which store a control fact is of: the profile's, or another one on the same stream."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import read_identity
from sr_plugins.uses.messages import Message
from sr_ports import BadInput, Fault, NotFound, ReasonCode, one_line
from sr_ports.stores import Closing, Elsewhere


def ref_of(message: Message) -> str:
    """The facts view that a fact names. Raises `NotFound`."""
    if message.facts_view_ref is None:
        what = f"{message.kind} of run {message.run_id} names no facts view"
        raise NotFound(ReasonCode.FACTS_VIEW_MISSING, what, "open what READY or RUN_SUPERSEDED names")
    return message.facts_view_ref


def ports_of(ports: Ports, message: Message, stores: Collection[str]) -> Ports:
    """The ports to read a fact's run by. `ports`: the profile's. `stores`: the other places that may be read.

    A fact of the first release names no store, and is taken for the profile's. Of any other the place must be one of
    `stores`, for whoever publishes on the stream chooses what a fact says; and the store that is found there must
    have the identity that the fact names. It is reached with what the profile gives its own store.
    Raises `BadInput`, `Fault(TRUTH_ROLLED_BACK)`, `Unreachable`.
    """
    if message.store_id is None or _identity(ports) == message.store_id:
        return ports
    uri = message.attributes.get("store_uri", "")
    if uri not in stores:
        what = f"run {message.run_id} is of store {message.store_id} at {uri or 'no place'}, not of the profile's store"
        remedy = f"open it with a profile of that store, or allow it: stores=[{uri!r}]"
        raise BadInput(ReasonCode.USAGE, one_line(what), one_line(remedy))
    other = ports.store.elsewhere(uri) if isinstance(ports.store, Elsewhere) else None
    if other is None:
        what = f"from {ports.store.describe()} nobody reaches {uri}"
        raise BadInput(ReasonCode.USAGE, one_line(what), "open it with a profile of that store")
    there = attrs.evolve(ports, store=other)
    found = _identity(there)
    if found != message.store_id:
        if isinstance(other, Closing):
            other.close()
        what = f"the store at {uri} is {found or 'without identity'}, and run {message.run_id} is of {message.store_id}"
        raise Fault(ReasonCode.TRUTH_ROLLED_BACK, one_line(what), "ask whoever keeps that store what became of it")
    if isinstance(ports.store, Closing):
        ports.store.close()
    return there


def _identity(ports: Ports) -> str | None:
    found = read_identity(ports)
    return None if found is None else found.store_id
