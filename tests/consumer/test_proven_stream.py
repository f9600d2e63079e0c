"""A proven file reads as any binary file does, whatever it is asked for and wherever its bytes come from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.memory.root import MemoryEngineRoot
from sr_domain.queries.reading import Telling
from sr_plugins.uses import proven_stream
from sr_plugins.uses.proven_stream import ProvenStream
from sr_ports import Fault, FileFact, ReasonCode, Unreachable

DATA = b"one\ntwo\n\nthree and more\n" * 40 + b"no end of line"
STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "read1", "readline", "readinto"]), st.integers(min_value=-1, max_value=200)),
    max_size=30,
)


def stream(data: bytes, *, ranged: bool, sha256: str | None = None, proven: bool = False) -> Any:
    """A stream over `data`, as a file system or a remote store gives it."""
    root = MemoryEngineRoot({"a": data})
    reader: Any = SimpleNamespace(
        root=SimpleNamespace(batch_below=1 if ranged else 0), ranges=root.reader, chunks=root.chunks
    )
    listed: Any = SimpleNamespace(
        fact=FileFact("a", len(data), "stamp"),
        sha256=sha256 or hashlib.sha256(data).hexdigest(),
        size=len(data),
        place=SimpleNamespace(output_id="orders"),
    )
    return ProvenStream(reader, listed, proven=proven, telling=Telling(), unproven={})


def step(file: Any, how: str, size: int) -> bytes:
    if how == "readinto":
        buffer = bytearray(max(size, 0))
        return bytes(buffer[: file.readinto(buffer)])
    got: bytes = getattr(file, how)(size)
    return got


@settings(max_examples=60, deadline=None)
@given(
    steps=STEPS,
    ranged=st.booleans(),
    at_a_time=st.sampled_from([1, 7, 64, 1 << 20]),
    data=st.sampled_from([DATA, b"", b"\n"]),
)
def test_it_gives_what_a_plain_file_gives(
    steps: list[tuple[str, int]], ranged: bool, at_a_time: int, data: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(proven_stream, "_AT_LEAST", at_a_time)
        with stream(data, ranged=ranged) as file:
            plain = io.BytesIO(data)
            for how, size in steps:
                got = step(file, how, size)
                if how == "read1":  # it may give fewer, and none at the end alone
                    assert bool(got) is bool(size and plain.getbuffer()[plain.tell() :])
                    assert got == plain.read(len(got))
                else:
                    assert got == step(plain, how, size)
            assert file.read() == plain.read()
            assert file.read() == b""


@pytest.mark.parametrize("ranged", [True, False])
def test_lines_and_text_are_read_as_of_any_file(ranged: bool) -> None:
    assert list(stream(DATA, ranged=ranged)) == DATA.splitlines(keepends=True)
    with io.TextIOWrapper(stream(DATA, ranged=ranged)) as text:
        assert text.read() == DATA.decode()


@pytest.mark.parametrize("ranged", [True, False])
@pytest.mark.parametrize("how", ["read", "lines", "close"])
def test_other_bytes_are_told_however_it_is_read(ranged: bool, how: str) -> None:
    with stream(DATA, ranged=ranged) as sound:
        assert sound.read(3) == b"one"
    file = stream(DATA, ranged=ranged, sha256="0" * 64)
    acts: dict[str, Any] = {"read": file.read, "lines": lambda: list(file), "close": file.close}
    with pytest.raises(Fault, match=r"proven with 0{64}, now [0-9a-f]{64}"):
        acts[how]()
    file.close()


def test_what_was_proven_before_is_not_hashed_again_and_closes_at_once() -> None:
    with stream(DATA, ranged=True, sha256="0" * 64, proven=True) as file:
        assert file.read(3) == b"one"
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_what_a_read_raised_every_later_read_raises_again_and_it_is_never_the_end() -> None:
    file = stream(DATA, ranged=True, sha256="0" * 64)
    for read in (file.read, file.read, file.readline, lambda: file.read1(3)):
        with pytest.raises(Fault, match="proven with"):
            read()
    file.close()


class Torn:
    """A connection that breaks after the first part."""

    def __init__(self) -> None:
        self.broken = False

    def chunks(self, path: str) -> Iterator[memoryview]:
        yield memoryview(DATA[:100])
        if self.broken:
            raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "the connection broke")
        yield memoryview(DATA[100:])


@pytest.mark.parametrize("broken", [False, True])
def test_a_connection_that_breaks_is_no_other_file(broken: bool) -> None:
    """Neither is what came before the break its end, nor are its bytes called others when it is closed."""
    torn = Torn()
    torn.broken = broken
    listed: Any = SimpleNamespace(
        fact=FileFact("a", len(DATA), "stamp"), sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA), place=None
    )
    reader: Any = SimpleNamespace(root=SimpleNamespace(batch_below=0), chunks=torn.chunks)
    file = ProvenStream(reader, listed, proven=False, telling=Telling(), unproven={})
    if not broken:
        assert file.read() == DATA
    else:
        for _ in range(2):
            with pytest.raises(Unreachable, match="broke"):
                file.read()
    file.close()
