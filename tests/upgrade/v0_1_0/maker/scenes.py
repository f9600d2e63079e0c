"""The runs of the corpus, one scene each: what ends well, and what waits."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import worlds
from sr_domain.ids import run_id_for
from studio import Away, Studio, request

P1, P2, OWN = "platform_20260301T080000Z", "platform_20260302T080000Z", "my-run"
SET = ["storm", "baseline", "storm"]


def ready(studio: Studio) -> None:
    """Runs that are READY, reused, over one sound root or one of their own."""
    sound = studio.world("sound")
    home = "ready"

    def reuse(name: str, what: str, key: str | None = None, *, at: str = P1, wiring: Any = None, **changes: Any) -> str:
        document = request(key or name, **{"engine_run_root": sound, **changes})
        return studio.submit(name, what, home, at, document, **(wiring or {}))

    reuse("reused", "evidence of an engine run that was there")
    reuse("reused-again", "the same key in another platform run: its own authority, the same run id", "reused", at=P2)
    reuse("own-name", "a platform run id of a free form", at=OWN)
    reuse("days", "an output over three days, its receipt and part list", days=3, seed=11,
          engine_run_root=studio.world("days", worlds.world(seed=11)))  # fmt: skip
    reuse("policy-outputs", "no outputs asked for: the policy's", output_ids=None)
    reuse("offset", "a window given with offsets", window={
        "window_start_utc": "2026-01-01T01:00:00+01:00", "window_end_utc": "2026-01-02T02:00:00+02:00",
        "window_tz": "America/New_York"})  # fmt: skip
    reuse("described", "request id, invoker, notes and a strategy", request_id="r-1", invoker="night batch",
          notes="a second look at January", requested_strategy="FORCE_REUSE")  # fmt: skip
    reuse("optional-only", "an empty pass: its one output is optional and absent", output_ids=["extra"])
    reuse("ungated", "an output that no gate covers, allowed by policy", output_ids=["loose", "world"],
          wiring={"policy": {"ungated_outputs": "ALLOW"}})  # fmt: skip
    reuse("enforced", "per-file digests of the indexes checked", wiring={"policy": {"member_digests": "ENFORCE"}})
    reuse("revision", "an embedder's config revision", wiring={"settings": {"config_revision": "git-1234567"}})
    reuse("overridden", "the profile's engine root instead of the request's", engine_run_root="/nowhere",
          wiring={"settings": {"oracle_engine_run_root": sound}})  # fmt: skip
    for name, key in {
        "space-after": "k1 ", "space-before": " k1", "two-spaces": "k  1", "decomposed": "cafe\u0301",
        "zero-width": "k\u200b1", "filler": "k\u3164", "right-to-left": "k\u202e1", "private-use": "k\ue000",
    }.items():  # fmt: skip
        reuse(f"key-{name}", f"a key of an odd spelling: {key!a}", key, output_ids=["world"])
    reuse("odd-actor", "an actor of an odd spelling", output_ids=["world"], invoker=" ops\u2028 ")
    long = "a" * 300
    root = studio.world("long-scenario", {**worlds.world(), f"data/by_scenario/scenario_id={long[:200]}/x": b""})
    reuse("long-scenario", "a scenario whose name is longer than a folder's may be", scenario={"scenario_id": long},
          engine_run_root=root, output_ids=["world", "events"])  # fmt: skip
    big = 2**64 - 1
    root = studio.world("big-seed", worlds.world(seed=big))
    reuse("big-seed", "a seed that no double holds", seed=big, engine_run_root=root)
    named = "scnset_" + hashlib.sha256(b"baseline|storm").hexdigest()[:16]
    root = studio.world("scenario-set", worlds.world(scenario=named))
    reuse("scenario-set", "a set of scenarios, given twice and out of order", scenario={"scenario_set": SET},
          engine_run_root=root, output_ids=["by_scenario", "world"])  # fmt: skip
    run_id = run_id_for("receipt")
    root = studio.world("receipt", worlds.world(run_id=run_id))
    reuse("receipt", "a root with a run receipt, an output by run id", engine_run_root=root,
          output_ids=["by_run", "world"])  # fmt: skip
    root = studio.world("receipt-foreign", {
        **worlds.world(run_id=run_id_for("receipt-foreign")), **_receipt("0" * 32)})  # fmt: skip
    reuse("receipt-foreign", "a root whose run receipt has the engine's own run id", engine_run_root=root,
          output_ids=["by_run", "world"])  # fmt: skip
    root = studio.world("oracle", {**worlds.world(), "_oracle_pack_manifest.json": _oracle(7)})
    reuse("oracle", "a root with an oracle pack manifest", engine_run_root=root)
    reuse("file-link", "an inner link to a file on the way to an output", engine_run_root=linked(studio, "file-link"))
    reuse("folder-link", "an inner link to a folder on the way to an output",
          engine_run_root=linked(studio, "folder-link", folder=True))  # fmt: skip
    _beside(studio, home)


def _receipt(run_id: str) -> dict[str, bytes]:
    return {"run_receipt.json": worlds.world(run_id=run_id)["run_receipt.json"]}


def _oracle(seed: int) -> bytes:
    manifest = {
        "version": "1",
        "oracle_pack_id": "d" * 64,
        "world_key": {
            "manifest_fingerprint": worlds.MF, "parameter_hash": worlds.PH, "scenario_id": "baseline", "seed": seed,
        },
        "engine_release": "engine-1",
        "catalogue_digest": "e" * 64,
        "gate_map_digest": "f" * 64,
        "created_at_utc": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    return json.dumps(manifest).encode()


def linked(studio: Studio, name: str, *, folder: bool = False, without: tuple[str, ...] = ()) -> str:
    """A root where a file or folder of `world` is a link to another place below the root."""
    root = Path(studio.world(name, without=without))
    place = root / f"data/world/manifest_fingerprint={worlds.MF}" / ("" if folder else "world.bin")
    kept = root / "kept" / place.name
    kept.parent.mkdir()
    place.rename(kept)
    place.symlink_to(os.path.relpath(kept, place.parent))
    return str(root)


def _beside(studio: Studio, home: str) -> None:
    """Re-emits, and runs that supersede."""
    sound = str(studio.root / "engine" / "sound")

    def plain(name: str, what: str, **changes: Any) -> str:
        return studio.submit(name, what, home, P1, request(name, engine_run_root=sound, **changes))

    run_id = plain("reemitted", "READY published again, twice")
    with studio.runner(home, P1) as runner:
        runner.reemit(run_id, "READY_ONLY", reason="an outage", actor="on call")
        runner.reemit(run_id, "BOTH", actor="on call")
        runner.reemit(run_id, "TERMINAL_ONLY", actor="on call")  # not applicable: on record as refused
    run_id = plain("reemit-dry", "a re-emit that only said what it would do")
    with studio.runner(home, P1) as runner:
        runner.reemit(run_id, "READY_ONLY", dry_run=True, actor="on call")
    run_id = plain("reemit-limited", "two re-emits, and a third one over the limit")
    with studio.runner(home, P1, "strict-limit") as runner:
        for _ in range(3):
            runner.reemit(run_id, "READY_ONLY", actor="on call")
    old = plain("superseded", "a run that another superseded")
    plain("successor", "the run that superseded it", supersedes=old, notes="late events")
    first = plain("chain-first", "the oldest of three")
    second = plain("chain-second", "superseded, and itself a successor", supersedes=first)
    plain("chain-third", "the newest of three", supersedes=second)


def signed(studio: Studio) -> None:
    """Runs with an attestation."""
    sound = str(studio.root / "engine" / "sound")
    for name, what, changes in (
        ("signed", "READY, signed", {}),
        (
            "signed-days",
            "READY over three days, signed",
            {"days": 3, "seed": 11, "engine_run_root": str(studio.root / "engine" / "days")},
        ),
    ):
        document = request(name, **{"engine_run_root": sound, **changes})
        studio.submit(name, what, "signed", P1, document, profile="signing", note={"signed": True})


def invoked(studio: Studio) -> None:
    """Runs whose engine was run."""
    home = "invoked"

    def invoke(name: str, what: str, mode: str = "sound", wiring: Any = None, **changes: Any) -> str:
        root = str(studio.root / "engine" / name)
        document = request(name, **{"engine_run_root": root, "requested_strategy": "FORCE_INVOKE", **changes})
        given = {"ports": lambda ports: {"invoker": _moded(ports.invoker, mode)}, **(wiring or {})}
        return studio.submit(name, what, home, P1, document, profile="engine", **given)

    invoke("invoked", "the engine was run", output_ids=["by_run", "by_scenario", "daily", "events", "world"])
    invoke("invoked-own-root", "the engine was run in a root that the invoker made", engine_run_root=None)
    invoke("invoked-second", "the first attempt failed, the second did not", "second")
    invoke("invoked-auto", "AUTO over a root where nothing is", requested_strategy=None)
    invoke("invoked-set", "the engine was run for a set of scenarios", scenario={"scenario_set": SET},
           output_ids=["by_scenario", "world"])  # fmt: skip
    invoke("invoked-denied-reuse", "the policy forbids reuse", requested_strategy=None,
           wiring={"policy": {"reuse_policy": "DENY"}})  # fmt: skip
    invoke("failed-exit", "every attempt ended with 3", "exit", {"policy": {"attempt_limit": 2}})
    invoke("failed-receipt", "the engine's receipt is of other pins", "receipt", {"policy": {"attempt_limit": 1}})
    invoke("failed-command", "the engine has no command", wiring={"ports": lambda ports: {
        "invoker": _with(ports.invoker, command=())}})  # fmt: skip


def _with(invoker: Any, **changes: Any) -> Any:
    import attrs

    return attrs.evolve(invoker, **changes)


def _moded(invoker: Any, mode: str) -> Any:
    return _with(invoker, command=(*invoker.command[:-1], mode))


def shipped(studio: Studio) -> None:
    """The shipped pack and the demo engine, under a platform run that was minted."""
    from sr_plugins.pack import load_pack

    from sr_adapters.cli.demo import demo_request

    document = demo_request(load_pack("builtin").outputs, "1k", None)
    document["engine_run_root"] = str(studio.root / "engine" / "shipped")
    with studio.runner("shipped", None, "shipped") as runner:
        outcome = runner.submit(document, actor="demo")
    studio.note("shipped", "every gated output of the shipped pack, by the demo engine", "shipped",
                outcome.platform_run_id, document, profile="shipped", actor="demo")  # fmt: skip


def shared(studio: Studio) -> None:
    """One SQLite authority of three platform runs."""
    sound = str(studio.root / "engine" / "sound")
    lacking = studio.world("shared-waiting", without=("data/alone/",))
    arrives = {"data/alone/only.bin": "alone"}

    def submit(name: str, what: str, at: str, note: Any = None, **changes: Any) -> str:
        document = request(name, **{"engine_run_root": sound, **changes})
        return studio.submit(name, what, "shared", at, document, profile="shared", note=note)

    old = submit("shared-first", "of the first platform run", P1)
    submit("shared-second", "of the second platform run", P2)
    submit("shared-own-name", "of a platform run id of a free form", OWN)
    submit("shared-successor", "supersedes a run of another platform run", P2, supersedes=old)
    waits = {"arrives": arrives, "engine_root": lacking}
    submit("shared-waiting", "waits, in another platform run than the last", P1, waits, engine_run_root=lacking)
    own = studio.world("shared-own-waiting", without=("data/alone/",))
    waits = {"arrives": arrives, "engine_root": own}
    submit("shared-own-waiting", "waits, under a platform run id of a free form", OWN, waits, engine_run_root=own)


def teams(studio: Studio) -> None:
    """Two stores on one SQLite authority, one key in both."""
    sound = str(studio.root / "engine" / "sound")
    lacking = studio.world("team-waiting", without=("data/alone/",))

    def submit(team: str, name: str, what: str, note: Any = None, key: str | None = None, **changes: Any) -> str:
        document = request(key or name, **{"engine_run_root": sound, **changes})
        given = {"store": team, **(note or {})}
        return studio.submit(name, what, "teams", P1, document, profile=f"team-{team}", note=given)

    submit("a", "team-a", "READY in the first store")
    submit("b", "team-b", "READY in the second store")
    submit("a", "team-a-same", "one key in both stores: the first", key="same")
    submit("b", "team-b-same", "one key in both stores: run again for the second", key="same")
    waits = {"arrives": {"data/alone/only.bin": "alone"}, "engine_root": lacking}
    submit("b", "team-b-waiting", "waits in the second store", waits, engine_run_root=lacking)


def lost(studio: Studio) -> None:
    """A platform run whose authority is gone."""
    sound = str(studio.root / "engine" / "sound")
    lacking = studio.world("lost-waiting", without=("data/alone/",))

    def submit(name: str, what: str, note: Any = None, wiring: Any = None, **changes: Any) -> str:
        document = request(name, **{"engine_run_root": sound, **changes})
        given = {"lost_index": True, **(note or {})}
        return studio.submit(name, what, "lost", P1, document, note=given, **(wiring or {}))

    submit("lost-ready", "READY, and its index is lost")
    submit("lost-failed", "FAILED, and its index is lost", output_ids=["nothing"])
    waits = {"arrives": {"data/alone/only.bin": "alone"}, "engine_root": lacking}
    submit("lost-waiting", "waits, and its index is lost", waits, engine_run_root=lacking)
    submit("lost-unpublished", "READY, not published, and its index is lost", {"unfinished": True},
           {"ports": lambda ports: {"bus": Away(ports.bus)}})  # fmt: skip


def lose(studio: Studio) -> None:
    """Delete the lost home's authority; last, for everything before still needs it."""
    found = [path for path in studio.home("lost").rglob("*authority*.db*") if path.is_file()]
    if not found:
        raise SystemExit("there is no authority to lose")
    for path in found:
        path.unlink()
    shutil.rmtree(studio.home("lost") / "engine_runs", ignore_errors=True)
