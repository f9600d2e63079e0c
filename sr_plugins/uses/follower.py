"""Following the control bus: the facts of all platform runs, each once a group, whatever restarts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from typing import Final, Self

import attrs

from sr_plugins.documents.profile import ProfileSource, load_profile
from sr_plugins.uses.following import Following
from sr_plugins.uses.messages import Message, kinds_of
from sr_plugins.wiring.followers import wire_followers
from sr_plugins.wiring.wire import wire_ports
from sr_ports import BadInput, Positioned, ReasonCode, SetAside, Unreachable, check_group

CLAIM_S: Final = 30.0
"""For how long a claim on a group stands after a process that was cut off, where the store cannot tell sooner."""


def _note(line: str) -> None:
    sys.stderr.write(f"note: {line}\n")


class Follower:
    """Control facts of all platform runs for one group of consumers, as an iterator of `Message`.

    `profile`: whose bus and store it is. `group`: its name; its progress is kept in the profile's Postgres where the
    authority is that, else in ``followers`` below the runtime root. A new group begins at the oldest fact kept. One
    process follows for a group at a time: another is refused (`FOLLOWER_BUSY`). `kinds`: which facts; all for None.
    `wait_s`: end when nothing has come for so many seconds, 0 at the present end; None follows until `close`.
    `poll_s`: seconds between looks. `notice`: told what a consumer should know; on stderr by default.

    A message that was not acknowledged comes again after a restart; one that was never does. A READY that is
    superseded before its `ack` is dropped. `open_facts` takes a message, and reads in the store that it is of.
    """

    def __init__(
        self,
        profile: ProfileSource = None,
        group: str = "",
        kinds: Collection[str] | None = None,
        *,
        wait_s: float | None = None,
        poll_s: float = 0.5,
        notice: Callable[[str], None] = _note,
    ) -> None:
        self.group = check_group(group)
        self._kinds, self._notice = kinds_of(kinds), notice
        self._wait_s, self._poll_s = wait_s, poll_s
        self._profile = load_profile(profile)
        self._over = threading.Event()
        self._opened = ExitStack()
        self._following: Following | None = None

    def __enter__(self) -> Self:
        self._started()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Message]:
        following = self._started()
        clock = following.ports.clock
        idle = clock.now()
        while not self._over.is_set():
            for message in following.fresh():
                yield message
                idle = clock.now()
                if self._over.is_set():
                    return
            if following.more():
                continue
            if self._wait_s is not None and (clock.now() - idle).total_seconds() >= self._wait_s:
                return
            self._over.wait(self._poll_s if self._wait_s is None else min(self._poll_s, self._wait_s))

    def close(self) -> None:
        """End the iteration, let another process follow for the group, and let go of what is held open."""
        self._over.set()
        self._following = None
        self._opened.close()

    def set_aside(self, limit: int = 100) -> Sequence[SetAside]:
        """What this group set aside, with the reasons, the newest first."""
        return self._started().kept.set_aside(self.group, limit=limit)

    def _started(self) -> Following:
        """Claim the group. Raises `Unreachable(FOLLOWER_BUSY)`, `BadInput` for a bus that has no positions."""
        if self._following is None:
            if self._over.is_set():
                raise ValueError("this follower is closed")
            try:
                self._following = self._claimed()
            except BaseException:
                self._opened.close()
                raise
        return self._following

    def _claimed(self) -> Following:
        ports, kept = wire_ports(attrs.evolve(self._profile, attest=None)), wire_followers(self._profile)
        self._opened.callback(ports.close)
        self._opened.callback(kept.close)
        if not isinstance(ports.bus, Positioned):
            what = f"the control bus, {ports.bus.describe()}, has no positions to follow by"
            raise BadInput(ReasonCode.PROFILE_INVALID, what, "use a bus whose adapter has them: file, kinesis")
        claim = kept.claim(self.group, ports.ids.new_id(), ttl_s=CLAIM_S)
        if claim is None:
            what = f"another process follows for group {self.group} ({kept.describe()})"
            raise Unreachable(ReasonCode.FOLLOWER_BUSY, what)
        self._opened.callback(kept.release, claim)
        beat = ports.heartbeat.keep(claim, lambda held: kept.renew(held, ttl_s=CLAIM_S))
        held = self._opened.enter_context(beat)
        topic = self._profile.control_bus.topic
        return Following(ports, ports.bus, kept, claim, held, topic, self._kinds, self._notice)
