"""plugins: what there is, what it takes, new ones, and whether one is sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sr_adapters.cli import exits
from sr_adapters.cli.errors import Tree, tell
from sr_adapters.cli.session import Session, counted

if TYPE_CHECKING:
    from sr_plugins.documents.profile import Profile
    from sr_plugins.uses.plugin_check import Tried
    from sr_plugins.uses.plugin_shown import Shown

T = TypeVar("T", bound=Any)
KINDS = ("law", "store", "authority", "bus", "invoker", "sink", "authenticator", "signer")


@click.group("plugins", cls=Tree, invoke_without_command=True)
@click.pass_context
def plugins_command(ctx: click.Context) -> int | None:
    """Adapters and laws by port, and where they come from; with no command, as list."""
    if ctx.invoked_subcommand is not None or not isinstance(ctx.command, click.Group):
        return None
    done: int = ctx.invoke(ctx.command.commands["list"])  # the one for which answers are kept apart
    return done


@plugins_command.command("list")
@click.pass_obj
def listed(session: Session) -> int:
    """Adapters and laws by port: name, distribution, version, entry point, loaded or why not.

    Exit code 2 when two plugins give one name: one of Scenario Runner's own stands, of two others neither can be used.
    """
    from sr_ports import ReasonCode

    found = _installed(session) if session.server is None else session.remote.plugins()
    if session.as_json:
        session.json(found)
    else:
        names = ("port", "name", "distribution", "version", "entry_point")
        rows = [(*(o[one] for one in names), "yes" if o["loaded"] else f"no: {o['why']}") for o in found["plugins"]]
        session.table(["port", "name", "distribution", "version", "entry point", "loaded"], rows)
    for what in found["conflicts"]:
        tell(ReasonCode.PLUGIN_CONFLICT, what)
    return exits.USAGE if found["conflicts"] else exits.DONE


def _installed(session: Session) -> Mapping[str, Any]:
    """What there is here."""
    from sr_adapters.answers import plugins_told
    from sr_plugins.wiring.wire import survey

    profile = session.any_profile()
    return plugins_told(profile, survey(profile))


def _told(profile: Profile, row: T) -> T:
    """The row without what came from the environment, as the place of a plugin that is a file may have."""
    import attrs

    texts = {name: value for name, value in attrs.asdict(row, recurse=False).items() if isinstance(value, str)}
    return attrs.evolve(row, **{name: profile.taken.unquoted(value) for name, value in texts.items()})


@plugins_command.command("show")
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> int:
    """What the adapter or law NAME takes: settings or parameters, and where it comes from.

    NAME may be that of a distribution, too: all that it gives. Exit code 8 where nothing has it.
    """
    import attrs

    from sr_plugins.uses.plugin_shown import shown
    from sr_plugins.wiring.wire import survey

    profile = session.any_profile()
    found = [_told(profile, one) for one in shown(survey(profile), name)]
    if session.as_json:
        session.json({"name": name, "found": [attrs.asdict(one) for one in found]})
    else:
        for one in found:
            _say_shown(session, one)
    return exits.DONE


def _say_shown(session: Session, one: Shown) -> None:
    session.say(f"{one.port} {one.name}")
    loaded = "yes" if one.loaded else f"no: {one.why}"
    source = f"{one.distribution} {one.version}"
    pairs: list[tuple[str, Any]] = [("from", source), ("entry point", one.entry_point), ("loaded", loaded)]
    pairs += [("needs", ", ".join(one.requires)), ("extra", one.extra), ("opens", ", ".join(map(repr, one.schemes)))]
    law: Mapping[str, Any] = one.law or {}
    pairs += [(key, law.get(key)) for key in ("version", "algorithm", "vectors")]
    session.pairs(pairs)
    if one.settings:
        rows = [(s.key, s.wanted, _default(s), "secret" if s.secret else "", s.text) for s in one.settings]
        what = "parameter" if one.port == "law" else "setting"
        session.table([what, "is", "default", "", "means"], rows)
    else:
        session.say("  no parameters" if one.port == "law" else "  no settings")


def _default(setting: Any) -> str:
    import json

    if setting.required:
        return "required"
    return "" if setting.default is None else json.dumps(setting.default)


@plugins_command.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.pass_obj
def new(session: Session, kind: str, name: str) -> int:
    """Write a complete small distribution of KIND into the folder NAME: source, tests that pass, README.

    NAME is the distribution's, such as my-law; what it gives is named alike, with _ for -. No network is asked.
    """
    from sr_plugins.uses.plugin_new import write_plugin

    made = write_plugin(kind, name)
    if session.as_json:
        files = [str(one) for one in made.files]
        session.json({"kind": kind, "name": name, "folder": made.folder, "files": files, "next": made.steps})
    else:
        session.say(*(f"wrote {one}" for one in made.files), *(f"  next: {one}" for one in made.steps))
    return exits.DONE


@plugins_command.command("check")
@click.argument("dist")
@click.option("--tests", metavar="DIR", help="Its tests; default: those beside the source of an editable install.")
@click.pass_obj
def check(session: Session, dist: str, tests: str | None) -> int:
    """Whether the distribution DIST is sound: its files, the versions it was built for, what it gives, its tests.

    DIST is the name of an installed distribution, or the path of a plugin in one file. Its code runs in processes of
    its own. Exit code 5 when a fault was found, 8 where there is no such distribution.
    """
    import attrs

    from sr_plugins.uses.plugin_check import check_plugin
    from sr_ports import ReasonCode

    checked = check_plugin(dist, tests)
    broken = [one for one in checked.tried if one.ok is False]
    if session.as_json:
        session.json({"distribution": checked.distribution, "version": checked.version, "ok": not broken,
                      "checks": [attrs.asdict(one) for one in checked.tried]})  # fmt: skip
    else:
        _say_tried(session, checked.tried)
        session.say(f"{checked.distribution} {checked.version}: {counted(len(broken), 'fault')}")
    for one in broken:
        tell(ReasonCode.PLUGIN_UNSOUND, f"{checked.distribution}, {one.check} {one.name}: {one.detail}")
    return exits.FAULT if broken else exits.DONE


def _say_tried(session: Session, tried: Sequence[Tried]) -> None:
    marks = {True: "ok", False: "BROKEN", None: "SKIPPED"}
    rows = [(one.check, one.name, marks[one.ok], "told below" if one.ok is False else one.detail) for one in tried]
    session.table(["check", "of", "result", "detail"], rows)
