"""Checking an interface pack: gate map against catalogue against contracts.

An error breaks the pack for every run; a warning names what single outputs suffer.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from sr_domain.closure import covers, find_cycle
from sr_domain.pack import GateSpec, OutputSpec
from sr_domain.plan import PINS, scope_pins
from sr_domain.templates import DAY, TOKEN, path_fault
from sr_plugins.documents import load_yaml
from sr_plugins.pack import GATES, OUTPUTS, gate_spec, output_spec, pack_folder, read_pack
from sr_ports import BadInput

_KNOWN = frozenset({*PINS, DAY})


@attrs.frozen
class Finding:
    """One thing found. `severity`: error or warning. `where`: the gate, output or file."""

    severity: str
    code: str
    where: str
    what: str


def check_pack(folder: str, laws: Collection[str]) -> list[Finding]:
    """Everything wrong with a pack, errors first. Raises `BadInput` when it cannot be read at all."""
    path = pack_folder(folder)
    gate_nodes, output_nodes = read_pack(path)
    findings: list[Finding] = []
    gates = _specs(gate_nodes, gate_spec, "gate_id", GATES, findings)
    outputs = _specs(output_nodes, output_spec, "output_id", OUTPUTS, findings)
    findings += _gates(gates, outputs, laws)
    findings += _outputs(outputs, gates)
    findings += _refs(path, [*gate_nodes, *output_nodes])
    return sorted(findings, key=lambda one: (one.severity, one.code, one.where, one.what))


def _specs(
    nodes: Iterable[Mapping[str, Any]], make: Any, key: str, file: str, findings: list[Finding]
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for at, node in enumerate(nodes):
        try:
            spec = make(node, f"{file} entry {at + 1}")
        except BadInput as error:
            findings.append(Finding("error", "PACK_INVALID", str(node[key]), error.what))
            continue
        if node[key] in made:
            findings.append(Finding("error", "DUPLICATE_ID", str(node[key]), f"{key} stands twice in {file}"))
        made[node[key]] = spec
    return made


def _gates(
    gates: Mapping[str, GateSpec], outputs: Mapping[str, OutputSpec], laws: Collection[str]
) -> Iterator[Finding]:
    for gate in gates.values():
        for output_id in gate.authorizes_outputs:
            if output_id not in outputs:
                yield Finding(
                    "error", "UNKNOWN_OUTPUT_ID", gate.gate_id, f"authorises {output_id}, which is not in the catalogue"
                )
        for upstream in gate.upstream_gate_dependencies:
            if upstream not in gates:
                yield Finding(
                    "error", "UNKNOWN_GATE_ID", gate.gate_id, f"depends on {upstream}, which is not in the gate map"
                )
        if gate.method.kind not in laws:
            yield Finding("error", "UNKNOWN_HASHING_LAW", gate.gate_id, f"no plugin provides {gate.method.kind}")
        for template in (gate.passed_flag_path_template, gate.bundle_root_template, gate.index_path_template):
            fault = None if template is None else _template_fault(template, PINS)
            if fault:
                yield Finding("error", "BAD_TEMPLATE", gate.gate_id, f"{template!r}: {fault}")
    cycle = find_cycle(gates, gates)
    if cycle:
        yield Finding("error", "GATE_CYCLE", cycle[0], " -> ".join(cycle))


def _outputs(outputs: Mapping[str, OutputSpec], gates: Mapping[str, GateSpec]) -> Iterator[Finding]:
    cover = covers(outputs.values(), gates)
    for output in outputs.values():
        for gate_id in output.read_requires_gates:
            if gate_id not in gates:
                yield Finding(
                    "error", "UNKNOWN_GATE_ID", output.output_id, f"requires {gate_id}, which is not in the gate map"
                )
        fault = _template_fault(output.path_template, _KNOWN)
        if fault:
            code = "UNRESOLVED_PATH_TOKEN" if fault.startswith("no pin") else "BAD_TEMPLATE"
            yield Finding("warning", code, output.output_id, f"{output.path_template!r}: {fault}")
        if not cover[output.output_id]:
            yield Finding("warning", "OUTPUT_UNGATED", output.output_id, "no gate covers it")
        named, rest = scope_pins(output.scope)
        if rest:
            yield Finding("warning", "SCOPE_UNKNOWN", output.output_id, f"scope {output.scope!r}: {rest!r} is no pin")
        short = sorted(named - {"manifest_fingerprint"} - set(output.partitions))
        if short:
            yield Finding(
                "warning",
                "INSTANCE_SCOPE_MISSING",
                output.output_id,
                f"its scope names {', '.join(short)}, its partitions do not",
            )


def _template_fault(template: str, known: Collection[str]) -> str | None:
    for token in TOKEN.findall(template):
        if token not in known:
            return f"no pin fills {{{token}}}"
    return path_fault(TOKEN.sub("x", template))


def _refs(folder: Path, nodes: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Schema refs that name a file the pack has but lead nowhere in it."""
    keys = ("schema_ref", "index_schema_ref", "receipt_schema_ref")
    named = [(str(node.get("gate_id") or node.get("output_id")), node.get(key)) for node in nodes for key in keys]
    refs = sorted({(owner, ref) for owner, ref in named if isinstance(ref, str)})
    documents: dict[str, Any] = {}
    unseen = 0
    for owner, ref in refs:
        file, _, pointer = ref.partition("#")
        name = posixpath.basename(file)
        if name not in documents:
            found = sorted(folder.rglob(name)) if re.fullmatch(r"[A-Za-z0-9_.-]+", name) else []
            documents[name] = load_yaml(found[0].read_bytes(), what=str(found[0])) if found else None
        if documents[name] is None:
            unseen += 1
        elif not _resolves(documents[name], pointer):
            yield Finding("error", "REF_UNRESOLVED", owner, f"{ref} leads nowhere in {name}")
    if unseen:
        yield Finding(
            "warning", "REFS_UNCHECKED", str(folder), f"{unseen} refs name contracts that the pack does not hold"
        )


def _resolves(document: Any, pointer: str) -> bool:
    node = document
    for part in filter(None, pointer.split("/")):
        part = part.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901 - RFC 6901 section 4
        if not isinstance(node, dict) or part not in node:
            return _has_id(document, {pointer, f"#{pointer}"})
        node = node[part]
    return True


def _has_id(node: Any, wanted: set[str]) -> bool:
    if isinstance(node, dict):
        return node.get("$id") in wanted or any(_has_id(one, wanted) for one in node.values())
    return isinstance(node, list) and any(_has_id(one, wanted) for one in node)
