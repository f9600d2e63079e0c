"""A run that rests for orphan receipts: what the record has of them, and whether they still stand in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.flows.rests_on import Resting, resting_on
from sr_domain.record.details import Rest
from sr_domain.record.layout import Layout
from sr_domain.run.ports import Ports
from sr_ports import Blob, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Orphan(Compared):
    """A receipt at `key` that was in the way of an output's own. `digest`: sha256 of its stored bytes, hex64."""

    output_id: str
    key: str
    digest: str


def orphans_of(rest: Rest) -> tuple[Orphan, ...]:
    """The orphans that a run rests for; none where it rests for something else."""
    found = ((one.subject, one.changes) for one in rest.failures if one.code is ReasonCode.INSTANCE_RECEIPT_ORPHAN)
    return tuple(_orphan(subject, changes) for subject, changes in found if changes is not None)


def _orphan(output_id: str, changes: Any) -> Orphan:
    return Orphan(output_id, str(changes["receipt_ref"]), str(changes["stood_digest"]))


def unchanged(ports: Ports, orphans: Sequence[Orphan]) -> bool:
    """Whether the very same bytes stand at all their keys."""
    return _standing(ports, orphans) is not None


def orphans_stand(ports: Ports, layout: Layout, rest: Rest, tell: Callable[[str], None]) -> bool:
    """Whether all that the run rests for stands as it stood, and still no decision rests on it."""
    resting = who_rests(ports, layout, orphans_of(rest), tell=tell)
    return resting is not None and not any(resting)


def who_rests(
    ports: Ports, layout: Layout, orphans: Sequence[Orphan], *, tell: Callable[[str], None]
) -> list[Resting] | None:
    """Who rests on each of these by now; None where other bytes stand at one of their keys."""
    blobs = _standing(ports, orphans)
    if blobs is None:
        return None
    standing = {one.key: blob.data for one, blob in zip(orphans, blobs, strict=True)}
    resting = resting_on(ports, layout, standing, tell=tell)
    return [resting[one.key] for one in orphans]


def _standing(ports: Ports, orphans: Sequence[Orphan]) -> list[Blob] | None:
    blobs = ports.pool.map(lambda one: ports.store.read(one.key), orphans)
    same = [
        blob
        for one, blob in zip(orphans, blobs, strict=True)
        if blob is not None and sha256_hex(blob.data) == one.digest
    ]
    return same if len(same) == len(blobs) else None
