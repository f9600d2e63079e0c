"""A copied engine root under attack, in memory, in files and on S3; each attack beside what is no attack."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.root import FileEngineRoots
from sr_adapters.memory.root import MemoryEngineRoots
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.runtime.pool import ThreadPool
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import EngineCall, EngineResult, ReasonCode, Unreachable
from sr_ports.conformance.crash import Died
from sr_ports.conformance.keeping import of
from tests.adapters.s3_fixtures import moto_as_minio, moto_server, rgw_as_minio, rgw_server
from tests.reliability.lab import PLATFORM, Lab, Schemes, request, write_world

_ = (moto_as_minio, moto_server, rgw_as_minio, rgw_server)
RUN = run_id_for("key")
VIEW = f"fraud-platform/{PLATFORM}/sr/run_facts_view/{RUN}.json"
RECEIPT = "run_receipt.json"
ON_S3 = [pytest.param(name, marks=pytest.mark.parity) for name in ("moto_as_minio", "rgw_as_minio")]
Spoil = Callable[[Path], object]


@attrs.define
class Copies:
    """A lab whose engine's roots are copied. `spoil`: what the first attempt's engine does to its root besides."""

    lab: Lab
    spoil: Spoil = lambda root: None
    attempts: int = 0

    def engine(self, call: EngineCall) -> EngineResult:
        self.attempts += 1
        shutil.rmtree(self.lab.root, ignore_errors=True)
        write_world(self.lab.root)
        pins = {key: call.invocation[key] for key in ("run_id", "manifest_fingerprint", "parameter_hash", "seed")}
        (self.lab.root / RECEIPT).write_text(json.dumps(pins))
        if self.attempts == 1:
            self.spoil(self.lab.root)
        return EngineResult(None, str(self.lab.root), b"", b"")

    def submit(self, **ports: Any) -> Any:
        return self.lab.runner({**self.lab.world_ports(), **ports}).submit(request())

    def rests(self, **ports: Any) -> Unreachable:
        """Why a run that was submitted rests: it is not ended, and nothing was said of it."""
        with pytest.raises(Unreachable) as caught:
            self.submit(**ports)
        assert caught.value.code is ReasonCode.ENGINE_ROOT_UNREACHABLE
        assert self.lab.ledger(RUN).first("ENGINE_ATTEMPT_FINISHED") is None
        assert self.lab.ready_messages() == []
        return caught.value

    def copy(self, attempt: int = 1) -> str:
        return f"{self.lab.copies}/{PLATFORM}/{RUN}/attempt-{attempt}"

    def named(self) -> str:
        """The engine root that the view names."""
        facts = json.loads(self.lab.store.read(VIEW).data)
        return str(facts["oracle_pack_ref"]["engine_run_root"])

    def files(self, uri: str) -> dict[str, bytes]:
        with self.lab.roots.open(uri) as root:
            return {one.path: b"".join(map(bytes, root.chunks(one.path))) for one in root.list("")}

    def sound(self, attempt: int = 1) -> None:
        """The run is READY on a whole copy, that attempt's."""
        assert self.lab.ledger(RUN).state is RunState.READY
        assert self.named() == self.copy(attempt)
        assert len(self.lab.ready_messages()) == 1
        assert not self.lab.runner().audit(RUN).findings
        assert self.lab.runner().verify(RUN).ok


@pytest.fixture(params=["memory", "files", *ON_S3])
def copies(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    roots: dict[str, Any] = {"memory": MemoryEngineRoots({}), "": FileEngineRoots()}
    where = {"memory": "memory:copies", "files": str(tmp_path / "copies")}.get(request.param)
    if where is None:
        where = on_s3(request, monkeypatch, roots)
    lab = Lab(tmp_path / "engine", roots=Schemes(roots), copies=where, publish_root=where, attempt_limit=3)
    made = Copies(lab)
    lab.engine = made.engine
    return made


def on_s3(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, roots: dict[str, Any]) -> str:
    from sr_adapters.s3.build import S3EngineRoots
    from sr_adapters.s3.settings import S3Settings
    from tests.servers.s3 import fresh_prefix

    server = request.getfixturevalue(request.param)
    keys = server.endpoint.credentials
    if keys is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    roots["s3"] = S3EngineRoots(S3Settings(bucket=server.bucket, endpoint_url=server.url, addressing_style="path"))
    return f"s3://{server.bucket}/{fresh_prefix()}"


def test_the_copy_has_every_regular_file_and_the_run_is_of_it(copies: Copies) -> None:
    copies.spoil = lambda root: (root / "empty.log").write_bytes(b"")
    assert copies.submit().state is RunState.READY
    copies.sound()
    assert copies.files(copies.copy()) == copies.files(str(copies.lab.root))
    assert copies.files(copies.copy())["empty.log"] == b""


def test_many_files_are_copied_by_several_threads(copies: Copies) -> None:
    def many(root: Path) -> None:
        for number in range(60):
            folder = root / "more" / str(number % 7)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}").write_bytes(b"%d" % number)

    copies.spoil = many
    assert copies.submit(pool=ThreadPool(4)).state is RunState.READY
    copies.sound()
    assert copies.files(copies.copy()) == copies.files(str(copies.lab.root))


def links(root: Path) -> None:
    (root.parent / "secret").write_bytes(b"secret")
    (root / "data" / "link.bin").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent)
    (root / "nowhere").symlink_to(root / "gone")


def fifo(root: Path) -> None:
    os.mkfifo(root / "data" / "pipe")


def listening(root: Path) -> None:
    here = Path.cwd()
    os.chdir(root)  # a socket's path may have 107 bytes
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind("socket")
    os.chdir(here)


@pytest.mark.parametrize("spoil", [links, fifo, listening])
def test_what_is_no_regular_file_is_not_copied(copies: Copies, spoil: Spoil) -> None:
    copies.spoil = spoil
    assert copies.submit().state is RunState.READY
    copies.sound()
    found = copies.files(copies.copy())
    assert len(found) == 8, "three files of data, two gates with a report each, the receipt"
    assert b"secret" not in found.values()


@attrs.frozen
class Meddler:
    """Roots that do something once, before the file numbered `at` is written."""

    roots: Any
    act: Callable[[], object]
    at: int = 1
    seen: list[str] = attrs.field(factory=list)

    def open(self, uri: str) -> Any:
        return self.roots.open(uri)

    def keep(self, uri: str, path: str, source: Any) -> None:
        self.seen.append(path)
        if len(self.seen) == self.at:
            self.act()
        self.roots.keep(uri, path, source)


@pytest.mark.parametrize("how", ["a file that is yet to be copied", "a file that was copied", "a new file", "one gone"])
def test_a_root_that_changes_during_the_copy_is_no_success(copies: Copies, how: str) -> None:
    root, at = copies.lab.root, 4
    act: dict[str, Callable[[], object]] = {
        "a file that is yet to be copied": lambda: (root / "up" / "report.json").write_bytes(b"other"),
        "a file that was copied": lambda: next((root / "data").rglob("part-0.bin")).write_bytes(b"other"),
        "a new file": lambda: (root / "late.bin").write_bytes(b"late"),
        "one gone": (root / "up" / "report.json").unlink,
    }
    meddler = Meddler(copies.lab.roots, act[how], at)
    assert copies.submit(roots=meddler).state is RunState.READY
    first, second = (one.details for one in copies.lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED"))
    assert (first["outcome"], first["reason_code"]) == ("FAILED", "EVIDENCE_UNSTABLE")
    assert (second["outcome"], second["engine_run_root"]) == ("SUCCEEDED", copies.copy(2))
    copies.sound(attempt=2)


def test_a_change_elsewhere_during_the_copy_is_none(copies: Copies) -> None:
    beside = copies.lab.root.parent / "beside"
    assert copies.submit(roots=Meddler(copies.lab.roots, lambda: beside.write_bytes(b"x"), 4)).state is RunState.READY
    copies.sound()


@pytest.mark.parametrize("other", ["platform_20260202T000000Z", PLATFORM])
def test_a_copy_that_was_cut_is_made_anew_from_any_session(copies: Copies, other: str) -> None:
    """Whoever resumes it, wherever: the run stays in its own platform run, and so does the copy."""
    cut = Cut(copies.lab.roots, 4)
    with contextlib.suppress(Died):
        copies.submit(roots=cut)
    assert 0 < len(copies.files(copies.copy())) < 8
    copies.lab.lapse()
    ports = {**copies.lab.world_ports(), "platform": FixedPlatformRuns(other)}
    assert copies.lab.runner(ports).resume(RUN).state is RunState.READY
    copies.sound(attempt=2)
    assert copies.files(copies.copy(2)) == copies.files(str(copies.lab.root))


@attrs.frozen
class Cut:
    """Roots whose process dies in the middle of the file numbered `at`."""

    roots: Any
    at: int
    seen: list[str] = attrs.field(factory=list)

    def open(self, uri: str) -> Any:
        return self.roots.open(uri)

    def keep(self, uri: str, path: str, source: Any) -> None:
        self.seen.append(path)

        def dies(sink: Any) -> None:
            sink(memoryview(b"half"))
            raise Died(self)

        self.roots.keep(uri, path, dies if len(self.seen) == self.at else source)


@pytest.mark.parametrize("name", [RECEIPT, "data/events/planted.bin", "x"])
def test_a_copy_goes_where_nothing_was(copies: Copies, name: str) -> None:
    """What somebody laid there beforehand stays, is no part of the run, and lets it rest."""
    copies.lab.roots.keep(copies.copy(), name, of(b"planted"))
    assert "something is there" in copies.rests().what
    assert copies.files(copies.copy()) == {name: b"planted"}
    copies.lab.lapse()
    assert copies.lab.runner().resume(RUN).state is RunState.READY
    copies.sound(attempt=2)
    assert b"planted" not in copies.files(copies.copy(2)).values()


def test_what_lies_beside_a_copy_is_in_nobodys_way(copies: Copies) -> None:
    copies.lab.roots.keep(copies.copy(11), RECEIPT, of(b"planted"))
    copies.lab.roots.keep(f"{copies.lab.copies}/{PLATFORM}/{run_id_for('other')}/attempt-1", RECEIPT, of(b"other's"))
    assert copies.submit().state is RunState.READY
    copies.sound()


def test_a_file_planted_during_the_copy_stays_and_lets_the_run_rest(copies: Copies) -> None:
    def plant() -> None:
        copies.lab.roots.keep(copies.copy(), "up/report.json", of(b"planted"))

    rests = copies.rests(roots=Meddler(copies.lab.roots, plant))
    assert "see who writes below engine.publish_root" in rests.remedy
    assert copies.files(copies.copy())["up/report.json"] == b"planted"
    copies.lab.lapse()
    assert copies.lab.runner().resume(RUN).state is RunState.READY
    copies.sound(attempt=2)


@pytest.mark.parametrize("copies", ["files"], indirect=True)
def test_a_link_planted_on_the_way_to_a_copy_leads_nowhere(copies: Copies, tmp_path: Path) -> None:
    """The folder that the profile names may be a link; what lies below it may not."""
    away, real, named = tmp_path / "away", tmp_path / "real", Path(copies.lab.copies)
    away.mkdir()
    real.mkdir()
    named.symlink_to(real)
    (real / PLATFORM).symlink_to(away)
    copies.rests()
    assert list(away.iterdir()) == []
    (real / PLATFORM).unlink()
    copies.lab.lapse()
    assert copies.lab.runner().resume(RUN).state is RunState.READY
    copies.sound(attempt=2)
    assert (real / PLATFORM / RUN / "attempt-2" / RECEIPT).is_file()


def test_a_root_that_lies_there_is_not_copied(copies: Copies, tmp_path: Path) -> None:
    copies.lab.publish_root = str(tmp_path)
    assert copies.submit().state is RunState.READY
    assert copies.named() == str(copies.lab.root)
    assert not (tmp_path / PLATFORM).exists()


def test_one_beside_it_whose_name_begins_the_same_is_copied(copies: Copies, tmp_path: Path) -> None:
    copies.lab.publish_root = str(tmp_path / "eng")
    assert copies.submit().state is RunState.READY
    assert copies.named() == f"{tmp_path}/eng/{PLATFORM}/{RUN}/attempt-1"


@pytest.mark.parametrize("copies", ["files"], indirect=True)
def test_no_engine_is_run_where_its_root_could_be_copied_nowhere(copies: Copies) -> None:
    place = Path(copies.lab.copies)
    place.write_bytes(b"a file stands there")
    copies.rests()
    assert copies.attempts == 0
    assert copies.lab.ledger(RUN).first("ENGINE_ATTEMPT_LAUNCH_REQUESTED") is None
    place.unlink()
    copies.lab.lapse()
    assert copies.lab.runner().resume(RUN).state is RunState.READY
    copies.sound(attempt=1)


def test_a_copy_into_the_root_itself_is_refused(copies: Copies) -> None:
    copies.lab.publish_root = str(copies.lab.root / "copies")
    assert "correct engine.publish_root" in copies.rests().remedy
    assert not (copies.lab.root / "copies").exists()


def test_a_name_that_no_path_has_is_no_success(copies: Copies) -> None:
    """It could not be copied under its name, and is not left out without a word."""
    copies.spoil = lambda root: (root / "data" / "line\nbreak").write_bytes(b"x")
    assert copies.submit().state is RunState.READY
    first = copies.lab.ledger(RUN).all("ENGINE_ATTEMPT_FINISHED")[0].details
    assert (first["outcome"], first["reason_code"]) == ("FAILED", "NOT_A_FILE")
