"""Checking an interface pack: gate map against catalogue against contracts.

An error breaks the pack for every run, or can never be right; a warning names what a single
output suffers. Codes are those a run would end with, where a run could meet the fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from sr_domain.plan.absent_law import absence
from sr_domain.plan.closure import covers, find_cycle
from sr_domain.plan.compile import PINS, WHOLE_ROOT, gate_day_fault, scope_pins
from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_domain.plan.templates import DAY, TOKEN, path_fault, unfilled
from sr_plugins.documents.findings import Finding, error, warning
from sr_plugins.documents.pack import GATES, OUTPUTS, PackDocuments, entry_at, pack_folder, read_pack
from sr_plugins.documents.pack_entries import AVAILABILITIES, WITHOUT_WORDS, gate_spec, output_spec, unknown_keys
from sr_plugins.documents.pack_laws import param_faults
from sr_plugins.documents.pack_refs import check_refs
from sr_plugins.documents.shipped import lent
from sr_ports import BadInput
from sr_ports.globs import matches_nothing
from sr_ports.wanted import is_wild

_TOKENS = frozenset({*PINS, DAY})
_LOCATOR_ID = re.compile(r"[A-Za-z0-9_.-]+")  # the wire's output locator takes no other id
_NEED_INDEX = frozenset({"sha256_member_digest_concat", "sha256_index_json_ascii_lex_raw_bytes"})
_COVER_FOLDER = frozenset({"sha256_bundle_digest"})
_PARTS = frozenset({"sha256_part_list"})

_Spec = TypeVar("_Spec")


@attrs.frozen
class _Pack:
    """A pack as far as its entries can be read. `gate_ids`, `output_ids`: also of those that cannot."""

    gates: Mapping[str, GateSpec]
    outputs: Mapping[str, OutputSpec]
    gate_ids: frozenset[str]
    output_ids: frozenset[str]


def check_pack(folder: str, laws: Collection[str]) -> list[Finding]:
    """Everything wrong with a pack, errors first. `laws`: the kinds that plugins provide, or the laws by kind.

    Raises `BadInput(PACK_INVALID)` when a document cannot be read or has no list of entries.
    """
    path = pack_folder(folder)
    documents = read_pack(path)
    findings: list[Finding] = []
    pack = _Pack(
        gates=_specs(documents.gates, gate_spec, "gate_id", GATES, findings),
        outputs=_specs(documents.outputs, output_spec, "output_id", OUTPUTS, findings),
        gate_ids=_ids(documents.gates, "gate_id"),
        output_ids=_ids(documents.outputs, "output_id"),
    )
    for gate in pack.gates.values():
        findings += _gate(gate, pack, laws)
    findings += _cycle(pack)
    cover = covers(pack.outputs.values(), pack.gates)
    for output in pack.outputs.values():
        findings += _output(output, pack, cover[output.output_id])
    findings += _availability(documents)
    findings += _unknown_keys(documents)
    findings += _idle(pack)
    with lent(path) as there:
        findings += check_refs(there, documents)
    return sorted(findings, key=lambda one: (one.severity, one.code, one.where, one.what))


def output_faults(entry: Mapping[str, Any], gate_ids: Collection[str]) -> list[Finding]:
    """What a check would find of one entry of the catalogue, beside gates of these ids. Raises `BadInput`."""
    output = output_spec(entry, OUTPUTS)
    pack = _Pack({}, {}, frozenset(gate_ids), frozenset())
    return sorted(_output(output, pack, output.read_requires_gates), key=lambda one: one.severity)


def _ids(nodes: list[Any], key: str) -> frozenset[str]:
    return frozenset(node[key] for node in nodes if isinstance(node, dict) and isinstance(node.get(key), str))


def _specs(
    nodes: list[Any], make: Callable[[Any, str], _Spec], key: str, file: str, findings: list[Finding]
) -> dict[str, _Spec]:
    made: dict[str, _Spec] = {}
    seen: set[str] = set()
    for at, node in enumerate(nodes):
        where = entry_at(file, at)
        try:
            spec = make(node, where)
        except BadInput as fault:
            findings.append(error("PACK_INVALID", where, fault.what))
            continue
        if node[key] in seen:
            findings.append(error("DUPLICATE_ID", node[key], f"{key} stands twice in {file}, again as entry {at + 1}"))
        seen.add(node[key])
        made[node[key]] = spec
    return made


def _gate(gate: GateSpec, pack: _Pack, laws: Collection[str]) -> Iterator[Finding]:
    for output_id in sorted(set(gate.authorizes_outputs) - pack.output_ids):
        yield error("UNKNOWN_OUTPUT_ID", gate.gate_id, f"authorises {output_id}, which is not in the catalogue")
    for upstream in sorted(set(gate.upstream_gate_dependencies) - pack.gate_ids):
        yield error("UNKNOWN_GATE_ID", gate.gate_id, f"depends on {upstream}, which is not in the gate map")
    if gate.method.kind not in laws:
        yield error("UNKNOWN_HASHING_LAW", gate.gate_id, f"no plugin provides {absence(laws, gate.method.kind)}")
    elif isinstance(laws, Mapping) and gate.method.kind not in WITHOUT_WORDS:
        for what in param_faults(gate.method, laws[gate.method.kind]):
            yield error("UNKNOWN_KEY", gate.gate_id, f"verification_method: {what}")
    yield from _gate_templates(gate)
    _, rest = scope_pins(gate.scope)
    if rest:
        yield warning("SCOPE_UNKNOWN", gate.gate_id, f"scope {gate.scope!r}: {rest!r} is no pin")
    yield from _never_passes(gate)


def _gate_templates(gate: GateSpec) -> Iterator[Finding]:
    for template, is_file in (
        (gate.passed_flag_path_template, True),
        (gate.bundle_root_template, False),
        (gate.index_path_template, True),
    ):
        whole = not is_file and template in WHOLE_ROOT
        fault = None if template is None or whole else _gate_template_fault(template, is_file=is_file)
        if fault:
            yield error("BAD_TEMPLATE", gate.gate_id, f"{template!r}: {fault}")
    day_fault = gate_day_fault(gate)
    if day_fault:
        yield error("BAD_TEMPLATE", gate.gate_id, day_fault)


def _gate_template_fault(template: str, *, is_file: bool) -> str | None:
    if is_wild(template):
        return "a gate's path may have no wildcard"
    if is_file and template.endswith("/"):
        return "it names a folder, and a flag or index is a file"
    return _template_fault(template)


def _never_passes(gate: GateSpec) -> Iterator[Finding]:
    """Gates that no engine can make pass under their own built-in law."""
    if gate.method.kind in _NEED_INDEX and gate.index_path_template is None:
        yield error("INDEX_UNNAMED", gate.gate_id, f"{gate.method.kind} needs an index_path_template")
    whole = gate.bundle_root_template in WHOLE_ROOT
    flag, root = gate.passed_flag_path_template, "" if whole else gate.bundle_root_template.rstrip("/") + "/"
    inside = flag.startswith(root) and flag.rpartition("/")[2] not in gate.method.exclude_filenames
    if gate.method.kind in _COVER_FOLDER and inside:
        yield error("FLAG_COVERED", gate.gate_id, "its passed flag lies in the bundle it seals and is not excluded")
    if gate.method.kind in _COVER_FOLDER | _PARTS:
        base = "bundle_root" if gate.method.kind in _PARTS else gate.method.path_base
        for name, unread in (("ordering", gate.method.ordering), ("path_base", base)):
            if unread not in ("ascii_lex", "bundle_root"):
                yield warning("SETTING_UNREAD", gate.gate_id, f"{gate.method.kind} does not read {name}: {unread}")


def _cycle(pack: _Pack) -> Iterator[Finding]:
    cycle = find_cycle(pack.gates, pack.gates)
    if cycle:
        yield error("GATE_CYCLE", cycle[0], " -> ".join(cycle))


def _output(output: OutputSpec, pack: _Pack, cover: Collection[str]) -> Iterator[Finding]:
    name = output.output_id
    for gate_id in sorted(set(output.read_requires_gates) - pack.gate_ids):
        yield error("UNKNOWN_GATE_ID", name, f"requires {gate_id}, which is not in the gate map")
    fault = _template_fault(output.path_template) or _pattern_fault(output.path_template)
    if fault:
        told = f"{output.path_template!r}: {fault}"
        if fault.startswith(("no pin", "a day is")):  # a request may leave this output out
            yield warning("UNRESOLVED_PATH_TOKEN", name, told)
        else:
            yield error("BAD_TEMPLATE", name, told)
    for partition in sorted(set(output.partitions) - _TOKENS):
        yield warning("PARTITION_UNKNOWN", name, f"its partition {partition!r} is no pin: no locator says it")
    if not cover:
        yield warning("OUTPUT_UNGATED", name, "no gate covers it")
    if not _LOCATOR_ID.fullmatch(name):
        yield warning("LOCATOR_SCHEMA_INVALID", name, "its id has other characters than letters, digits, _ . and -")
    named, rest = scope_pins(output.scope)
    if rest:
        yield warning("SCOPE_UNKNOWN", name, f"scope {output.scope!r}: {rest!r} is no pin")
    short = sorted(named - {"manifest_fingerprint"} - set(output.partitions))
    if short:
        yield warning("INSTANCE_SCOPE_MISSING", name, f"its scope names {', '.join(short)}, its partitions do not")


def _template_fault(template: str) -> str | None:
    return unfilled(template, PINS) or path_fault(TOKEN.sub("x", template))


def _pattern_fault(template: str) -> str | None:
    """Why a pattern can match no path; None when it may match some."""
    for segment in TOKEN.sub("x", template).split("/"):
        if is_wild(segment) and matches_nothing(segment):
            return f"no name matches {segment!r}: a range in it ends before it begins"
    return None


def _unknown_keys(documents: PackDocuments) -> Iterator[Finding]:
    """Keys that are no words: misspelt, or of another language. What they were to say is not read."""
    yield from (error("UNKNOWN_KEY", file, what) for file, what in documents.unknown_keys())
    for nodes, identity in ((documents.gates, "gate_id"), (documents.outputs, "output_id")):
        for node in (one for one in nodes if isinstance(one, dict)):
            name = str(node.get(identity))
            yield from (error("UNKNOWN_KEY", name, what) for what in unknown_keys(node, identity))


def _idle(pack: _Pack) -> Iterator[Finding]:
    """Gates that nothing rests on: no run ever looks at them."""
    required = {one for output in pack.outputs.values() for one in output.read_requires_gates}
    required |= {one for gate in pack.gates.values() for one in gate.upstream_gate_dependencies}
    for gate in pack.gates.values() if pack.outputs else ():
        if not gate.authorizes_outputs and gate.gate_id not in required:
            what = "it authorises nothing, and nothing requires it: no run looks at it"
            yield warning("GATE_IDLE", gate.gate_id, what)


def _availability(documents: PackDocuments) -> Iterator[Finding]:
    for node in documents.outputs:
        word = node.get("availability") if isinstance(node, dict) else None
        if isinstance(word, str) and word and word not in AVAILABILITIES:
            known = " or ".join(AVAILABILITIES)
            what = f"availability {word!r} is neither {known}: the output counts as required"
            yield warning("AVAILABILITY_UNKNOWN", str(node.get("output_id")), what)


__all__ = ["Finding", "check_pack", "output_faults"]
