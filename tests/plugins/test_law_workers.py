"""Laws of other distributions in processes of their own: each attack ends one judgement, and its twin passes."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sr_adapters.cli import signals
from sr_domain.evidence.bundle import BundleAbsent
from sr_domain.evidence.law_call import LawFault, law_digest
from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw, RunsIn
from sr_plugins.documents.profile import load_profile
from sr_plugins.host.loading import Source
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.isolation.law import IsolatedLaw
from sr_plugins.isolation.process import environment
from sr_plugins.isolation.workers import LawWorkers
from sr_plugins.wiring.wire import Wires
from sr_ports import (
    Adapter,
    EvidenceFault,
    HashingLaw,
    LeaseLost,
    Params,
    ReasonCode,
    Unreachable,
    VerificationMethod,
    hookimpl,
)
from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.laws import Covers, HashingLawLaws
from tests.domain.test_law_view import FILES, bundle
from tests.plugins.conftest import Site, site

__all__ = ["site"]
REPO = Path(__file__).resolve().parents[2]
LIMIT_S = 20.0
"""More than an innocent law takes on the busiest machine."""
LAWS = """
    import ctypes, hashlib, json, os, re, sys, threading, time
    from sr_ports import EvidenceFault, ReasonCode, Unreachable, hookimpl

    def sound(b):
        return b.sha256([one.path for one in b.files()])

    def streamed(b):
        whole = hashlib.sha256()
        for one in b.files():
            for chunk in b.stream(one.path):
                whole.update(chunk)
        return whole.hexdigest()

    def raw(data):
        def digest(b):
            os.write(WRITING[0], data)
            time.sleep(60)
        return digest

    WRITING = []

    def finds_the_pipe(b):
        for fd in range(3, 64):
            try:
                if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:") and os.get_blocking(fd) is not None:
                    WRITING.append(fd)
            except OSError:
                pass
        WRITING[:] = WRITING[-1:]  # what answers go through was made last
        return sound(b)

    def flood(b):
        while True:
            b.files()

    def reads_on(b):
        while True:
            for _ in b.stream("a"):
                pass

    def fault(b):
        raise EvidenceFault(ReasonCode.NOT_A_FILE, "the manifest is not signed", "manifest")

    def away(b):
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "the key server is away", "start it")

    def passes(b):
        return b.sha256(["absent"])

    def swallows(b):
        try:
            return b.sha256(["absent"])
        except EvidenceFault:
            return sound(b)

    def many(b):
        return [b.stream("a") for _ in range(2000)]

    def says(b):
        told = {"env": sorted(os.environ), "cwd": os.getcwd(), "pid": os.getpid(), "params": dict(b.params)}
        raise RuntimeError(json.dumps(told))

    def hides(b):
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
        os._exit(3)

    def interrupts(b):
        raise KeyboardInterrupt

    def returns(what):
        return lambda b: what

    class Law:
        def __init__(self, kind, digest):
            self.kind, self._digest = kind, digest
        def digest(self, bundle):
            return self._digest(bundle)

    ALL = dict(
        sound=sound, streamed=streamed, flood=flood, reads_on=reads_on, fault=fault, away=away, passes=passes,
        swallows=swallows, many=many, says=says, hides=hides, finds_the_pipe=finds_the_pipe,
        raises=lambda b: 1 / 0, leaves=lambda b: sys.exit(0), interrupts=interrupts, ends=lambda b: os._exit(0),
        crashes=lambda b: ctypes.string_at(0), hangs=lambda b: ctypes.PyDLL(None).sleep(600),
        spins=lambda b: re.match("(a+)+b", "a" * 64), sleeps=lambda b: time.sleep(600),
        none=returns(None), short=returns("ab"), number=returns(7), surrogate=returns("\\ud800" * 64),
        huge=returns("a" * 50_000_000), upper=lambda b: sound(b).upper(), misnames=lambda b: b.sha256([7]),
        half=lambda b: b.sha256(["\\ud800"]), escapes=lambda b: b.sha256(["../x"]),
        long=lambda b: b.sha256(["x" * 10**7]),
        garbage=raw(b"garbage that is no frame"), giant=raw(b"J\\xff\\xff\\xff\\xff"), list=raw(b"J\\0\\0\\0\\2[]"),
        deep=raw(b"J\\0\\0\\0\\x20" + b"[" * 32), unknown=raw(b'J\\0\\0\\0\\x0f{"ask": "root"}'),
    )

    @hookimpl
    def sr_hashing_laws():
        return [Law(kind, digest) for kind, digest in ALL.items()]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the plugin, on the import path."""
    made = tmp_path_factory.mktemp("laws")
    (made / "plugin_workers_laws.py").write_text(textwrap.dedent(LAWS))
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


ACME = Source("acme-laws", "1.2", "plugin = plugin_workers_laws")


@attrs.frozen
class Bench:
    """Workers, and a bundle to judge."""

    workers: LawWorkers
    source: Source = ACME

    def law(self, kind: str, **changes: Any) -> ProvidedLaw:
        source = attrs.evolve(self.source, **changes)
        return ProvidedLaw(IsolatedLaw(kind, source, self.workers), source.distribution, source.version, RunsIn.WORKER)

    def judge(self, kind: str, **changes: Any) -> str:
        return law_digest(self.law(kind), bundle(**changes))

    def ask(self, kind: str, contents: dict[str, bytes] | None = None, check: Callable[[], None] = lambda: None) -> Any:
        made = MemoryBundle({"a": b"1", "b": b"2"} if contents is None else contents)
        return self.workers.judged(self.source, kind, made, check)

    def pid(self) -> int:
        with pytest.raises(LawStopped) as caught:
            self.ask("says")
        found: int = json.loads(caught.value.why.partition(": ")[2])["pid"]
        return found


@pytest.fixture(scope="module")
def patient(folder: Path) -> Iterator[Bench]:
    """One worker at a time, with time enough."""
    workers = LawWorkers(1, LIMIT_S, environment())
    yield Bench(workers)
    workers.close()


@pytest.fixture(scope="module")
def hasty(folder: Path) -> Iterator[Bench]:
    """One worker at a time, that soon loses patience."""
    workers = LawWorkers(1, 0.4, environment())
    yield Bench(workers)
    workers.close()


WHOLE = hashlib.sha256(b"12").hexdigest()
FAILS = {
    "raises": "ZeroDivisionError: division by zero",
    "leaves": "SystemExit: 0",
    "interrupts": "KeyboardInterrupt",
    "ends": "its process ended with exit code 0",
    "crashes": "its process was ended by SIGSEGV",
    "hides": "its process ended with exit code 3",
    "none": "it gave no sha256 digest",
    "short": "it gave no sha256 digest",
    "number": "it gave no sha256 digest",
    "surrogate": "its answer is no text",
    "huge": "it gave no sha256 digest",
    "misnames": "TypeError: a path is a str, not int",
    "half": "UnicodeEncodeError",
    "long": "ValueError: no path has 10000000 characters",
    "many": "it has more than 256 files open at once",
}


@pytest.mark.parametrize("kind", FAILS)
def test_a_law_that_gives_no_judgement_is_named_with_its_distribution_and_version(patient: Bench, kind: str) -> None:
    """The twin of each is the sound law after it, in the same worker or in the one that replaces it."""
    paths = {**FILES, "gate/a": b"1"}
    from sr_adapters.memory.root import MemoryEngineRoot

    with pytest.raises(LawFault) as caught:
        patient.judge(kind, root=MemoryEngineRoot(paths))
    assert caught.value.code is ReasonCode.LAW_FAILED
    assert caught.value.what.startswith(f"the law {kind} of acme-laws 1.2 failed: {FAILS[kind]}")
    assert patient.ask("sound") == WHOLE


@pytest.mark.parametrize("kind", ["hangs", "spins", "sleeps", "flood", "reads_on"])
def test_a_law_that_does_not_end_is_ended(hasty: Bench, kind: str) -> None:
    with pytest.raises(LawStopped) as caught:
        hasty.ask(kind)
    assert (caught.value.late, caught.value.why) == (True, "it ran for more than 0.4 s")


def test_a_law_that_ran_into_its_time_is_named_with_its_distribution_and_version(hasty: Bench) -> None:
    with pytest.raises(LawFault) as fault:
        law_digest(hasty.law("sleeps"), bundle())
    assert fault.value.code is ReasonCode.LAW_TIMEOUT
    assert fault.value.what == "the law sleeps of acme-laws 1.2 was ended: it ran for more than 0.4 s"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="how a law finds the pipe is Linux's")
@pytest.mark.parametrize("kind", ["garbage", "giant", "list", "deep", "unknown"])
def test_a_worker_that_writes_garbage_is_believed_in_nothing(patient: Bench, kind: str) -> None:
    assert patient.ask("finds_the_pipe") == WHOLE
    with pytest.raises(LawStopped, match="its process answered with garbage"):
        patient.ask(kind)
    assert patient.ask("sound") == WHOLE


def test_a_sound_law_judges_as_it_does_in_this_process(patient: Bench) -> None:
    whole = b"".join(FILES[path] for path in sorted(FILES) if path.startswith("gate/"))
    assert patient.judge("sound") == hashlib.sha256(whole).hexdigest()
    assert patient.judge("upper") == patient.judge("sound")
    assert patient.ask("streamed") == WHOLE
    assert patient.ask("swallows") == WHOLE


def test_a_large_bundle_crosses_in_frames(patient: Bench) -> None:
    contents = {f"{'folder' * 8}/{n:06d}": b"%d" % n for n in range(6000)}
    whole = hashlib.sha256(b"".join(contents[path] for path in sorted(contents))).hexdigest()
    assert patient.ask("sound", contents) == whole


def test_a_chunk_that_is_longer_than_a_frame_comes_whole(patient: Bench) -> None:
    class Coarse(MemoryBundle):
        def stream(self, path: str, **how: Any) -> Iterator[bytes]:
            return iter([self.contents[path]])

    data = os.urandom((3 << 20) + 7)
    made = patient.workers.judged(ACME, "streamed", Coarse({"a": data}), lambda: None)
    assert made == hashlib.sha256(data).hexdigest()


def test_what_the_view_raises_is_the_very_error_that_it_raised(patient: Bench) -> None:
    absent = BundleAbsent("gate")

    class Away(MemoryBundle):
        def sha256(self, paths: Any, **how: Any) -> str:
            raise absent

    with pytest.raises(EvidenceFault) as caught:
        patient.ask("passes")
    assert caught.value.code is ReasonCode.INDEXED_FILE_ABSENT
    with pytest.raises(BundleAbsent) as told:
        patient.workers.judged(ACME, "passes", Away({}), lambda: None)
    assert told.value is absent
    with pytest.raises(EvidenceFault) as escaped:
        patient.judge("escapes")
    assert escaped.value.code is ReasonCode.PATH_ESCAPES


def test_a_law_says_that_the_evidence_is_at_fault_or_that_something_is_away(patient: Bench) -> None:
    with pytest.raises(EvidenceFault) as fault:
        patient.judge("fault")
    assert (fault.value.code, fault.value.what, fault.value.path) == (
        ReasonCode.NOT_A_FILE, "the manifest is not signed", "gate/manifest"
    )  # fmt: skip
    with pytest.raises(Unreachable) as away:
        patient.judge("away")
    assert (away.value.what, away.value.remedy) == ("the key server is away", "start it")


def test_a_root_that_is_away_ends_the_look_at_once(patient: Bench) -> None:
    away = Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "the root is away")

    class Away(MemoryBundle):
        def files(self) -> Any:
            raise away

    with pytest.raises(Unreachable) as caught:
        patient.workers.judged(ACME, "sound", Away({}), lambda: None)
    assert caught.value is away
    assert patient.ask("sound") == WHOLE


def test_a_worker_has_neither_credentials_nor_a_place_of_the_parents(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SR_PG_DSN", "postgres://sr:s3cret@db/sr")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    workers = LawWorkers(1, LIMIT_S, environment())
    method = VerificationMethod("says", params=Params({"rounds": [1, None]}))
    with pytest.raises(LawStopped) as caught:
        workers.judged(ACME, "says", MemoryBundle({}, method=method), lambda: None)
    workers.close()
    told = json.loads(caught.value.why.partition(": ")[2])
    known = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LC_ALL"}
    assert {name for name in told["env"] if not name.startswith("LC_")} <= known
    assert (told["cwd"], told["params"]) == ("/", {"rounds": [1, None]})


@attrs.frozen
class Env:
    """What a profile may say of an engine's environment."""

    passed: tuple[str, ...] = ("PATH", "ACME_*")


@attrs.frozen
class Settings:
    """Of an invoker."""

    env: Env = Env()


def test_a_worker_has_of_the_environment_what_the_engine_has() -> None:
    offer = hookimpl(lambda: [Adapter("mine", lambda wiring: None, settings=Settings)])
    plugin = SimpleNamespace(sr_engine_invokers=offer, distribution="acme", version="1")
    host = PluginHost.discover(points=[], plugins=[plugin])
    profile = load_profile({"invoker": {"adapter": "mine"}})
    assert Wires(profile, host).passed() == ("PATH", "ACME_*")
    assert Wires(load_profile({}), host).passed() == ("PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR")


def test_a_worker_is_used_again_and_replaced_after_a_crash(patient: Bench) -> None:
    first = patient.pid()
    assert patient.pid() == first
    os.kill(first, signal.SIGKILL)  # while it is idle: nobody's judgement ends by it
    assert patient.ask("sound") == WHOLE
    second = patient.pid()
    with pytest.raises(LawStopped):
        patient.ask("crashes")
    assert len({first, second, patient.pid()}) == 3


def test_there_are_never_more_workers_than_may_be_and_waiting_for_one_is_nobodys_time(folder: Path) -> None:
    workers = LawWorkers(1, 1.5, environment())
    bench, done = Bench(workers), []
    assert bench.ask("sound") == WHOLE
    begun = threading.Event()

    class Slow(MemoryBundle):
        def files(self) -> Any:
            begun.set()
            time.sleep(1.8)  # the parent's own reading
            return super().files()

    def judge(made: MemoryBundle) -> None:
        done.append(workers.judged(ACME, "sound", made, lambda: None))

    def judge_after() -> None:
        begun.wait()
        done.append(bench.ask("sound"))

    threads = [
        threading.Thread(target=judge, args=(Slow({"a": b"1", "b": b"2"}),)),
        threading.Thread(target=judge_after),
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert done == [WHOLE, WHOLE]
    assert len(workers._all) == 1
    other = Bench(workers, Source("other-laws", "1", ACME.entry_point))
    assert other.ask("sound") == WHOLE  # of another distribution: in a worker of its own, in the place of the first
    assert len(workers._all) == 1
    workers.close()
    assert not workers._all


def test_a_lease_that_is_lost_ends_a_law_that_hangs(patient: Bench) -> None:
    lost = LeaseLost("run", 1)

    def guard(read: int) -> None:
        raise lost

    with pytest.raises(LeaseLost) as caught:
        patient.judge("hangs", guard=guard)
    assert caught.value is lost


def test_a_signal_ends_a_law_that_hangs_in_another_thread(patient: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python raises what a signal raises in the main thread, which waits for the others."""
    monkeypatch.setattr(signals, "_asked", [])
    monkeypatch.setattr(signals, "_last", [])
    before = signal.signal(signal.SIGTERM, signals._ask)
    raised: list[BaseException] = []

    def judge() -> None:
        try:
            patient.ask("hangs")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at below
            raised.append(error)

    thread = threading.Thread(target=judge)
    try:
        thread.start()
        with pytest.raises(signals.Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
            thread.join()
        thread.join(LIMIT_S / 2)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [type(one) for one in raised] == [signals.Interrupted]


def test_a_plugin_that_cannot_be_loaded_any_more_fails_its_law(patient: Bench, site: Site) -> None:
    site.install("acme-gone", "raise RuntimeError('no licence')")
    gone = Source("acme-gone", "1.2", "plugin = plugin_acme_gone")
    with pytest.raises(LawStopped, match="its plugin cannot be imported: RuntimeError: no licence"):
        patient.workers.judged(gone, "x", MemoryBundle({}), lambda: None)
    newer = attrs.evolve(gone, version="1.1")
    with pytest.raises(LawStopped, match=r"acme-gone is of version 1\.2 by now"):
        patient.workers.judged(newer, "x", MemoryBundle({}), lambda: None)


def test_what_a_law_prints_is_shown_with_its_control_characters_escaped(
    folder: Path, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code = LAWS.replace("def sound(b):\n", "def sound(b):\n        print('red \\x1b[31m', '\\u202e', flush=True)\n")
    site.install("acme-prints", code)
    workers = LawWorkers(1, LIMIT_S, environment())
    source = Source("acme-prints", "1.2", "plugin = plugin_acme_prints")
    assert workers.judged(source, "sound", MemoryBundle({"a": b"1", "b": b"2"}), lambda: None) == WHOLE
    workers.close()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "red \\x1b[31m \\u202e\n"


class TestALawInAWorker(HashingLawLaws):
    """The suite for laws holds through the worker's view as through any other."""

    starts_first = True

    @pytest.fixture
    def law(self, patient: Bench) -> HashingLaw:
        return patient.law("sound").law

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(unlisted=True, names=False, borders=False)


PARENT = """
import sys, threading, time
sys.path.insert(0, {folder!r})
from sr_plugins.documents.profile import load_profile
from sr_plugins.host.loading import Source
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.isolation.process import environment
from sr_plugins.isolation.workers import LawWorkers
from sr_plugins.wiring.wire import Wires
from sr_ports.conformance.bundles import MemoryBundle
workers = LawWorkers(1, 600, environment())
source = Source("acme-laws", "1.2", "plugin = plugin_workers_laws")
workers.judged(source, "sound", MemoryBundle({{"a": b"1"}}), lambda: None)
(one,) = workers._all
print(one._process.pid, flush=True)
{rest}
"""
ENDS = {
    "killed": "workers.judged(source, 'hangs', MemoryBundle({}), lambda: None)",
    "exit": "",
    "os._exit": "import os; os._exit(0)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="a worker that hangs in C is ended by Linux alone")
@pytest.mark.parametrize("how", [one if one == "killed" else pytest.param(one, marks=pytest.mark.slow) for one in ENDS])
def test_no_worker_outlives_its_parent(folder: Path, how: str) -> None:
    code = PARENT.format(folder=str(folder), rest=ENDS[how])
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    if how == "killed":
        time.sleep(0.3)
        parent.kill()
    parent.wait(30)
    parent.stdout.close()
    for _ in range(200):
        if not _runs(worker):
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker runs on")


def _runs(pid: int) -> bool:
    try:
        return "(python" in (stat := Path(f"/proc/{pid}/stat").read_text()) and ") Z " not in stat
    except OSError:
        return False


def test_workers_that_nobody_has_any_more_are_ended(folder: Path) -> None:
    bench = Bench(LawWorkers(1, LIMIT_S, environment()))
    pid = bench.pid()
    assert _runs(pid) or sys.platform != "linux"
    del bench
    gc.collect()
    assert not _runs(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_workers_of_its_own(patient: Bench) -> None:
    assert patient.ask("sound") == WHOLE
    first = patient.pid()
    child = os.fork()
    if child == 0:
        answer = 1
        try:
            answer = 0 if patient.ask("sound") == WHOLE and patient.pid() != first else 2
            patient.workers.close()
        finally:
            os._exit(answer)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert patient.pid() == first
