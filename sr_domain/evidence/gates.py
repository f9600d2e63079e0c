"""Verifying one gate: its flag's digest against what its own law makes of the bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from sr_domain.evidence.bundle import Bundle, BundleAbsent, whole_bundle
from sr_domain.evidence.digests import Guard, WholeFiles
from sr_domain.evidence.flags import read_flag, read_manifest
from sr_domain.evidence.law_call import LawFault, law_culprit, law_digest, law_notes, law_stated, members_of
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.sealed import SealedGate
from sr_domain.record.proofs import Conflict
from sr_ports import CutShort, EngineRoot, EvidenceFault, ListingRules, ReasonCode, WorkPool
from sr_ports.compared import Compared
from sr_ports.wanted import TODAY

OutputPaths = Callable[[], Iterable[str]]
"""Gives the paths, below the engine root, of the files of outputs."""
_ON_ITS_WAY = frozenset({ReasonCode.INDEXED_FILE_ABSENT, ReasonCode.FILE_UNLISTED})
"""What is missing before the deadline, and a contradiction from then on."""


@attrs.frozen(eq=False, repr=False)
class GatePassed(Compared):
    """The law's digest is the one the flag states. `digest`: hex. `notes`: what the law says of it beside that."""

    digest: str
    notes: tuple[str, ...] = ()


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
    outputs: OutputPaths | None = None,
) -> GateVerdict:
    """Judge a gate (spec: behaviour, "Evidence"). `rules`: those of its day for a run decided before.

    `digests`: what the same look has read already. `pool`: reads the parts of a law over parts. `outputs`: paths of
    the files that the gate authorises, for a law whose manifest must list them; None where that is not asked.

    Raises `Unreachable`, `LeaseLost`.
    """
    read = digests or WholeFiles()
    bundle = Bundle(root, gate.bundle_root, gate.index_path, gate.method, guard, rules, read, gate.flag_path, pool)
    judging = _Judging(gate, provided, bundle, enforce_members, outputs)
    try:
        return judging.verdict()
    except BundleAbsent as absent:
        return GateMissing(absent.path, _absent(gate, absent.path))
    except LawFault as fault:
        return GateUnjudged(fault.code, fault.what)
    except EvidenceFault as fault:
        conflict = Conflict.from_fault(gate.gate_id, fault, judging.expected)
        if isinstance(fault, CutShort) or fault.code in _ON_ITS_WAY:
            return GateMissing(fault.path or gate.bundle_root, fault.what, conflict)
        return conflict
    finally:
        judging.bundle.let_go()


@attrs.define
class _Judging:
    """One gate and its law. `expected`: what the flag states, once it was read."""

    gate: SealedGate
    provided: ProvidedLaw
    bundle: Bundle
    enforce_members: bool
    outputs: OutputPaths | None
    expected: str | None = None

    def verdict(self) -> GateVerdict:
        """The judgement. Raises what the evidence, the law and the world raise."""
        if self.bundle.root.stat(self.gate.flag_path, self.bundle.rules) is None:
            wanted = _wanted(self.gate, self.provided)
            return GateMissing(self.gate.flag_path, f"no passed flag yet (wants: {wanted})")
        data = self._manifest()
        if self.bundle.members is None:
            expected = self.expected = self._stated(data)
            actual = law_digest(self.provided, self.bundle)
        else:  # a long manifest whose files are not there is not gone through for its digest
            actual = law_digest(self.provided, self.bundle)
            expected = self.expected = self._stated(data)
        if actual != expected:
            return self._mismatch(expected, actual)
        if self.enforce_members and self.gate.index_path is not None:
            check_members(self.bundle)
        if self.outputs is not None and self.provided.traits.lists_outputs and self.bundle.members is not None:
            self._check_listed(self.outputs)
        offers = self.provided.traits.offers
        return GatePassed(expected, law_notes(self.provided, self.bundle) if "notes" in offers else ())

    def _manifest(self) -> bytes:
        """The flag's bytes, for a law that reads it itself; what such a flag lists is the bundle's index then."""
        traits, bundle = self.provided.traits, self.bundle
        data = read_manifest(bundle.root, self.gate.flag_path, bundle.rules) if traits.reads_flag else b""
        if "members" in traits.offers:
            self.bundle = attrs.evolve(bundle, members=members_of(self.provided, bundle, data))
        return data

    def _stated(self, data: bytes) -> str:
        """What the flag states, by the law where it reads its flag itself."""
        gate, bundle, traits = self.gate, self.bundle, self.provided.traits
        if "stated" in traits.offers:
            return law_stated(self.provided, bundle, data)
        return read_flag(bundle.root, gate.flag_path, gate.method.digest_field, bundle.rules, traits)

    def _mismatch(self, expected: str, actual: str) -> GateVerdict:
        """A digest that differs; where the gate's index names what has not come, that is missing."""
        gate, bundle = self.gate, self.bundle
        if "culprit" in self.provided.traits.offers:
            coming, culprit = None, law_culprit(self.provided, bundle)
        else:
            coming, culprit = _awaits_members(bundle), first_culprit(bundle)
        detail = f"the flag states {expected}, the law gives {actual}"
        if culprit is not None:
            detail += f"; {culprit} is not what the {'index' if bundle.members is None else 'flag'} says"
        conflict = Conflict(gate.gate_id, ReasonCode.GATE_DIGEST_MISMATCH, detail, expected, actual, culprit)
        if coming is None:
            return conflict
        return GateMissing(coming, f"it is not there yet, and {detail}", conflict)

    def _check_listed(self, outputs: OutputPaths) -> None:
        """Every file below the bundle root that the gate authorises must be on the manifest. Raises `EvidenceFault`."""
        gate, inside = self.gate, self.bundle.inside
        owed = {path for path in outputs() if path.startswith(inside) and path != gate.flag_path}
        base = "" if gate.method.path_base == "run_root" else inside
        if owed:
            owed.difference_update(base + entry.path for entry in self.bundle.index())
        if owed:
            first = min(owed)
            more = f" and {len(owed) - 1} more" if len(owed) > 1 else ""
            raise EvidenceFault(ReasonCode.FILE_UNLISTED, f"{first}{more} is on no line of {gate.flag_path}", first)


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


def _wanted(gate: SealedGate, provided: ProvidedLaw) -> str:
    traits = provided.traits
    if "stated" in traits.offers:
        return f"a flag as {provided.law.kind} reads it"
    return f"{gate.method.digest_field} = <{traits.hex_length or ''} hex>, or JSON with that field"


def _absent(gate: SealedGate, path: str) -> str:
    return "no index is there: a JSON list of the bundle's files" if path == gate.index_path else "no file is below it"


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
        if bundle.listed_in is not None:
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
