"""What a profile says of an adapter, as the adapter's own class of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_plugins.documents.settings import Faults, Reader
from sr_ports import Adapter, BadInput, Later, ReasonCode, SrError
from sr_ports.compared import Compared
from sr_ports.errors import described

SECTIONS = {"authenticator": "auth"}
"""The key of the profile that has an adapter's settings, where it is not its port's name."""


def read_settings(port: str, adapter: Adapter[Any], node: Mapping[str, Any], faults: Faults | None = None) -> Any:
    """The settings under the key `port`, or that of `SECTIONS`; None for an adapter without. `faults`: see `Reader`.

    Raises `BadInput`: PROFILE_INVALID naming the key, PLUGIN_BROKEN when the adapter's class cannot be used.
    """
    reader = Reader(owner=f"the adapter {adapter.name!r}", faults=faults)
    cls, key = settings_class(port, adapter), SECTIONS.get(port, port)
    if cls is None:
        reader.read(_None, node, key)
        return None
    try:
        return reader.read(cls, node, key)
    except SrError:
        raise
    except Exception as error:  # the kind of error alone: its text may hold a value
        raise _broken(port, adapter, f"cannot be read: {type(error).__name__}") from error


def settings_class(port: str, adapter: Adapter[Any]) -> type[Any] | None:
    """The adapter's class of settings. Raises `BadInput(PLUGIN_BROKEN)`."""
    found = adapter.settings
    if isinstance(found, Later):
        try:
            found = found.found()
        except Exception as error:
            raise _broken(port, adapter, f"are not there: {described(error)}") from error
    if found is not None and not (isinstance(found, type) and attrs.has(found)):
        raise _broken(port, adapter, "are no attrs class")
    return found


def _broken(port: str, adapter: Adapter[Any], why: str) -> BadInput:
    return BadInput(ReasonCode.PLUGIN_BROKEN, f"the settings of the {port} adapter {adapter.name!r} {why}")


@attrs.frozen(eq=False, repr=False)
class _None(Compared):
    """No settings at all."""
