"""Reading small configuration files, with errors that name the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LIMIT = 16 << 20


def read_config(path: Traversable, code: ReasonCode, what: str) -> bytes:
    """The file's bytes. Raises `BadInput(code)` when it cannot be read or is over-large."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(code, f"{what} {str(path)!r} cannot be read: {reason}") from error
    if len(data) > LIMIT:
        raise BadInput(code, f"{what} {str(path)!r} is larger than {LIMIT} bytes")
    return data
