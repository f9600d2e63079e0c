"""auth: tokens for the authenticator ``token``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import Tree
from sr_adapters.cli.session import Session
from sr_ports import BadInput, ReasonCode

LEAST = 32
"""Characters that a token must have: the file holds a plain sha256, which hides a long random token and no password."""
_NEW_BYTES = 32


@click.group("auth", cls=Tree)
def auth_command() -> None:
    """Tokens of those who may work here."""


@auth_command.command("hash")
@click.argument("actor", required=False)
@click.option("--new", "new_file", metavar="FILE", help="Make a random token, and write it into FILE, for you alone.")
@click.pass_obj
def hash_token(session: Session, actor: str | None, new_file: str | None) -> int:
    """Hash a token for auth.tokens_file; with ACTOR, print the whole line that belongs there.

    The token is asked for without echo, or read from standard input; never give it on the command line, which others
    on this machine can see.
    """
    import hashlib

    if actor is not None:
        _check_name(actor)
    token = _given() if new_file is None else _made(new_file)
    digest = hashlib.sha256(token.encode("ascii")).hexdigest()
    if session.as_json:
        told: dict[str, Any] = {"sha256": digest}
        session.json({**told, **({"actor": actor} if actor else {}), **({"token_file": new_file} if new_file else {})})
    else:
        output.say(digest if actor is None else f"{_key(actor)}: {digest}")
    if new_file is not None:
        output.tell(f"note: the token is in {new_file}; give it to its actor, and keep no other copy")
    return exits.DONE


def _given() -> str:
    """The token from a prompt or standard input. Raises `BadInput(USAGE)`, which does not quote it."""
    from sr_ports.bearer import LONGEST, is_bearer_token

    if sys.stdin is not None and sys.stdin.isatty():
        token = str(click.prompt("Token", hide_input=True, err=True))
    else:
        data = b"" if sys.stdin is None else sys.stdin.buffer.read(LONGEST + 2)
        token = data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not token:
        raise BadInput(ReasonCode.USAGE, "no token was given", "type it, or give it on standard input")
    if not is_bearer_token(token):
        what = "the token has characters that no bearer token may have, or too many of them"
        raise BadInput(
            ReasonCode.USAGE, what, "use letters, digits and -._~+/ alone, without spaces; --new FILE makes one"
        )
    if len(token) < LEAST:
        what = f"the token has {len(token)} characters, and one that nobody guesses has {LEAST} or more at random"
        raise BadInput(ReasonCode.USAGE, what, "let --new FILE make one")
    return token


def _made(path: str) -> str:
    """A new random token of 256 bits, kept in a file that did not exist. Raises `BadInput(USAGE)`."""
    import secrets

    token = secrets.token_urlsafe(_NEW_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
            file.write(f"{token}\n")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise BadInput(
            ReasonCode.USAGE, f"{path} cannot be made: {why}", "name a file that is not there yet"
        ) from error
    return token


def _check_name(actor: str) -> None:
    from sr_domain.plan.request import check_actor

    check_actor(actor)
    if not actor:
        raise BadInput(ReasonCode.USAGE, "ACTOR is empty", "name whose token it is, or leave it out")


def _key(actor: str) -> str:
    """The actor as a key of YAML: bare where it is read as the same text."""
    import json

    from sr_plugins.documents.yaml import load_yaml

    try:
        plain = load_yaml(f"{actor}: x".encode(), what="actor") == {actor: "x"}
    except BadInput:
        plain = False
    return actor if plain else json.dumps(actor, ensure_ascii=False)
