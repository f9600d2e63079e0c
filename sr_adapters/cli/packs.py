"""contracts check, policy seal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sr_adapters.cli import exits
from sr_adapters.cli.errors import Tree, tell
from sr_adapters.cli.session import Session, counted

if TYPE_CHECKING:
    from sr_plugins.documents.findings import Finding


_REMEDIES = {
    "UNKNOWN_HASHING_LAW": "install the plugin of that law or let it in, or mend its name in the pack; see sr plugins"
}
"""Where another thing than the pack may be at fault."""


@click.group("contracts", cls=Tree)
def contracts_command() -> None:
    """Check an interface pack against itself and its contracts."""


@contracts_command.command("check")
@click.argument("pack_dir", required=False)
@click.option("--root", metavar="R", help="Hold templates and indexes against the files of this engine root.")
@click.pass_obj
def check(session: Session, pack_dir: str | None, root: str | None) -> int:
    """Gate map, catalogue and contracts: unknown keys, dangling ids, cycles, unknown laws, bad templates, dead refs.

    PACK_DIR is a folder; default: the profile's pack. Exit code 5 when an error was found. With --root also
    templates that lead to nothing, and indexes that leave out what their gate lets read.
    """
    from sr_plugins.documents.pack_check import check_pack
    from sr_plugins.wiring.wire import laws_of

    profile = session.any_profile()
    folder = pack_dir or profile.engine.interface_pack
    findings = check_pack(folder, laws_of(profile))
    if root is not None:
        findings = sorted([*findings, *_against(session, folder, root, findings)], key=lambda one: one.severity)
    errors = sum(1 for one in findings if one.severity == "error")
    if session.as_json:
        import attrs

        session.json({"pack": str(folder), "errors": errors, "findings": [attrs.asdict(one) for one in findings]})
    else:
        if findings:
            rows = [(one.severity, one.code, one.where, one.what) for one in findings]
            session.table(["severity", "code", "where", "what"], rows)
        session.say(f"{folder}: {counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}")
    if errors:
        first = next(one for one in findings if one.severity == "error")
        tell(first.code, f"{first.where}: {first.what}", _REMEDIES.get(first.code, "repair the pack and check again"))
    return exits.FAULT if errors else exits.DONE


def _against(session: Session, folder: str, uri: str, findings: Sequence[Finding]) -> Sequence[Finding]:
    """What of the pack does not fit the root; nothing where the pack itself cannot be read."""
    from sr_plugins.documents.findings import error
    from sr_plugins.documents.pack import load_pack
    from sr_plugins.uses.pack_root import check_against

    if any(one.code in ("PACK_INVALID", "UNKNOWN_KEY", "DUPLICATE_ID") for one in findings):
        return ()
    with session.local.ports.roots.open(uri) as root:
        if not root.exists():
            return (error("ENGINE_ROOT_MISSING", uri, "the engine root is not there"),)
        return check_against(root, load_pack(folder), session.local.ports.laws)


@click.group("policy", cls=Tree)
def policy_command() -> None:
    """Seal a policy profile after a change."""


@policy_command.command("seal")
@click.argument("file")
@click.pass_obj
def seal(session: Session, file: str) -> int:
    """Recompute the policy's content digest and write it into FILE."""
    from sr_plugins.documents.policy import seal as seal_policy

    digest = seal_policy(file)
    if session.as_json:
        session.json({"file": file, "content_digest": digest})
    else:
        session.say(f"sealed {file}: content_digest {digest}")
    return exits.DONE
