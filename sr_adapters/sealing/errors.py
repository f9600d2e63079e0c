"""Why a folder is not sealed."""

from __future__ import annotations

import attrs


@attrs.frozen
class SealRefused(Exception):
    """The folder cannot be sealed as it is. `what`: why, in one line; `remedy`: what to do.

    Nothing half-made is left.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def shown(path: str) -> str:
    """A path for one line of a message: quoted, what does not print escaped, cut in the middle where it is long."""
    text = repr(path.encode("utf-8", "backslashreplace").decode()) if not path.isprintable() else f"'{path}'"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


_SHOWN = 160


def cannot(what: str, error: OSError) -> str:
    """That something cannot be done, and the system's reason."""
    return f"{what}: {error.strerror or error}"
