"""The file engine root keeps the port's laws, also in a tree somebody tampered with."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.file.root import FileEngineRoot
from sr_ports import BadInput, Changes, EngineRoot, EvidenceFault, ReasonCode, Unreachable
from sr_ports.conformance.ranges import RangedLaws
from sr_ports.conformance.roots import EngineRootLaws, Put, Remove, Reopen, Snapshot, read
from sr_ports.wanted import FIRST_RELEASE, TODAY, Wanted

REAL_SCANDIR = os.scandir


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def tree(home: Path) -> Path:
    """A root with in/a, beside a secret that lies outside."""
    (home / "in").mkdir(parents=True)
    (home / "in" / "a").write_bytes(b"inside")
    (home.parent / "secret").write_bytes(b"outside")
    (home.parent / "away").mkdir()
    (home.parent / "away" / "a").write_bytes(b"outside")
    (home.parent / "rootless").mkdir()
    return home


class TestFileEngineRoot(EngineRootLaws, RangedLaws):
    @pytest.fixture
    def reopen(self, home: Path) -> Reopen:
        return lambda: FileEngineRoot(str(home))

    @pytest.fixture
    def put(self, home: Path) -> Put:
        def write(path: str, data: bytes) -> None:
            file = home / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

        return write

    @pytest.fixture
    def remove(self, home: Path) -> Remove:
        return lambda path: (home / path).unlink()

    @pytest.fixture
    def snapshot(self, home: Path) -> Snapshot:
        def look() -> object:
            found = sorted(home.rglob("*"))
            return [(path, path.lstat().st_mtime_ns, path.lstat().st_ctime_ns, path.lstat().st_size) for path in found]

        return look

    @pytest.fixture
    def broken(self, tmp_path: Path) -> EngineRoot:
        return FileEngineRoot(str(tmp_path / ("x" * 300)))  # no file system takes so long a name


def test_a_name_no_file_system_takes_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    root = FileEngineRoot(str(tmp_path))
    for name in ("x" * 5000, "x" * 300, "f/" + "x" * 300):
        assert root.stat(name) is None
        with pytest.raises(EvidenceFault) as caught:
            root.stream(name, lambda chunk: None)
        assert caught.value.code is ReasonCode.INDEXED_FILE_ABSENT


def escapes(act: Callable[[], object], code: ReasonCode = ReasonCode.PATH_ESCAPES) -> None:
    with pytest.raises(EvidenceFault) as caught:
        act()
    assert caught.value.code is code


LINKS = {
    "up to a file": "../../secret",
    "up to a folder": "../../away",
    "an absolute file": "{outside}/secret",
    "a sibling whose name begins as the root's": "../../rootless",
    "nowhere": "gone",
    "itself": "link",
    "the folder above": "..",
    "a folder of the system": "/proc/self",
}


@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS.keys())
def test_r1_a_link_that_leads_out_or_nowhere_is_refused(tree: Path, target: str) -> None:
    (tree / "in" / "link").symlink_to(target.format(outside=tree.parent))
    got: list[bytes] = []
    escapes(lambda: FileEngineRoot(str(tree)).list(""))
    escapes(lambda: FileEngineRoot(str(tree)).list("in"))
    if target not in ("gone", ".."):
        escapes(lambda: FileEngineRoot(str(tree)).stat("in/link"))
        escapes(lambda: FileEngineRoot(str(tree)).stream("in/link", lambda view: got.append(bytes(view))))
    assert got == []


def test_r1_a_folder_that_is_a_link_out_is_refused_on_the_way(tree: Path) -> None:
    (tree / "linked").symlink_to("../away")
    for path in ("linked/a", "linked/b", "linked/no/where"):
        escapes(partial(FileEngineRoot(str(tree)).stat, path))
        escapes(partial(FileEngineRoot(str(tree)).stream, path, lambda _: None))
    escapes(lambda: FileEngineRoot(str(tree)).list("linked"))


def test_r1_a_link_that_stays_inside_is_refused_and_named(tree: Path) -> None:
    (tree / "file").symlink_to("in/a")
    (tree / "folder").symlink_to("in")
    root = FileEngineRoot(str(tree))
    for path, link in {"file": "file", "folder": "folder", "folder/a": "folder", "folder/none": "folder"}.items():
        for act in (root.stat, partial(root.stream, sink=lambda _: None)):
            with pytest.raises(EvidenceFault) as caught:
                act(path)
            assert (caught.value.code, caught.value.path) == (ReasonCode.PATH_ESCAPES, link)
            assert "put the file itself there" in caught.value.remedy
    for folder in ("", "folder"):
        escapes(partial(root.list, folder))
    assert read(root, "in/a") == b"inside"


def test_by_the_rules_of_the_first_release_a_link_that_stays_inside_is_an_ordinary_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "folder").symlink_to("real")
    root = FileEngineRoot(str(tmp_path))
    wanted = {"folder/file": "real/file", "link": "real/file", "real/file": None}
    facts = root.list("", Wanted(rules=FIRST_RELEASE))
    assert {fact.path: fact.target for fact in facts} == wanted
    for fact in facts:
        got = bytearray()
        assert root.stat(fact.path, FIRST_RELEASE) == fact
        assert root.stream(fact.path, got.extend, expect=fact) == fact
        assert root.stream(fact.path, got.extend, rules=FIRST_RELEASE) == fact
        assert got == b"xx"
    assert root.stat("folder", FIRST_RELEASE) is None
    assert root.changes() == Changes()


def test_by_those_rules_a_link_that_leads_elsewhere_later_is_a_change(tree: Path) -> None:
    (tree / "in" / "b").write_bytes(b"other!")
    (tree / "link").symlink_to("in/a")
    root = FileEngineRoot(str(tree))
    assert root.stat("link", FIRST_RELEASE) is not None
    (tree / "link").unlink()
    (tree / "link").symlink_to("in/b")
    assert root.changes().paths == ("link",)


@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS.keys())
def test_by_those_rules_a_link_that_leads_out_or_nowhere_is_refused(tree: Path, target: str) -> None:
    (tree / "in" / "link").symlink_to(target.format(outside=tree.parent))
    for folder in ("", "in"):
        escapes(partial(FileEngineRoot(str(tree)).list, folder, Wanted(rules=FIRST_RELEASE)))
    if target not in ("gone", ".."):
        escapes(lambda: FileEngineRoot(str(tree)).stat("in/link", FIRST_RELEASE))


def test_r1_the_roots_own_path_may_be_a_link(tree: Path) -> None:
    (tree.parent / "other").symlink_to(tree)
    assert read(FileEngineRoot(str(tree.parent / "other")), "in/a") == b"inside"


def test_r1_what_is_neither_file_nor_folder_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tree / "in" / "fifo")
    monkeypatch.chdir(tree / "in")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for name in ("in/fifo", "in/socket"):
            escapes(partial(FileEngineRoot(str(tree)).stat, name), ReasonCode.NOT_A_FILE)
        escapes(lambda: FileEngineRoot(str(tree)).stream("in/fifo", lambda _: None), ReasonCode.NOT_A_FILE)
        escapes(lambda: FileEngineRoot(str(tree)).list(""), ReasonCode.NOT_A_FILE)


def test_r1_a_listed_name_that_no_path_may_have_is_refused(tree: Path) -> None:
    Path(os.fsdecode(os.fsencode(tree) + b"/in/\xff\xfe")).write_bytes(b"x")
    escapes(lambda: FileEngineRoot(str(tree)).list("in"), ReasonCode.NOT_A_FILE)


def litter(folder: Path, end: str = "") -> None:
    """What may lie beside evidence: links that lead nowhere, out, back and to themselves, a FIFO, a hostile name."""
    for name, target in {
        ".#lock": "me@host.1:2", "out": "/etc", "file": "/etc/passwd", "back": "..", "loop": f"loop{end}",
    }.items():  # fmt: skip
        (folder / f"{name}{end}").symlink_to(target)
    os.mkfifo(folder / f"pipe{end}")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff" + end.encode())).write_bytes(b"x")


@pytest.mark.parametrize("pattern", ["*.bin", "a.b*", "**/*.bin", "[a].bin"])
def test_r4_what_only_stands_beside_is_not_looked_at(tree: Path, pattern: str) -> None:
    (tree / "in" / "a.bin").write_bytes(b"x")
    litter(tree / "in")
    assert [fact.path for fact in FileEngineRoot(str(tree)).list("in", Wanted(pattern))] == ["in/a.bin"]


@pytest.mark.parametrize("name", [".#lock.bin", "out.bin", "file.bin", "back.bin", "loop.bin", "pipe.bin"])
@pytest.mark.parametrize("pattern", ["", "*.bin", "**"])
def test_r4_what_is_wanted_and_is_no_regular_file_is_refused(tree: Path, pattern: str, name: str) -> None:
    litter(tree / "in", ".bin")
    for other in (tree / "in").glob("*.bin"):
        if other.name != name:
            other.unlink()
    Path(os.fsdecode(os.fsencode(tree) + b"/in/\xff.bin")).unlink(missing_ok=True)
    code = ReasonCode.NOT_A_FILE if name == "pipe.bin" else ReasonCode.PATH_ESCAPES
    escapes(lambda: FileEngineRoot(str(tree)).list("in", Wanted(pattern)), code)


def test_r4_a_link_to_a_folder_that_a_segment_names_is_refused_and_any_other_passed_over(tree: Path) -> None:
    (tree / "way" / "x0").mkdir(parents=True)
    (tree / "way" / "x0" / "a").write_bytes(b"x")
    for name, target in {"x2": "gone", "x3": "../in/a", "y": "../in"}.items():
        (tree / "way" / name).symlink_to(target)
    for rules in (TODAY, FIRST_RELEASE):
        found = FileEngineRoot(str(tree)).list("way", Wanted("x*/a", rules=rules))
        assert [fact.path for fact in found] == ["way/x0/a"]
    (tree / "way" / "x1").symlink_to("../in")
    with pytest.raises(EvidenceFault) as caught:
        FileEngineRoot(str(tree)).list("way", Wanted("x*/a"))
    assert (caught.value.code, caught.value.path) == (ReasonCode.PATH_ESCAPES, "way/x1")
    old = FileEngineRoot(str(tree)).list("way", Wanted("x*/a", rules=FIRST_RELEASE))
    assert [fact.path for fact in old] == ["way/x0/a", "way/x1/a"]
    (tree / "way" / "x4").symlink_to("../../away")
    escapes(lambda: FileEngineRoot(str(tree)).list("way", Wanted("x*/a", rules=FIRST_RELEASE)))


def test_r4_folders_that_a_pattern_cannot_reach_are_not_entered(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("lost+found", "d=1", "d=1/deep", "other/d=1"):
        (tree / folder).mkdir(parents=True)
        (tree / folder / "x.csv").write_bytes(b"x")
    (tree / "y.csv").write_bytes(b"y")
    entered: list[str] = []

    def scandir(folder: int) -> Any:
        entered.append(os.path.relpath(Path(f"/proc/self/fd/{folder}").readlink(), tree))
        if entered[-1] == "lost+found":
            raise PermissionError(13, "Permission denied")
        return REAL_SCANDIR(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    root = FileEngineRoot(str(tree))
    assert [fact.path for fact in root.list("", Wanted("*.csv"))] == ["y.csv"]
    assert entered == ["."]
    entered.clear()
    assert [fact.path for fact in root.list("", Wanted("d=*/*.csv"))] == ["d=1/x.csv"]
    assert entered == [".", "d=1"]
    with pytest.raises(Unreachable):  # what a pattern does reach must be seen whole
        root.list("", Wanted("*/*.csv"))


def test_r4_matching_is_linear_in_the_name(tree: Path) -> None:
    (tree / "in" / ("a" * 250)).write_bytes(b"x")
    assert FileEngineRoot(str(tree)).list("in", Wanted("*a" * 40 + "*b")) == ()
    assert FileEngineRoot(str(tree)).list("", Wanted("**/" * 40 + "*b")) == ()


@pytest.mark.parametrize("how", ["longer", "shorter", "rewritten"])
def test_r2_a_file_that_changes_while_it_is_read_is_unstable(tree: Path, how: str) -> None:
    file = tree / "in" / "a"
    file.write_bytes(b"x" * (3 << 20))
    os.utime(file, ns=(0, 0))

    def meddle(_: memoryview) -> None:
        with file.open("r+b") as handle:
            if how == "shorter":
                handle.truncate(2 << 20)
            else:
                handle.seek(0, os.SEEK_END if how == "longer" else os.SEEK_SET)
                handle.write(b"y")

    with pytest.raises(EvidenceFault) as caught:
        FileEngineRoot(str(tree)).stream("in/a", meddle)
    assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE


def test_r2_a_change_just_after_another_does_not_pass_for_the_same(tree: Path) -> None:
    """Two writes within one tick of the file system's clock leave one stamp: the first must be waited out."""
    path = tree / "fresh.bin"
    for number in range(20):
        root = FileEngineRoot(str(tree))
        path.write_bytes(b"%04d" % number)

        def rewrite(_chunk: memoryview) -> None:
            path.write_bytes(b"else")

        with pytest.raises(EvidenceFault) as caught:
            root.stream("fresh.bin", rewrite)
        assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE


def test_r3_a_folder_is_no_file_to_stream(tree: Path) -> None:
    with pytest.raises(EvidenceFault):
        FileEngineRoot(str(tree)).stream("in", lambda _: None)


def test_a_file_uri_and_a_path_open_the_same(tree: Path) -> None:
    assert FileEngineRoot(tree.as_uri()).uri == FileEngineRoot(f"{tree}/").uri == str(tree)


def test_a_root_that_cannot_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = FileEngineRoot(str(tree))

    def failing(path: str, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    for name in ("scandir", "open"):
        monkeypatch.setattr(os, name, failing)
    with pytest.raises(Unreachable) as whole:
        root.list("")
    assert whole.value.what == f"engine root {tree} cannot be read: Permission denied"
    with pytest.raises(Unreachable) as part:
        root.stream("in/a", lambda data: None)
    assert part.value.what == f"in/a in engine root {tree} cannot be read: Permission denied"


@pytest.mark.parametrize("below", ["", "/further"])
def test_a_root_must_be_a_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with FileEngineRoot(f"{tmp_path}/file{below}") as root:
        for ask in (root.exists, root.located, lambda: root.stat("a"), lambda: list(root.list(""))):
            with pytest.raises(EvidenceFault) as caught:
                ask()
            assert caught.value.code is ReasonCode.ENGINE_ROOT_UNFIT
        assert root.stat("a", FIRST_RELEASE) is None, "to a run of the first release nothing is there"


def test_a_root_that_is_not_there_yet_may_become_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with FileEngineRoot(str(tmp_path / "link" / "later")) as root:
        assert not root.exists()
        assert root.located() == str((tmp_path / "real" / "later").resolve())


def test_files_of_another_machine_are_not_read_as_this_ones(tmp_path: Path) -> None:
    for uri in (f"file://host{tmp_path}", f"file://me@localhost{tmp_path}", "file://[x"):
        with pytest.raises(BadInput) as caught:
            FileEngineRoot(uri)
        assert caught.value.code is ReasonCode.ENGINE_ROOT_UNFIT
    for uri in (f"file://{tmp_path}", f"file://localhost{tmp_path}"):
        with FileEngineRoot(uri) as root:
            assert root.exists()
