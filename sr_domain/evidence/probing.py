"""Asking a law about the fixed probe bundles: how its fingerprint is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import attrs

from sr_domain.evidence.bundle import Bundle, BundleAbsent
from sr_domain.evidence.digests import Guard
from sr_domain.evidence.law_call import LawFault, law_digest, law_stated, members_of
from sr_domain.evidence.probes import VERSION, Probe, ProbeRoot, probes
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_ports import EvidenceFault, Params, ReasonCode, Unreachable, VerificationMethod

_FAILED: Final = "failed"


def made(provided: ProvidedLaw, params: Params, guard: Guard = lambda _: None) -> str | None:
    """The fingerprint, made now: the sha256 of the law's digests, or refusals, of every probe, a line each.

    A law that fails at every probe has none.
    """
    try:
        answers = [answer for probe in probes() for answer in _answers(provided, params, probe, guard)]
    except _Untold:
        return None
    if set(answers) == {_FAILED}:
        return None
    told = "".join(f"{answer}\n" for answer in answers)
    return f"{VERSION}:{hashlib.sha256(told.encode()).hexdigest()}"


class _Untold(Exception):
    """The law gave no answer, for a reason that may be gone the next time."""


def _answers(provided: ProvidedLaw, params: Params, probe: Probe, guard: Guard) -> Iterator[str]:
    """What the law reads in the probe's flag, where it reads flags, and what it makes of the bundle."""
    method = VerificationMethod(provided.law.kind, **probe.method, params=params)
    root, flag = ProbeRoot(probe.files), probe.files[probe.flag_path]
    bundle = Bundle(root, probe.bundle_root, probe.index_path, method, guard, flag_path=probe.flag_path)
    offers = provided.traits.offers
    if "stated" in offers:
        yield _answer(partial(law_stated, provided, bundle, flag))
    yield _answer(partial(_digest, provided, bundle, flag))


def _digest(provided: ProvidedLaw, bundle: Bundle, flag: bytes) -> str:
    if "members" in provided.traits.offers:
        bundle = attrs.evolve(bundle, members=members_of(provided, bundle, flag))
    return law_digest(provided, bundle)


def _answer(ask: Callable[[], str]) -> str:
    """A digest, or why there is none. Not in the law's own words, which a release may change."""
    try:
        return ask()
    except BundleAbsent:
        return "absent"
    except EvidenceFault as fault:
        return f"refused {fault.code.value}"
    except Unreachable as error:
        raise _Untold from error
    except LawFault as fault:
        if fault.code is ReasonCode.LAW_TIMEOUT:
            raise _Untold from fault
        return _FAILED
