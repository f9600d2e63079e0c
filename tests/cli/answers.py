"""Holds what commands answer with ``--json`` against the contracts of their answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sr_adapters.answers import CONTRACTS
from sr_domain.encoding.contracts import problem
from tests.domain.contract_samples import schemas

STREAMS = ("--follow", "--watch", "governance")
ARTIFACTS = {"run_facts_view", "quarantine_record", "bus_envelope"}


def contract_of(command: str, args: Sequence[str], document: Any) -> str:
    """The contract that a command's document must fit. `command`: the words of it, without arguments."""
    if "error" in document:
        return CONTRACTS["whatever ends in an error"]
    row = command
    if command == "resume" and "--rebuild-index" in args and not {"--all", "--watch"} & set(args):
        row = "resume --rebuild-index"
    elif command == "resume" and "--watch" not in args and ("--all" in args or _runs(args) > 1):
        row = "resume (several runs)"
    elif command == "recover" and "--store" in args:
        row = "recover --store"
    elif command == "plan" and "--diff" in args:
        row = "plan --diff"
    elif command == "bus tail" and "--follow" in args:
        row = "bus tail --follow"
    return CONTRACTS[row]


def _runs(args: Sequence[str]) -> int:
    return sum(not one.startswith("-") for one in args[args.index("resume") + 1 :])


def documents(args: Sequence[str], out: str) -> list[Any]:
    """The one document on standard output; of a stream, each line's."""
    if set(STREAMS) & set(args):
        return [json.loads(line) for line in out.splitlines()]
    return [json.loads(out)]


def misfits(command: str, args: Sequence[str], out: str) -> list[str]:
    """What is wrong with a command's answer, as its contract has it; empty where nothing was asked in JSON."""
    if "--json" not in args or not out:
        return []
    found = []
    for document in documents(args, out):
        contract = contract_of(command, args, document)
        wrong = problem(contract, document)
        if wrong is not None:
            found.append(f"sr {command}: {contract}: {wrong.what}")
        if contract not in ARTIFACTS and document.get("schema_version") != "1.0":
            found.append(f"sr {command}: {contract}: no schema_version")
    return found


def renamed(contract: str, document: Any) -> Iterator[tuple[str, Any]]:
    """The document with one declared field under another name, for each field it has: where, and the document."""
    for path in _declared(schemas()[contract], document, ()):
        changed = json.loads(json.dumps(document))
        at = changed
        for step in path[:-1]:
            at = at[step]
        at[f"{path[-1]}_renamed"] = at.pop(path[-1])
        yield ".".join(map(str, path)), changed


def _declared(schema: Any, node: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(node, dict):
        for name, part in schema.get("properties", {}).items():
            if name in node:
                yield (*path, name)
                yield from _declared(part, node[name], (*path, name))
    elif isinstance(node, list):
        for at, one in enumerate(node[:3]):
            yield from _declared(schema.get("items", {}), one, (*path, at))
