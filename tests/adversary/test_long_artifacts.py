"""Artifacts and records of the store that would take many times their bytes once they are parsed: refused before, by
the code of the bound, and what holds as much without growing is read (spec: behaviour, "Bounds")."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.bounds import MAX_LINE, MAX_STORED, STORED_VALUES
from sr_domain.encoding.canonical import exact_json
from tests.adversary.peak import measured
from tests.cli.conftest import Shell, sr

_ = sr
MEMORY_MIB = 120
CONFIG = ("--profile", "profile.yaml", "--policy", "policy.yaml")
SMILE = "\U0001f600"


def one(pattern: str) -> Path:
    return next(Path("runs").rglob(pattern))


def grown(path: Path, more: bytes) -> None:
    """The document with one more field."""
    path.write_bytes(path.read_bytes().rstrip()[:-1] + b',"x-more":' + more + b"}")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "wide text": lambda: b'"' + SMILE.encode() + b"x" * (30 << 20) + b'"',
    "objects": lambda: b"[" + b'{"a":1},' * 2_500_000 + b"0]",
    "strings": lambda: b"[" + b'"abcd",' * 4_000_000 + b"0]",
    "digits": lambda: b"9" * (30 << 20),
}
SEEN_BY = {
    "run_status": ("status", "explain", "resume", "list"),
    "run_facts_view": ("facts", "verify", "audit"),
    "ready_signal": ("audit", "resume"),
}


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.parametrize("kind", SEEN_BY)
def test_what_would_grow_is_refused_before_it_is_parsed(sr: Shell, kind: str, shape: str) -> None:
    assert sr("submit", sr.request()).code == 0
    run_id = one("run_record/*.jsonl").stem
    grown(one(f"{kind}/*.json"), HOSTILE[shape]())
    for command in SEEN_BY[kind]:
        done = measured(*CONFIG, command, *([] if command == "list" else [run_id]))
        assert done.mib < MEMORY_MIB, command
        assert done.code in (0, 5), (command, done.err)
        assert "Traceback" not in done.out + done.err


def chained(record: bytes, many: list[Mapping[str, Any]]) -> bytes:
    """The record with more events of its last one's kind behind it, each sound in itself."""
    lines = record.splitlines()
    last = json.loads(lines[-1])
    for details in many:
        event = {**last, "event_kind": "REEMIT_REQUESTED", "details": details, "seq": len(lines), "event_id": ""}
        event["prev_hash"] = hashlib.sha256(lines[-1]).hexdigest()
        event["event_id"] = hashlib.sha256(exact_json(event)).hexdigest()
        lines.append(exact_json(event))
    return b"".join(line + b"\n" for line in lines)


LINES: dict[str, tuple[list[Mapping[str, Any]], bool]] = {
    "a line too long": ([{"a": "x" * (MAX_LINE + 1)}], True),
    "a line too wide": ([{"a": SMILE + "x" * (MAX_LINE // 4)}], True),
    "lines too long together": ([{"a": "x" * (MAX_LINE - 5000)}] * 3, True),
    "lines too wide together": ([{"a": SMILE + "x" * (MAX_STORED // 40)}] * 11, True),
    "too many values": ([{"a": ["abcd"] * (STORED_VALUES // 2)}] * 2, True),
    "as long lines": ([{"a": "x" * (MAX_LINE - 5000)}] * 2, False),
    "as wide a line": ([{"a": SMILE + "x" * (MAX_LINE // 4 - 5000)}], False),
    "as many values": ([{"a": [{"a": 1}] * (STORED_VALUES // 4 - 5000)}] * 2, False),
}


@pytest.mark.parametrize("name", LINES)
def test_a_record_is_bounded_line_by_line_before_it_is_parsed(sr: Shell, name: str) -> None:
    assert sr("submit", sr.request()).code == 0
    record, (many, refused) = one("run_record/*.jsonl"), LINES[name]
    record.write_bytes(chained(record.read_bytes(), many))
    for command in ("status", "audit", "verify"):
        done = measured(*CONFIG, command, record.stem)
        assert done.mib < MEMORY_MIB, command
        assert done.code == (5 if refused else 0), (command, done.err)
        assert not refused or "OBJECT_TOO_LARGE" in done.out + done.err
