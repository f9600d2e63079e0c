"""JSON Schemas that come with an interface pack: brought into one self-contained form, or refused.

Taken are draft-07 (also where no draft is named) and 2020-12, as far as they are understood: what only annotates
is dropped, every word that is known becomes its draft-07 form, references are written out, and any other word is
refused, since a rule that nobody keeps is worse than none. ``format`` annotates, as 2020-12 has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from sr_ports.compared import Compared

DRAFTS = {"http://json-schema.org/draft-07/schema": 7, "https://json-schema.org/draft/2020-12/schema": 2020}
MAX_NODES, MAX_DEPTH = 10_000, 48
_ANNOTATIONS = frozenset(
    [
        "$schema",
        "$id",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "format",
        "contentEncoding",
        "contentMediaType",
        "definitions",
        "$defs",
    ]
)
_TYPES = frozenset(["null", "boolean", "object", "array", "number", "integer", "string"])
_ONE = frozenset(["not", "if", "then", "else", "contains", "propertyNames", "additionalProperties"])
_SEVERAL = frozenset(["allOf", "anyOf", "oneOf"])
_NAMED = frozenset(["properties", "patternProperties"])
_COUNTS = frozenset(["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"])
_BOUNDS = frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])

Schema = Any
"""A schema in JSON form: a mapping, or true or false."""


class SchemaFault(Exception):
    """A schema that is not taken; its text is one line for people."""


@attrs.frozen(eq=False, repr=False)
class _Place(Compared):
    """Where a schema stands. `draft`: by which words are read. `refs`: those that led here, each once."""

    file: str
    draft: int
    path: str = "#"
    depth: int = 0
    refs: tuple[tuple[str, str], ...] = ()

    def below(self, name: object) -> _Place:
        return attrs.evolve(self, path=f"{self.path}/{name}", depth=self.depth + 1)

    def fault(self, what: str) -> SchemaFault:
        return SchemaFault(f"{self.file} {self.path[:120]}: {what}")


def _no_other(file: str) -> Any:
    raise SchemaFault(f"{file!r} cannot be read from here")


def self_contained(document: Any, file: str, read: Callable[[str], Any] = _no_other) -> Schema:
    """The schema in draft-07 form, without references and annotations; of that form, itself.

    `file`: where it is from; `read`: the document of another file, by the name that a reference has.
    Raises `SchemaFault`, and whatever `read` raises.
    """
    return _Walk(read, {file: document}).schema(document, _Place(file, _draft(document, _Place(file, 7))))


def _draft(document: Any, place: _Place) -> int:
    named = document.get("$schema") if isinstance(document, dict) else None
    if named is None:
        return place.draft
    draft = DRAFTS.get(named.removesuffix("#")) if isinstance(named, str) else None
    if draft is None:
        raise place.fault(f"its $schema is neither of {', '.join(DRAFTS)}")
    return draft


@attrs.define(eq=False, repr=False)
class _Walk:
    read: Callable[[str], Any]
    documents: dict[str, Any]
    nodes: int = 0

    def schema(self, node: Any, place: _Place) -> Schema:
        self.nodes += 1
        if self.nodes > MAX_NODES or place.depth > MAX_DEPTH:
            raise place.fault(f"with its references it has more than {MAX_NODES} schemas or {MAX_DEPTH} levels")
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict) or not all(isinstance(word, str) for word in node):
            raise place.fault("a schema is a mapping of words")
        made: dict[str, Any] = {}
        for word, value in node.items():
            if word not in _ANNOTATIONS | {"$ref"} and not word.startswith("x-"):
                made |= self._word(word, value, place.below(word), node)
        return self._with_ref(node["$ref"], made, place) if "$ref" in node else made

    def _word(self, word: str, value: Any, place: _Place, node: Mapping[str, Any]) -> dict[str, Any]:
        if word in _ONE or (word == "additionalItems" and place.draft == 7):  # noqa: PLR2004
            return {word: self.schema(value, place)}
        if word in _SEVERAL:
            return {word: self._list(value, place)}
        if word in _NAMED:
            return {word: self._named(word, value, place)}
        if word in ("items", "prefixItems"):
            return self._items(word, value, place, node)
        return {word: _plain(word, value, place)}

    def _list(self, value: Any, place: _Place) -> list[Schema]:
        if not isinstance(value, list) or not value:
            raise place.fault("it must be a list of schemas")
        return [self.schema(one, place.below(at)) for at, one in enumerate(value)]

    def _named(self, word: str, value: Any, place: _Place) -> dict[str, Schema]:
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise place.fault("it must be a mapping of schemas")
        patterns = word == "patternProperties"
        names = {name: _pattern(name, place) if patterns else name for name in value}
        return {names[name]: self.schema(one, place.below(name)) for name, one in value.items()}

    def _items(self, word: str, value: Any, place: _Place, node: Mapping[str, Any]) -> dict[str, Any]:
        """Lists: in 2020-12 ``prefixItems`` are what draft-07 has as a list of ``items``, and ``items`` the rest."""
        if place.draft == 7:  # noqa: PLR2004
            if word == "prefixItems":
                raise place.fault("draft-07 has no prefixItems")
            return {"items": self._list(value, place) if isinstance(value, list) else self.schema(value, place)}
        if word == "prefixItems":
            return {"items": self._list(value, place)}
        return {"additionalItems" if "prefixItems" in node else "items": self.schema(value, place)}

    def _with_ref(self, ref: Any, made: dict[str, Any], place: _Place) -> Schema:
        """What a reference leads to, and what stands beside it."""
        if made and place.draft == 7:  # noqa: PLR2004
            raise place.fault(f"draft-07 passes over what stands beside $ref: {', '.join(sorted(made))}")
        if not isinstance(ref, str):
            raise place.fault("$ref must be text")
        file, _, fragment = ref.partition("#")
        name = file or place.file
        if "://" in file or file.startswith(("/", "\\")) or ".." in file.split("/"):
            raise place.fault(f"$ref {ref[:120]!r} leaves the pack")
        if (name, fragment) in place.refs:
            raise place.fault(f"$ref {ref[:120]!r} comes back to itself")
        if name not in self.documents:
            self.documents[name] = self.read(name)
        document = self.documents[name]
        there = _Place(name, place.draft, "#" + fragment, place.depth + 1, (*place.refs, (name, fragment)))
        there = attrs.evolve(there, draft=_draft(document, there))
        target = self.schema(_pointed(document, fragment, there), there)
        return {"allOf": [target, made]} if made else target


def _pointed(document: Any, pointer: str, place: _Place) -> Any:
    """What a JSON pointer (RFC 6901) leads to."""
    node = document
    if pointer and (not pointer.startswith("/") or "%" in pointer):
        raise place.fault("a $ref is a file and a plain JSON pointer: names of anchors are not looked up")
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        else:
            raise place.fault("the $ref leads nowhere")
    return node


def _plain(word: str, value: Any, place: _Place) -> Any:
    """The value of a word that holds no schema."""
    if word == "pattern" and isinstance(value, str):
        return _pattern(value, place)
    if word not in _FITS:
        raise place.fault(f"the word {word[:60]!r} is not understood, and would not be kept")
    if not _FITS[word](value):
        raise place.fault("its value is none that the word may have")
    return value


def _pattern(text: str, place: _Place) -> str:
    """The pattern, a last ``$`` meaning the end and no line end before it."""
    strict = text[:-1] + r"\Z" if text.endswith("$") and not text.endswith(r"\$") else text
    try:
        re.compile(strict)
    except (re.error, OverflowError, RecursionError) as error:
        raise place.fault(f"the pattern {text[:60]!r} is not understood: {error}") from error
    return strict


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_type(value: Any) -> bool:
    named = value if isinstance(value, list) and value else [value]
    return all(isinstance(one, str) and one in _TYPES for one in named)


_REFS = frozenset({"$ref", "$id"})
"""Names that a compiler takes for references wherever they stand."""


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and key not in _REFS and _is_json(one) for key, one in value.items())
    return all(map(_is_json, value)) if isinstance(value, list) else isinstance(value, str | int | float | None)


_FITS: dict[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": lambda value: isinstance(value, list) and bool(value) and _is_json(value),
    "const": _is_json,
    "required": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "uniqueItems": lambda value: isinstance(value, bool),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "pattern": lambda value: False,
    **dict.fromkeys(_COUNTS, _is_count),
    **dict.fromkeys(_BOUNDS - {"multipleOf"}, _is_number),
}
