"""What an adapter's factory gets: settings read as a profile's are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from sr_plugins.documents.settings import Reader
from sr_ports import Wiring

T = TypeVar("T")


def wired(
    cls: type[T], port: str, settings: Mapping[str, Any], folder: str | Path = "runs", platform: str = "p"
) -> Wiring[T]:
    """The wiring for the section `port` of a profile. Raises `BadInput(PROFILE_INVALID)`."""
    return Wiring(str(folder), lambda: platform, Reader().read(cls, settings, port))
