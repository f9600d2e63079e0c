"""The crash wrappers: what they cut, what they count, and what survives them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from sr_ports import EngineCall, EngineResult, Lease, OutcomeUnknown, ReasonCode, SrError, Stored, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, PortCall, crash, every_crash


class Store:
    """A store that is a dict, and remembers what reached it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reached: list[str] = []

    def create(self, key: str, data: bytes) -> Stored | None:
        self.reached.append(f"create {key}")
        if key in self.objects:
            return None
        self.objects[key] = data
        return Stored(key, len(data), "1")

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        self.objects[key] = data
        return Stored(key, len(data), etag)

    def read(self, key: str) -> bytes | None:
        self.reached.append(f"read {key}")
        return self.objects.get(key)

    def list(self, prefix: str) -> Iterator[str]:
        return (key for key in sorted(self.objects) if key.startswith(prefix))

    def describe(self) -> str:
        return "a dict"


class Authority:
    def admit(self, binding: Any) -> Any:
        return binding

    def release(self, lease: Lease, *, note: str | None = None) -> None:
        pass

    def close(self) -> None:
        pass


class Bus:
    def publish(self, envelope: Any) -> None:
        pass


class Invoker:
    def invoke(self, call: EngineCall, **_watch: Any) -> EngineResult:
        return EngineResult(None, call.engine_run_root)


class Root:
    uri = "/engine"

    def stat(self, path: str) -> str:
        return path

    def stream(self, path: str, sink: Any) -> str:
        return path


class Roots:
    def open(self, uri: str) -> Root:
        return Root()


def flow(store: Any, authority: Any) -> None:
    """Writes a once, then b, then lets go; as a real flow does, whatever goes wrong."""
    try:
        if store.read("a") is None:
            store.create("a", b"1")
        store.create("b", b"2")
    finally:
        authority.release(Lease("run-1", "me", 1, 60.0))


def test_without_a_cut_every_call_is_counted_and_told() -> None:
    plan = CrashPlan()
    flow(**crash({"store": Store(), "authority": Authority()}, plan))
    assert plan.calls == 4
    assert plan.trace == [
        PortCall(0, "store", "read", "a"),
        PortCall(1, "store", "create", "a"),
        PortCall(2, "store", "create", "b"),
        PortCall(3, "authority", "release", "run-1"),
    ]


@pytest.mark.parametrize(("mode", "written"), [(Mode.BEFORE, {}), (Mode.AFTER, {"a": b"1"})])
def test_a_process_dies_before_or_after_the_call_took_effect(mode: Mode, written: dict[str, bytes]) -> None:
    store, plan = Store(), CrashPlan(1, mode)
    with pytest.raises(Died):
        flow(**crash({"store": store, "authority": Authority()}, plan))
    assert store.objects == written
    assert plan.dead
    assert plan.calls == 2, "the release in the finally clause was made by a dead process"


def test_no_handler_of_ordinary_errors_catches_a_death() -> None:
    wrapped = crash({"store": Store()}, CrashPlan(0))["store"]
    with pytest.raises(Died), contextlib.suppress(Exception):
        wrapped.read("a")


def test_a_dead_process_reaches_no_port_again() -> None:
    store = Store()
    ports = crash({"store": store, "bus": Bus()}, CrashPlan(0))
    for _ in range(2):
        with pytest.raises(Died):
            ports["store"].create("a", b"1")
        with pytest.raises(Died):
            ports["bus"].publish(None)
    assert store.reached == []


def test_another_process_goes_on_with_what_was_left() -> None:
    store, authority = Store(), Authority()
    with pytest.raises(Died):
        flow(**crash({"store": store, "authority": authority}, CrashPlan(1, Mode.AFTER)))
    flow(**crash({"store": store, "authority": authority}, CrashPlan()))
    assert store.objects == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize(("mode", "written"), [(Mode.LOST_UNDONE, {}), (Mode.LOST_DONE, {"a": b"1"})])
def test_a_lost_answer_is_an_error_once_and_the_process_lives(mode: Mode, written: dict[str, bytes]) -> None:
    store, plan = Store(), CrashPlan(0, mode)
    wrapped = crash({"store": store}, plan)["store"]
    with pytest.raises(OutcomeUnknown, match="create a"):
        wrapped.create("a", b"1")
    assert store.objects == written
    assert (wrapped.create("a", b"1") is None) is (mode is Mode.LOST_DONE)
    assert not plan.dead


@pytest.mark.parametrize("mode", [Mode.LOST_DONE, Mode.LOST_UNDONE])
@pytest.mark.parametrize(
    ("port", "method", "args", "code"),
    [
        (Store(), "replace", ("a", b""), ReasonCode.OUTCOME_UNKNOWN),
        (Store(), "read", ("a",), ReasonCode.STORE_UNREACHABLE),
        (Store(), "list", ("a",), ReasonCode.STORE_UNREACHABLE),
        (Authority(), "admit", ("k",), ReasonCode.AUTHORITY_UNREACHABLE),
        (Bus(), "publish", ("m",), ReasonCode.BUS_UNREACHABLE),
        (Roots(), "open", ("/engine",), ReasonCode.ENGINE_ROOT_UNREACHABLE),
        (Root(), "stat", ("a",), ReasonCode.ENGINE_ROOT_UNREACHABLE),
    ],
)
def test_a_lost_answer_is_the_error_its_port_allows(
    port: Any, method: str, args: tuple[Any, ...], code: ReasonCode, mode: Mode
) -> None:
    wrapped = crash({"port": port}, CrashPlan(0, mode))["port"]
    with pytest.raises(Unreachable) as caught:
        getattr(wrapped, method)(*args, **({"etag": "1"} if method == "replace" else {}))
    assert caught.value.code is code


def test_the_error_can_be_chosen() -> None:
    def denied(call: PortCall) -> SrError:
        return Unreachable(ReasonCode.STORE_THROTTLED, call.method)

    wrapped = crash({"store": Store()}, CrashPlan(0, Mode.LOST_DONE, denied))["store"]
    with pytest.raises(Unreachable) as caught:
        wrapped.create("a", b"")
    assert caught.value.code is ReasonCode.STORE_THROTTLED


def test_an_invoker_dies_but_never_raises() -> None:
    call = EngineCall({"run_id": "r"}, 2, "/root")
    for mode in (Mode.LOST_DONE, Mode.LOST_UNDONE):
        plan = CrashPlan(0, mode)
        assert crash({"invoker": Invoker()}, plan)["invoker"].invoke(call) == EngineResult(None, "/root")
        assert plan.trace == [PortCall(0, "invoker", "invoke", "r#2")]
    with pytest.raises(Died):
        crash({"invoker": Invoker()}, CrashPlan(0, Mode.AFTER))["invoker"].invoke(call)


def test_an_iterator_is_one_call_and_stops_with_its_process() -> None:
    store, plan = Store(), CrashPlan(1)
    store.objects = {"a": b"", "b": b"", "c": b""}
    wrapped = crash({"store": store}, plan)["store"]
    listing = wrapped.list("")
    assert next(listing) == "a"
    assert plan.calls == 1
    with pytest.raises(Died):
        wrapped.read("a")
    with pytest.raises(Died):
        next(listing)


def test_an_opened_root_counts_with_the_rest() -> None:
    plan = CrashPlan(2)
    root = crash({"roots": Roots()}, plan)["roots"].open("/engine")
    assert root.uri == "/engine"
    assert root.stat("a") == "a"
    with pytest.raises(Died):
        root.stream("b", None)
    assert [(call.port, call.method, call.key) for call in plan.trace] == [
        ("roots", "open", "/engine"),
        ("roots.open", "stat", "a"),
        ("roots.open", "stream", "b"),
    ]


def test_describing_and_closing_do_not_count() -> None:
    plan = CrashPlan(0)
    ports = crash({"store": Store(), "authority": Authority()}, plan)
    assert ports["store"].describe() == "a dict"
    ports["authority"].close()
    assert plan.calls == 0


def test_an_unknown_method_is_the_ports_own_error() -> None:
    with pytest.raises(AttributeError, match="nope"):
        crash({"store": Store()}, CrashPlan())["store"].nope("a")


def test_every_crash_point_leaves_what_a_second_process_can_finish() -> None:
    counted = CrashPlan()
    flow(**crash({"store": Store(), "authority": Authority()}, counted))
    plans = list(every_crash(counted.calls))
    assert len(plans) == counted.calls * len(Mode)
    for plan in plans:
        store, authority = Store(), Authority()
        with pytest.raises((Died, Unreachable)):
            flow(**crash({"store": store, "authority": authority}, plan))
        flow(store, authority)
        assert store.objects == {"a": b"1", "b": b"2"}
