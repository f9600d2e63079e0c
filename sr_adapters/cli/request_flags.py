"""A request on the command line: a file, flags in its place, or flags over a file's fields."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from sr_adapters.cli.documents import read_request
from sr_adapters.cli.session import REQUEST
from sr_ports import BadInput, ReasonCode

_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("--run-equivalence-key", "The key that one run has for ever.", str),
    ("--manifest-fingerprint", "Which sealed world: 64 hex.", str),
    ("--parameter-hash", "What it was made with: 64 hex.", str),
    ("--seed", "Which random world.", click.IntRange(0, 2**64 - 1)),
    ("--scenario-id", "Which scenario.", str),
    ("--window-start", "Where the window begins, a time in UTC.", str),
    ("--window-end", "Where it ends; the end is not in it.", str),
    ("--window-tz", "Whose days they are; default: UTC.", str),
    ("--supersedes", "The READY run that this one corrects.", str),
    ("--engine-run-root", "Where the engine's outputs are: a folder or an s3:// URI.", str),
)
_METAVARS = {"--engine-run-root": "R", "--supersedes": "RUN", "--seed": "N", "--run-equivalence-key": "KEY"}
_LISTED = (
    click.option("--output", "outputs", multiple=True, metavar="ID", help="An output to prove; may be given again."),
    click.option(
        "--strategy", type=click.Choice(["AUTO", "FORCE_INVOKE", "FORCE_REUSE"]), help="Default: the request's."
    ),
)
Command = Callable[..., Any]


def request_flags(command: Command) -> Command:
    """Give a command REQUEST and a flag for each field; it gets them as ``request_file`` and ``flags``."""

    @functools.wraps(command)
    def called(*args: Any, request_file: str | None, **given: Any) -> Any:
        flags = {name: given.pop(name) for name in _NAMES}
        return command(*args, request=read(request_file, flags), **given)

    wrapped: Command = called
    for add in _LISTED:
        wrapped = add(wrapped)
    for name, told, kind in reversed(_FIELDS):
        wrapped = click.option(name, metavar=_METAVARS.get(name, "TEXT"), type=kind, help=told)(wrapped)
    return click.argument("request_file", metavar="[REQUEST]", required=False)(wrapped)


_SEALED = ("run_equivalence_key", "manifest_fingerprint", "parameter_hash")
"""What sr seal fills in."""
_NAMES = (*(name.lstrip("-").replace("-", "_") for name, _, _ in _FIELDS), "outputs", "strategy")


def read(source: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """The request that a command line means. Raises `BadInput`, `click.UsageError`."""
    document = _given(flags)
    if source is None and not document:
        own = f", such as {REQUEST}" if os.path.isfile(REQUEST) else ""  # noqa: PTH113
        raise click.UsageError(f"there is no request: give REQUEST{own}, or its fields by flags")
    base = {} if source is None else read_request(source)
    window = {**_mapping(base.get("window")), **document.pop("window", {})}
    if source is None and window:
        window.setdefault("window_tz", "UTC")
    made = {**base, **document, **({"window": window} if window else {})}
    if "engine_run_root" in base and not any(made.get(name) for name in _SEALED):
        what = f"{source} is as sr init wrote it and names no data yet"
        raise BadInput(ReasonCode.DATA_UNFIT, what, "seal them first: sr seal")
    if source is None and (lacking := _lacking(made)):
        raise click.UsageError(f"the flags make no request without {', '.join(lacking)}")
    return made


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    """What the flags say, as fields of a request."""
    scenario = flags.pop("scenario_id")
    window = {"window_start_utc": flags.pop("window_start"), "window_end_utc": flags.pop("window_end")}
    window["window_tz"] = flags.pop("window_tz")
    outputs = list(flags.pop("outputs"))
    node = {**flags, "requested_strategy": flags.pop("strategy"), "output_ids": outputs or None}
    node["scenario"] = None if scenario is None else {"scenario_id": scenario}
    node["window"] = {name: value for name, value in window.items() if value is not None} or None
    return {name: value for name, value in node.items() if value is not None and name != "strategy"}


def _lacking(document: dict[str, Any]) -> list[str]:
    """The flags that are missing for a request."""
    window = _mapping(document.get("window"))
    there = {
        "--run-equivalence-key": document.get("run_equivalence_key"),
        "--manifest-fingerprint": document.get("manifest_fingerprint"),
        "--parameter-hash": document.get("parameter_hash"),
        "--seed": document.get("seed"),
        "--scenario-id": document.get("scenario"),
        "--window-start": window.get("window_start_utc"),
        "--window-end": window.get("window_end_utc"),
    }
    return [name for name, value in there.items() if value is None]


def _mapping(node: Any) -> dict[str, Any]:
    return dict(node) if isinstance(node, dict) else {}
