"""engine: runs a program as the engine of a run, and seals what it wrote under the run's own pins."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

import click

from sr_adapters.cli import exits, output, signals
from sr_adapters.cli.session import Session
from sr_ports import BadInput, ReasonCode

_SIGNALLED = 128


@click.command("engine", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD ...")
@click.pass_obj
def engine_command(session: Session, command: tuple[str, ...]) -> int:
    """Run CMD as the engine of a run, and seal what it wrote into the run's root.

    To be the profile's invoker.command. CMD finds the root in SR_ENGINE_RUN_ROOT, and the pins in SR_RUN_ID,
    SR_MANIFEST_FINGERPRINT, SR_PARAMETER_HASH, SR_SEED and SR_SCENARIO_ID. Its exit code is this command's.
    """
    from sr_adapters.cli.own_data import SealProgress, refusals, sealed_text
    from sr_adapters.sealing import engine_run, seal

    with refusals():
        run = engine_run()
    told = {"root": run.root, "manifest_fingerprint": run.pins.manifest_fingerprint}
    own = {name: value for name, value in os.environ.items() if name != "SR_TOKEN"}  # the caller's, not the engine's
    code = _run(command, {**own, **run.variables()}, as_json=session.as_json)
    if code != exits.DONE:
        output.tell(f"note: {command[0]} ended with {code}: nothing is sealed")
        if session.as_json:
            session.json({**told, "files": 0, "size": 0, "written": False, "exit_code": code})
        return code
    with refusals():
        sealed = seal(run.root, pins=run.pins, progress=SealProgress())
    output.tell(sealed_text(len(sealed.parts), sealed.size, run.root, again=not sealed.written))
    if session.as_json:
        counted = {"files": len(sealed.parts), "size": sealed.size, "written": sealed.written}
        session.json({**told, **counted, "exit_code": code})
    return exits.DONE


def _run(command: Sequence[str], environment: dict[str, str], *, as_json: bool) -> int:
    """The program's exit code, 128 and the signal's number where one ended it. Raises `BadInput`.

    Signals that come meanwhile are the program's; one that comes before it is there is kept for it.
    """
    early: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def send(number: int) -> None:
        for process in running:
            with suppress(OSError):
                process.send_signal(number)
        if not running:
            early.append(number)

    with signals.forwarded(send):
        running.append(_started(command, environment, as_json=as_json))
        for number in early:
            send(number)
        code = running[0].wait()
    return code if code >= 0 else _SIGNALLED - code


def _started(command: Sequence[str], environment: dict[str, str], *, as_json: bool) -> subprocess.Popen[bytes]:
    """What it prints goes where this command's answer would; beside a JSON answer, to stderr."""
    where = None
    if not as_json:
        with suppress(OSError, ValueError, AttributeError):
            where = output.answers().fileno()
    try:
        return subprocess.Popen(command, env=environment, stdout=where)  # noqa: S603 - it runs what it was given
    except (OSError, ValueError) as error:
        what = f"{command[0]} cannot be started: {getattr(error, 'strerror', None) or error}"
        raise BadInput(ReasonCode.ENGINE_COMMAND_UNUSABLE, what, "check the program after --") from error
