"""Verifying one gate: its flag's digest against what its own law makes of the bundle."""

from __future__ import annotations

import re

import attrs

from sr_domain.evidence.bundle import Bundle, BundleAbsent, is_hex64, whole_bundle
from sr_domain.evidence.digests import Guard, WholeFiles
from sr_domain.evidence.law_call import LawFault, law_digest
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.evidence.small_files import CutShort, first_line, parse_small, read_small
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_ports import EngineRoot, EvidenceFault, ListingRules, ReasonCode, WorkPool
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
    """The flag, the bundle or part of it is not there, or not all of it. `path`: what was looked for.

    `why`: what is to be there. `late`: what contradicts itself unless it is on its way; None for what is absent.
    """

    path: str
    why: str = "nothing is there"
    late: Conflict | None = None


@attrs.frozen(eq=False, repr=False)
class GateUnjudged(Compared):
    """Its law gave no judgement, which says nothing of the evidence: a fault of this worker's."""

    code: ReasonCode
    detail: str


GateVerdict = GatePassed | GateMissing | GateUnjudged | Conflict


def verify_gate(
    root: EngineRoot,
    gate: SealedGate,
    provided: ProvidedLaw,
    *,
    enforce_members: bool,
    guard: Guard,
    rules: ListingRules = TODAY,
    digests: WholeFiles | None = None,
    pool: WorkPool | None = None,
) -> GateVerdict:
    """Judge a gate (spec: behaviour, "Evidence"). `rules`: those of its day for a run decided before.

    `digests`: what the same look has read already. `pool`: reads the parts of a law over parts.

    Raises `Unreachable`, `LeaseLost`.
    """
    expected, read = None, digests or WholeFiles()
    bundle = Bundle(root, gate.bundle_root, gate.index_path, gate.method, guard, rules, read, gate.flag_path, pool)
    try:
        if root.stat(gate.flag_path, rules) is None:
            return GateMissing(gate.flag_path, f"no passed flag yet (wants: {_wanted(gate)})")
        expected = read_flag(root, gate.flag_path, gate.method.digest_field, rules)
        actual = law_digest(provided, bundle)
        if actual != expected:
            return _mismatch(gate, bundle, expected, actual)
        if enforce_members and gate.index_path is not None:
            check_members(bundle)
    except BundleAbsent as absent:
        return GateMissing(absent.path, _absent(gate, absent.path))
    except LawFault as fault:
        return GateUnjudged(fault.code, fault.what)
    except EvidenceFault as fault:
        conflict = Conflict.from_fault(gate.gate_id, fault, expected)
        if isinstance(fault, CutShort) or fault.code is ReasonCode.INDEXED_FILE_ABSENT:
            return GateMissing(fault.path or gate.bundle_root, fault.what, conflict)
        return conflict
    finally:
        bundle.let_go()
    return GatePassed(expected)


def _mismatch(gate: SealedGate, bundle: Bundle, expected: str, actual: str) -> GateVerdict:
    """A digest that differs; where the gate's index names what has not come, that is missing."""
    coming, culprit = _awaits_members(bundle), first_culprit(bundle)
    detail = f"the flag states {expected}, the law gives {actual}"
    if culprit is not None:
        detail += f"; {culprit} is not what the index says"
    conflict = Conflict(gate.gate_id, ReasonCode.GATE_DIGEST_MISMATCH, detail, expected, actual, culprit)
    if coming is None:
        return conflict
    return GateMissing(coming, f"it is not there yet, and {detail}", conflict)


def still_lacks(root: EngineRoot, gate: SealedGate, path: str, rules: ListingRules = TODAY) -> bool:
    """Whether what a gate lacked at a path has still not come, by a look. Raises `Unreachable`.

    False also where flag or index say otherwise now, and where something contradicts itself: the evidence tells.
    """
    bundle = Bundle(root, gate.bundle_root, gate.index_path, gate.method, lambda _: None, rules)
    try:
        if path == gate.flag_path:
            if root.stat(path, rules) is None:
                return True
            read_flag(root, path, gate.method.digest_field, rules)
        elif path == gate.bundle_root:
            return not root.list(path, whole_bundle(gate.method, rules))
        elif gate.index_path is None:
            return root.stat(path, rules, or_folder=True) is None
        else:
            for entry in bundle.index():
                if entry.path:
                    bundle.find(entry.path, gate.method.path_base)
    except (CutShort, BundleAbsent):
        return True
    except EvidenceFault as fault:
        return fault.code is ReasonCode.INDEXED_FILE_ABSENT
    return False


def _wanted(gate: SealedGate) -> str:
    return f"{gate.method.digest_field} = <64 hex>, or JSON with that field"


def _absent(gate: SealedGate, path: str) -> str:
    return "no index is there: a JSON list of the bundle's files" if path == gate.index_path else "no file is below it"


def read_flag(root: EngineRoot, path: str, digest_field: str, rules: ListingRules = TODAY) -> str:
    """The digest that a passed flag states, lower-case. Raises `EvidenceFault(FLAG_MALFORMED)`.

    `CutShort` for one that is empty or merely ends too early.
    Text ``sha256_hex = <hex>`` (or the map's own field name), or a JSON object with that field.
    """
    data = read_small(root, path, FLAG_LIMIT, rules)
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
        bare = re.match(rb"\s*([0-9a-fA-F]{64})\b", data)
        wanted = f"{digest_field} = {'<64 hex>' if bare is None else bare[1].decode().lower()}"
        what = f"{path} states no sha256 digest as '{wanted}' or in JSON: {begins}"
        raise _flag_fault(data, digest_field)(ReasonCode.FLAG_MALFORMED, what, path)
    return stated.lower()


def _flag_fault(data: bytes, digest_field: str) -> type[EvidenceFault]:
    from sr_domain.evidence.cut_short import flag_cut_short

    return CutShort if flag_cut_short(data, ("sha256_hex", digest_field)) else EvidenceFault


def check_members(bundle: Bundle) -> None:
    """Every indexed file against the digest its index gives (policy ``member_digests: ENFORCE``)."""
    _find_members(bundle)
    culprit = first_culprit(bundle)
    if culprit is not None:
        raise EvidenceFault(
            ReasonCode.MEMBER_DIGEST_MISMATCH, f"{culprit} differs from the digest its index gives", culprit
        )


def _find_members(bundle: Bundle) -> None:
    """Look for every indexed file before any is read. Raises what says that one may be on its way."""
    for entry in bundle.index():
        if entry.path and entry.sha256_hex is not None:
            bundle.find(entry.path, bundle.method.path_base)


def _awaits_members(bundle: Bundle) -> str | None:
    """What a gate's own index shows to be on its way, itself or a file that it lists; None where all has come."""
    try:
        if bundle.index_path is not None:
            _find_members(bundle)
    except (BundleAbsent, CutShort) as coming:
        return coming.path
    except EvidenceFault as fault:
        return fault.path if fault.code is ReasonCode.INDEXED_FILE_ABSENT else None
    return None


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
