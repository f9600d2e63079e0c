"""What a service tells page by page, or of many runs at once: its control bus, and an audit of its whole store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.client import values
from sr_adapters.client.service import Service
from sr_adapters.client.transport import Question

if TYPE_CHECKING:
    from sr_domain.queries.audit_all import Audited
    from sr_domain.queries.finding import Finding
    from sr_ports import Envelope

_PAGE = 1000


@attrs.define
class BusReader:
    """Reads a service's bus page by page. `query`: which facts. `seen`: what was told; `ids`: the messages of that.

    The service begins behind the first fact of a message. A re-emit has the id of the fact that it repeats, so only a
    message that is new is a place to go on from, and what lies behind that and was told already is left out.
    """

    service: Service
    query: Mapping[str, str]
    place: str | None = None
    ids: set[str] = attrs.field(factory=set)
    seen: set[bytes] = attrs.field(factory=set)

    def news(self) -> Iterator[Envelope]:
        """What was not told yet, up to the end of the bus."""
        while True:
            begun = self.place
            after = {} if begun is None else {"after": begun}
            asked = Question("GET", ("v1", "bus"), {**self.query, **after, "limit": str(_PAGE)})
            page = self.service.told(asked, "bus_tail")[0]["envelopes"]
            yield from map(values.envelope, filter(self._is_new, page))
            if len(page) < _PAGE or self.place == begun:
                return

    def _is_new(self, fact: Mapping[str, Any]) -> bool:
        if fact["message_id"] not in self.ids:
            self.ids.add(fact["message_id"])
            self.place = fact["message_id"]
        mark = hashlib.sha256(repr(sorted(fact.items())).encode()).digest()
        new = mark not in self.seen
        self.seen.add(mark)
        return new


@attrs.define
class RemoteAudit:
    """A look at all that a service's store has. `repaired`: runs whose status was written again."""

    service: Service
    store: Sequence[Finding] = ()
    not_asked: Sequence[str] = ()
    repaired: Sequence[str] = ()

    def audits(self, before: Callable[[str], object] | None = None) -> Iterable[Audited]:
        """Every run that anybody knows. `before`: that statuses are to be written again; the service does that."""
        body = {"all": True, **({} if before is None else {"repair_status": True})}
        document = audited(self.service, body)
        self.store, self.not_asked = values.findings(document.get("store", ())), document.get("not_asked", ())
        self.repaired = document["repaired"]
        return [(row["run_id"], self.service.value(values.audit, row)) for row in document["runs"]]


def audited(service: Service, body: Mapping[str, Any], run: str = "") -> Mapping[str, Any]:
    """What an audit found. `run`: as it was named, of an audit of one."""
    return service.told(Question("POST", ("v1", "audit"), body=dict(body), long=True), "audit", run)[0]
