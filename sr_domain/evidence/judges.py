"""The judge of a gate as evidence: which law, whose, and which function of bundles it is."""

from __future__ import annotations

import re
from typing import Final

from sr_domain.evidence.digests import Guard
from sr_domain.evidence.fingerprint import comparable, fingerprint
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Judge

LOCAL: Final = "local"
"""The distribution of a plugin that is a file of its own, whose version is its sha256."""


def judge_of(gate: SealedGate, provided: ProvidedLaw, guard: Guard) -> Judge:
    """The judge of a gate, as the record has it. `guard`: asked while a fingerprint is made. Raises `LeaseLost`."""
    traits = provided.traits
    return Judge(
        gate.gate_id,
        gate.method.kind,
        provided.distribution,
        provided.version,
        traits.version,
        traits.algorithm,
        fingerprint(provided, gate.method.params, guard),
    )


def other_law(judge: Judge, gate: SealedGate, provided: ProvidedLaw, guard: Guard) -> str | None:
    """Why the law here is another than the one on record, in a sentence; None where it is the same function.

    Where nothing is known of the function, the name of the distribution tells.
    """
    here = fingerprint(provided, gate.method.params, guard) if judge.fingerprint is not None else None
    was, now = named(judge), f"{provided.distribution}=={provided.version}"
    if judge.fingerprint is not None and here is not None and comparable(judge.fingerprint, here):
        if judge.fingerprint == here:
            return None
        return f"the law {judge.kind} differs: {was} judged the gate, and {now}, which is here, answers otherwise"
    if _canonical(judge.distribution) == _canonical(provided.distribution):
        return None
    return f"the law {judge.kind} differs: it was {was} that judged the gate, and here it is {now}"


def named(judge: Judge) -> str:
    """Where a judge is from, as it is installed."""
    return f"{judge.distribution}=={judge.version}"


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
