"""Whatever stands in a document from outside, it is read or refused: no crash, no hang, no growth."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adversary.outside import LIMIT, READERS, read
from tests.reliability.lab import request

WORDS = st.sampled_from(
    [b"path", b"files", b"sha256_hex", b"a" * 64, b"${HELD}", b"&a", b"*a", b"<<: ", b"- ", b": ", b"=", b"\0",
     b"\xef\xbb\xbf", b"\\ud800", b"\x1b[31m", b"\xe2\x80\xae", b"../", b"1e999", b"9" * 5000, b"[" * 70,
     b'{"a":' * 70, b"**", b"[a-", b"%41", b"password=", b"-----BEGIN PRIVATE KEY-----\n", b"\n", b"'", b'"', b",",
     b"]", b"}", b"runtime_root: "]
)  # fmt: skip
KEYS = st.sampled_from(
    ["path", "files", "payload", "run_id", "seed", "event_id", "subject", "sha256_hex", "lease", "engine"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
).map(lambda node: json.dumps(node).encode())
DATA = st.binary(max_size=60) | st.lists(WORDS | st.binary(max_size=4), max_size=14).map(b"".join) | JSON


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=DATA)
def test_no_document_from_outside_ends_in_anything_but_a_refusal(name: str, data: bytes) -> None:
    read(name, data)


@pytest.mark.parametrize(
    "piece", [b"[", b"{", b"- ", b"? ", b'"', b"a", b"*", b"**/", b"&a ", b"a: ", b"\0", b"\\", b"[a-", b"{}, "]
)
def test_no_piece_of_a_document_repeated_hangs_or_grows(piece: bytes) -> None:
    data = piece * (LIMIT // len(piece))
    for name in READERS:
        began = time.process_time()
        tracemalloc.start()
        try:
            read(name, data)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert time.process_time() - began < 4, name  # far below one second where nothing is traced
        assert peak < 16 << 20, name


def test_a_sound_request_is_read() -> None:
    read("request", json.dumps(request()).encode())
    READERS["request"](json.dumps(request()).encode())
