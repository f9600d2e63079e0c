"""What ``sr init`` and ``sr seal`` write into the working folder: profile, pack and request, as YAML for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sr_adapters.own_data.infer import Inferred
from sr_adapters.sealing import FLAG, FOLDER, INDEX

PROFILE, PACK, REQUEST = "sr.yaml", "pack", "request.yaml"
GATES, OUTPUTS = f"{PACK}/engine_gates.map.yaml", f"{PACK}/engine_outputs.catalogue.yaml"
LAW = "sha256_part_list"
_SEAL = f"{FOLDER}/{{manifest_fingerprint}}/"

_PROFILE = """\
# The wiring profile of this folder: commands take it where no other is named. Written by sr init.
profile: {name}
runtime_root: runs
engine: {{interface_pack: {pack}}}
"""
_INVOKER = """\
# What makes the outputs: sr engine runs the program and seals what it wrote into the run's root.
invoker:
  adapter: subprocess
  command: [{command}]
"""
_GATES = """\
# What vouches for the outputs, and how: one gate over all of them. Written by sr init.
version: "1"
gates:
  - gate_id: {gate}
    scope: fingerprint
    # sr seal writes index and flag here: the data stay where they are
    bundle_root_template: {root}
    index_path_template: {index}
    passed_flag_path_template: {flag}
    verification_method: {{kind: {law}, path_base: run_root}}
    upstream_gate_dependencies: []
    authorizes_outputs:
{outputs}"""
_OWN_GATES = """\
# What vouches for the outputs, and how: {flag}, which came with the data. Written by sr init.
version: "1"
gates:
  - gate_id: {gate}
    scope: fingerprint
    # the folder itself
    bundle_root_template: ./
    passed_flag_path_template: {flag}
    verification_method: {{kind: {law}}}
    upstream_gate_dependencies: []
    authorizes_outputs:
{outputs}"""
_OUTPUTS = """\
# Which files make up which output; {utc_day} is each day of a request's window. Written by sr init.
version: "1"
outputs:
"""
_OUTPUT = """\
  - output_id: {name}
    path_template: {template}
    scope: scope_manifest_fingerprint
    partitions: [manifest_fingerprint]
    availability: required
    read_requires_gates: [{gate}]
"""
_ORDER = (
    "run_equivalence_key", "manifest_fingerprint", "parameter_hash", "seed", "scenario", "window", "output_ids",
    "engine_run_root",
)  # fmt: skip


def profile_text(name: str, command: Sequence[str] | None) -> str:
    """``sr.yaml``. `command`: what starts the engine, None where there is none."""
    made = _PROFILE.format(name=quoted(name), pack=PACK)
    return made if command is None else made + _INVOKER.format(command=", ".join(map(quoted, command)))


def gates_text(gate: str, outputs: Iterable[Inferred]) -> str:
    """The gate map."""
    named = "".join(f"      - {quoted(one.output_id)}\n" for one in outputs)
    places = {"root": _SEAL, "index": _SEAL + INDEX, "flag": _SEAL + FLAG}
    return _GATES.format(
        gate=quoted(gate), law=LAW, outputs=named, **{key: quoted(value) for key, value in places.items()}
    )


def own_gates_text(gate: str, law: str, flag: str, outputs: Iterable[Inferred]) -> str:
    """The gate map of a folder that brings its own proof."""
    named = "".join(f"      - {quoted(one.output_id)}\n" for one in outputs)
    return _OWN_GATES.format(gate=quoted(gate), law=law, flag=quoted(flag), outputs=named)


def outputs_text(gate: str, outputs: Iterable[Inferred]) -> str:
    """The output catalogue."""
    return _OUTPUTS + "".join(
        _OUTPUT.format(name=quoted(one.output_id), template=quoted(one.template), gate=quoted(gate)) for one in outputs
    )


def request_text(document: Mapping[str, Any], comment: str) -> str:
    """``request.yaml``, its fields in the order of the spec. `comment`: its first line."""
    keys = [*(key for key in _ORDER if key in document), *(key for key in document if key not in _ORDER)]
    return f"# {comment}\n" + "".join(_field(key, document[key]) for key in keys)


def _field(key: str, value: Any) -> str:
    if isinstance(value, list) and value:
        return f"{key}:\n" + "".join(f"  - {_value(one)}\n" for one in value)
    if isinstance(value, dict) and value:
        return f"{key}:\n" + "".join(f"  {name}: {_value(one)}\n" for name, one in value.items())
    return f"{key}: {_value(value)}\n"


def _value(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    """Text as a YAML scalar: plain where that is safe, else in double quotes, what does not print escaped."""
    if text.replace("-", "").replace("_", "").isalpha() and text.isascii() and text.lower() not in _WORDS:
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in json.dumps(text, ensure_ascii=False))


_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "-", "--", "---"})


def _escaped(char: str) -> str:
    return f"\\U{ord(char):08x}"


def window_node(first: str, last: str) -> dict[str, str]:
    """The window over these days, both whole, in UTC."""
    end = date.fromisoformat(last) + timedelta(1)
    return {
        "window_start_utc": f"{first}T00:00:00Z",
        "window_end_utc": f"{end.isoformat()}T00:00:00Z",
        "window_tz": "UTC",
    }
