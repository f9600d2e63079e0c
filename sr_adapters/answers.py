"""The documents that commands answer with, and the contract of each (``docs/contracts.md``, "Answers")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sr_ports import one_line

if TYPE_CHECKING:
    from sr_domain.run.outcome import NextStep
    from sr_plugins.documents.profile import Profile
    from sr_plugins.host.plugin_host import PluginHost

SCHEMA_VERSION = "1.0"
"""Of every answer; an answer that is an artifact (a facts view, a quarantine record, an envelope) has none."""

CONTRACTS: Mapping[str, str] = {
    "init": "init",
    "seal": "seal",
    "engine": "seal",
    "check": "check",
    "submit": "outcome",
    "status": "outcome",
    "wait": "outcome",
    "demo": "outcome",
    "resume": "outcome",
    "resume (several runs)": "resume",
    "recover": "outcome",
    "recover --store": "store_decision",
    "retry": "outcome",
    "resume --rebuild-index": "index_rebuild",
    "list": "list",
    "show": "timeline",
    "facts": "run_facts_view",
    "open": "opened",
    "diff": "run_diff",
    "explain": "explain",
    "report": "report",
    "plan": "plan",
    "plan --diff": "plan_diff",
    "reemit": "reemit",
    "quarantine list": "quarantine_list",
    "quarantine show": "quarantine_record",
    "verify": "verify",
    "audit": "audit",
    "doctor": "doctor",
    "bus tail": "bus_tail",
    "bus tail --follow": "bus_envelope",
    "governance export": "governance_fact",
    "plugins": "plugins",
    "plugins list": "plugins",
    "plugins show": "plugin",
    "plugins new": "plugin_written",
    "plugins check": "plugin_check",
    "profile check": "profile_check",
    "profile schema": "profile_schema",
    "contracts check": "pack_check",
    "pack check": "pack_check",
    "pack new": "pack_written",
    "pack add output": "pack_written",
    "policy seal": "policy_seal",
    "auth hash": "auth_hash",
    "session new": "session",
    "completion": "completion",
    "whatever ends in an error": "error",
}
"""The contract of what each command answers with ``--json``."""


def versioned(document: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as it is given out: it names the version of its shape first."""
    return {"schema_version": SCHEMA_VERSION, **document}


def error_node(code: str, message: str, remedy: str) -> dict[str, str]:
    """An error within an answer: one shape, wherever it stands."""
    return {"reason_code": code, "message": message, "remedy": remedy}


def error_document(error: Mapping[str, str], exit_code: int) -> dict[str, Any]:
    """The answer of a command that ends in an error. `what` is what the first release called the message."""
    return versioned({"error": {**error, "what": error["message"]}, "exit_code": exit_code})


_unquoted: list[Callable[[str], str]] = []


def hides(unquoted: Callable[[str], str]) -> None:
    """Take out of every message, from now on, what `unquoted` takes out of a text: what a profile took from the
    environment (`Profile.taken`)."""
    _unquoted.append(unquoted)


def hides_nothing() -> None:
    """A command line begins, of which a process may give many: no profile was read for it yet."""
    _unquoted.clear()


def sentence(what: Any) -> str:
    """What went wrong, in one line; a plugin's driver may quote an address with a password in it, or a value that
    came from the environment."""
    from sr_ports.masking import without_passwords
    from sr_ports.secret_shapes import without_private_keys

    told = str(what)
    for unquoted in _unquoted:
        told = unquoted(told)
    return one_line(without_passwords(without_private_keys(told)[0]))


def spelled(step: NextStep) -> str:
    """A next step as documents say it: its command without the options of any command line."""
    typed = " ".join(("sr", *step.command.split(), step.run_id)) if step.command else ""
    return f"{step.before}{typed}{step.after}"


def plugins_told(profile: Profile, host: PluginHost) -> dict[str, Any]:
    """Adapters and laws by port, and names that two plugins give; without what came from the environment, as the place
    of a plugin that is a file may have."""
    import attrs

    def told(value: Any) -> Any:
        return profile.taken.unquoted(value) if isinstance(value, str) else value

    rows = [{name: told(value) for name, value in attrs.asdict(one).items()} for one in host.offers()]
    return {"plugins": rows, "conflicts": [one.what for one in host.conflicts]}
