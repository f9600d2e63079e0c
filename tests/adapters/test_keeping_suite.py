"""The conformance suite of `sr_ports.Keeping` finds what it is for: each adapter here breaks one law, and is caught."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BROKEN = {
    "Overwrites": "k2",  # the last writer wins
    "TakesTheSame": "k2",  # another's bytes are taken for its own where they are equal
    "Looks": "k2",  # looks first and writes then: two may win a race
    "Early": "k3",  # the name is there before the bytes
    "Leaves": "k3",  # what a source wrote before it broke off stays
    "Swallows": "k3",  # what the source raises is kept to itself
    "Litters": "k3",  # its draft stays
    "Anywhere": "k4",  # takes any path
    "Hoards": "k5",  # has the whole file in memory
    "Lends": "k5",  # keeps the views that it was lent
    "Folds": "k1",  # names that differ by their letters' case are one
    "Forgets": "k1",  # keeps to itself what it kept
}

SOURCE = '''
"""Adapters over files that each break one law."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from sr_adapters.file.root import FileEngineRoots
from sr_ports import ReasonCode, Unreachable
from sr_ports.conformance.keeping import KeepingLaws
from sr_ports.roots import check_path


class Sound(FileEngineRoots):
    pass


class Own(FileEngineRoots):
    def keep(self, uri, path, source):
        check_path(path)
        target = Path(uri) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.write(target, source)

    def taken(self, target):
        return Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, f"{target} is there")

    def whole(self, source):
        data = bytearray()
        source(data.extend)
        return bytes(data)

    def linked(self, target, data):
        draft = Path(tempfile.mkdtemp(dir=HOME)) / "draft"
        draft.write_bytes(data)
        os.link(draft, target)


class Overwrites(Own):
    def write(self, target, source):
        draft = target.with_name(f".{target.name}.{time.monotonic_ns()}")
        draft.write_bytes(self.whole(source))
        os.replace(draft, target)


class TakesTheSame(Own):
    def write(self, target, source):
        data = self.whole(source)
        try:
            self.linked(target, data)
        except FileExistsError:
            if target.read_bytes() != data:
                raise self.taken(target)


class Looks(Own):
    def write(self, target, source):
        if target.exists():
            raise self.taken(target)
        data = self.whole(source)
        time.sleep(0.05)
        target.write_bytes(data)


class Early(Own):
    def write(self, target, source):
        try:
            with target.open("xb") as file:
                source(file.write)
        except FileExistsError:
            raise self.taken(target)
        except BaseException:
            target.unlink()
            raise


class Leaves(Own):
    def write(self, target, source):
        data = bytearray()
        try:
            source(data.extend)
        finally:
            try:
                self.linked(target, data)
            except FileExistsError:
                raise self.taken(target)


class Swallows(Sound):
    def keep(self, uri, path, source):
        try:
            super().keep(uri, path, source)
        except Unreachable:
            raise
        except Exception as error:
            if "is refused" not in str(error):
                raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "it broke") from error
            raise


class Litters(Own):
    def write(self, target, source):
        draft = target.with_name(f".{target.name}.{time.monotonic_ns()}")
        with draft.open("xb") as file:
            source(file.write)
        try:
            os.link(draft, target)
        except FileExistsError:
            raise self.taken(target)
        draft.unlink()


class Anywhere(Sound):
    def keep(self, uri, path, source):
        name = os.path.normpath(path.replace("\\\\", "/").replace("\\0", "").replace("\\ud800", "")).lstrip("/.") or "x"
        super().keep(uri, "".join(one for one in name if one.isprintable()) or "x", source)


class Hoards(Sound):
    def keep(self, uri, path, source):
        super().keep(uri, path, lambda sink: sink(memoryview(self.all(source))))

    def all(self, source):
        data = bytearray()
        source(data.extend)
        return data


class Lends(Sound):
    def keep(self, uri, path, source):
        def later(sink):
            views = []
            source(lambda view: views.append(memoryview(view.obj)))
            for view in views:
                sink(view)

        super().keep(uri, path, later)


class Folds(Sound):
    def keep(self, uri, path, source):
        super().keep(uri, path.lower(), source)


class Forgets(Sound):
    def keep(self, uri, path, source):
        super().keep(f"{uri}-{id(self)}", path, source)

    def open(self, uri):
        return super().open(f"{uri}-{id(self)}")


HOME = tempfile.mkdtemp()


class Laws(KeepingLaws):
    @pytest.fixture
    def roots(self):
        return self.kind()

    @pytest.fixture
    def reopen(self):
        return self.kind

    @pytest.fixture
    def uri(self, tmp_path):
        return str(tmp_path / "kept")

    @pytest.fixture
    def drafts(self, uri):
        return lambda: [one.relative_to(uri).as_posix() for one in Path(uri).rglob("*") if not one.is_dir()]


for one in (KINDS):
    globals()[f"Test{one.__name__}"] = type(f"Test{one.__name__}", (Laws,), {"kind": one})
'''


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What became of each test, by adapter."""
    folder = tmp_path_factory.mktemp("suite")
    module = folder / "test_broken.py"
    module.write_text(SOURCE.replace("KINDS", ", ".join(["Sound", *BROKEN])))
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-q", "--tb=no", "-rA", "--rootdir", str(folder)]
    command = [sys.executable, "-m", "pytest", "-c", os_null(folder), *options, str(module)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    told = [line.split() for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    found: dict[str, dict[str, str]] = {}
    for word, name, *_ in told:
        _, kind, test = name.split("::", 2)
        found.setdefault(kind.removeprefix("Test"), {})[test] = word
    assert set(found) == {"Sound", *BROKEN}, done.stdout + done.stderr
    return found


def os_null(folder: Path) -> str:
    """A configuration file that says nothing."""
    empty = folder / "pytest.ini"
    empty.write_text("[pytest]\n")
    return str(empty)


def test_the_sound_one_passes(answers: dict[str, dict[str, str]]) -> None:
    assert set(answers["Sound"].values()) == {"PASSED"}


@pytest.mark.parametrize(("kind", "law"), BROKEN.items(), ids=BROKEN)
def test_a_broken_one_is_caught(answers: dict[str, dict[str, str]], kind: str, law: str) -> None:
    caught = [test for test, word in answers[kind].items() if word == "FAILED"]
    assert any(test.startswith(f"test_{law}_") for test in caught), caught
