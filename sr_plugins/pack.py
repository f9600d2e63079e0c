"""Loading an interface pack: output catalogue and gate map, as an engine's owner ships them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sr_domain.canonical import digest_of
from sr_domain.pack import GateSpec, InterfacePack, OutputSpec
from sr_plugins.documents import load_yaml
from sr_plugins.files import read_config
from sr_plugins.shipped import shipped
from sr_ports import BadInput, ReasonCode, VerificationMethod

GATES = "engine_gates.map.yaml"
OUTPUTS = "engine_outputs.catalogue.yaml"
ORDERINGS = ("ascii_lex", "index_order", "members_array_order")
PATH_BASES = ("bundle_root", "run_root")


def pack_folder(folder: str) -> Path:
    """The folder that ``builtin`` or a path means."""
    return shipped("config") / "interface_pack" if folder == "builtin" else Path(folder)


def read_pack(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The entries of gate map and catalogue, text stripped of surrounding white space. Raises `BadInput`."""
    return _entries(folder / GATES, "gates", "gate_id"), _entries(folder / OUTPUTS, "outputs", "output_id")


def load_pack(folder: str) -> InterfacePack:
    """The pack as the core's values. Raises `BadInput(PACK_INVALID)` naming file and place."""
    path = pack_folder(folder)
    gates, outputs = read_pack(path)
    return InterfacePack(
        outputs=_by_id(
            [output_spec(node, _at(path / OUTPUTS, at)) for at, node in enumerate(outputs)], "output_id", path
        ),
        gates=_by_id([gate_spec(node, _at(path / GATES, at)) for at, node in enumerate(gates)], "gate_id", path),
        digest=digest_of({"gates": gates, "outputs": outputs}),
    )


def _at(path: Path, at: int) -> str:
    return f"{path} entry {at + 1}"


def _entries(path: Path, key: str, id_key: str) -> list[dict[str, Any]]:
    document = load_yaml(read_config(path, ReasonCode.PACK_INVALID, "interface pack file"), what=str(path))
    nodes = document.get(key) if isinstance(document, dict) else None
    if not isinstance(nodes, list):
        raise _bad(str(path), f"it has no list {key!r}")
    for at, node in enumerate(nodes):
        if not isinstance(node, dict) or not isinstance(node.get(id_key), str):
            raise _bad(_at(path, at), f"it is not a mapping with {id_key}")
    stripped: list[dict[str, Any]] = _strip(nodes)
    return stripped


def _strip(node: Any) -> Any:
    if isinstance(node, str):
        return node.strip()
    if isinstance(node, dict):
        return {key.strip(): _strip(value) for key, value in node.items()}
    return [_strip(one) for one in node] if isinstance(node, list) else node


def _by_id(specs: Sequence[Any], key: str, path: Path) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for spec in specs:
        name = getattr(spec, key)
        if name in made:
            raise _bad(str(path), f"{key} {name!r} stands twice")
        made[name] = spec
    return made


def _bad(where: str, what: str) -> BadInput:
    return BadInput(ReasonCode.PACK_INVALID, f"{where}: {what}")


def _text(node: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = node.get(key, default)
    if not isinstance(value, str) or not value:
        raise _bad(where, f"{key} must be text")
    return value


def _texts(node: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = node.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise _bad(where, f"{key} must be a list of text")
    return tuple(value)


def output_spec(node: Mapping[str, Any], where: str) -> OutputSpec:
    """One catalogue entry. Raises `BadInput(PACK_INVALID)`."""
    output_id = _text(node, "output_id", where)
    where = f"{where} ({output_id})"
    return OutputSpec(
        output_id=output_id,
        path_template=_text(node, "path_template", where),
        scope=_text(node, "scope", where, "scope_global"),
        partitions=_texts(node, "partitions", where),
        read_requires_gates=_texts(node, "read_requires_gates", where),
        optional=node.get("availability") == "optional",
        schema_ref=node.get("schema_ref") if isinstance(node.get("schema_ref"), str) else None,
        dictionary_ref=node.get("dictionary_ref") if isinstance(node.get("dictionary_ref"), str) else None,
    )


def gate_spec(node: Mapping[str, Any], where: str) -> GateSpec:
    """One gate map entry. Raises `BadInput(PACK_INVALID)`."""
    gate_id = _text(node, "gate_id", where)
    where = f"{where} ({gate_id})"
    index = node.get("index_path_template")
    return GateSpec(
        gate_id=gate_id,
        passed_flag_path_template=_text(node, "passed_flag_path_template", where),
        bundle_root_template=_text(node, "bundle_root_template", where),
        index_path_template=None if index is None else _text(node, "index_path_template", where),
        method=_method(node.get("verification_method"), where),
        scope=_text(node, "scope", where, "fingerprint"),
        authorizes_outputs=_texts(node, "authorizes_outputs", where),
        upstream_gate_dependencies=_texts(node, "upstream_gate_dependencies", where),
    )


def _method(node: Any, where: str) -> VerificationMethod:
    if not isinstance(node, dict):
        raise _bad(where, "verification_method must be a mapping")
    ordering = node.get("ordering", "ascii_lex")
    base = node.get("path_base", "bundle_root")
    if ordering not in ORDERINGS:
        raise _bad(where, f"verification_method.ordering must be one of {', '.join(ORDERINGS)}, not {ordering!r}")
    if base not in PATH_BASES:
        raise _bad(where, f"verification_method.path_base must be one of {', '.join(PATH_BASES)}, not {base!r}")
    return VerificationMethod(
        kind=_text(node, "kind", where),
        digest_field=_text(node, "digest_field", where, "sha256_hex"),
        ordering=ordering,
        path_base=base,
        exclude_filenames=_texts(node, "exclude_filenames", where),
    )
