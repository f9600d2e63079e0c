"""An object of an engine root, to be read from any place: each read is of the very ETag that was listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sr_adapters.s3.errors import DRIVER_ERRORS
from sr_ports import FileFact, ReasonCode, Unreachable

_TRIES: Final = 3


class S3Ranges:
    """`sr_ports.roots.RangeReader` of an object. `get`: one request for bytes of it; raises where it is another.

    `shown`: the root, for messages.
    """

    def __init__(self, fact: FileFact, get: Callable[[str], Mapping[str, Any]], shown: str) -> None:
        self._fact, self._get, self._shown = fact, get, shown
        self.size = fact.size

    def read(self, start: int, length: int) -> bytes:
        length = min(length, self.size - start)
        if length <= 0:
            return b""
        for last in (False,) * (_TRIES - 1) + (True,):
            data, trouble = self._taken(start, length)
            if len(data) == length:
                return data
            if last:
                what = f"{self._fact.path} in {self._shown}: its bytes broke off at {start + len(data)}: {trouble}"
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what) from trouble
        raise AssertionError

    def close(self) -> None:
        """Nothing is held open."""

    def _taken(self, start: int, length: int) -> tuple[bytes, Exception | None]:
        """The bytes as far as they came, and what broke them off."""
        answer = self._get(f"bytes={start}-{start + length - 1}")
        body = answer["Body"]
        try:
            if not str(answer.get("ContentRange", "")).startswith(f"bytes {start}-"):
                return b"", EOFError("the store gave another part than was asked for")
            return body.read(), None
        except DRIVER_ERRORS as error:
            return b"", error
        finally:
            body.close()
