"""What the scenes are made with: runners of the first release, cuts by SIGKILL, and notes for the manifest."""

from __future__ import annotations

import json
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import worlds
from sr_domain.canonical import digest_of
from sr_domain.ids import run_id_for
from sr_domain.ports import Settings

from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_ports import Unreachable
from sr_ports.reasons import ReasonCode

FIFTY_YEARS_S = 50 * 365 * 86_400
LEASE_S = 0.5
POLICY: dict[str, Any] = {
    "policy_id": "corpus",
    "revision": "1",
    "evidence_wait_seconds": 0,
    "attempt_limit": 3,
    "retry_backoff_seconds": 0,
    "traffic_output_ids": ["events"],
}
"""The wait is given beside it: no policy file may ask for fifty years."""

ENGINE = {"adapter": "subprocess", "command": ["{{python}}", "{root}/program/worlds.py", "sound"]}
BASE: dict[str, Any] = {
    "profile": "corpus",
    "runtime_root": "{runtime}",
    "engine": {"interface_pack": "{root}/pack"},
    "lease": {"ttl_seconds": LEASE_S},
    "observability": {"sinks": []},
}
PROFILES: dict[str, dict[str, Any]] = {
    "reuse": BASE,
    "engine": {**BASE, "invoker": ENGINE},
    "signing": {**BASE, "attest": {"signing_key": "{root}/keys/THROW-AWAY-TEST-KEY.private.pem"}},
    "shared": {**BASE, "authority": {"adapter": "sqlite", "path": "{runtime}/shared/authority.db"}},
    **{
        f"team-{team}": {
            **BASE,
            "runtime_root": f"{{runtime}}/{team}",
            "authority": {"adapter": "sqlite", "path": "{runtime}/shared/authority.db"},
        }
        for team in "ab"
    },
    "foreign-law": {**BASE, "engine": {"interface_pack": "{root}/pack-foreign-law"}},
    "allowlist": {**BASE, "auth": {"submit": ["operator"], "reemit": ["operator"]}},
    "strict-limit": {**BASE, "reemit": {"rate_limit": {"max": 2, "window_seconds": 1_000_000_000 - 1}}},
    "shipped": {
        **BASE,
        "profile": "demo",
        "engine": {"interface_pack": "builtin"},
        "invoker": {
            "adapter": "subprocess",
            "command": ["{{python}}", "-m", "sr_adapters.demo_engine", "--pack", "{builtin}", "--size", "1k"],
        },
        "observability": {"sinks": ["file"]},
    },
}
"""Profiles by name. `{root}`: the corpus. `{runtime}`: the home. `{builtin}`: the shipped pack's folder."""


def filled(node: Any, words: Mapping[str, str]) -> Any:
    """The node with every placeholder of its strings filled; ``{{`` is a brace."""
    if isinstance(node, dict):
        return {key: filled(value, words) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(one, words) for one in node]
    return node.format(**words) if isinstance(node, str) else node


def request(key: str, **changes: Any) -> dict[str, Any]:
    """A request for one day of most outputs; a change to None leaves the field out."""
    days = changes.pop("days", 1)
    document = {
        "run_equivalence_key": key,
        "manifest_fingerprint": worlds.MF,
        "parameter_hash": worlds.PH,
        "seed": 7,
        "scenario": {"scenario_id": "baseline"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": f"2026-01-0{1 + days}T00:00:00Z",
            "window_tz": "Europe/London",
        },
        "output_ids": sorted(set(worlds.EVERYTHING) - {"daily"} if days > 1 else worlds.EVERYTHING),
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


class Cut:
    """A port that kills its process at the first call that `chosen` picks: before it, or once it took effect."""

    def __init__(self, port: Any, chosen: Callable[[str, tuple[Any, ...]], bool], *, after: bool = False) -> None:
        self._port, self._chosen, self._after = port, chosen, after

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            here = self._chosen(method, args)
            if here and not self._after:
                die()
            answer = found(*args, **kwargs)
            if here:
                die()
            return answer

        return call


def die() -> None:
    """kill -9: nothing is given up, nothing is tidied."""
    os.kill(os.getpid(), signal.SIGKILL)


def writes(kind: str, holding: str = "") -> Callable[[str, tuple[Any, ...]], bool]:
    """Picks the write of an artifact of this kind; `holding`: whose new bytes have this in them."""

    def chosen(method: str, args: tuple[Any, ...]) -> bool:
        return method in ("create", "replace") and f"/{kind}/" in args[0] and holding.encode() in args[1]

    return chosen


class Away:
    """A control bus that cannot be reached."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def publish(self, envelope: Any) -> None:
        raise Unreachable(ReasonCode.BUS_UNREACHABLE, "the bus is away")


class Killer:
    """An invoker during whose run the worker is killed."""

    def invoke(self, call: Any, **more: Any) -> Any:
        die()

    def describe(self) -> str:
        return "killer"


@attrs.define
class Studio:
    """Makes runs below `root` and keeps a note of each."""

    root: Path
    builtin: str
    runs: list[dict[str, Any]] = attrs.field(factory=list)

    def home(self, name: str) -> Path:
        return self.root / "homes" / name

    def profile(self, name: str, home: str) -> dict[str, Any]:
        words = {"root": str(self.root), "runtime": str(self.home(home)), "builtin": self.builtin}
        made: dict[str, Any] = filled(PROFILES[name], words)
        return made

    def runner(
        self,
        home: str,
        platform: str | None,
        profile: str = "reuse",
        *,
        wait_s: int = FIFTY_YEARS_S,
        policy: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        ports: Callable[[Any], Mapping[str, Any]] = lambda ports: {},
    ) -> ScenarioRunner:
        """A runner of this release. `ports`: what it sees instead of its ports."""
        os.environ.pop("PLATFORM_RUN_ID", None)
        if platform is not None:
            os.environ["PLATFORM_RUN_ID"] = platform
        document = {**POLICY, **(policy or {})}
        made = build_runner(self.profile(profile, home), policy=document).desk
        rev = attrs.evolve(made.policy.rev, content_digest=digest_of({**document, "evidence_wait_seconds": wait_s}))
        chosen = attrs.evolve(made.policy, evidence_wait_seconds=wait_s, rev=rev)
        settled: Settings = attrs.evolve(made.settings, **(settings or {}))
        return ScenarioRunner(attrs.evolve(made.ports, **ports(made.ports)), chosen, made.read_pack, settled)

    def world(self, name: str, files: Mapping[str, bytes] | None = None, *, without: Iterable[str] = ()) -> str:
        """An engine root; its path. `without`: beginnings of paths to leave out."""
        made = worlds.world() if files is None else files
        kept = {path: data for path, data in made.items() if not path.startswith(tuple(without))}
        worlds.write(self.root / "engine" / name, kept)
        return str(self.root / "engine" / name)

    def note(
        self, name: str, what: str, home: str, platform: str, document: Mapping[str, Any], *,
        profile: str = "reuse", **more: Any,
    ) -> str:  # fmt: skip
        """Keep a run for the manifest; its id."""
        run_id = run_id_for(str(document["run_equivalence_key"]))
        self.runs.append(
            {
                "name": name,
                "what": what,
                "home": home,
                "platform_run_id": platform,
                "profile": profile,
                "run_id": run_id,
                "request": dict(document),
                **more,
            }
        )
        return run_id

    def submit(
        self, name: str, what: str, home: str, platform: str, document: Mapping[str, Any], *,
        profile: str = "reuse", actor: str | None = None, note: Mapping[str, Any] | None = None, **wiring: Any,
    ) -> str:  # fmt: skip
        """Submit in this process; the run's id."""
        with self.runner(home, platform, profile, **wiring) as runner:
            runner.submit(document, actor=actor)
        spoken = {} if actor is None else {"actor": actor}
        return self.note(name, what, home, platform, document, profile=profile, **spoken, **(note or {}))

    def cut(
        self, name: str, what: str, home: str, platform: str, document: Mapping[str, Any], *,
        ports: Callable[[Any], Mapping[str, Any]], profile: str = "reuse", note: Mapping[str, Any] | None = None,
    ) -> str:  # fmt: skip
        """Submit in a process that is killed on its way; the run's id."""
        self.killed(name, lambda: self.runner(home, platform, profile, ports=ports).submit(document))
        return self.note(name, what, home, platform, document, profile=profile, unfinished=True, **(note or {}))

    def killed(self, name: str, act: Callable[[], Any]) -> None:
        """Do something in a process that must die of SIGKILL, and let its lease lapse."""
        child = os.fork()
        if child == 0:
            try:
                act()
            except BaseException:  # noqa: BLE001 - what it did instead is all there is to tell
                traceback.print_exc()
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise SystemExit(f"{name}: the process was not cut where it should be (status {status})")
        time.sleep(LEASE_S + 0.1)

    def record(self, home: str, platform: str, run_id: str) -> Path:
        return self.home(home) / "fraud-platform" / platform / "sr" / "run_record" / f"{run_id}.jsonl"

    def roll_back(self, home: str, platform: str, run_id: str, event: str) -> None:
        """Restore an older record: the one before the line of this event."""
        path = self.record(home, platform, run_id)
        lines = path.read_bytes().splitlines(keepends=True)
        at = next(at for at, line in enumerate(lines) if json.loads(line)["event_kind"] == event)
        path.write_bytes(b"".join(lines[:at]))
