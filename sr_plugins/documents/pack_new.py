"""New packs, and new entries of packs: text for people, with what each key means beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from sr_plugins.documents.files import read_config, replace_file
from sr_plugins.documents.pack import GATES, OUTPUTS, read_pack
from sr_plugins.documents.pack_check import output_faults
from sr_plugins.documents.pack_words import GATE, METHOD, OUTPUT, Word
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, ReasonCode

_SEAL = "_sr/{manifest_fingerprint}/"
_GATE = "gate.data"


def new_pack(folder: Path, outputs: Iterable[tuple[str, str]] = ()) -> tuple[Path, Path]:
    """Write a commented pack of one gate over these outputs, ids with templates; its two files.

    Raises `BadInput(PACK_INVALID)` where one of them is there already, or cannot be written.
    """
    gates, catalogue = folder / GATES, folder / OUTPUTS
    named = list(outputs)
    for path, text in ((gates, _gate_map([one for one, _ in named])), (catalogue, _catalogue(named))):
        _create(path, text)
    return gates, catalogue


def add_output(folder: Path, output_id: str, template: str, gate_id: str | None) -> Path:
    """Add an output to a pack's catalogue; the file. `gate_id`: what it requires, None for the pack's only gate.

    Raises `BadInput(PACK_INVALID)` and leaves the file as it was.
    """
    documents, path = read_pack(folder), folder / OUTPUTS
    gates = [str(one.get("gate_id")) for one in documents.gates if isinstance(one, dict)]
    if gate_id is None and len(gates) != 1:
        raise _refused(
            f"{folder} has {len(gates)} gates", f"say which with --gate: {', '.join(gates[:9]) or 'none yet'}"
        )
    if gate_id is not None and gate_id not in gates:
        raise _refused(f"{folder} has no gate {gate_id!r}", f"it has {', '.join(gates[:9])}")
    if any(isinstance(one, dict) and one.get("output_id") == output_id for one in documents.outputs):
        raise _refused(f"{path} has output {output_id!r} already", "give another id, or change the entry")
    text = read_config(path, ReasonCode.PACK_INVALID, "interface pack file").decode()
    entry = _entry(output_id, template, gate_id or gates[0])
    _check_entry(entry, gates)
    made = _appended(text, entry)
    whole = load_yaml(made.encode(), what=str(path))
    ids = [one.get("output_id") for one in whole["outputs"]] if isinstance(whole, dict) else []
    if ids != [*(one.get("output_id") for one in documents.outputs), output_id]:
        raise _refused(f"{path} does not end with its list of outputs", f"add it by hand: {json.dumps(output_id)}")
    replace_file(path, made.encode())
    return path


def _check_entry(entry: str, gates: list[str]) -> None:
    """Refuse what the next check of the pack would find fault with."""
    (node,) = load_yaml(entry.encode(), what="the new entry")
    for one in output_faults(node, gates):
        raise _refused(f"output {one.where!r}: {one.what}", _MEND.get(one.code, "give another TEMPLATE"))


_MEND = {
    "LOCATOR_SCHEMA_INVALID": "give another ID",
    "BAD_TEMPLATE": "give a path below the engine root, as data/orders/*.csv",
    "UNRESOLVED_PATH_TOKEN": "name a day as {utc_day}, and pins by their names",
}


def _refused(what: str, remedy: str) -> BadInput:
    return BadInput(ReasonCode.PACK_INVALID, what, remedy)


def _appended(text: str, entry: str) -> str:
    if text.rstrip().endswith("outputs: []"):
        return text.rstrip().removesuffix(" []") + "\n" + entry
    return text.rstrip("\n") + "\n" + entry


def _create(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise _refused(f"{path} is there already", "give another name, or change it") from error
    except OSError as error:
        raise _refused(f"{path} cannot be written: {error.strerror}", "choose another folder") from error


def _gate_map(outputs: list[str]) -> str:
    named = "\n".join(f"      - {json.dumps(one)}" for one in outputs)
    keys = {
        "gate_id": _GATE,
        "scope": "fingerprint",
        "bundle_root_template": json.dumps(_SEAL),
        "index_path_template": json.dumps(_SEAL + "index.json"),
        "passed_flag_path_template": json.dumps(_SEAL + "_passed.flag"),
        "upstream_gate_dependencies": "[]",
    }
    method = {
        "kind": "sha256_part_list",
        "path_base": "run_root",
    }
    return "".join(
        [
            "# What vouches for the outputs, and how. A key that begins with x- is yours.\n",
            'version: "1"\ngates:\n',
            _listed(keys, GATE),
            f"    # {GATE['verification_method'].meaning}\n    verification_method:\n",
            *(_line(key, value, METHOD, "      ") for key, value in method.items()),
            f"    # {GATE['authorizes_outputs'].meaning}: {GATE['authorizes_outputs'].values}\n",
            f"    authorizes_outputs:\n{named}\n" if outputs else "    authorizes_outputs: []\n",
        ]
    )


def _catalogue(outputs: Iterable[tuple[str, str]]) -> str:
    entries = "".join(_entry(output_id, template, _GATE) for output_id, template in outputs)
    head = "# Which files make up which output. A key that begins with x- is yours.\n"
    pins = (
        "# Tokens: {manifest_fingerprint} {parameter_hash} {seed} {scenario_id} {run_id}, and {utc_day} for each day,\n"
        "# as 2026-01-31; spelt otherwise: {utc_y}{utc_m}{utc_d}, {utc_y}/{utc_m}/{utc_d}.\n"
    )
    listed = f"outputs:\n{entries}" if entries else "outputs: []\n"
    return f'{head}{pins}version: "1"\n{listed}'


def _entry(output_id: str, template: str, gate_id: str) -> str:
    return _listed(
        {
            "output_id": json.dumps(output_id),
            "path_template": json.dumps(template, ensure_ascii=False),
            "scope": "scope_manifest_fingerprint",
            "partitions": "[manifest_fingerprint]",
            "availability": "required",
            "read_requires_gates": f"[{json.dumps(gate_id)}]",
        },
        OUTPUT,
    )


def _listed(keys: Mapping[str, str], words: Mapping[str, Word]) -> str:
    """An entry of a list: its first key behind the dash."""
    first, *rest = (_line(key, value, words, "    ") for key, value in keys.items())
    comment, line, _ = first.split("\n")
    return "".join([f"{comment[2:]}\n", f"  - {line.strip()}\n", *rest])


def _line(key: str, value: str, words: Mapping[str, Word], margin: str) -> str:
    word = words[key]
    may = "" if word.values == "text" else f" ({word.values})"
    return f"{margin}# {word.meaning}{may}\n{margin}{key}: {value}\n"
