"""The command line, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from sr_adapters.answers import CONTRACTS
from sr_adapters.cli.app import COMMANDS, sr
from sr_adapters.reference.markdown import code, page, table


def command_line() -> str:
    """Every command with its arguments and options."""
    listed = table(["command", "does"], [(code(f"sr {name}"), entry[1]) for name, entry in COMMANDS.items()])
    global_options = _options(sr)
    names = (
        "`RUN` is a run's id, six characters or more of it, `key:KEY`, or a ref that an answer or artifact carries. "
        "`--json`, `-v` and `--wide` may stand anywhere."
    )
    return page("Command line", listed, names, "## Options of every command", global_options, *_sections())


def _sections() -> Iterator[str]:
    for path, command in _commands():
        with click.Context(command, info_name=path) as ctx:
            usage = " ".join([f"sr {path}", *command.collect_usage_pieces(ctx)])
        yield f"## sr {path}"
        yield f"{code(usage)}\n\n{_prose(command.help or '')}"
        yield _options(command)
        if path in CONTRACTS:
            yield f"With `--json`: `contracts/{CONTRACTS[path]}.schema.yaml`."


def _commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its words."""
    ctx = click.Context(sr)
    for name in COMMANDS:
        command = sr.get_command(ctx, name)
        if command is not None:
            yield from _below(name, command)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, sub in sorted(command.commands.items()):
        yield from _below(f"{path} {name}", sub)


def _prose(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))


def _options(command: click.Command) -> str:
    options = [one for one in command.params if isinstance(one, click.Option)]
    rows = [(code(_spelt(one)), one.help, _default(one)) for one in options]
    return table(["option", "means", "default"], rows) if rows else ""


def _spelt(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or _type(option)}"


def _type(option: click.Option) -> str:
    kind = option.type
    return "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name.upper()


def _default(option: click.Option) -> str:
    return code(option.default) if option.show_default and option.default is not None else ""
