"""What a hashing law is given: a view that is closed, streams in bounded memory, and does not tell the flag."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import attrs
import pytest

from sr_adapters.file.root import FileEngineRoot
from sr_adapters.memory.root import MemoryEngineRoot
from sr_adapters.snapshot import Snapshot
from sr_domain.evidence.bundle import Bundle
from sr_domain.evidence.gates import GatePassed, GateUnjudged, GateVerdict, verify_gate
from sr_domain.evidence.law_call import law_digest
from sr_domain.evidence.law_view import law_view
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_ports import BundleView, EngineRoot, EvidenceFault, Params, ReasonCode, Unreachable, VerificationMethod
from sr_ports.wanted import FIRST_RELEASE
from tests.worlds import flag, sha

FLAG = "gate/_passed.flag"
FILES = {
    "gate/report.json": b"{}",
    "gate/sub/z.csv": b"1,2",
    "gate/index.json": b'["report.json"]',
    FLAG: flag(sha(b"{}")),
    "data/a.bin": b"bytes",
}
METHOD = VerificationMethod("mine")


def bundle(root: EngineRoot | None = None, **changes: Any) -> Bundle:
    made = Bundle(root or MemoryEngineRoot(FILES), "gate", None, METHOD, lambda read: None, flag_path=FLAG)
    return attrs.evolve(made, **changes)


def view(root: EngineRoot | None = None, **changes: Any) -> BundleView:
    return law_view(bundle(root, **changes), lambda error: None)


@attrs.frozen
class Law:
    """A law that is one function."""

    work: Callable[[BundleView], Any]
    kind: str = "mine"

    def digest(self, bundle: BundleView) -> str:
        made: str = self.work(bundle)
        return made


def provided(work: Callable[[BundleView], Any]) -> ProvidedLaw:
    return ProvidedLaw(Law(work), "acme", "1")


# Nothing else within reach

_LEADS_NOWHERE = (
    BuiltinFunctionType, ClassMethodDescriptorType, FunctionType, MethodDescriptorType, MethodWrapperType, ModuleType,
    WrapperDescriptorType, str, bytes, int, float,
)  # fmt: skip


def reached(start: object) -> Iterator[object]:
    """Everything that attributes and items lead to, but not into functions: those are Python's own to take apart."""
    seen: dict[int, object] = {}
    left = [start]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, _LEADS_NOWHERE):
            continue
        seen[id(one)] = one
        yield one
        if isinstance(one, Mapping | list | tuple | set | frozenset):
            left += [
                *one,
                *(one.values() if isinstance(one, Mapping) else ()),
            ]  # a frame's locals are no dict from 3.13 on
        if isinstance(one, type):
            left += [value for value in vars(one).values() if not callable(value)]
            continue
        for name in dir(one):
            if name in ("__globals__", "__builtins__", "__closure__", "__func__", "__class__"):
                continue
            try:
                left.append(getattr(one, name))
            except Exception:  # noqa: BLE001 - what cannot be had is not within reach
                continue


def leads_to_the_world(start: object) -> bool:
    return any(isinstance(one, Snapshot | Bundle) for one in reached(start))


@attrs.frozen
class Open:
    """A view that keeps its bundle, as an attribute that nobody should use."""

    _bundle: Bundle


def test_no_attribute_of_the_view_or_of_what_it_gives_leads_to_the_root() -> None:
    made = view(index_path="gate/index.json")
    chunks = made.stream("report.json")
    for one in (made, type(made), made.files(), made.index(), made.method, made.params, chunks):
        assert not leads_to_the_world(one), one
    assert leads_to_the_world(Open(bundle()))
    assert leads_to_the_world(bundle().stream("report.json"))
    assert not hasattr(made, "__dict__")
    with pytest.raises(AttributeError):
        made.root = 1  # type: ignore[attr-defined]
    assert b"".join(chunks) == b"{}"


def test_a_file_is_its_path_and_size_and_no_more() -> None:
    first = view().files()[0]
    assert [field.name for field in attrs.fields(type(first))] == ["path", "size"]
    assert [(one.path, one.size) for one in view().files()] == [
        ("_passed.flag", len(FILES[FLAG])), ("index.json", 15), ("report.json", 2), ("sub/z.csv", 3)
    ]  # fmt: skip


# Streams


def test_a_stream_is_the_bytes_of_the_file() -> None:
    for path, base in (("sub/z.csv", "bundle_root"), ("./sub/z.csv", "bundle_root"), ("data/a.bin", "run_root")):
        made = view()
        whole = b"".join(made.stream(path, base=base))  # type: ignore[arg-type]
        assert hashlib.sha256(whole).hexdigest() == made.sha256([path], base=base)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["../data/a.bin", "/etc/passwd", "..\\x", "sub", "sub/", "absent"])
def test_a_stream_is_confined_as_a_digest_is(path: str) -> None:
    codes = []
    for act in (lambda: view().sha256([path]), lambda: b"".join(view().stream(path))):
        with pytest.raises(EvidenceFault) as caught:
            act()
        codes.append(caught.value.code)
    assert codes[0] is codes[1]


def test_a_stream_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "root" / "gate").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root" / "gate" / "link").symlink_to(tmp_path / "secret")
    with FileEngineRoot(str(tmp_path / "root")) as root, pytest.raises(EvidenceFault) as caught:
        b"".join(view(root).stream("link"))
    assert caught.value.code is ReasonCode.PATH_ESCAPES


def test_two_files_are_compared_side_by_side_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    for name in ("a", "b"):
        with (tmp_path / "gate" / name).open("wb") as file:
            for n in range(64):
                file.write(bytes([n]) * (1 << 20))
    read: list[int] = []
    with FileEngineRoot(str(tmp_path)) as root:
        made = view(root, guard=read.append)
        tracemalloc.start()
        try:
            assert all(one == other for one, other in zip(made.stream("a"), made.stream("b"), strict=True))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sum(read) == 128 << 20
    assert peak < 12 << 20


def test_a_file_that_changes_while_it_is_streamed_is_no_whole_file(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    path = tmp_path / "gate" / "a"
    path.write_bytes(bytes(4 << 20))
    with FileEngineRoot(str(tmp_path)) as root:
        chunks = view(root).stream("a")
        next(chunks)
        path.write_bytes(b"x" * (4 << 20))
        for _ in range(2):  # asked again, it is no shorter file either
            with pytest.raises(EvidenceFault) as caught:
                list(chunks)
            assert caught.value.code is ReasonCode.EVIDENCE_UNSTABLE
        assert root.changes().paths == ("gate/a",)


def test_a_stream_that_is_left_gives_its_file_back(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "a").write_bytes(bytes(3 << 20))
    fds = Path("/proc/self/fd")
    if not fds.exists():
        pytest.skip("this system does not list open files")
    with FileEngineRoot(str(tmp_path)) as root:
        made = view(root)
        next(made.stream("a"))
        before = len(list(fds.iterdir()))
        for _ in range(50):
            next(made.stream("a"))
        assert len(list(fds.iterdir())) <= before


# The flag


def judged(work: Callable[[BundleView], Any], files: dict[str, bytes], **method: Any) -> GateVerdict:
    index = "gate/index.json" if method.pop("index", False) else None
    gate = SealedGate("g", FLAG, "gate", VerificationMethod("mine", **method), index)
    root = MemoryEngineRoot(files)
    return verify_gate(root, gate, provided(work), enforce_members=False, guard=lambda read: None)


def stated_in(data: bytes) -> str:
    return data.decode().split("=")[1].strip()


def test_a_law_that_reads_the_flag_and_returns_it_proves_nothing() -> None:
    """Its twin below reads the bundle, and proves it."""

    def parrot(bundle: BundleView) -> str:
        return stated_in(b"".join(bundle.stream("_passed.flag")))

    def from_the_root(bundle: BundleView) -> str:
        return stated_in(b"".join(bundle.stream(FLAG, base="run_root")))

    def misspelt(bundle: BundleView) -> str:
        return stated_in(b"".join(bundle.stream("./_passed.flag")))

    for law in (parrot, from_the_root, misspelt):
        verdict = judged(law, FILES)
        assert isinstance(verdict, GateUnjudged)
        assert verdict.code is ReasonCode.LAW_FAILED
        assert "exclude_filenames" in verdict.detail
    assert isinstance(judged(parrot, FILES, exclude_filenames=("_passed.flag",)), GateUnjudged)
    twin = judged(lambda bundle: hashlib.sha256(b"".join(bundle.stream("report.json"))).hexdigest(), FILES)
    assert isinstance(twin, GatePassed)


def test_a_flag_that_the_index_lists_is_one_of_the_members() -> None:
    def last_member(bundle: BundleView) -> str:
        return stated_in(b"".join(bundle.stream(bundle.index()[-1].path)))

    listed = {**FILES, "gate/index.json": b'["report.json", "_passed.flag"]'}
    assert isinstance(judged(last_member, listed, index=True), GatePassed)
    assert isinstance(judged(last_member, FILES, index=True), GateUnjudged)


def test_a_link_to_the_flag_is_the_flag_where_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / FLAG).write_bytes(FILES[FLAG])
    (tmp_path / "gate" / "other").symlink_to("_passed.flag")
    with FileEngineRoot(str(tmp_path)) as root, pytest.raises(PermissionError):
        view(root, rules=FIRST_RELEASE).stream("other")


def test_a_digest_of_all_files_covers_the_flag_as_ever() -> None:
    """No digest of the first release changes: one that no name leaves out is covered, and proves nothing by it."""
    whole = b"".join(FILES[path] for path in sorted(FILES) if path.startswith("gate/"))
    made = view()
    assert made.sha256(one.path for one in made.files()) == hashlib.sha256(whole).hexdigest()


# What a law keeps to itself


def test_a_root_that_is_away_is_no_verdict_whatever_the_law_makes_of_it() -> None:
    away = Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "the root is away")

    class Away(MemoryEngineRoot):
        def chunks(self, path: str, **how: Any) -> Any:
            raise away

    def swallows(bundle: BundleView) -> str:
        try:
            return hashlib.sha256(b"".join(bundle.stream("report.json"))).hexdigest()
        except Unreachable:
            return "0" * 64

    with pytest.raises(Unreachable) as caught:
        law_digest(provided(swallows), bundle(Away(FILES)))
    assert caught.value is away
    assert law_digest(provided(swallows), bundle()) == sha(b"{}")


# What the gate map says to the law


def test_params_are_plain_json_that_nothing_can_change() -> None:
    node: dict[str, Any] = {"algorithm": "sha512", "deep": {"list": [1, None, {"a": True}]}}
    params = Params(node)
    node["deep"]["list"].append(2)
    assert params["deep"] == {"list": (1, None, {"a": True})}
    assert params.document() == {"algorithm": "sha512", "deep": {"list": [1, None, {"a": True}]}}
    assert hash(params) == hash(Params(params.document()))
    assert params == Params(params.document())
    deep = params["deep"]
    for one in (params, deep):
        assert isinstance(one, Params)
        with pytest.raises(TypeError):
            one["algorithm"] = "md5"  # type: ignore[index]
    with pytest.raises(TypeError):
        Params({"odd": {1}})  # type: ignore[dict-item]


def test_a_law_has_its_params_and_the_method() -> None:
    method = VerificationMethod("mine", params=Params({"rounds": 2}))

    def rounds(bundle: BundleView) -> str:
        digest, times = b"{}", bundle.params["rounds"]
        assert isinstance(times, int)
        for _, _ in pairwise(range(times + 1)):
            digest = hashlib.sha256(digest).digest()
        assert bundle.method.kind == "mine"
        return digest.hex()

    twice = hashlib.sha256(hashlib.sha256(b"{}").digest()).hexdigest()
    assert law_digest(provided(rounds), bundle(method=method)) == twice
