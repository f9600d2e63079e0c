"""Port: where followers of a control bus keep how far their group has come."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import attrs

from sr_ports.authority import Lease
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class SetAside(Compared):
    """A message that nobody could use. `shard`, `place`: where the bus keeps it. `reason_code`, `what`: why.

    `message_id`: where it is known. `at_utc`: RFC 3339.
    """

    shard: str
    place: str
    reason_code: str
    what: str
    at_utc: str
    message_id: str | None = None


@attrs.frozen(eq=False, repr=False)
class Progress(Compared):
    """How far a group has come. `positions`: as of `sr_ports.positions.Positions`. `as_of_utc`: all that was published
    before then has been read; RFC 3339, None while nothing was."""

    positions: Mapping[str, str] = attrs.field(factory=dict)
    as_of_utc: str | None = None


class FollowerStore(Protocol):
    """Keeps, for each group of followers, its progress, what it has dealt with, and what it set aside.

    A group's name is 1 to 100 letters, digits, dots, dashes and underscores and begins with a letter or a digit; any
    other raises `BadInput`. Laws:

    F1  At any instant at most one claim on a group holds. It ends with `release`, with the end of the process that
        holds it where the store can tell, and else `ttl_s` after it was claimed or last renewed, by the store's clock.
    F2  A claim that does not hold any more can neither be renewed nor save: `LeaseLost`, and nothing is changed.
    F3  When `save` returns, all of it is durable, and any process reads it back. A crash leaves none of it or all, or
        what was dealt with and not the progress, never the other way round.
    F4  What was dealt with stays so. `dealt_with` gives those of the keys that any `save` of the group named.
    F5  Groups are kept apart.
    F6  `load`, `dealt_with` and `set_aside` need no claim and change nothing; an unknown group is at its start.
    """

    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        """The right to move the group on; None while another has it. Raises `Unreachable`."""

    def renew(self, claim: Lease, *, ttl_s: float) -> Lease:
        """Hold on to it. Raises `LeaseLost`, `Unreachable`."""

    def release(self, claim: Lease) -> None:
        """Let go of it; that it is gone is fine. Raises `Unreachable`."""

    def load(self, group: str) -> Progress:
        """How far the group has come. Raises `Unreachable`."""

    def save(
        self, claim: Lease, progress: Progress, *, done: Sequence[str] = (), aside: Sequence[SetAside] = ()
    ) -> None:
        """Keep the progress, the keys of what was dealt with, and what was set aside.

        Raises `LeaseLost`, `Unreachable`.
        """

    def dealt_with(self, group: str, keys: Collection[str]) -> frozenset[str]:
        """Those of the keys that the group has dealt with. Raises `Unreachable`."""

    def set_aside(self, group: str, *, limit: int = 100) -> Sequence[SetAside]:
        """What the group set aside, the newest first. Raises `Unreachable`."""

    def describe(self) -> str:
        """Where this store is, for people; never a secret."""

    def close(self) -> None:
        """Let go of what it holds open; safe to call twice."""


def check_group(group: str) -> str:
    """The name itself, if a group may have it. Raises `BadInput(USAGE)`."""
    import re

    from sr_ports.errors import BadInput
    from sr_ports.reasons import ReasonCode

    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", group) is None:
        what = f"group {group[:120]!r} is no name of a group of followers"
        raise BadInput(ReasonCode.USAGE, what, "give 1 to 100 letters, digits, dots, dashes and underscores")
    return group
