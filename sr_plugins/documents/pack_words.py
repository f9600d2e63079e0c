"""The words that an interface pack may have: every key with its meaning. Another is a mistake, or begins with ``x-``.

Of the keys that SR does not read, those of the shipped pack and of engines' own packs are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_ports.compared import Compared

FREE = "x-"
"""Keys that begin so are nobody's: for whatever an owner notes."""


@attrs.frozen(eq=False, repr=False)
class Word(Compared):
    """A key of a pack. `read`: whether SR reads it. `needed`: whether it must be there. `values`: what it may be."""

    meaning: str
    values: str = "text"
    needed: bool = False
    read: bool = True


def _note(meaning: str, values: str = "text") -> Word:
    return Word(meaning, values, read=False)


GATE_MAP: Mapping[str, Word] = {
    "version": _note("the version of the document's form"),
    "gates": Word("the gates, one an entry", "a list", needed=True),
    "compatibility_notes": _note("what the owner says of the entries", "a list"),
}
CATALOGUE: Mapping[str, Word] = {
    "version": _note("the version of the document's form"),
    "outputs": Word("the outputs, one an entry", "a list", needed=True),
    "compatibility_notes": _note("what the owner says of the entries", "a list"),
}
GATE: Mapping[str, Word] = {
    "gate_id": Word("its name, in receipts too", "letters, digits, `_`, `.`, `-`", needed=True),
    "passed_flag_path_template": Word("the flag that the engine writes last", "the path of a file", needed=True),
    "bundle_root_template": Word("the folder that the flag vouches for", "the path of a folder", needed=True),
    "index_path_template": Word("the list of the bundle's files, where the law reads one", "the path of a file"),
    "verification_method": Word("the law that proves it, and its settings", "a mapping", needed=True),
    "scope": Word("what a passed flag is of; `fingerprint` where left out", "`fingerprint`, or pins joined by `_`"),
    "authorizes_outputs": Word("the outputs that may be read once it passed", "a list of output ids"),
    "upstream_gate_dependencies": Word("the gates that must pass as well", "a list of gate ids"),
    "index_schema_ref": Word("the contract of the index, held against the pack's own", "a ref"),
    "receipt_schema_ref": Word("the contract of the flag, held against the pack's own", "a ref"),
    "segment": _note("the part of the engine that it belongs to"),
    "input_set_authority": _note("what says which files the bundle has"),
    "receipts_emitted": _note("the receipts that the engine writes beside the flag", "a list"),
    "required_by_components": _note("who reads it", "a list"),
    "description": _note("for people"),
}
METHOD: Mapping[str, Word] = {
    "kind": Word("the law", "the kind of a law that a plugin provides", needed=True),
    "digest_field": Word("the name of the digest in the flag; `sha256_hex` where left out"),
    "ordering": Word("in what order files are hashed", "`ascii_lex` (default), `index_order`, `members_array_order`"),
    "path_base": Word("what paths of the index are relative to", "`bundle_root` (default), `run_root`"),
    "exclude_filenames": Word("base names that the law leaves out, compared whole", "a list of names"),
}
OUTPUT: Mapping[str, Word] = {
    "output_id": Word("its name", "letters, digits, `_`, `.`, `-`", needed=True),
    "path_template": Word("where its files lie: a file, a folder (ends in `/`) or a glob", "a path", needed=True),
    "scope": Word(
        "for which pins the same bytes are expected again: another run of the same scope with other bytes is drift",
        "`scope_manifest_fingerprint`, `scope_` and pins joined by `_`, or `scope_global`",
        needed=True,
    ),
    "partitions": Word("the pins that its locator says", "a list of pins"),
    "read_requires_gates": Word("the gates that must pass before it may be read", "a list of gate ids"),
    "availability": Word("whether a run can be READY without it", "`required` (default) or `optional`"),
    "schema_ref": Word("the contract of its rows, held against the pack's own", "a ref"),
    "dictionary_ref": Word("its entry in a data dictionary, held against the pack's own", "a ref"),
    "class": _note("what kind of output it is"),
    "exposure": _note("who may see it"),
    "owner_segment": _note("the part of the engine that writes it"),
    "primary_key": _note("the columns that identify a row", "a list"),
    "join_keys": _note("the columns that it is joined by", "a list"),
    "immutability": _note("whether it is ever written again", "a mapping"),
    "description": _note("for people"),
}


def unknown(node: Any, words: Mapping[str, Word]) -> Iterator[str]:
    """What is wrong with each key of a mapping that is no word, in a clause with the nearest one."""
    if not isinstance(node, dict):
        return
    for key in node:
        name = str(key)
        if name in words or name.startswith(FREE):
            continue
        import difflib

        near = difflib.get_close_matches(name, words, 1)
        may = f"it may have {', '.join(words)}, and keys that begin with {FREE}"
        yield f"unknown key {name[:60]!r}; {f'did you mean {near[0]}?' if near else may}"
