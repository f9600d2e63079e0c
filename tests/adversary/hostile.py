"""Documents that try to grow: each over one bound, with its innocent twin close below it. Run as a program it
reads every one of them, and says how each ended, how long that took and how much memory the process came to."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from sr_adapters.envelopes import decode
from sr_adapters.file.root import FileEngineRoots
from sr_domain.encoding.bounds import MAX_BYTES, MAX_TEXT, MAX_VALUES
from sr_domain.encoding.strict_json import strict_loads
from sr_domain.evidence.gates import GateMissing, verify_gate
from sr_domain.evidence.index_reader import index_entries
from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_domain.plan.sealed import SealedGate
from sr_plugins.documents.yaml import MAX_NODES, MAX_YAML, load_document
from sr_plugins.laws.index_raw_bytes import IndexRawBytes
from sr_ports import EvidenceFault, ReasonCode, SrError, VerificationMethod
from tests.adversary.peak import peak

C = ReasonCode
MANY = C.DOCUMENT_TOO_MANY
SMILE = "\U0001f600".encode()
BOMB = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (at, at, b", ".join([b"*a%d" % (at - 1)] * 9)) for at in range(1, 30)
)


def document(data: bytes) -> Any:
    return load_document(data, what="it")


def strict(data: bytes) -> Any:
    return strict_loads(data, what="it")


def envelope(data: bytes) -> Any:
    return decode(data, "it")


def index(data: bytes) -> Any:
    """The document stands for one of 60 MB: what is between its two bars is repeated."""
    for node in index_entries(_long(data), "it"):
        if not isinstance(node, str):
            raise EvidenceFault(C.INDEX_MALFORMED, "it has an entry that is no path")


def gate(data: bytes) -> Any:
    """An index of 500,000 entries by the index law: `data` is one, a number in the place of its bar."""
    with TemporaryDirectory() as folder:
        head, tail = data.split(b"|")
        Path(folder, "bundle").mkdir()
        Path(folder, "_passed.flag").write_text(f"sha256_hex = {'0' * 64}\n", "utf-8")
        with Path(folder, "index.json").open("wb") as index:
            index.write(b"[")
            for block in range(500):
                index.write(b"".join(head + b"%d" % (1000 * block + at) + tail + b"," for at in range(1000)))
            index.write(head + b"x" + tail + b"]")
        law = IndexRawBytes()
        judged = SealedGate("g", "_passed.flag", "bundle", VerificationMethod(law.kind), "index.json")
        provided = ProvidedLaw(law, "scenario-runner", "0", RunsIn.OWN)
        root = FileEngineRoots().open(folder)
        verdict = verify_gate(root, judged, provided, enforce_members=False, guard=lambda read: None)
    assert isinstance(verdict, GateMissing)
    assert verdict.late is not None
    raise EvidenceFault(verdict.late.code, verdict.why)


def _long(data: bytes) -> Iterator[memoryview]:
    head, unit, tail = data.split(b"|")
    yield memoryview(head)
    block = unit * ((1 << 20) // len(unit))
    for _ in range(60):
        yield memoryview(block)
    yield memoryview(tail)


def keys(count: int) -> bytes:
    """An object of so many keys."""
    made = bytearray(b"{")
    for at in range(count):
        made += b'"k%d":1,' % at
    return bytes(made + b'"x":1}')


@attrs.frozen
class Hostile:
    """One document. `code`: with which it is refused; None: it is read."""

    read: Callable[[bytes], Any]
    make: Callable[[], bytes]
    code: ReasonCode | None


HOSTILE: dict[str, Hostile] = {
    "json: too many bytes": Hostile(strict, lambda: b'"' + b"x" * MAX_BYTES + b'"', C.DOCUMENT_TOO_LARGE),
    "json: as many bytes": Hostile(strict, lambda: b'"' + b"x" * (MAX_BYTES - 2) + b'"', None),
    "json: wide text": Hostile(strict, lambda: b'"' + SMILE + b"x" * (MAX_TEXT // 4) + b'"', C.DOCUMENT_TOO_LARGE),
    "json: as wide": Hostile(strict, lambda: b'"' + SMILE + b"x" * (MAX_TEXT // 4 - 8) + b'"', None),
    "json: too many lists": Hostile(strict, lambda: b"[" + b"[]," * MAX_VALUES + b"[]]", MANY),
    "json: too many objects": Hostile(strict, lambda: b"[" + b"{}," * (MAX_BYTES // 3 - 9) + b"0]", MANY),
    "json: too many strings": Hostile(strict, lambda: b'["a"' + b',"a"' * 4_000_000 + b"]", MANY),
    "json: nothing but quotes": Hostile(strict, lambda: b'"' * MAX_BYTES, MANY),
    "json: as many strings": Hostile(strict, lambda: b"[" * 60 + b'"aa"' + b',"aa"' * 399_900 + b"]" * 60, None),
    "json: as many objects": Hostile(strict, lambda: b"[" + b"{}," * (MAX_VALUES // 2 - 2) + b"0]", None),
    "json: marks in a string": Hostile(strict, lambda: b'"' + b",[{" * 5_000_000 + b'"', None),
    "json: too deep": Hostile(strict, lambda: b"[" * 200_000, C.DOCUMENT_TOO_DEEP),
    "json: as deep": Hostile(strict, lambda: b"[" * 64 + b"]" * 64, None),
    "json: an endless number": Hostile(strict, lambda: b"9" * MAX_BYTES, C.DOCUMENT_INVALID),
    "json: keys": Hostile(strict, lambda: keys(MAX_VALUES + 2), MANY),
    "envelope: too deep": Hostile(envelope, lambda: b'{"payload":' * 70 + b"1" + b"}" * 70, C.DOCUMENT_TOO_DEEP),
    "yaml: too many bytes": Hostile(document, lambda: b"a: " + b"x" * MAX_YAML, C.DOCUMENT_TOO_LARGE),
    "yaml: as many bytes": Hostile(document, lambda: b"a: " + b"x" * (MAX_YAML - 3), None),
    "yaml: a bomb of aliases": Hostile(document, lambda: BOMB, MANY),
    "yaml: too many nodes": Hostile(document, lambda: b"- a\n" * (MAX_NODES + 1), MANY),
    "yaml: too deep": Hostile(document, lambda: b"a: " + b"[" * 100_000, C.DOCUMENT_TOO_DEEP),
    "yaml: too deep in blocks": Hostile(document, lambda: b"- " * 70_000 + b"a", C.DOCUMENT_TOO_DEEP),
    "index: 60 MB of nothing": Hostile(index, lambda: b"[|{},|{}]", C.INDEX_MALFORMED),
    "index: a path of 60 MB": Hostile(index, lambda: b'["|a/|"]', C.NAME_TOO_LONG),
    "index: a path of 60 MB beside the list": Hostile(index, lambda: b'{"a":"|a/|","files":["a"]}', C.NAME_TOO_LONG),
    "index: deep": Hostile(index, lambda: b"[|[|]", C.DOCUMENT_TOO_DEEP),
    "index: names of no files": Hostile(gate, lambda: b'"p|"', C.INDEXED_FILE_ABSENT),
    "index: long names of no files": Hostile(gate, lambda: b'"' + b"p" * 200 + b'|"', C.INDEXED_FILE_ABSENT),
    "index: 60 MB of space": Hostile(index, lambda: b"[| |]", None),
}  # fmt: skip


def main() -> None:
    """A line of JSON for each: name, code, seconds of this process, MiB it has come to."""
    for name in sys.argv[1:] or HOSTILE:
        one = HOSTILE[name]
        data, code = one.make(), None
        began = time.process_time()
        try:
            one.read(data)
        except SrError as error:
            code = error.code.value
        took = time.process_time() - began
        print(json.dumps([name, code, took, peak()]))  # noqa: T201


if __name__ == "__main__":
    main()
