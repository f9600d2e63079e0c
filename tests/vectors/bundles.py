"""Small bundles by hand, one for each way that a law can be asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import attrs

SKIP = ("_passed.flag",)
FILES = {"gate/a.csv": b"1,2\n", "gate/B.json": b"{}", "gate/sub/c.bin": b"\xff\x00", "data/x.bin": b"the data"}


def _claim(path: str) -> str:
    return hashlib.sha256(FILES[path]).hexdigest()


@attrs.frozen
class Sample:
    """`files`: by path below the engine root. `members`: what the index lists, as the law's base has it."""

    note: str
    method: Mapping[str, Any]
    index: Any = None
    members: tuple[tuple[str, str | None], ...] = ()
    bundle_root: str = "gate/"

    @property
    def index_path(self) -> str | None:
        return None if self.index is None else f"{self.bundle_root}index.json"

    @property
    def files(self) -> dict[str, bytes]:
        return (
            FILES if self.index is None else {**FILES, f"{self.bundle_root}index.json": json.dumps(self.index).encode()}
        )


BUNDLES = (
    Sample(
        "all files, in ASCII order of path: B.json, a.csv, sub/c.bin",
        {"kind": "sha256_bundle_digest", "exclude_filenames": SKIP},
    ),
    Sample(
        "excluded names match by base name, at any depth",
        {"kind": "sha256_bundle_digest", "exclude_filenames": (*SKIP, "c.bin", "index.json")},
        index={"files": ["a.csv"]},
        members=(("a.csv", None),),
    ),
    Sample(
        "the digest strings of the members, in index order; no member is read",
        {"kind": "sha256_member_digest_concat", "exclude_filenames": SKIP},
        index={
            "members": [
                {"path": "sub/c.bin", "sha256_hex": _claim("gate/sub/c.bin")},
                {"path": "a.csv", "sha256_hex": _claim("gate/a.csv")},
            ]
        },
        members=(("sub/c.bin", _claim("gate/sub/c.bin")), ("a.csv", _claim("gate/a.csv"))),
    ),
    Sample(
        "listed files in ASCII order of path; what the index claims of them is ignored",
        {"kind": "sha256_index_json_ascii_lex_raw_bytes", "exclude_filenames": SKIP},
        index={"files": [{"path": "sub/c.bin", "sha256_hex": "0" * 64}, {"path": "a.csv"}]},
        members=(("sub/c.bin", "0" * 64), ("a.csv", None)),
    ),
    Sample(
        "listed files in the order of the index",
        {"kind": "sha256_index_json_ascii_lex_raw_bytes", "ordering": "index_order", "exclude_filenames": SKIP},
        index=["sub/c.bin", "a.csv"],
        members=(("sub/c.bin", None), ("a.csv", None)),
    ),
    Sample(
        "paths relative to the engine root",
        {"kind": "sha256_index_json_ascii_lex_raw_bytes", "path_base": "run_root", "exclude_filenames": SKIP},
        index={"entries": ["gate/a.csv", "data/x.bin"]},
        members=(("gate/a.csv", None), ("data/x.bin", None)),
    ),
    Sample(
        "the part list of the listed files, whatever their order; what the index claims of them is ignored",
        {"kind": "sha256_part_list", "exclude_filenames": ()},
        index={"files": [{"path": "sub/c.bin", "sha256": "0" * 64, "size": 9}, {"path": "B.json"}, "a.csv"]},
        members=(("sub/c.bin", "0" * 64), ("B.json", None), ("a.csv", None)),
    ),
    Sample(
        "the part list, paths relative to the engine root: the layout of sr init",
        {"kind": "sha256_part_list", "path_base": "run_root", "exclude_filenames": ()},
        index=["data/x.bin", "gate/a.csv"],
        members=(("data/x.bin", None), ("gate/a.csv", None)),
    ),
    Sample(
        "the part list of all files of the bundle less the flag and excluded names, where the gate names no index",
        {"kind": "sha256_part_list", "exclude_filenames": ("c.bin",)},
    ),
    Sample(
        "the same, paths relative to the engine root",
        {"kind": "sha256_part_list", "path_base": "run_root", "exclude_filenames": ()},
    ),
)
