"""Every page of the reference."""

from __future__ import annotations

from collections.abc import Mapping

from sr_adapters.reference import words
from sr_adapters.reference.commands import command_line
from sr_adapters.reference.hooks import hook_pages
from sr_adapters.reference.markdown import code, page, table
from sr_adapters.reference.python_api import python_api
from sr_adapters.reference.settings import profile_keys
from sr_adapters.reference.shapes import fields
from sr_adapters.reference.variables import environment
from sr_domain.evidence.bundle import DIGEST_KEYS, PATH_KEYS
from sr_domain.evidence.flags import FLAG_LIMIT, MANIFEST_LIMIT
from sr_domain.evidence.index_reader import MAX_INDEX, SHAPES
from sr_domain.plan.compile import PINS
from sr_domain.plan.templates import DAY_TOKENS
from sr_plugins.documents import pack_words
from sr_plugins.reason_table import table as reason_table


def pages() -> Mapping[str, str]:
    """The files of ``docs/reference`` by name."""
    made = {
        "cli.md": command_line(),
        "profile.md": profile_keys(),
        "policy.md": page("Policy keys", _POLICY, fields("policy", words.POLICY)),
        "pack.md": _pack(),
        "flag-and-index.md": _flags(),
        "request.md": page("Run request", _REQUEST, fields("run_request", words.REQUEST)),
        "invocation.md": page("Engine invocation", _INVOCATION, fields("engine_invocation", words.INVOCATION)),
        "receipt.md": page("Run receipt", _RECEIPT, fields("run_receipt", words.RECEIPT)),
        "placeholders.md": _placeholders(),
        "environment.md": environment(),
        "pins.md": _pins(),
        "reasons.md": page("Reason codes", _REASONS, reason_table()),
        "python.md": python_api(),
        **hook_pages(),
    }
    index = [
        (f"[{text.partition(chr(10))[0].removeprefix('# ')}]({name})",)
        for name, text in made.items()
        if name.count("/") == name.count("/index.md")
    ]
    return {
        "index.md": page("Reference", "Made from the code, and held against it by the tests.", table(["page"], index)),
        **made,
    }


_POLICY = "A policy is YAML or JSON, sealed: `sr policy seal FILE` writes its digest after a change."
_REQUEST = "YAML or JSON: what `sr submit` takes. The intent is all but request_id, notes, invoker, strategy and root."
_INVOCATION = "What an engine is asked: JSON in `SR_ENGINE_INVOCATION_JSON` and in the placeholder `{invocation_json}`."
_RECEIPT = (
    "`run_receipt.json` in the engine root: what the engine says that it made. After an attempt it must be there."
)
_REASONS = "Every error, finding and end of a run has one. Callers branch on the code; the sentences may change."


def _pack() -> str:
    intro = (
        "`engine_gates.map.yaml` and `engine_outputs.catalogue.yaml` in one folder. `sr pack new` begins one, `sr pack "
        "check` finds what is wrong. Another key than these is an error; one that begins with `x-` is free."
    )
    parts = [intro]
    for title, known in (
        ("Gate map", pack_words.GATE_MAP), ("A gate", pack_words.GATE), ("verification_method", pack_words.METHOD),
        ("Output catalogue", pack_words.CATALOGUE), ("An output", pack_words.OUTPUT),
    ):  # fmt: skip
        rows = [
            (
                code(key),
                one.values,
                "yes" if one.needed else "",
                one.meaning if one.read else f"{one.meaning} (not read)",
            )
            for key, one in known.items()
        ]
        parts += [f"## {title}", table(["key", "is", "must be there", "means"], rows)]
    tokens = ", ".join(code("{" + name + "}") for name in (*PINS, *DAY_TOKENS))
    return page("Pack keys", *parts, f"Paths are relative to the engine root. Their tokens: {tokens}; see `pins.md`.")


def _flags() -> str:
    shapes = ", ".join(map(code, SHAPES))
    return page(
        "Flags and indexes",
        "## Passed flag",
        f"A file of at most {FLAG_LIMIT:,} bytes, written last and whole (by a rename). It states the digest that the "
        "gate's law gives, as text or as JSON; `sha256_hex` is the gate's `digest_field`.",
        "```\nsha256_hex = 0123...64 hex characters\n```",
        '```json\n{"sha256_hex": "0123...64 hex characters"}\n```',
        "Upper-case hex, CRLF and a byte order mark are taken. A flag that is empty or ends too early is still being "
        "written: the run waits.",
        "A law of another algorithm than sha256 has flags with hex of that length, under its name: `sha512_hex = ...`. "
        "A law may read its flags itself: `sha256sums_file` and `bagit` take a manifest for flag and index in one, of "
        f"{MANIFEST_LIMIT:,} bytes at most.",
        "## Index",
        f"JSON of at most {MAX_INDEX:,} bytes: a list of members, or an object with the list under one of {shapes}. "
        "A member is a path, or an object.",
        table(
            ["of a member", "under the first of these keys that it has"],
            [("its path", ", ".join(map(code, PATH_KEYS))), ("its sha256", ", ".join(map(code, DIGEST_KEYS)))],
        ),
        "Paths are relative to the gate's `path_base`. One that leaves it is a conflict.",
    )


def _placeholders() -> str:
    rows = [(code("{" + name + "}"), means) for name, means in words.PLACEHOLDERS.items()]
    note = "In `invoker.command` of a profile, each element one argument, no shell; `{{` and `}}` are braces."
    return page("Placeholders of the engine command", note, table(["placeholder", "is"], rows))


def _pins() -> str:
    rows = [(code(name), form, choose) for name, (form, choose) in words.PINS.items()]
    note = "Pins say which bytes are meant: paths, scopes and receipts are made from them."
    return page("Pins", note, table(["pin", "is", "what to choose"], rows))
