"""The OpenAPI document (3.1): operations as they are routed, shapes as the contracts say. Nothing is declared twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from sr_adapters.http.operations import Operation, Working
from sr_adapters.http.outcomes import ACCEPTED, CREATED
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml
from sr_plugins.release import release

_SUFFIX = ".schema.yaml"
_REVISED = "revision_2"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}
_RUN = {
    "name": "run",
    "in": "path",
    "required": True,
    "description": "A run: its id, six characters of it or more, or key:KEY.",
    "schema": {"type": "string", "pattern": "^([0-9a-f]{6,32}|key:[^/]{1,512})$"},
}
_AGAIN = {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 0}}
_WHERE = {"description": "Where the run is to be looked at.", "schema": {"type": "string"}}
_TAG = {"description": "Of exactly these bytes; the document never changes.", "schema": {"type": "string"}}
_LAST = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that was seen.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32,64}$"},
}


def openapi(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    schemas = dict(_schemas())
    used = {"problem"}
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, used)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Scenario Runner",
            "summary": "The run-readiness authority of a data platform.",
            "version": release(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: schemas[name] for name in sorted(_reached(used, schemas))},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation, used: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.text,
        "parameters": [*([_RUN] if one.names_run else []), *_queries(one), *([_LAST] if one.name == "events" else [])],
        "responses": {str(status): _answer(one, status, used) for status in statuses(one)},
        "security": [] if one.action is None else [{"bearer": []}, {}],
    }
    if one.body:
        bodies = [name for name in (one.body, one.other_body) if name]
        content = {"application/json": {"schema": _any(bodies, used)}}
        told["requestBody"] = {"required": one.body_needed, "content": content}
    return told


def _queries(one: Operation) -> Iterator[dict[str, Any]]:
    for parameter in one.parameters:
        yield {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "description": parameter.text,
            "schema": dict(parameter.schema),
        }


def statuses(one: Operation) -> list[int]:
    """Every status that an operation answers with."""
    found = {*one.statuses, *one.errors}
    if one.action is None:
        return sorted(found)
    found |= {400, 401, 403, 408, 422, 429, 431}
    found |= {500, 503} if one.asks else set()
    found |= {404} if one.names_run else set()
    found |= {413, 415} if one.body else set()
    found |= {304} if one.kept else set()
    return sorted(found)


def _answer(one: Operation, status: int, used: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    headers: dict[str, Any] = {}
    if status in one.statuses and status != HTTPStatus.NO_CONTENT:
        contracts = [name for name in (one.contract, one.other_contract) if name]
        schema = _any(contracts, used) if contracts and one.media == "application/json" else {"type": "string"}
        told["content"] = {one.media: {"schema": schema}}
    elif status >= HTTPStatus.BAD_REQUEST:
        told["content"] = _PROBLEM
    if status in (429, 503) and one.action is not None:
        headers["Retry-After"] = _AGAIN
    if isinstance(one, Working) and status in (CREATED, ACCEPTED):
        headers["Location"] = _WHERE
        told["links"] = _links()
    if one.kept and status in (200, 304):
        headers["ETag"] = _TAG
    return {**told, **({"headers": headers} if headers else {})}


def _links() -> dict[str, Any]:
    """Where to go on from a run that was taken on."""
    about = ("status", "record", "explain", "resume")
    return {name: {"operationId": name, "parameters": {"run": "$response.body#/run_id"}} for name in about}


def _any(contracts: Sequence[str], used: set[str]) -> dict[str, Any]:
    used.update(contracts)
    named = [{"$ref": f"#/components/schemas/{name}"} for name in contracts]
    return named[0] if len(named) == 1 else {"anyOf": named}


def _schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every contract and every shape that several share, by the name that it has in the document.

    Of a contract that a revision changed either shape is an answer: runs keep that of their day.
    """
    folder = shipped("contracts")
    latest = {one.name for one in (folder / _REVISED).iterdir()}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(_SUFFIX):
            continue
        name = file.name.removesuffix(_SUFFIX)
        texts = [file] if file.name not in latest else [folder / _REVISED / file.name, file]
        read = [load_yaml(text.read_bytes(), what=file.name) for text in texts]
        for key, node in read[-1].get("definitions", {}).items():
            yield f"{name}.{key}", _rewritten(node, name)
        shapes = [_rewritten(one, name) for one in read if "type" in one]
        if shapes:
            yield name, shapes[0] if len(shapes) == 1 else {"anyOf": shapes}


def _rewritten(node: Any, here: str) -> Any:
    """A contract with references as the document has them."""
    if isinstance(node, list):
        return [_rewritten(one, here) for one in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        name = file.rpartition("/")[2].removesuffix(_SUFFIX) or here
        shared = pointer.removeprefix("/definitions/")
        return {"$ref": f"#/components/schemas/{name}{f'.{shared}' if shared else ''}"}
    return {key: _rewritten(value, here) for key, value in node.items() if key not in ("$schema", "definitions")}


def _reached(used: set[str], schemas: Mapping[str, Any]) -> set[str]:
    """The shapes that are used, and those that they refer to."""
    found: set[str] = set()
    left = set(used)
    while left:
        name = left.pop()
        found.add(name)
        left |= {one for one in _refs(schemas[name]) if one not in found}
    return found


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _refs(one)
    elif isinstance(node, dict):
        if "$ref" in node:
            yield str(node["$ref"]).removeprefix("#/components/schemas/")
        for value in node.values():
            yield from _refs(value)
