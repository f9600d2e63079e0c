"""Strict YAML and JSON from outside: requests, profiles, policies, packs (spec: wire).

YAML is read as JSON with comments: only ``true``, ``false``, ``null`` and decimal numbers
are typed. An unquoted time stays text, ``no`` is not false, ``012`` is not ten.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from sr_domain.strict_json import check_depth, strict_loads
from sr_ports import BadInput, ReasonCode

MAX_BYTES = 16 << 20
MAX_DEPTH = 64
MAX_NODES = 2_000_000

try:
    from yaml import CSafeLoader as _Base
except ImportError:  # PyYAML without libyaml: slower, the same otherwise
    from yaml import SafeLoader as _Base  # type: ignore[assignment]


class _Loader(_Base):
    """Safe loading with JSON's scalars, string keys, and no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own protocol

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        made: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} is not text", problem_mark=key_node.start_mark)
            if key in made:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            made[key] = self.construct_object(value_node, deep=deep)
        return made


def _yaml_int(loader: Any, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _yaml_float(loader: Any, node: yaml.ScalarNode) -> float:
    value = float(node.value)
    if value in (float("inf"), float("-inf")):
        raise yaml.MarkedYAMLError(problem="a number out of range", problem_mark=node.start_mark)
    return value


def _refuse(loader: Any, node: yaml.Node) -> Any:
    raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not allowed", problem_mark=node.start_mark)


_T = "tag:yaml.org,2002:"
for tag, pattern, first in (
    ("bool", r"(?:true|false)", "tf"),
    ("null", r"(?:null|~|)", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Loader.add_implicit_resolver(_T + tag, re.compile(rf"^(?:{pattern})\Z"), list(first))
_Loader.add_constructor(_T + "int", _yaml_int)
_Loader.add_constructor(_T + "float", _yaml_float)
for tag in ("binary", "timestamp", "omap", "pairs", "set", "merge"):
    _Loader.add_constructor(_T + tag, _refuse)
_Loader.add_constructor(None, _refuse)


def load_yaml(data: bytes, *, what: str, max_bytes: int = MAX_BYTES) -> Any:
    """The one YAML document in `data`. Raises `BadInput(DOCUMENT_INVALID)` naming place and fault."""
    if len(data) > max_bytes:
        raise _bad(what, f"larger than {max_bytes} bytes")
    try:
        data.decode("utf-8")
        loader = _Loader(data)
        try:
            value = loader.get_single_data()
        finally:
            loader.dispose()
        check_depth(value, MAX_DEPTH)
        if b"*" in data:
            _count(value)
    except UnicodeError as error:
        raise _bad(what, "not valid UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1} column {mark.column + 1}: " if mark else ""
        raise _bad(what, f"{place}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _bad(
            what, f"nested deeper than {MAX_DEPTH}" if isinstance(error, RecursionError) else str(error)
        ) from error
    return value


def _count(value: Any) -> None:
    """Refuse aliases that blow up: count nodes as if every alias were written out."""
    level, total = [value], 0
    while level:
        total += len(level)
        if total > MAX_NODES:
            raise ValueError(f"aliases expand to more than {MAX_NODES} nodes")
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]


def load_json(data: bytes, *, what: str, max_bytes: int = MAX_BYTES) -> Any:
    """The JSON value in `data`, by the core's own strict rules."""
    return strict_loads(data, what=what, max_bytes=max_bytes)


def load_document(data: bytes, *, what: str, max_bytes: int = MAX_BYTES) -> Any:
    """JSON where it begins like a JSON object or list, else YAML."""
    start = data.lstrip()[:1]
    if start in (b"{", b"["):
        return load_json(data, what=what, max_bytes=max_bytes)
    return load_yaml(data, what=what, max_bytes=max_bytes)


def _bad(what: str, fault: str) -> BadInput:
    return BadInput(ReasonCode.DOCUMENT_INVALID, f"{what}: {fault}")
