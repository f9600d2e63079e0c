"""The fixed probe bundles that a law is asked about, so that two laws can be told apart by what they answer.

What stands here is part of every fingerprint: whoever changes it raises `VERSION`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Self

import attrs

from sr_ports import Changes, EvidenceFault, FileFact, ListingRules, ReasonCode, Sink, Wanted
from sr_ports.wanted import EVERYTHING, TODAY

VERSION: Final = 1
_ROOT, _PIECE = "bundle", 1 << 15
_LONG: Final = bytes(range(256)) * 300


@attrs.frozen
class Probe:
    """`files`: by path below the engine root. `method`: what of a gate's method is not the gate's own."""

    files: Mapping[str, bytes]
    flag_path: str
    index_path: str | None = None
    method: Mapping[str, Any] = attrs.field(factory=dict)
    bundle_root: str = _ROOT


@cache
def probes() -> tuple[Probe, ...]:
    """All of them, always in this order."""
    files = {
        "B.txt": b"B\n", "a.txt": b"a\n", "empty.bin": b"", "long.bin": _LONG, "sub/c.bin": b"\xff\x00",
        "\u00e9.csv": b"1,2\n",
    }  # fmt: skip
    other = {**files, "long.bin": _LONG[:-1] + b"!"}
    listed = sorted(files, reverse=True)
    return (
        _indexed(files, listed),
        _indexed(files, listed, ordering="index_order"),
        _indexed(files, [f"{_ROOT}/{path}" for path in listed], path_base="run_root"),
        _indexed(other, listed, claimed=files),
        _indexed(files, [*listed, "absent.txt"]),
        _indexed({"x": b"ab", "y": b"c"}, ["x", "y"]),
        _indexed({"x": b"a", "y": b"bc"}, ["x", "y"]),
        _indexed({"x": b"a", "z": b"bc"}, ["x", "z"]),
        _unindexed(files, exclude_filenames=("a.txt", "_flag")),
        _unindexed({**files, "more.txt": b""}, exclude_filenames=("a.txt", "_flag")),
        _bag(files),
        _bag(other, claimed=files),
        _odd_sums(files),
        _small_bag(files),
    )


def _indexed(
    files: Mapping[str, bytes], listed: Sequence[str], *, claimed: Mapping[str, bytes] | None = None, **method: Any
) -> Probe:
    """A bundle with an index beside it; its flag is a manifest of what the index lists."""
    sums = {path: _sum((claimed or files).get(path.removeprefix(f"{_ROOT}/"), b"")) for path in listed}
    index = [{"path": path, "sha256_hex": digest} for path, digest in sums.items()]
    lines = "".join(f"{digest}  {path}\n" for path, digest in sums.items())
    beside = {"index.json": json.dumps(index).encode(), "flag": lines.encode()}
    return Probe({**_below(files), **beside}, "flag", "index.json", method)


def _unindexed(files: Mapping[str, bytes], **method: Any) -> Probe:
    """A bundle without an index, its flag within."""
    flag = json.dumps({"sha256_hex": _sum(b"flag")}).encode()
    return Probe({**_below(files), f"{_ROOT}/_flag": flag}, f"{_ROOT}/_flag", None, method)


def _bag(files: Mapping[str, bytes], claimed: Mapping[str, bytes] | None = None) -> Probe:
    """A BagIt bag."""
    payload = {f"data/{path}": data for path, data in files.items()}
    stated = {f"data/{path}": data for path, data in (claimed or files).items()}
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-sha256.txt": _manifest(stated),
    }
    flag = {"tagmanifest-sha256.txt": _manifest(tags)}
    return Probe(_below({**payload, **tags, **flag}), f"{_ROOT}/tagmanifest-sha256.txt")


def _odd_sums(files: Mapping[str, bytes]) -> Probe:
    """A manifest of sha256sum as others spell it."""
    lines = [f"{_sum(data).upper()} *./{path}\r\n" for path, data in files.items()]
    return Probe({**_below(files), f"{_ROOT}/SHA256SUMS": "".join(lines).encode()}, f"{_ROOT}/SHA256SUMS")


def _small_bag(files: Mapping[str, bytes]) -> Probe:
    """A bag of an earlier draft, without tag manifest, of another algorithm."""
    lines = [f"{hashlib.sha512(data).hexdigest()}\t*data/{path}\n" for path, data in files.items()]
    tags = {
        "bagit.txt": b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-sha512.txt": "".join(lines).encode(),
    }
    return Probe(
        _below({**{f"data/{path}": data for path, data in files.items()}, **tags}), f"{_ROOT}/manifest-sha512.txt"
    )


def _manifest(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{_sum(data)}  {path}\n" for path, data in files.items()).encode()


def _below(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{_ROOT}/{path}": data for path, data in files.items()}


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class ProbeRoot:
    """`sr_ports.EngineRoot` over the files of a probe, which nobody changes."""

    uri: str = "probe:"
    batch_below: int = 0
    folders: bool = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def exists(self) -> bool:
        return True

    def list(self, prefix: str, wanted: Wanted = EVERYTHING) -> Sequence[FileFact]:
        start = f"{prefix}/" if prefix else ""
        below = (path for path in sorted(self._files) if path.startswith(start) and wanted.takes(path[len(start) :]))
        return [self._fact(path) for path in below]

    def stat(self, path: str, rules: ListingRules = TODAY, *, or_folder: bool = False) -> FileFact | None:
        return self._fact(path) if path in self._files else None

    def stream(self, path: str, sink: Sink, *, expect: FileFact | None = None, rules: ListingRules = TODAY) -> FileFact:
        for chunk in self.chunks(path, rules=rules):
            sink(chunk)
        return self._fact(path)

    def chunks(self, path: str, *, rules: ListingRules = TODAY) -> Iterator[memoryview]:
        if path not in self._files:
            raise EvidenceFault(ReasonCode.INDEXED_FILE_ABSENT, f"{path} is not there", path)
        data = memoryview(self._files[path])
        return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))

    def changes(self) -> Changes:
        return Changes()

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is held open."""

    def _fact(self, path: str) -> FileFact:
        return FileFact(path, len(self._files[path]), 0)
