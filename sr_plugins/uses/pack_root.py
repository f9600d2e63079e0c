"""An interface pack held against files: do templates lead to some, does each gate name what it lets read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sr_domain.evidence.bundle import BundleAbsent
from sr_domain.evidence.coverage import named_by
from sr_domain.evidence.law_call import LawFault
from sr_domain.evidence.outputs import OutputFiles, find_output
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.compile import WHOLE_ROOT
from sr_domain.plan.pack import GateSpec, InterfacePack, OutputSpec
from sr_domain.plan.sealed import SealedGate
from sr_domain.plan.templates import DAY, DAY_TOKENS, MONTH, MONTHDAY, TOKEN, YEAR
from sr_plugins.documents.findings import Finding, error, warning
from sr_ports import EngineRoot, EvidenceFault

Pins = Mapping[str, str]


def check_against(
    root: EngineRoot, pack: InterfacePack, laws: Mapping[str, ProvidedLaw] = MappingProxyType({})
) -> list[Finding]:
    """What does not fit, errors first. No file but flags' names and indexes is looked into. Raises `Unreachable`.

    `laws`: some may find an index in their flags.

    A template's tokens are whatever stands there: several worlds below one root are each looked at.
    """
    findings: list[Finding] = []
    for gate in pack.gates.values():
        findings += _gate(root, gate, _let_read(gate, pack), laws.get(gate.method.kind))
    for output in pack.outputs.values():
        if not output.optional and not _files(root, output.path_template, {}):
            findings.append(warning("NO_FILES", output.output_id, f"{output.path_template!r} leads to no file there"))
    return sorted(findings, key=lambda one: (one.severity, one.code, one.where, one.what))


def _let_read(gate: GateSpec, pack: InterfacePack) -> list[OutputSpec]:
    """The outputs that rest on the gate: those it authorises, and those that require it."""
    outputs = pack.outputs.values()
    own = set(gate.authorizes_outputs)
    return [one for one in outputs if one.output_id in own or gate.gate_id in one.read_requires_gates]


def _gate(root: EngineRoot, gate: GateSpec, outputs: list[OutputSpec], law: ProvidedLaw | None) -> Iterator[Finding]:
    flags = _files(root, gate.passed_flag_path_template, {})
    if not flags:
        yield warning("NO_FLAG", gate.gate_id, f"{gate.passed_flag_path_template!r} leads to no flag there")
    seen: set[str] = set()
    for flag in flags:
        pins = _pins(gate.passed_flag_path_template, flag)
        for finding in _sealed(root, _look(gate, flag, pins), outputs, pins, law):
            if finding.what not in seen:
                seen.add(finding.what)
                yield finding


def _sealed(
    root: EngineRoot, gate: SealedGate, outputs: list[OutputSpec], pins: Pins, law: ProvidedLaw | None
) -> Iterator[Finding]:
    """One flag's bundle: what its index, or its folder, leaves out of what the gate lets read."""
    files = [(output, _files(root, output.path_template, pins)) for output in outputs]
    try:
        named = named_by(root, gate, {path for _, paths in files for path in paths}, law=law)
    except BundleAbsent as absent:
        yield error("BUNDLE_ABSENT", gate.gate_id, f"{absent.path} is not there, and {gate.flag_path} is")
        return
    except EvidenceFault as fault:
        yield error(fault.code.value, gate.gate_id, fault.what)
        return
    except LawFault as fault:
        yield error(fault.code.value, gate.gate_id, fault.what)
        return
    listed = gate.flag_path if law is not None and law.traits.lists_outputs else gate.index_path
    lists = listed or "its bundle"
    inside, vouched = f"{gate.bundle_root}/" if gate.bundle_root else "", []
    own = {*named, gate.flag_path, gate.index_path}
    for output, paths in files:
        left_out = [path for path in paths if path not in own]
        below = [path for path in left_out if path.startswith(inside)]
        if below:
            more = f" and {len(below) - 1} more" if len(below) > 1 else ""
            what = f"{lists} leaves out {below[0]}{more} of {output.output_id}, which lies in the bundle"
            yield error("OUTPUT_LEFT_OUT", gate.gate_id, what)
        elif left_out:
            vouched.append(output.output_id)
    if vouched:
        what = f"{lists} leaves out what it lets read: it only vouches for {', '.join(vouched)}"
        yield warning("OUTPUT_VOUCHED", gate.gate_id, what)


def _look(gate: GateSpec, flag: str, pins: Pins) -> SealedGate:
    index, whole = gate.index_path_template, gate.bundle_root_template in WHOLE_ROOT
    return SealedGate(
        gate_id=gate.gate_id,
        flag_path=flag,
        bundle_root="" if whole else _filled(gate.bundle_root_template, pins).rstrip("/"),
        method=gate.method,
        index_path=None if index is None else _filled(index, pins),
    )


def _files(root: EngineRoot, template: str, pins: Pins) -> list[str]:
    """The files that a template leads to, with what is known of its tokens. A link or the like leads to none."""
    try:
        found = find_output(root, _filled(template, pins))
    except EvidenceFault:
        return []
    return [fact.path for fact in found.facts] if isinstance(found, OutputFiles) else []


def _filled(template: str, pins: Pins) -> str:
    return TOKEN.sub(lambda token: pins.get(token[1], "*"), template)


def _pins(template: str, path: str) -> Pins:
    """What the tokens of a template are in a path that it leads to."""
    seen: set[str] = set()

    def group(token: str) -> str:
        if token in seen or not token.isidentifier():
            return "[^/]*"
        seen.add(token)
        return f"(?P<{token}>{_SHAPES.get(token, '[^/]*')})"

    parts = TOKEN.split(template)  # text and token by turns
    pattern = "".join(group(part) if at % 2 else re.escape(part) for at, part in enumerate(parts))
    match = re.fullmatch(pattern, path)
    pins = {} if match is None else match.groupdict()
    if DAY in pins:
        return {**pins, **dict(zip(DAY_TOKENS[1:], pins[DAY].split("-"), strict=True))}
    whole = [pins[token] for token in DAY_TOKENS[1:] if token in pins]
    return {**pins, DAY: "-".join(whole)} if len(whole) == len(DAY_TOKENS[1:]) else pins


_SHAPES = {DAY: r"\d{4}-\d\d-\d\d", YEAR: r"\d{4}", MONTH: r"\d\d", MONTHDAY: r"\d\d"}
"""What a day is in a path; any other token is whatever stands there."""
