"""Third parties' tests: every suite subclassed, with fixtures typed as their authors would."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given

from sr_adapters.memory import (
    MemoryAuthority,
    MemoryControlBus,
    MemoryEngineRoot,
    MemoryEngineRoots,
    MemoryPorts,
    NullSink,
    ScriptedInvoker,
)
from sr_domain import InterfacePack, Policy, RunState, ScenarioRunner, Settings
from sr_plugins.testing import MemoryWorld, SmallWorld
from sr_plugins.testing.fixtures import Processes
from sr_plugins.testing.strategies import Document, Pack, bundles, indexes, near_requests, packs, requests
from sr_ports import (
    EngineCall,
    EngineResult,
    Identity,
    LogLines,
    LogTail,
    ReasonCode,
    Redactor,
    Runtime,
    bearer_token,
    redact,
)
from sr_ports.conformance.authenticators import AuthenticatorLaws
from sr_ports.conformance.authority import AuthorityLaws
from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.buses import ControlBusLaws
from sr_ports.conformance.engines import PATIENT_S, Act, Engines, InvokerLaws
from sr_ports.conformance.laws import Covers, HashingLawLaws
from sr_ports.conformance.openers import EngineRootsLaws
from sr_ports.conformance.roots import EngineRootLaws, Put, Remove, Reopen, Snapshot
from sr_ports.conformance.runs import RequestFor, RunLaws, Runners
from sr_ports.conformance.runtime import RuntimeLaws
from sr_ports.conformance.sinks import Delivered, SinkLaws
from sr_ports.conformance.stores import ObjectStoreLaws
from tests.typing.third_party.law import NamesAndBytes
from tests.typing.third_party.store import MyStore


class TestStore(ObjectStoreLaws):
    time_limit_s = 30.0

    @pytest.fixture
    def content_etags(self) -> bool:
        return True

    @pytest.fixture
    def store(self, tmp_path: Path) -> MyStore:
        return MyStore(f"dict://{tmp_path}")

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], MyStore]:
        return lambda: MyStore(f"dict://{tmp_path}")


class TestAuthority(AuthorityLaws):
    @pytest.fixture
    def authority(self) -> MemoryAuthority:
        return MemoryAuthority()

    @pytest.fixture
    def reopen(self, authority: MemoryAuthority) -> Callable[[], MemoryAuthority]:
        return authority.handle


class TestBus(ControlBusLaws):
    @pytest.fixture
    def bus(self) -> MemoryControlBus:
        return MemoryControlBus()


class TestRoot(EngineRootLaws):
    @pytest.fixture
    def files(self) -> dict[str, bytes]:
        return {}

    @pytest.fixture
    def reopen(self, files: dict[str, bytes]) -> Reopen:
        return lambda: MemoryEngineRoot(files)

    @pytest.fixture
    def put(self, files: dict[str, bytes]) -> Put:
        return files.__setitem__

    @pytest.fixture
    def remove(self, files: dict[str, bytes]) -> Remove:
        return files.__delitem__

    @pytest.fixture
    def snapshot(self, files: dict[str, bytes]) -> Snapshot:
        return lambda: dict(files)


class TestRoots(EngineRootsLaws):
    @pytest.fixture
    def roots(self) -> MemoryEngineRoots:
        return MemoryEngineRoots({"memory:root": MemoryEngineRoot({"in/a": b"a"})})

    @pytest.fixture
    def uri(self) -> str:
        return "memory:root"

    @pytest.fixture
    def foreign(self) -> None:
        return None


class TestEngines(InvokerLaws):
    @pytest.fixture
    def invoker_for(self) -> Engines:
        def make(act: Act, *, timeout_s: float = PATIENT_S) -> ScriptedInvoker:
            def engine(call: EngineCall) -> EngineResult:
                del call
                return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO if act.fails else None, None, act.out, act.err)

            return ScriptedInvoker(engine, log_limit_bytes=int(timeout_s) << 10)

        return make

    @pytest.fixture
    def running(self) -> Callable[[], int]:
        return lambda: 0


class TestLaw(HashingLawLaws):
    @pytest.fixture
    def law(self) -> NamesAndBytes:
        return NamesAndBytes()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(unlisted=True, names=True, borders=True)


class TestSink(SinkLaws):
    @pytest.fixture
    def sink(self) -> NullSink:
        return NullSink()

    @pytest.fixture
    def delivered(self) -> Delivered:
        def told() -> Sequence[str]:
            return ()

        return told


@attrs.frozen
class OneToken:
    """An authenticator of one bearer token."""

    token: str

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        return Identity("alice", "token") if bearer_token(headers) == self.token else None


class TestAuthenticator(AuthenticatorLaws):
    @pytest.fixture
    def authenticator(self) -> OneToken:
        return OneToken("s3cret-and-long")

    @pytest.fixture
    def valid(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer s3cret-and-long"}

    @pytest.fixture
    def actor(self) -> str:
        return "alice"


class TestRuntime(RuntimeLaws):
    @pytest.fixture
    def runtimes(self, made: Runtime) -> Callable[[], Runtime]:
        return lambda: made


class TestProfile(RunLaws):
    @pytest.fixture
    def runners(self, sr_processes: Processes, sr_profile: str) -> Runners:
        return sr_processes(sr_profile)

    @pytest.fixture
    def request_for(self, sr_world: SmallWorld) -> RequestFor:
        return sr_world.request


class TestPorts(RunLaws):
    @pytest.fixture
    def runners(self, sr_memory: MemoryWorld, sr_pack: InterfacePack, sr_policy: Policy) -> Runners:
        ports = MemoryPorts(roots=sr_memory.roots)
        return lambda: ScenarioRunner(ports, sr_policy, sr_pack, Settings(lease_ttl_s=3.0))

    @pytest.fixture
    def request_for(self, sr_memory: MemoryWorld) -> RequestFor:
        return sr_memory.request


def test_a_run_ends(sr_runner: ScenarioRunner, sr_request: Document) -> None:
    assert sr_runner.submit(sr_request).state is RunState.READY


@given(document=requests(seed=7), near=near_requests(), pack=packs(), bundle=bundles(), index=indexes())
def test_values(
    document: Document, near: Document, pack: Pack, bundle: MemoryBundle, index: tuple[bytes, list[str]]
) -> None:
    assert document != near
    assert pack.gate_map
    assert bundle.entries
    assert index[1]


def bounded(lines: Sequence[bytes]) -> tuple[bytes, list[str]]:
    """What an invoker's author does with an engine's output."""
    tail, told = LogTail(1 << 20), list[str]()
    shown = LogLines(told.append)
    masked = Redactor(tail.write)
    for line in lines:
        masked.write(line)
        shown.write(line)
    masked.close()
    shown.close()
    return tail.value(), [redact(one) for one in told]
