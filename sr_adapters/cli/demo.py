"""demo: a small sealed world, made by the demo engine, taken to READY before your eyes."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits
from sr_adapters.cli.naming import complete_gates
from sr_adapters.cli.outcomes import finish
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_domain.run.outcome import Outcome


@click.command("demo")
@click.option(
    "--root", "folder", metavar="DIR", default="sr-demo", show_default=True, help="Where to write everything."
)
@click.option(
    "--fail",
    metavar="GATE",
    default="",
    shell_complete=complete_gates,
    help="Spoil this gate's bundle (1A .. 6B or its full id) and see the quarantine.",
)
@click.option(
    "--size",
    metavar="N",
    default="200k",
    show_default=True,
    callback=lambda _context, _option, text: _size(text),
    help="Total bytes of outputs, about: 10k, 5M, 2G.",
)
@click.option(
    "--serve", is_flag=True, help="Then a run in each other state, and the console on them (needs [service])."
)
@click.option("--port", metavar="P", type=click.IntRange(0, 65_535), default=0, help="Of --serve; default: any.")
@click.pass_obj
def demo_command(session: Session, folder: str, fail: str, size: str, serve: bool, port: int) -> int:
    """Build a small sealed world and take it to READY, telling the story.

    Truth, authority and bus are files below DIR; with --profile local_parity, local_kinesis or aws they are that
    profile's servers.
    """
    from sr_plugins import build_runner
    from sr_plugins.documents.pack import load_pack

    root = Path(folder).absolute()
    pack = load_pack("builtin")
    gates = pack.gates
    if serve:
        from sr_adapters.cli.serve import check_installed

        check_installed()
    spoiled = next((gate_id for gate_id in gates if fail and fail in (gate_id, gate_id.split(".")[2])), None)
    if fail and spoiled is None:
        raise click.BadParameter(
            f"{fail!r} is no gate of the shipped pack; there are: {', '.join(gates)}", param_hint="--fail"
        )
    command = [sys.executable, "-m", "sr_adapters.demo_engine", "--pack", str(_pack(root)), "--size", size]
    profile = _profile(session, root, command)
    spoiling = {**profile["invoker"], "command": [*command, "--fail", spoiled]} if spoiled else profile["invoker"]
    read = session.read({**profile, "invoker": spoiling})
    runner = build_runner(read, policy=session.policy, narrate=session.narrates)
    click.get_current_context().call_on_close(runner.close)
    _make(root, profile)
    session.profile = _short(root / "profile.yaml")
    started = time.monotonic()
    request = demo_request(pack.outputs, size, spoiled)
    if not session.as_json:
        _introduce(session, request, len(gates))
    outcome = runner.submit(request, actor="demo")
    if not session.as_json:
        _conclude(session, outcome, root, time.monotonic() - started)
    if not serve:
        return finish(session, {**outcome.document(), "root": str(root), "profile": profile}, outcome)
    runner.close()
    return _show(session, profile, request, port)


def _profile(session: Session, root: Path, command: list[str]) -> dict[str, Any]:
    """The demo's own: files below its folder, save the servers of the profile that was named."""
    return {
        "profile": "demo",
        **_servers(session),
        "runtime_root": str(root / "runs"),
        "invoker": {"adapter": "subprocess", "command": command, "cwd": str(root), "timeout_seconds": 3600},
    }


def _show(session: Session, profile: dict[str, Any], request: dict[str, Any], port: int) -> int:
    """The other runs, then the console on all of them."""
    from sr_adapters.cli.demo_states import more_runs
    from sr_adapters.cli.serve import serve_at

    for made in more_runs(session, profile, request):
        session.say(f"{'' if made.state is None else made.state.value} run {made.run_id}")
    return serve_at(session, "127.0.0.1", port)


def _servers(session: Session) -> dict[str, Any]:
    """What a shipped profile of servers says of them, as it is written: the environment's values stay in there."""
    from sr_plugins.documents.profile import SHIPPED
    from sr_plugins.documents.shipped import shipped
    from sr_plugins.documents.yaml import load_yaml

    named = session.profile
    if named == "local" or named not in SHIPPED:
        return {}
    document = load_yaml((shipped("config") / f"{named}.yaml").read_bytes(), what=named)
    return {port: document[port] for port in ("object_store", "authority", "control_bus")}


def _short(path: Path) -> str:
    """The path as a person would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _pack(root: Path) -> Path:
    """Where the engine, a process of its own, finds the shipped pack: a copy where that lies in an archive."""
    from sr_plugins.documents.pack import pack_folder

    folder = pack_folder("builtin")
    return folder if isinstance(folder, Path) else root / "pack"


def _make(root: Path, profile: dict[str, Any]) -> None:
    """The folder, with the profile in it: every other command works on the demo's runs through that.

    Its engine is always a sound one: a gate is spoiled for one demo, not for whatever comes later.
    """
    from sr_plugins.documents.pack import pack_folder
    from sr_plugins.documents.shipped import on_disk
    from sr_ports import BadInput, ReasonCode

    try:
        root.mkdir(parents=True, exist_ok=True)
        on_disk(pack_folder("builtin"), root / "pack")
        (root / "profile.yaml").write_text(json.dumps(profile, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise BadInput(ReasonCode.USAGE, f"{root} cannot be made: {error.strerror}", "give another --root") from error


def _size(text: str) -> str:
    """The text, if it is a size."""
    from sr_adapters.sizes import parse_size

    try:
        parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return text


def demo_request(outputs: Any, size: str, spoiled: str | None) -> dict[str, Any]:
    """A request for every output of the shipped pack that a gate covers."""
    name = "demo" + (f" with {spoiled} spoiled" if spoiled else "") + ("" if size == "200k" else f" of {size}")
    ungated = {"segment_reports", "tariff_table"}
    return {
        "run_equivalence_key": name,
        "manifest_fingerprint": hashlib.sha256(f"the demo world: {name}".encode()).hexdigest(),
        "parameter_hash": hashlib.sha256(b"the demo parameters").hexdigest(),
        "seed": 42,
        "scenario": {"scenario_id": "baseline"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": "2026-01-02T00:00:00Z",
            "window_tz": "Europe/London",
        },
        "output_ids": sorted(set(outputs) - ungated),
        "notes": "made by sr demo",
    }


def _introduce(session: Session, request: dict[str, Any], gates: int) -> None:
    session.say(
        f"Request {request['run_equivalence_key']!r}: {len(request['output_ids'])} outputs under {gates} gates.",
        "The engine, a program Scenario Runner knows nothing of, now makes the world ...",
    )


def _conclude(session: Session, outcome: Outcome, root: Path, seconds: float) -> None:
    state = "" if outcome.state is None else outcome.state.value
    ending = {
        "READY": "Every gate passed by its own law and every byte was read: the run is READY, and the bus says so.",
        "QUARANTINED": "The evidence contradicts itself: nothing was published, and both sides are kept.",
    }.get(state, "")
    session.say(*([ending] if ending else []), f"Took {seconds:.1f} s. Everything is in {root}", "")


__all__ = ["demo_command", "exits"]
