"""Fingerprints of laws: those that ship are what the laws answer, and other functions have others."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest

from sr_domain.evidence.fingerprint import comparable, fingerprint
from sr_domain.evidence.judges import judge_of, other_law
from sr_domain.evidence.probes import VERSION, probes
from sr_domain.evidence.probing import made
from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw, RunsIn
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Judge
from sr_plugins.laws import BUILTIN_LAWS
from sr_ports import BundleView, EvidenceFault, Params, ReasonCode, Unreachable, VerificationMethod

NONE = Params()


def law(work: Any, **said: Any) -> ProvidedLaw:
    return ProvidedLaw(SimpleNamespace(kind="mine", digest=work, **said), "acme-laws", "1.0")


def free(size: int) -> None:
    """Nobody stops it."""


def whole(bundle: BundleView) -> str:
    return bundle.sha256([one.path for one in bundle.files()])


def first_bytes(bundle: BundleView) -> str:
    """Of each file the first chunk alone; of the flag none."""
    paths = (one.path for one in bundle.files() if not one.path.startswith(("_", "tag", "manifest", "SHA")))
    return hashlib.sha256(b"".join(next(iter(bundle.stream(path)), b"") for path in paths)).hexdigest()


@pytest.mark.parametrize("one", BUILTIN_LAWS, ids=lambda one: one.kind)
def test_what_a_law_of_sr_s_own_ships_is_what_it_answers(one: Any) -> None:
    provided = ProvidedLaw(one, "scenario-runner", "1", RunsIn.OWN)
    assert provided.traits.fingerprint == made(provided, NONE) == fingerprint(provided, NONE, free)
    assert provided.prints == {}, "nothing was asked"


def test_no_two_laws_of_sr_s_own_are_one_function() -> None:
    prints = {provided.traits.fingerprint for provided in (ProvidedLaw(one, "x", "1") for one in BUILTIN_LAWS)}
    assert len(prints) == len(BUILTIN_LAWS)
    assert all(one is not None and one.startswith(f"{VERSION}:") for one in prints)


def test_the_same_function_has_the_same_fingerprint_however_it_is_written() -> None:
    def streamed(bundle: BundleView) -> str:
        return bundle.sha256(tuple(one.path for one in reversed(bundle.files()))[::-1])

    assert made(law(whole), NONE) == made(law(streamed, version="9"), NONE)


@pytest.mark.parametrize(
    "other",
    [
        first_bytes,
        lambda bundle: hashlib.sha256(b"".join(one.path.encode() for one in bundle.files())).hexdigest(),
        lambda bundle: bundle.sha256(one.path for one in bundle.files() if one.size < 1000),
        lambda bundle: "0" * 64,
        lambda bundle: bundle.sha256(sorted(one.path for one in bundle.index())),
    ],
)
def test_another_function_has_another(other: Any) -> None:
    assert made(law(other), NONE) not in (None, made(law(whole), NONE))


def test_it_is_made_under_the_gate_s_own_params_once_for_each() -> None:
    asked = []

    def keyed(bundle: BundleView) -> str:
        asked.append(bundle.params.get("key"))
        return hashlib.sha256(f"{bundle.params.get('key')}{whole(bundle)}".encode()).hexdigest()

    one = law(keyed)
    prints = {fingerprint(one, Params({"key": key}), free) for key in ("a", "b", "a", "b")}
    assert len(prints) == 2
    assert len(asked) == 2 * len(probes())


def test_refusals_are_answers_and_words_are_not() -> None:
    def refuses(code: ReasonCode, what: str) -> Any:
        def digest(bundle: BundleView) -> str:
            if bundle.method.path_base == "run_root":
                raise EvidenceFault(code, what)
            return whole(bundle)

        return digest

    one = made(law(refuses(ReasonCode.FLAG_MALFORMED, "this")), NONE)
    assert one == made(law(refuses(ReasonCode.FLAG_MALFORMED, "that")), NONE)
    assert one != made(law(refuses(ReasonCode.INDEX_EMPTY, "this")), NONE)


@pytest.mark.parametrize("error", [Unreachable(ReasonCode.LAW_FAILED, "the key server is away"), ZeroDivisionError()])
def test_a_law_that_cannot_answer_has_none(error: Exception) -> None:
    def fails(bundle: BundleView) -> str:
        raise error

    assert made(law(fails), NONE) is None


def test_a_law_that_ran_into_its_time_limit_has_none() -> None:
    class Late:
        kind = "mine"

        def digest(self, bundle: BundleView) -> str:
            return whole(bundle)

        def watched(self, bundle: BundleView, check: Any, *asked: Any) -> Any:
            raise LawStopped("it ran for more than 5 s", late=True)

    assert made(ProvidedLaw(Late(), "acme-laws", "1.0"), NONE) is None


def test_the_guard_stops_the_making() -> None:
    class Lost(BaseException):
        pass

    def lost(size: int) -> None:
        raise Lost

    with pytest.raises(Lost):
        made(law(whole), NONE, lost)


def test_a_law_of_another_s_ships_none() -> None:
    claims = law(whole, shipped_fingerprint=f"{VERSION}:{'0' * 64}")
    assert fingerprint(claims, NONE, free) == made(law(whole), NONE)


GATE = SealedGate("gate.x", "flag", "b", VerificationMethod("mine"))


def test_judges_are_compared_by_function_and_else_by_the_name_of_the_distribution() -> None:
    judge = judge_of(GATE, law(whole, version="4"), free)
    assert (judge.law_version, judge.algorithm) == ("4", "sha256")
    newer = ProvidedLaw(law(whole).law, "acme-laws", "2.0")
    assert other_law(judge, GATE, newer, free) is None
    differs = other_law(judge, GATE, law(first_bytes), free)
    assert differs is not None
    assert "acme-laws==1.0 judged the gate" in differs
    bare = Judge("gate.x", "mine", "Acme_Laws", "1.0")
    assert other_law(bare, GATE, law(first_bytes), free) is None, "nothing more is known of it"
    stranger = ProvidedLaw(law(whole).law, "clone-laws", "1.0")
    assert "clone-laws==1.0" in str(other_law(bare, GATE, stranger, free))
    assert other_law(judge, GATE, stranger, free) is None, "the same function, whoever ships it"
    of_another_set = Judge("gate.x", "mine", "acme-laws", "1.0", fingerprint=f"{VERSION + 1}:{'0' * 64}")
    assert not comparable(str(of_another_set.fingerprint), str(judge.fingerprint))
    assert other_law(of_another_set, GATE, law(whole), free) is None
