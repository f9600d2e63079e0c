"""What a law may say of itself and be asked, in a worker as in the caller's process."""

from __future__ import annotations

import hashlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from sr_adapters.memory import MemoryEngineRoot
from sr_domain.evidence.flags import MANIFEST_LIMIT
from sr_domain.evidence.gates import GateMissing, GatePassed, GateUnjudged, GateVerdict, verify_gate
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_plugins.documents.pack_laws import param_faults
from sr_plugins.host.loading import PluginError, Source, ask
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.isolation.process import environment
from sr_plugins.isolation.provide import Isolating
from sr_plugins.isolation.workers import LawWorkers
from sr_ports import BadInput, Params, ReasonCode, VerificationMethod, hookimpl

LAWS = """
    import hashlib, os, time
    from sr_ports import CutShort, EvidenceFault, IndexEntry, ReasonCode, hookimpl

    class Sums:
        '''The manifest of ``b2sum``: flag and index in one.'''
        kind, version, algorithm, lists_outputs = "b2sums", "3", "blake2b", True
        params_schema = {"type": "object", "properties": {"salt": {"type": "string", "maxLength": 8}}}

        def _lines(self, flag):
            text = flag.decode()
            if not text.endswith("\\n"):
                raise CutShort(ReasonCode.FLAG_MALFORMED, "it has no line end")
            for line in text.splitlines():
                digest, _, path = line.partition("  ")
                if len(digest) != 128:
                    raise EvidenceFault(ReasonCode.FLAG_MALFORMED, f"no line of b2sum: {line[:20]}")
                yield path, digest

        def stated(self, flag):
            return self._over(sorted(self._lines(flag)))

        def members(self, flag):
            return (IndexEntry(path, claim=digest) for path, digest in self._lines(flag))

        def digest(self, bundle):
            return self._over(sorted((one.path, self._sum(bundle, one.path)) for one in bundle.index()))

        def culprit(self, bundle):
            return next((one.path for one in bundle.index() if self._sum(bundle, one.path) != one.claim), None)

        def notes(self, bundle):
            return (f"{one.path} is large" for one in bundle.files() if one.size > 100)

        def _sum(self, bundle, path):
            whole = hashlib.blake2b()
            for chunk in bundle.stream(path):
                whole.update(chunk)
            return whole.hexdigest()

        def _over(self, lines):
            return hashlib.blake2b("".join(f"{digest} {path}\\n" for path, digest in lines).encode()).hexdigest()

    class Odd(Sums):
        def __init__(self, kind, **methods):
            self.kind = kind
            for name, method in methods.items():
                setattr(self, name, method)

    def away(flag):
        raise RuntimeError("no manifest here")

    def hidden(flag):
        yield IndexEntry("a.csv")
        raise RuntimeError("in the middle")

    @hookimpl
    def sr_hashing_laws():
        return [
            Sums(),
            Odd("raises", stated=away), Odd("no_hex", stated=lambda flag: "yes"),
            Odd("short", stated=lambda flag: "ab" * 32),
            Odd("no_entries", members=lambda flag: ["a.csv"]), Odd("hidden", members=hidden),
            Odd("climbs", members=lambda flag: [IndexEntry("../../etc/passwd")]),
            Odd("endless", members=lambda flag: (IndexEntry(f"f{at}") for at in range(10**9))),
            Odd("leaves", stated=lambda flag: os._exit(0)), Odd("sleeps", culprit=lambda bundle: time.sleep(600)),
            Odd("mute", culprit=lambda bundle: 7), Odd("loud", notes=lambda bundle: [7, "x" * 10**5, " "] * 50),
        ]
"""
Judge = Callable[..., GateVerdict]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = tmp_path_factory.mktemp("laws")
    (made / "plugin_law_api.py").write_text(textwrap.dedent(LAWS))
    sys.path.insert(0, str(made))
    yield "plugin_law_api"
    sys.path.remove(str(made))


@pytest.fixture(scope="module")
def workers(module: str) -> Iterator[LawWorkers]:
    made = LawWorkers(2, 20.0, environment())
    yield made
    made.close()


@pytest.fixture(params=["caller", "worker", "unwatched"])
def law(request: pytest.FixtureRequest, module: str, workers: LawWorkers) -> Callable[[str], ProvidedLaw]:
    """A law of the plugin, wherever it runs."""
    source = Source("acme-laws", "1.2", f"plugin = {module}")
    offers = {one.name: one.offer for one in ask(__import__(module), source)}

    def provided(kind: str) -> ProvidedLaw:
        if request.param == "worker":
            return Isolating("foreign", 20.0, lambda: workers).provide(offers[kind], source)
        given = attrs.evolve(source, entry_point="given in code")
        if request.param == "caller":
            return Isolating("foreign", 20.0, lambda: workers).provide(offers[kind], given)
        return ProvidedLaw(offers[kind], "acme-laws", "1.2")

    return provided


FILES = {"b/a.csv": b"1", "b/sub/c.csv": b"2" * 200}


def sums(files: dict[str, bytes] = FILES) -> bytes:
    lines = (f"{hashlib.blake2b(data).hexdigest()}  {path[2:]}\n" for path, data in files.items())
    return "".join(lines).encode()


def judged(law: ProvidedLaw, files: dict[str, bytes] = FILES, flag: bytes | None = None, **more: Any) -> GateVerdict:
    gate = SealedGate("gate.x", "B2SUMS", "b", VerificationMethod(law.law.kind))
    root = MemoryEngineRoot({**files, "B2SUMS": sums() if flag is None else flag})
    return verify_gate(root, gate, law, enforce_members=False, guard=lambda _: None, **more)


def test_a_law_that_reads_its_flag_passes_by_a_digest_of_its_own_algorithm(law: Callable[[str], ProvidedLaw]) -> None:
    verdict = judged(law("b2sums"))
    assert isinstance(verdict, GatePassed), verdict
    assert len(verdict.digest) == 128
    assert verdict.notes == ("sub/c.csv is large",)
    assert (law("b2sums").traits.version, law("b2sums").traits.algorithm) == ("3", "blake2b")


def test_the_culprit_is_named_and_so_is_what_is_absent_or_unlisted(law: Callable[[str], ProvidedLaw]) -> None:
    differs = judged(law("b2sums"), {**FILES, "b/sub/c.csv": b"!"})
    assert isinstance(differs, Conflict)
    assert (differs.code, differs.path) == (ReasonCode.GATE_DIGEST_MISMATCH, "sub/c.csv")
    absent = judged(law("b2sums"), {"b/a.csv": b"1"})
    assert isinstance(absent, GateMissing) and absent.path == "b/sub/c.csv"
    unlisted = judged(law("b2sums"), {**FILES, "b/new": b""}, outputs=lambda: ["b/new"])
    assert isinstance(unlisted, GateMissing) and unlisted.path == "b/new"


def test_a_flag_that_ends_too_early_is_on_its_way_and_any_other_wrong_one_is_a_conflict(
    law: Callable[[str], ProvidedLaw],
) -> None:
    cut = judged(law("b2sums"), flag=sums()[:-1])
    assert isinstance(cut, GateMissing)
    assert (cut.path, cut.why) == ("B2SUMS", "B2SUMS: it has no line end")
    wrong = judged(law("b2sums"), flag=b"oops\n")
    assert isinstance(wrong, Conflict) and wrong.path == "B2SUMS"
    assert "B2SUMS: no line of b2sum: oops" in wrong.detail


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("raises", "RuntimeError: no manifest here"),
        ("no_hex", "of the flag it gave no blake2b digest"),
        ("short", "of the flag it gave no blake2b digest"),
        ("no_entries", "member"),
        ("hidden", "RuntimeError: in the middle"),
    ],
)
def test_what_is_the_law_s_own_fault_says_nothing_of_the_evidence(
    law: Callable[[str], ProvidedLaw], kind: str, what: str
) -> None:
    verdict = judged(law(kind))
    assert isinstance(verdict, GateUnjudged), verdict
    assert verdict.code is ReasonCode.LAW_FAILED
    assert what in verdict.detail


def test_members_are_confined_and_bounded(law: Callable[[str], ProvidedLaw]) -> None:
    climbs = judged(law("climbs"))
    assert isinstance(climbs, Conflict) and climbs.code is ReasonCode.PATH_ESCAPES
    endless = judged(law("endless"))
    assert isinstance(endless, Conflict) and endless.code is ReasonCode.DOCUMENT_TOO_MANY
    large = judged(law("b2sums"), flag=b"0" * (MANIFEST_LIMIT + 1))
    assert isinstance(large, Conflict) and large.code is ReasonCode.DOCUMENT_TOO_LARGE


def test_what_a_law_says_beside_its_judgement_changes_no_verdict(law: Callable[[str], ProvidedLaw]) -> None:
    mute = judged(law("mute"), {**FILES, "b/a.csv": b"!"})
    assert isinstance(mute, Conflict)
    assert mute.path is None
    loud = judged(law("loud"))
    assert isinstance(loud, GatePassed)
    assert all(len(note) <= 300 for note in loud.notes)
    assert len(loud.notes) <= 20


def test_a_law_that_leaves_or_sleeps_over_its_flag_keeps_nobody(workers: LawWorkers, module: str) -> None:
    source = Source("acme-laws", "1.2", f"plugin = {module}")
    offers = {one.name: one.offer for one in ask(__import__(module), source)}
    short = LawWorkers(1, 0.5, environment())
    try:
        leaves = judged(Isolating("foreign", 0.5, lambda: short).provide(offers["leaves"], source))
        assert isinstance(leaves, GateUnjudged) and leaves.code is ReasonCode.LAW_FAILED
        sleeps = judged(
            Isolating("foreign", 0.5, lambda: short).provide(offers["sleeps"], source), {**FILES, "b/a.csv": b"!"}
        )
        assert isinstance(sleeps, Conflict), "what it was asked last is no part of the verdict"
    finally:
        short.close()


# Settings


def faults(law: ProvidedLaw, **params: Any) -> list[str]:
    return list(param_faults(VerificationMethod(law.law.kind, params=Params(params)), law))


def provided(**said: Any) -> ProvidedLaw:
    made = SimpleNamespace(kind="mine", digest=lambda bundle: "", **said)
    return ProvidedLaw(made, "acme", "7")


SCHEMA = {"type": "object", "properties": {"salt": {"type": "string", "maxLength": 3}}, "required": ["salt"]}


@pytest.mark.parametrize(
    ("schema", "params", "told"),
    [
        (None, {}, []),
        (None, {"exclude_filename": ["x"]}, ["did you mean exclude_filenames?"]),
        (SCHEMA, {"salt": "abc"}, []),
        (SCHEMA, {"salt": "abc", "sallt": "x"}, ["did you mean salt?"]),
        (SCHEMA, {"salt": "abc", "exclude_filenam": []}, ["did you mean exclude_filenames?"]),
        (SCHEMA, {"salt": "abcd"}, ["salt must be shorter than or equal to 3 characters"]),
        (SCHEMA, {"salt": 7}, ["salt must be string"]),
        ({**SCHEMA, "additionalProperties": True}, {"salt": "a", "more": 1}, []),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"ab": 1}, []),
        ({"patternProperties": {"^a": {"type": "integer"}}}, {"ab": "x"}, ["ab must be integer"]),
    ],
)
def test_a_key_that_no_schema_knows_is_told_with_the_nearest(schema: Any, params: Any, told: list[str]) -> None:
    found = faults(provided() if schema is None else provided(params_schema=schema), **params)
    assert len(found) == len(told), found
    assert all(wanted in one for one, wanted in zip(found, told, strict=True)), found


def test_a_schema_that_is_none_is_the_plugin_s_fault() -> None:
    with pytest.raises(BadInput) as caught:
        faults(provided(params_schema={"properties": {"a": {"type": "nothing"}}}), a=1)
    assert caught.value.code is ReasonCode.PLUGIN_BROKEN
    assert "the law mine of acme 7" in caught.value.what


@pytest.mark.parametrize("said", [{"version": 7}, {"algorithm": "no/name"}, {"algorithm": 7}, {"params_schema": [1]}])
def test_a_law_that_says_nonsense_of_itself_is_a_broken_plugin(said: dict[str, Any]) -> None:
    plugin = SimpleNamespace(
        sr_hashing_laws=hookimpl(lambda: [SimpleNamespace(kind="mine", digest=lambda bundle: "", **said)])
    )
    with pytest.raises(PluginError, match="sr_hashing_laws failed: TypeError: its"):
        ask(plugin, Source("acme", "7", "given in code"))
    assert PluginHost.discover(points=[], plugins=[plugin]).find("law", "mine") is None
