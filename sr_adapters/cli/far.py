"""Which commands a service answers, and why the others are of one machine (spec: surface, "CLI")."""

from __future__ import annotations

import click

from sr_adapters.cli.errors import running
from sr_ports import BadInput, ReasonCode

ANSWERED = frozenset(
    {
        *("submit", "plan", "status", "wait", "list", "show", "facts", "explain", "resume", "retry", "reemit"),
        *("recover", "quarantine list", "quarantine show", "verify", "audit", "bus tail", "plugins", "plugins list"),
    }
)
"""What a service is asked."""
NOBODYS = frozenset({"completion", "auth hash"})
"""What asks nobody, and works with a service as without."""
_WHY = {
    "demo": "it builds a world in a folder here",
    "init": "it writes into the working folder",
    "seal": "it reads and seals data of this machine",
    "engine": "it runs a program here, and seals what that wrote",
    "check": "it proves a folder of this machine",
    "open": "it proves files where they are to be read",
    "diff": "it reads part lists in the object store",
    "report": "it writes a file here",
    "session": "the service's platform run is begun where the service runs",
    "governance": "it reads every record in the object store",
    "doctor": "it tries servers from where it runs; what a service finds of its own is at its /readyz",
    "plugins": "it is about what is installed here",
    "profile": "a profile is a file",
    "pack": "a pack is a folder",
    "contracts": "a pack is a folder",
    "policy": "a policy is a file",
    "serve": "it is a service itself",
    "list --ready": "it reads the object store alone",
    "resume --rebuild-index": "the index is bound again where the authority is",
    "recover --store": "which store this is, is decided where it is",
    "verify --key": "the key is a file of this machine, and so the proof is made here",
    "verify PATH": "it proves a view that is named by path or URI; a service is asked for a run",
}


def local_only(command: str) -> BadInput:
    """That the command, or what it was given, works on one machine alone, and why."""
    why = _WHY.get(command) or _WHY.get(command.split(maxsplit=1)[0], "it needs what this machine has")
    return BadInput(ReasonCode.LOCAL_COMMAND, f"sr {command} asks no service: {why}")


def refuse_from_afar() -> None:
    """Return for a command that may run as it is asked for. Raises `BadInput(LOCAL_COMMAND)`."""
    command, server = running(), getattr(click.get_current_context().obj, "server", None)
    if server is not None and command not in ANSWERED | NOBODYS:
        raise local_only(command)
