"""Small manifests by hand that are flag and index in one, each with all that it lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import attrs

from sr_adapters.memory import MemoryEngineRoot
from sr_domain.evidence.gates import GatePassed, verify_gate
from sr_domain.plan.sealed import SealedGate
from sr_ports import Params, VerificationMethod
from tests.kit import LAWS

DATA = {"a.csv": b"1,2\n", "sub/c.bin": b"\xff\x00", "\u00fc b.txt": b""}
_PERCENT = {"100%.csv": b"%"}


def _sha(data: bytes, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, data).hexdigest()


@attrs.frozen
class Manifest:
    """`files`: by path below the engine root, the flag among them."""

    note: str
    kind: str
    flag_path: str
    files: Mapping[str, bytes]
    bundle_root: str = "world/"
    more: Mapping[str, Any] = attrs.field(factory=dict)

    def case(self, shown: Any) -> dict[str, Any]:
        """The vector. `shown`: its files, as JSON can hold them."""
        method = VerificationMethod(self.kind, params=Params(self.more))
        gate = SealedGate("gate.x", self.flag_path, self.bundle_root.rstrip("/"), method)
        root = MemoryEngineRoot(self.files)
        verdict = verify_gate(root, gate, LAWS[self.kind], enforce_members=False, guard=lambda _: None)
        assert isinstance(verdict, GatePassed), verdict
        return {
            "note": self.note,
            "verification_method": {"kind": self.kind, **self.more},
            "bundle_root": self.bundle_root,
            "flag_path": self.flag_path,
            "files": shown,
            "expected": verdict.digest,
        }


def _below(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"world/{path}": data for path, data in files.items()}


def _sums(lines: str) -> dict[str, bytes]:
    return _below({**DATA, "SHA256SUMS": lines.encode()})


def _bag(version: str, files: Mapping[str, bytes], algorithm: str, *, tags: bool) -> dict[str, bytes]:
    escape = version == "1.0"
    lines = {f"data/{path.replace('%', '%25') if escape else path}": data for path, data in files.items()}
    made = {
        "bagit.txt": f"BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n".encode(),
        f"manifest-{algorithm}.txt": _lines(lines, algorithm),
    }
    payload = {f"data/{path}": data for path, data in files.items()}
    flag = {f"tagmanifest-{algorithm}.txt": _lines(made, algorithm)} if tags else {}
    return _below({**payload, **made, **flag})


def _lines(files: Mapping[str, bytes], algorithm: str) -> bytes:
    return "".join(f"{_sha(data, algorithm)}  {path}\n" for path, data in files.items()).encode()


_A, _C, _B = (_sha(data) for data in DATA.values())
MANIFESTS = (
    Manifest(
        "the lines of sha256sum, in an order of their own; the digest is of them by path",
        "sha256sums_file",
        "world/SHA256SUMS",
        _sums(f"{_C}  sub/c.bin\n{_B}  \u00fc b.txt\n{_A}  a.csv\n"),
    ),
    Manifest(
        "binary marks, ./, upper-case hex and CRLF are other spellings of the same lines; each counts once",
        "sha256sums_file",
        "world/SHA256SUMS",
        _sums(f"{_A.upper()} *./a.csv\r\n{_A}  a.csv\r\n{_C} *sub/c.bin\r\n{_B}  \u00fc b.txt\r\n"),
    ),
    Manifest(
        "a bag of version 1.0 by its tag manifest, whose lines the digest is of",
        "bagit",
        "world/tagmanifest-sha256.txt",
        _bag("1.0", {**DATA, **_PERCENT}, "sha256", tags=True),
    ),
    Manifest(
        "a bag of the draft 0.97 without tag manifest, by its payload manifest",
        "bagit",
        "world/manifest-sha512.txt",
        _bag("0.97", DATA, "sha512", tags=False),
    ),
    Manifest(
        "a bag of md5, which the gate's own algorithms name",
        "bagit",
        "world/tagmanifest-md5.txt",
        _bag("0.96", DATA, "md5", tags=True),
        more={"algorithms": ["md5"]},
    ),
)
