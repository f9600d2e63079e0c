"""Calls that end early: whoever made one does not want its answer any more, and others are to have what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from sr_ports import Stopped
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from sr_domain.run.context import Context
    from sr_ports import Heartbeat, Held, Lease

Asked = Callable[[], bool]
"""Whether the call is to end. It is asked often, and from several threads."""


def check_asked(asked: Asked) -> None:
    """Raise `Stopped` where the call is to end."""
    if asked():
        raise Stopped


@attrs.frozen(eq=False, repr=False)
class StoppableLease(Compared):
    """A lease that is held as long as the call goes on (see `Held`)."""

    held: Held
    asked: Asked

    @property
    def lost(self) -> bool:
        return self.asked() or self.held.lost

    def check(self) -> None:
        check_asked(self.asked)
        self.held.check()


@attrs.frozen(eq=False, repr=False)
class StoppableHeartbeat(Compared):
    """Whatever is done under a lease looks after the lease again and again: here it learns that the call is to end.

    Implements `Heartbeat`. The lease stands until the call has let go of it.
    """

    heartbeat: Heartbeat
    asked: Asked

    @contextmanager
    def keep(self, lease: Lease, renew: Callable[[Lease], Lease]) -> Iterator[StoppableLease]:
        """Renew `lease` until the context ends."""
        with self.heartbeat.keep(lease, renew) as held:
            yield StoppableLease(held, self.asked)


def until(context: Context, asked: Asked) -> Context:
    """The context of calls that end once `asked()`; all else of it is the same."""
    ports = attrs.evolve(context.ports, heartbeat=StoppableHeartbeat(context.ports.heartbeat, asked))
    return attrs.evolve(context, ports=ports, read_pack=lambda: context.pack, check=lambda: check_asked(asked))
