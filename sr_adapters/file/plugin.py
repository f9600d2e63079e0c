"""What the file family offers: an object store, engine roots, a control bus and a store for followers in folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sr_ports import Adapter, Later, hookimpl

if TYPE_CHECKING:  # what reads engine roots is loaded by who does
    from sr_ports import ControlBus, EngineRoots, FollowerStore, ObjectStore

_SETTINGS = Later("sr_adapters.file.settings:FolderSettings")


@hookimpl
def sr_object_stores() -> Sequence[Adapter[ObjectStore]]:
    return [Adapter("file", Later("sr_adapters.file.store:build"), settings=_SETTINGS)]


@hookimpl
def sr_engine_roots() -> Sequence[Adapter[EngineRoots]]:
    return [Adapter("file", Later("sr_adapters.file.root:build"), schemes=("", "file"))]


@hookimpl
def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
    return [Adapter("file", Later("sr_adapters.file.bus:build"), settings=_SETTINGS)]


@hookimpl
def sr_follower_stores() -> Sequence[Adapter[FollowerStore]]:
    return [Adapter("file", Later("sr_adapters.file.followers:build"))]
