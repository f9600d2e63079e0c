"""Every reader of a document from outside, given bytes: it answers or refuses, and does nothing else."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from sr_adapters.envelopes import decode
from sr_adapters.memory.root import MemoryEngineRoot
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.shown import UNSAFE, in_line, plain
from sr_domain.artifacts.attestation import fault_in
from sr_domain.evidence.bundle import Bundle
from sr_domain.evidence.flags import read_flag
from sr_domain.evidence.index_reader import index_entries
from sr_domain.evidence.oracle import MANIFEST, read_manifest
from sr_domain.evidence.run_receipt import RECEIPT, read_receipt
from sr_domain.plan.request import parse_request
from sr_domain.record.ledger import check_ledger, read_tail
from sr_domain.run.lookup import parse_truth
from sr_domain.run.part_lists import PartList, part_list_at
from sr_plugins.documents.environment import Taken
from sr_plugins.documents.policy import load_policy
from sr_plugins.documents.profile import load_profile
from sr_plugins.documents.yaml import load_document
from sr_ports import SrError, VerificationMethod
from sr_ports.globs import segment_glob
from sr_ports.masking import Redactor, redact, redact_bytes

LIMIT = 1 << 14
"""Bytes of a made-up document: more only makes a round slower."""


def request(data: bytes) -> Any:
    return parse_request(load_document(data, what="it"), lambda zone: zone == "UTC")


def profile(data: bytes) -> Any:
    document = load_document(data, what="it")
    return load_profile(Taken().fill(document, {"HELD": "x"})) if isinstance(document, dict) else None


def policy(data: bytes) -> Any:
    document = load_document(data, what="it")
    return load_policy(document) if isinstance(document, dict) else None


def flag(data: bytes) -> Any:
    return read_flag(MemoryEngineRoot({"flag": data}), "flag", "sha256_hex")


def index(data: bytes) -> Any:
    root = MemoryEngineRoot({"b/index.json": data})
    return Bundle(root, "b", "b/index.json", VerificationMethod("it"), lambda _: None).index()


def in_pieces(data: bytes) -> Any:
    size = 1 + (data[0] if data else 0) % 7
    return list(index_entries((memoryview(data[at : at + size]) for at in range(0, len(data), size)), "it"))


def part_list(data: bytes) -> Any:
    store, digest = MemoryObjectStore(), hashlib.sha256(data).hexdigest()
    store.create("it", data)
    found = part_list_at(store, "it", digest)
    return list(found) if isinstance(found, PartList) else found


def record(data: bytes) -> Any:
    check_ledger("a" * 32, data)
    return read_tail("a" * 32, data)


_MOVES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what may move a cursor or turn text around."""


def shown(data: bytes) -> Any:
    text = data.decode("utf-8", "replace")
    for line in (in_line(text), in_line(redact(text))):
        if not _MOVES.isdisjoint(map(unicodedata.category, line)):
            raise AssertionError("what a line shows must move no cursor and turn no text around")
    return plain(text)


def streamed(data: bytes) -> Any:
    half = len(data) // 2
    told: list[bytes] = []
    redactor = Redactor(told.append)
    redactor.write(data[:half])
    redactor.write(data[half:])
    redactor.close()
    if b"".join(told) != redact_bytes(data) and len(data) < LIMIT // 2:
        raise AssertionError("a stream is masked as its whole is")


def matched(data: bytes) -> Any:
    segment, _, name = data.decode("utf-8", "replace").partition("\n")
    return segment_glob(segment.replace("/", "")).fits(name)


READERS: dict[str, Callable[[bytes], Any]] = {
    "request": request,
    "profile": profile,
    "policy": policy,
    "envelope": lambda data: decode(data, "it"),
    "flag": flag,
    "index": index,
    "index in pieces": in_pieces,
    "run receipt": lambda data: read_receipt(MemoryEngineRoot({RECEIPT: data})),
    "oracle manifest": lambda data: read_manifest(MemoryEngineRoot({MANIFEST: data})),
    "record": record,
    "view": lambda data: parse_truth(data, "it"),
    "part list": part_list,
    "attestation": lambda data: fault_in(data, b'{"subject": []}'),
    "text": shown,
    "stream": streamed,
    "pattern": matched,
}


def read(name: str, data: bytes) -> None:
    """Give a reader the bytes. Returns where it answers or refuses in a whole line, and raises what else it raises."""
    try:
        READERS[name](data[:LIMIT])
    except SrError as error:
        if re.search(f"[{UNSAFE}\n]", in_line(str(error))) or len(str(error)) > 4000:
            raise AssertionError(f"a refusal is one bounded line: {error!r}") from error
