"""Verifying one gate: its flag's digest against what its own law makes of the bundle."""

from __future__ import annotations

import re

import attrs

from sr_domain.evidence.bundle import Bundle, BundleAbsent, is_hex64
from sr_domain.evidence.digests import Guard
from sr_domain.evidence.law_call import law_digest
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.evidence.small_files import first_line, parse_small, read_small
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_ports import EngineRoot, EvidenceFault, ListingRules, ReasonCode
from sr_ports.compared import Compared
from sr_ports.wanted import TODAY

FLAG_LIMIT = 64 << 10
_TEXT_FLAG = re.compile(r"\s*([A-Za-z0-9_]+)\s*=\s*([0-9A-Fa-f]{64})\s*")


@attrs.frozen(eq=False, repr=False)
class GatePassed(Compared):
    """The law's digest is the one the flag states. `digest`: hex64."""

    digest: str


@attrs.frozen(eq=False, repr=False)
class GateMissing(Compared):
    """The flag or the bundle is not there. `path`: what was looked for."""

    path: str


GateVerdict = GatePassed | GateMissing | Conflict


def verify_gate(
    root: EngineRoot,
    gate: SealedGate,
    provided: ProvidedLaw,
    *,
    enforce_members: bool,
    guard: Guard,
    rules: ListingRules = TODAY,
) -> GateVerdict:
    """Judge a gate (spec: behaviour, "Evidence"). `rules`: those of its day for a run decided before.

    Raises `Unreachable`, `LeaseLost`.
    """
    expected = None
    try:
        if root.stat(gate.flag_path, rules) is None:
            return GateMissing(gate.flag_path)
        expected = read_flag(root, gate.flag_path, gate.method.digest_field, rules)
        flag = gate.flag_path
        bundle = Bundle(root, gate.bundle_root, gate.index_path, gate.method, guard, rules, flag_path=flag)
        actual = law_digest(provided, bundle)
        if actual != expected:
            culprit = first_culprit(bundle)
            detail = f"the flag states {expected}, the law gives {actual}"
            if culprit is not None:
                detail += f"; {culprit} is not what the index says"
            return Conflict(gate.gate_id, ReasonCode.GATE_DIGEST_MISMATCH, detail, expected, actual, culprit)
        if enforce_members and gate.index_path is not None:
            check_members(bundle)
    except BundleAbsent as absent:
        return GateMissing(absent.path)
    except EvidenceFault as fault:
        return Conflict.from_fault(gate.gate_id, fault, expected)
    return GatePassed(expected)


def read_flag(root: EngineRoot, path: str, digest_field: str, rules: ListingRules = TODAY) -> str:
    """The digest that a passed flag states, lower-case. Raises `EvidenceFault(FLAG_MALFORMED)`.

    Text ``sha256_hex = <hex>`` (or the map's own field name), or a JSON object with that field.
    """
    data = read_small(root, path, FLAG_LIMIT, ReasonCode.FLAG_MALFORMED, rules)
    stated: object = None
    if data.lstrip()[:1] == b"{":
        document = parse_small(data, path, FLAG_LIMIT, ReasonCode.FLAG_MALFORMED)
        stated = document.get(digest_field)
        if stated is None:
            raise EvidenceFault(ReasonCode.FLAG_MALFORMED, f"{path} has no field {digest_field}", path)
    else:
        match = _TEXT_FLAG.fullmatch(data.decode("utf-8", "replace"))
        if match is not None and match[1] in ("sha256_hex", digest_field):
            stated = match[2]
    if not isinstance(stated, str) or not is_hex64(stated):
        begins = f"it begins {first_line(data)}" if data.strip() else "it is empty"
        what = f"{path} states no sha256 digest as '{digest_field} = <64 hex>' or in JSON: {begins}"
        raise EvidenceFault(ReasonCode.FLAG_MALFORMED, what, path)
    return stated.lower()


def check_members(bundle: Bundle) -> None:
    """Every indexed file against the digest its index gives (policy ``member_digests: ENFORCE``)."""
    culprit = first_culprit(bundle)
    if culprit is not None:
        raise EvidenceFault(
            ReasonCode.MEMBER_DIGEST_MISMATCH, f"{culprit} differs from the digest its index gives", culprit
        )


def first_culprit(bundle: Bundle) -> str | None:
    """The first indexed file, in index order, that is not what its index says; None when none can be told."""
    try:
        entries = bundle.index()
    except (EvidenceFault, BundleAbsent):
        return None
    for entry in entries:
        if not entry.path or entry.sha256_hex is None:
            continue
        try:
            actual = bundle.sha256_file(entry.path, bundle.method.path_base)
        except EvidenceFault:
            return entry.path
        if actual != entry.sha256_hex.lower():
            return entry.path
    return None
