"""Loading an interface pack: output catalogue and gate map, as an engine's owner ships them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from sr_domain.encoding.canonical import digest_of
from sr_domain.plan.pack import InterfacePack
from sr_plugins.documents.pack_contracts import read_contracts
from sr_plugins.documents.pack_entries import bad, gate_spec, only_known, output_spec
from sr_plugins.documents.pack_files import read_yaml_file
from sr_plugins.documents.pack_words import CATALOGUE, GATE_MAP, unknown
from sr_plugins.documents.shipped import shipped
from sr_ports.compared import Compared

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

GATES = "engine_gates.map.yaml"
OUTPUTS = "engine_outputs.catalogue.yaml"
BUILTIN = "builtin"

_Spec = TypeVar("_Spec")


@attrs.frozen(eq=False, repr=False)
class PackDocuments(Compared):
    """Both documents of a pack, whole, text stripped of surrounding white space, and its own contracts."""

    gate_map: dict[str, Any]
    catalogue: dict[str, Any]
    contracts: dict[str, Any] = attrs.field(factory=dict)

    @property
    def gates(self) -> list[Any]:
        """The gate map's entries, not yet checked."""
        entries: list[Any] = self.gate_map["gates"]
        return entries

    @property
    def outputs(self) -> list[Any]:
        """The catalogue's entries, not yet checked."""
        entries: list[Any] = self.catalogue["outputs"]
        return entries

    def unknown_keys(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the keys of the documents themselves that are no words: file, and clause."""
        yield from ((GATES, what) for what in unknown(self.gate_map, GATE_MAP))
        yield from ((OUTPUTS, what) for what in unknown(self.catalogue, CATALOGUE))

    def digest(self) -> str:
        """hex64 over the RFC 8785 form of both, and of contracts: layout, comments and key order do not matter."""
        contracts = {"contracts": self.contracts} if self.contracts else {}
        return digest_of({"catalogue": self.catalogue, "gate_map": self.gate_map, **contracts})


def pack_folder(folder: str) -> Traversable:
    """The folder that ``builtin`` or a path means."""
    return shipped("config") / "interface_pack" if folder == BUILTIN else Path(folder)


def load_pack(folder: str) -> InterfacePack:
    """The pack as the core's values. Raises `BadInput(PACK_INVALID)` naming file and place."""
    path = pack_folder(folder)
    documents = read_pack(path)
    for name, what in documents.unknown_keys():
        raise bad(str(path / name), what)
    return InterfacePack(
        outputs=_by_id(documents.outputs, output_spec, "output_id", path / OUTPUTS),
        gates=_by_id(documents.gates, gate_spec, "gate_id", path / GATES),
        digest=documents.digest(),
        contracts=documents.contracts,
    )


def read_pack(folder: Traversable) -> PackDocuments:
    """The pack's documents, each with its list of entries. Raises `BadInput(PACK_INVALID)`."""
    return PackDocuments(
        gate_map=_read(folder / GATES, "gates"),
        catalogue=_read(folder / OUTPUTS, "outputs"),
        contracts=read_contracts(folder),
    )


def entry_at(file: str, at: int) -> str:
    """How the entry with index `at` of a file is named to people."""
    return f"{file} entry {at + 1}"


def _read(path: Traversable, key: str) -> dict[str, Any]:
    document = read_yaml_file(path)
    if not isinstance(document, dict) or not isinstance(document.get(key), list):
        raise bad(str(path), f"it has no list {key!r}")
    stripped: dict[str, Any] = _strip(document)
    return stripped


def _strip(node: Any) -> Any:
    if isinstance(node, str):
        return node.strip()
    if isinstance(node, dict):
        return {key: _strip(value) for key, value in node.items()}
    return [_strip(one) for one in node] if isinstance(node, list) else node


def _by_id(nodes: Sequence[Any], make: Callable[[Any, str], _Spec], key: str, path: Traversable) -> dict[str, _Spec]:
    made: dict[str, _Spec] = {}
    for at, node in enumerate(nodes):
        where = entry_at(str(path), at)
        only_known(node, key, where)
        spec = make(node, where)
        if node[key] in made:
            raise bad(where, f"the {key} {node[key]!r} stands twice")
        made[node[key]] = spec
    return made
