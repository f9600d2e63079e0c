"""Entries of the gate map and the output catalogue, as the core's values.

Every fault is `BadInput(PACK_INVALID)` naming where it stands; the first of an entry is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from sr_domain.encoding.contracts import unquoted
from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_plugins.documents.pack_words import FREE, GATE, METHOD, OUTPUT, unknown
from sr_ports import BadInput, Params, ReasonCode, VerificationMethod
from sr_ports.laws import Ordering, PathBase
from sr_ports.wanted import pattern_over

_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NO_NAME = re.compile(r"[*?/\\\x00-\x1f\x7f]")

OPTIONAL = "optional"
AVAILABILITIES = ("required", OPTIONAL)
METHOD_KEYS = tuple(METHOD)
WITHOUT_WORDS = frozenset(
    {
        "sha256_bundle_digest",
        "sha256_member_digest_concat",
        "sha256_index_json_ascii_lex_raw_bytes",
        "sha256_part_list",
        "sha256sums_file",
    }
)
"""Laws of SR's own that have no words but `METHOD`'s; what another law reads, its `params_schema` tells."""
_SCOPES = "scope_manifest_fingerprint, scope_ and pins joined by _ (scope_seed_parameter_hash), or scope_global"


def bad(where: str, what: str) -> BadInput:
    """A fault of a pack, and where it is."""
    return BadInput(ReasonCode.PACK_INVALID, f"{where}: {what}")


def unknown_keys(node: Any, identity: str) -> Iterator[str]:
    """What is wrong with the keys of an entry that are no words, each in a clause. `identity`: its ``gate_id`` or
    ``output_id``."""
    if not isinstance(node, dict):
        return
    yield from unknown(node, GATE if identity == "gate_id" else OUTPUT)
    method = node.get("verification_method")
    if isinstance(method, dict) and method.get("kind") in WITHOUT_WORDS:
        yield from (f"verification_method: {one}" for one in unknown(method, METHOD))


def only_known(node: Any, identity: str, where: str) -> None:
    """Raises `BadInput(PACK_INVALID)` for the first key of an entry that is no word."""
    for what in unknown_keys(node, identity):
        raise bad(where, what)


def output_spec(node: Any, where: str) -> OutputSpec:
    """One catalogue entry, text stripped before. An availability that is not known counts as required."""
    output_id, where = _identity(node, "output_id", where)
    return OutputSpec(
        output_id=output_id,
        path_template=_template(node, "path_template", where),
        scope=_scope(node, where),
        partitions=_texts(node, "partitions", where),
        read_requires_gates=_texts(node, "read_requires_gates", where),
        optional=_text(node, "availability", where, "required") == OPTIONAL,
        schema_ref=_maybe(node, "schema_ref", where),
        dictionary_ref=_maybe(node, "dictionary_ref", where),
    )


def gate_spec(node: Any, where: str) -> GateSpec:
    """One gate map entry, text stripped before."""
    gate_id, where = _identity(node, "gate_id", where)
    return GateSpec(
        gate_id=gate_id,
        passed_flag_path_template=_template(node, "passed_flag_path_template", where),
        bundle_root_template=_template(node, "bundle_root_template", where),
        index_path_template=None
        if node.get("index_path_template") is None
        else _template(node, "index_path_template", where),
        method=_method(node.get("verification_method"), where),
        scope=_text(node, "scope", where, "fingerprint"),
        authorizes_outputs=_texts(node, "authorizes_outputs", where),
        upstream_gate_dependencies=_texts(node, "upstream_gate_dependencies", where),
    )


def _scope(node: Mapping[str, Any], where: str) -> str:
    """An output's scope, which has no default: whether other bytes are drift is for its owner to say."""
    if node.get("scope") is None:
        raise bad(where, f"scope is missing: for which pins the same bytes are expected again; give {_SCOPES}")
    return _text(node, "scope", where)


def _identity(node: Any, key: str, where: str) -> tuple[str, str]:
    if not isinstance(node, dict):
        raise bad(where, f"it is not a mapping with {key}")
    name = _text(node, key, where)
    if key == "gate_id" and not _ID.fullmatch(name):
        raise bad(where, f"gate_id {name[:60]!r} may have letters, digits, _ . - alone: receipts name it")
    return name, f"{where} ({name})"


def _text(node: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = node.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not value:
        told = f"; {unquoted(value)}" if isinstance(value, bool | int | float) else ""
        raise bad(where, f"{key} must be text{told}")
    return value


def _template(node: Mapping[str, Any], key: str, where: str) -> str:
    text = _text(node, key, where)
    bound = pattern_over(text)
    if bound is not None:
        raise BadInput(ReasonCode.PATTERN_TOO_LONG, f"{where}: {key} {text[:60]!r}...: {bound}")
    return text


def _maybe(node: Mapping[str, Any], key: str, where: str) -> str | None:
    return None if node.get(key) is None else _text(node, key, where)


def _texts(node: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = node.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        odd = [one for one in value if isinstance(one, bool | int | float)] if isinstance(value, list) else []
        raise bad(where, f"{key} must be a list of text{f'; {unquoted(odd[0])}' if odd else ''}")
    return tuple(value)


def _method(node: Any, where: str) -> VerificationMethod:
    if not isinstance(node, dict):
        raise bad(where, "verification_method must be a mapping")
    where = f"{where} verification_method"
    return VerificationMethod(
        kind=_text(node, "kind", where),
        digest_field=_text(node, "digest_field", where, "sha256_hex"),
        ordering=_one_of(node, "ordering", get_args(Ordering), where),
        path_base=_one_of(node, "path_base", get_args(PathBase), where),
        exclude_filenames=_base_names(node, "exclude_filenames", where),
        params=_params(node, where),
    )


def _params(node: Mapping[str, Any], where: str) -> Params:
    """The keys that are the law's own: all but SR's, and those that begin with ``x-``, which are nobody's."""
    try:
        own = (key for key in node if key not in METHOD_KEYS and not str(key).startswith(FREE))
        return Params({key: node[key] for key in own})
    except TypeError as error:
        raise bad(where, f"a key of the law's own is not as JSON has it: {error}") from error


def _base_names(node: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Names of files without their folders, compared whole: one that is meant as a pattern would match nothing."""
    names = _texts(node, key, where)
    for name in names:
        if name in (".", "..") or _NO_NAME.search(name):
            what = (
                f"{key} has {name[:60]!r}, which matches nothing: names are compared whole, without folder or wildcard"
            )
            raise bad(where, what)
    return names


def _one_of(node: Mapping[str, Any], key: str, words: tuple[Any, ...], where: str) -> Any:
    """The word, one of `words`; the first of them when none is given."""
    value = _text(node, key, where, words[0])
    if value not in words:
        raise bad(where, f"{key} must be one of {', '.join(words)}, not {value!r}")
    return value
