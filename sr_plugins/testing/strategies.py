"""Hypothesis strategies: requests, interface packs, bundles and indexes, sound ones and ones with one thing wrong.

What `requests`, `packs`, `bundles` and `indexes` give, Scenario Runner takes; what their ``near_`` siblings give it
refuses: each is a sound one in which one thing was changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from sr_plugins.testing.world import DAY, GATES, OUTPUTS
from sr_ports import IndexEntry, Ordering, VerificationMethod
from sr_ports.conformance.bundles import MemoryBundle

Document = dict[str, Any]
Change = Callable[[Document], object]

HEX: Final = st.text("0123456789abcdef", min_size=64, max_size=64)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
NAMES: Final = st.builds(str.__add__, st.sampled_from(_LETTERS), st.text(f"{_LETTERS}0123456789_-", max_size=30))
PATHS: Final = st.lists(
    st.from_regex(r"[A-Za-z0-9_=][A-Za-z0-9_.=-]{0,8}", fullmatch=True), min_size=1, max_size=3
).map("/".join)
ZONES: Final = ("UTC", "Europe/London", "Asia/Kolkata", "America/New_York")
DAYS: Final = tuple(f"2026-01-{day:02}T00:00:00Z" for day in range(1, 29))
LISTS: Final = ("files", "entries", "items", "members")
"""Names under which an index may have its list."""


# requests


@st.composite
def requests(draw: st.DrawFn, /, **fixed: Any) -> Document:
    """Requests as documents. `fixed`: fields that every one has as they are given."""
    start, end = sorted(draw(st.lists(st.integers(0, len(DAYS) - 1), min_size=2, max_size=2, unique=True)))
    names = st.lists(NAMES, min_size=1, max_size=3, unique=True)
    document = {
        "run_equivalence_key": draw(NAMES),
        "manifest_fingerprint": draw(HEX),
        "parameter_hash": draw(HEX),
        "seed": draw(st.integers(0, 2**64 - 1)),
        "scenario": draw(NAMES.map(_one_scenario) | names.map(_scenarios)),
        "window": {
            "window_start_utc": DAYS[start],
            "window_end_utc": DAYS[end],
            "window_tz": draw(st.sampled_from(ZONES)),
        },
    }
    more = {
        "output_ids": names,
        "request_id": NAMES,
        "requested_strategy": st.sampled_from(["AUTO", "FORCE_INVOKE", "FORCE_REUSE"]),
        "notes": NAMES,
    }
    chosen = draw(st.sets(st.sampled_from(sorted(more))))
    return {**document, **{name: draw(more[name]) for name in sorted(chosen)}, **fixed}


def _one_scenario(name: str) -> Document:
    return {"scenario_id": name}


def _scenarios(names: Sequence[str]) -> Document:
    return {"scenario_set": list(names)}


def _set(*path: str, value: Any) -> Change:
    def change(document: Document) -> None:
        node = document
        for name in path[:-1]:
            node = node[name]
        node[path[-1]] = value

    return change


def _without(*path: str) -> Change:
    def change(document: Document) -> None:
        node = document
        for name in path[:-1]:
            node = node[name]
        del node[path[-1]]

    return change


_WRONG_REQUESTS: Sequence[Change] = (
    *map(_without, ("run_equivalence_key", "manifest_fingerprint", "parameter_hash", "seed", "scenario", "window")),
    _without("window", "window_tz"),
    _set("manifest_fingerprint", value="a" * 63),
    _set("parameter_hash", value="g" * 64),
    _set("seed", value=-1),
    _set("seed", value=2**64),
    _set("seed", value="7"),
    _set("run_equivalence_key", value=""),
    _set("scenario", value={}),
    _set("scenario", value={"scenario_id": "a", "scenario_set": ["a"]}),
    _set("scenario", value={"scenario_id": "a/b"}),
    _set("scenario", value={"scenario_set": []}),
    _set("window", "window_tz", value="Europe/Atlantis"),
    _set("window", "window_start_utc", value="yesterday"),
    _set("window", "window_end_utc", value="2025-01-01T00:00:00Z"),
    _set("output_ids", value=[]),
    _set("requested_strategy", value="force_reuse"),
    _set("supersedes", value="a" * 31),
    _set("unknown_field", value=1),
)


def near_requests() -> st.SearchStrategy[Document]:
    """Requests with one thing wrong: `BadInput(REQUEST_INVALID)`."""
    return st.builds(_changed, requests(), st.sampled_from(_WRONG_REQUESTS))


def _changed(document: Document, change: Change) -> Document:
    copy: Document = json.loads(json.dumps(document))
    change(copy)
    return copy


# interface packs


@attrs.frozen
class Pack:
    """Both documents of an interface pack."""

    gate_map: Document
    catalogue: Document

    def write(self, folder: Path) -> str:
        """The pack as files below `folder`; its path, as `sr_plugins.load_pack` and profiles take it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "engine_gates.map.yaml").write_text(json.dumps(self.gate_map), "utf-8")  # JSON is YAML
        (folder / "engine_outputs.catalogue.yaml").write_text(json.dumps(self.catalogue), "utf-8")
        return str(folder)


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    """Packs of one to four outputs behind one to three gates, each output authorised by one of them."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    gates = draw(st.lists(NAMES.map("gate.{}".format), min_size=1, max_size=3, unique=True))
    behind = {name: draw(st.sampled_from(gates)) for name in names}
    return Pack(
        {"version": "1.0", "gates": [_gate(draw, gate, gates[:at], behind) for at, gate in enumerate(gates)]},
        {"version": "1.0", "outputs": [_output(draw, name, gate) for name, gate in behind.items()]},
    )


def _gate(draw: st.DrawFn, gate: str, earlier: Sequence[str], behind: Mapping[str, str]) -> Document:
    folder = f"gates/{gate}/"
    kind = draw(st.sampled_from(["sha256_bundle_digest", "sha256_member_digest_concat", "sha256_part_list"]))
    return {
        **GATES["gates"][0],
        "gate_id": gate,
        "passed_flag_path_template": f"{folder}_passed.flag",
        "bundle_root_template": folder,
        "index_path_template": f"{folder}index.json",
        "verification_method": {"kind": kind, "exclude_filenames": ["_passed.flag"]},
        "authorizes_outputs": [name for name, of in behind.items() if of == gate],
        "upstream_gate_dependencies": draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else [],
    }


def _output(draw: st.DrawFn, name: str, gate: str) -> Document:
    of_day = draw(st.booleans())
    return {
        **OUTPUTS["outputs"][0 if of_day else 1],
        "output_id": name,
        "path_template": f"data/{name}/utc_day={{utc_day}}/*.csv"
        if of_day
        else f"data/{name}/{{manifest_fingerprint}}.csv",
        "read_requires_gates": [gate],
    }


_WRONG_GATES: Sequence[Change] = (
    _without("gate_id"),
    _without("passed_flag_path_template"),
    _without("verification_method"),
    _set("gate_id", value="a gate"),
    _set("authorizes_outputs", value="orders"),
    _set("verification_method", "kind", value=7),
    _set("verification_method", "exclude_filename", value="_passed.flag"),
    _set("gate_idd", value="gate"),
)


def near_packs() -> st.SearchStrategy[Pack]:
    """Packs with one thing wrong in their first gate: `BadInput(PACK_INVALID)` when they are loaded."""
    return st.builds(_with_wrong_gate, packs(), st.sampled_from(_WRONG_GATES))


def _with_wrong_gate(pack: Pack, change: Change) -> Pack:
    first, *others = pack.gate_map["gates"]
    return attrs.evolve(pack, gate_map={**pack.gate_map, "gates": [_changed(first, change), *others]})


# bundles and indexes


def contents() -> st.SearchStrategy[dict[str, bytes]]:
    """Files of a bundle by path; none lies where another needs a folder."""
    return st.dictionaries(PATHS, st.binary(max_size=40), min_size=1, max_size=5).map(_without_folders)


def _without_folders(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if not any(other.startswith(f"{path}/") for other in files)}


@st.composite
def bundles(draw: st.DrawFn, kind: str = "any") -> MemoryBundle:
    """The views that a law sees: files, an index that lists some of them in some order, a flag that it leaves out.

    `kind`: the law's, as the gate map has it.
    """
    files = draw(contents())
    listed = draw(st.permutations(sorted(files)))[: draw(st.integers(1, len(files)))]
    claims = draw(st.booleans())
    entries = tuple(IndexEntry(path, _sha(files[path]) if claims else None) for path in listed)
    orderings: tuple[Ordering, ...] = ("ascii_lex", "index_order")
    ordering = draw(st.sampled_from(orderings))
    method = VerificationMethod(kind, ordering=ordering, exclude_filenames=("_passed.flag",))
    return MemoryBundle({**files, "_passed.flag": b"not to be read"}, entries, method, flag="_passed.flag")


def near_bundles(kind: str = "any") -> st.SearchStrategy[MemoryBundle]:
    """Views whose index lists a file that is not there: reading it raises `EvidenceFault`."""
    return st.builds(_with_an_absent_member, bundles(kind), st.integers(0, 5))


def _with_an_absent_member(bundle: MemoryBundle, at: int) -> MemoryBundle:
    entry = IndexEntry("absent/file.bin", "0" * 64)
    return attrs.evolve(bundle, entries=(*bundle.entries[:at], entry, *bundle.entries[at:]))


def indexes(paths: st.SearchStrategy[list[str]] | None = None) -> st.SearchStrategy[tuple[bytes, list[str]]]:
    """An index as its file's bytes, in each shape that is taken, and the paths that it lists, in its order."""
    listed = paths or st.lists(PATHS, min_size=1, max_size=6, unique=True)
    return st.builds(_index, listed, st.sampled_from([None, *LISTS]), st.booleans(), st.booleans())


def _index(paths: list[str], under: str | None, plain: bool, spaced: bool) -> tuple[bytes, list[str]]:
    members: list[Any] = list(paths) if plain else [{"path": path, "sha256_hex": "0" * 64} for path in paths]
    node = members if under is None else {"note": DAY, under: members}
    return json.dumps(node, indent=2 if spaced else None).encode(), paths


def _spoilt(index: tuple[bytes, list[str]], how: str) -> bytes:
    data = index[0]
    spoilt: Mapping[str, bytes] = {
        "no JSON": b"<index/>",
        "more than JSON": data + b" {}",
        "nothing listed": b'{"files": []}',
        "no list": b'{"note": "2026-01-01"}',
        "a number": b"7",
        "leads out": b'["../outside.csv"]',
        "absolute": b'["/etc/passwd"]',
        "not text": b"\xff\xfe" + data,
    }
    return spoilt[how]


def near_indexes() -> st.SearchStrategy[bytes]:
    """The bytes of an index with one thing wrong: reading it raises `EvidenceFault`."""
    kinds = ["no JSON", "more than JSON", "nothing listed", "no list", "a number", "leads out", "absolute",
             "not text"]  # fmt: skip
    return st.builds(_spoilt, indexes(), st.sampled_from(kinds))


def _sha(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
