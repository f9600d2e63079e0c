"""Where followers of a profile's bus keep their progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_plugins.documents.profile import Profile, Section
from sr_plugins.wiring.wire import Wires, host_of

if TYPE_CHECKING:
    from sr_ports import FollowerStore

_PORT = "follower_store"


def wire_followers(profile: Profile) -> FollowerStore:
    """The store beside the profile's authority where its family has one, else the one in files.

    Plugins of others are looked at only where the authority is one of theirs.
    """
    wires = Wires(profile, host_of(profile))
    name = profile.authority.adapter
    has = (_PORT, name) in wires.host.offered
    if not has and ("authority", name) not in wires.host.offered:
        has = wires.host.find(_PORT, name) is not None
    store: FollowerStore = wires.build(_PORT, profile.authority if has else Section("file"))
    return store
