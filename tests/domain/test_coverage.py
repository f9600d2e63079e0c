"""Which files a law reads is told without reading one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.root import FileEngineRoot
from sr_domain.evidence.bundle import BundleAbsent
from sr_domain.evidence.coverage import hashed_by, named_by
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_ports import FileFact, ReasonCode, Unreachable
from tests.domain.test_gates import build
from tests.kit import LAWS

FILES = {"a": b"1", "sub/b": b"2", "c": b"3"}
LISTED = ["a", "sub/b"]
ALL = frozenset(f"bundle/{name}" for name in FILES)
SOME = frozenset(f"bundle/{name}" for name in LISTED)


class Blind(FileEngineRoot):
    """A root whose members nobody may read."""

    def stream(self, path: str, *args: Any, **more: Any) -> FileFact:
        if not path.endswith("index.json"):
            raise AssertionError(f"{path} was read")
        return super().stream(path, *args, **more)


@pytest.mark.parametrize(
    ("which", "read", "named"),
    [
        ("sha256_bundle_digest", ALL, SOME),
        ("lex", SOME, SOME),
        ("index", SOME, SOME),
        ("sha256_member_digest_concat", frozenset(), SOME),
    ],
)
def test_what_each_law_reads_and_each_gate_names(
    tmp_path: Path, which: str, read: frozenset[str], named: frozenset[str]
) -> None:
    gate = build(tmp_path, which, FILES, LISTED)
    assert hashed_by(Blind(str(tmp_path)), gate, LAWS[gate.method.kind]) == read
    assert named_by(Blind(str(tmp_path)), gate, ALL) == named


def test_a_gate_without_index_names_its_folder(tmp_path: Path) -> None:
    gate = attrs.evolve(build(tmp_path, "sha256_bundle_digest", FILES, LISTED), index_path=None)
    assert named_by(Blind(str(tmp_path)), gate, ALL) == ALL
    with pytest.raises(BundleAbsent):
        named_by(Blind(str(tmp_path / "nowhere")), gate, ALL)


@attrs.frozen
class Streams:
    """A law of another distribution, which asks for bytes in chunks, file by file."""

    kind: str = "streams"
    fails: bool = False

    def digest(self, view: Any) -> str:
        for one in view.files():
            if not b"".join(view.stream(one.path)) and self.fails:
                raise ValueError("no bytes")
        return str(view.sha256(["a"]))


def test_a_law_of_others_is_asked_the_same_way(tmp_path: Path) -> None:
    gate = build(tmp_path, "sha256_bundle_digest", FILES, LISTED)
    assert hashed_by(Blind(str(tmp_path)), gate, ProvidedLaw(Streams(), "others", "1")) == ALL
    assert hashed_by(Blind(str(tmp_path)), gate, ProvidedLaw(Streams(fails=True), "others", "1")) is None


def test_a_root_that_is_away_is_no_law_that_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = build(tmp_path, "sha256_bundle_digest", FILES, LISTED)

    def away(*_: Any, **__: Any) -> None:
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "away")

    monkeypatch.setattr(Blind, "list", away)
    with pytest.raises(Unreachable):
        hashed_by(Blind(str(tmp_path)), gate, LAWS[gate.method.kind])
