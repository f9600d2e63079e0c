"""What audit and verify find."""

from __future__ import annotations

from typing import Any

import attrs

from sr_ports import ReasonCode


@attrs.frozen
class Finding:
    """Something wrong. `where`: the key of the artifact at fault.

    `bound`: where a signature was asked for, whether it binds what this rests on; None where none was.
    """

    code: ReasonCode
    where: str
    what: str
    bound: bool | None = None

    def document(self) -> dict[str, Any]:
        """JSON form; `bound` only where a signature was asked for."""
        node = {"code": self.code.value, "where": self.where, "what": self.what}
        return node if self.bound is None else {**node, "bound": self.bound}
