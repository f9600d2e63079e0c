"""Scenes that end otherwise, wait, or were cut by a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import worlds
from scenes import P1, _oracle, linked
from sr_domain.ids import run_id_for
from studio import FIFTY_YEARS_S, Away, Cut, Killer, Studio, request, writes

ALONE = {"data/alone/only.bin": "alone"}


def ended(studio: Studio) -> None:
    """FAILED, QUARANTINED, denied."""
    sound = str(studio.root / "engine" / "sound")

    def end(name: str, what: str, wiring: Any = None, **changes: Any) -> str:
        document = request(name, **{"engine_run_root": sound, **changes})
        return studio.submit(name, what, "ended", P1, document, **(wiring or {}))

    def spoiled(name: str, path: str, data: bytes) -> str:
        return studio.world(name, {**worlds.world(), path: data})

    end("refused-unknown", "the plan refused: an output that the pack lacks", output_ids=["world", "nothing"])
    end("refused-ungated", "the plan refused: no gate covers an output", output_ids=["loose"])
    end("refused-no-outputs", "the plan refused: nothing asked for", {"policy": {"traffic_output_ids": []}},
        output_ids=None)  # fmt: skip
    end("refused-law", "the plan refused: a law that the policy leaves out",
        {"policy": {"allowed_laws": ["sha256_bundle_digest"]}})  # fmt: skip
    end("failed-strategy", "no engine is wired", requested_strategy="FORCE_INVOKE")
    root = studio.world("failed-deadline", without=("data/alone/",))
    end("failed-deadline", "evidence missing at the deadline", {"wait_s": 0}, engine_run_root=root)
    root = studio.world("failed-oracle", {**worlds.world(), "_oracle_pack_manifest.json": _oracle(8)})
    end("failed-oracle", "an oracle pack of another world", engine_run_root=root)
    end("drift-stood", "the run whose receipts stand", seed=7)
    changed = studio.world("drift", worlds.world(variant=", other bytes"))
    end("drift", "the same scope with other bytes: both sides kept", engine_run_root=changed)
    root = spoiled("unread-members", "gates/gate.b/report.json", b"[1]")
    end("unread-members", "READY: a law that never reads the members whose digests it sums up", engine_run_root=root)
    end("quarantined-member", "a member unlike its index, where the policy asks for a look",
        {"policy": {"member_digests": "ENFORCE"}}, engine_run_root=root)  # fmt: skip
    root = spoiled("quarantined-digest", "gates/gate.a/report.json", b"{ }")
    end("quarantined-digest", "a gate's law gives another digest", engine_run_root=root)
    end("quarantined-law", "a law that raised", {"ports": lambda ports: {"laws": _raising(ports.laws)}})
    document = request("refused-foreign-law", engine_run_root=sound, output_ids=["world"])
    studio.submit("refused-foreign-law", "the plan refused: no plugin provides the law", "ended", P1, document,
                  profile="foreign-law")  # fmt: skip
    root = spoiled("quarantined-flag", f"gates/gate.a/{worlds.FLAG}", b"passed, surely\n")
    end("quarantined-flag", "a flag without a digest", engine_run_root=root)
    root = spoiled("quarantined-index", "gates/gate.c/index.json", b'[{"path": "../outside"}]')
    end("quarantined-index", "an index that leaves its base", engine_run_root=root)
    root = studio.world("quarantined-link", without=("data/alone/",))
    (Path(root) / "data" / "alone").symlink_to("../..")
    end("quarantined-link", "a link that leads out of the root", engine_run_root=root)
    run_id = end("terminal-reemitted", "FAILED, told again", output_ids=["nothing"])
    quarantined = end("quarantine-reemitted", "QUARANTINED, told again",
                      engine_run_root=str(studio.root / "engine" / "quarantined-flag"))  # fmt: skip
    with studio.runner("ended", P1) as runner:
        for one in (run_id, quarantined):
            runner.reemit(one, "TERMINAL_ONLY", reason="a new consumer", actor="on call")
        runner.reemit(run_id, "READY_ONLY", actor="on call")  # not applicable: on record as refused
    _denied(studio, sound)
    _taken(studio)


def _raising(laws: Any) -> Any:
    kind = "sha256_bundle_digest"

    class Raising:
        def __init__(self) -> None:
            self.kind = kind

        def digest(self, bundle: Any) -> str:
            raise RuntimeError("the law is broken")

    return {**laws, kind: attrs.evolve(laws[kind], law=Raising())}


def _denied(studio: Studio, sound: str) -> None:
    for name, what, actors in (
        ("denied", "an actor who may not: a record of the denial and nothing else", ["stranger"]),
        ("denied-first", "admitted after an actor was denied, its re-emit denied, too", ["stranger", "operator"]),
    ):
        document = request(name, engine_run_root=sound)
        with studio.runner("ended", P1, "allowlist") as runner:
            for actor in actors:
                outcome = runner.submit(document, actor=actor)
            if actors[-1] == "operator":
                runner.reemit(outcome.run_id, "READY_ONLY", actor="stranger")
        studio.note(name, what, "ended", P1, document, profile="allowlist", actor="operator")


def _taken(studio: Studio) -> None:
    """Two that would succeed one run: both wait, both get what they lack, one is first."""
    sound = str(studio.root / "engine" / "sound")
    old = studio.submit("contested", "a run that two would supersede", "ended", P1,
                        request("contested", engine_run_root=sound))  # fmt: skip
    root = studio.world("contested", without=("data/alone/",))
    ids = []
    for name, what in (
        ("contest-won", "the one that came first"),
        ("contest-lost", "FAILED: another superseded the run first"),
    ):
        document = request(name, engine_run_root=root, supersedes=old)
        ids.append(studio.submit(name, what, "ended", P1, document))
    worlds.write(Path(root), {path: data.encode() for path, data in ALONE.items()})
    with studio.runner("ended", P1) as runner:
        for run_id in ids:
            runner.resume(run_id)


def waiting(studio: Studio) -> None:
    """Runs that wait for one file for fifty years. `arrives`: what they wait for."""
    second = f"data/days/parameter_hash={worlds.PH}/seed=11/utc_day={worlds.DAYS[2]}"
    flag = f"gates/gate.a/{worlds.FLAG}"
    whole = worlds.world()

    def text(*paths: str) -> dict[str, str]:
        return {path: {**worlds.world(seed=11), **whole}[path].decode() for path in paths}

    def wait(name: str, what: str, arrives: dict[str, str], root: str | None = None, **changes: Any) -> None:
        note: dict[str, Any] = {"arrives": arrives}
        if "inner_link" in changes:
            note["inner_link"] = changes.pop("inner_link")
        root = root or studio.world(name, worlds.world(seed=changes.get("seed", 7)), without=tuple(arrives))
        wait_s = changes.pop("wait_s", FIFTY_YEARS_S)
        document = request(name, engine_run_root=root, **changes)
        note |= {"engine_root": root, "overdue": wait_s < FIFTY_YEARS_S}
        studio.submit(name, what, "waiting", P1, document, note=note, wait_s=wait_s)

    wait("waiting-output", "waits for an output, the receipts of others stand", dict(ALONE))
    wait("waiting-gate", "waits for a gate's flag", text(flag))
    wait("waiting-days", "waits for the third of three days", text(f"{second}/part-0.bin", f"{second}/part-1.bin"),
         days=3, seed=11)  # fmt: skip
    link = f"data/world/manifest_fingerprint={worlds.MF}/world.bin"
    wait("waiting-link", "waits, over a root with an inner link to a file", dict(ALONE),
         linked(studio, "waiting-link", without=("data/alone/",)), inner_link={link: "the world"})  # fmt: skip
    wait("waiting-overdue", "waits, its deadline past: FAILED once somebody looks", dict(ALONE), wait_s=1)
    path = f"data/by_run/run_id={run_id_for('waiting-by-run')}/out.bin"
    wait("waiting-by-run", "waits for an output by run id", {path: "of the run"}, output_ids=["by_run", "world"])
    nowhere = str(studio.root / "engine" / "waiting-root")
    every = {path: data.decode() for path, data in whole.items()}
    wait("waiting-root", "waits for an engine root that is not there", every, nowhere)
    wait("waiting-adverse", "waits for a flag, has a conflict in store: QUARANTINED once it comes",
         text(flag) | {"gates/gate.a/report.json": "{ }"})  # fmt: skip


def left(studio: Studio) -> None:
    """Runs whose worker was killed, and what was never published."""
    sound = str(studio.root / "engine" / "sound")
    store = lambda chosen, *, after=False: lambda ports: {"store": Cut(ports.store, chosen, after=after)}  # noqa: E731
    publish = lambda method, args: method == "publish"  # noqa: E731

    def cut(name: str, what: str, ports: Any, *, profile: str = "reuse", home: str = "left", **changes: Any) -> str:
        document = request(name, **{"engine_run_root": sound, **changes})
        note: dict[str, Any] = {"signed": True} if profile == "signing" else {}
        if name == "cut-verifying-link":
            note["inner_link"] = {f"data/world/manifest_fingerprint={worlds.MF}/world.bin": "the world"}
        return studio.cut(name, what, home, P1, document, ports=ports, profile=profile, note=note)

    record, view = "run_record", "run_facts_view"
    decided = store(writes(view))
    cut("cut-bound", "the key is bound, nothing is on record", store(writes(record)))
    cut("cut-planned", "planned on record, no artifact written", store(writes(record, "EVIDENCE_STARTED"), after=True))
    cut("cut-verifying", "one instance receipt written, no decision", store(writes("instance_receipts"), after=True))
    cut("cut-verifying-link", "no decision over a root with an inner link", store(writes("run_status")),
        engine_run_root=linked(studio, "cut-verifying-link"))  # fmt: skip
    cut("cut-waiting", "waiting on record, the status not written",
        store(writes(record, "EVIDENCE_WAITING"), after=True), engine_run_root=studio.world(
            "cut-waiting", without=("data/alone/",)))  # fmt: skip
    cut("cut-decided", "decided, the facts view not written", decided)
    cut("cut-decided-days", "the same over three days", decided, days=3, seed=11,
        engine_run_root=str(studio.root / "engine" / "days"))  # fmt: skip
    cut("cut-decided-links", "the same over a root with an inner link", decided,
        engine_run_root=linked(studio, "cut-decided-links"))  # fmt: skip
    cut("cut-decided-empty", "the same with no output at all", decided, output_ids=["extra"])
    cut("cut-decided-signed", "the same where READY is signed", decided, profile="signing", home="signed")
    cut("cut-viewed-signed", "the facts view written, the attestation not", store(writes(view), after=True),
        profile="signing", home="signed")  # fmt: skip
    cut("cut-viewed", "the facts view written, nothing after it", store(writes(view), after=True))
    cut("cut-status-ahead", "the status says READY, the record does not yet", store(writes(record, "READY_COMMITTED")))
    cut("cut-committed", "READY on record, the signal not written",
        store(writes(record, "READY_COMMITTED"), after=True))  # fmt: skip
    cut("cut-unpublished", "the signal written, not published", lambda ports: {"bus": Cut(ports.bus, publish)})
    cut("cut-published", "published, which is not on record",
        lambda ports: {"bus": Cut(ports.bus, publish, after=True)})  # fmt: skip
    cut("cut-failed", "FAILED on record, the status not written", store(writes(record, "RUN_FAILED"), after=True),
        output_ids=["nothing"])  # fmt: skip
    flagless = str(studio.root / "engine" / "quarantined-flag")
    cut("cut-quarantined", "QUARANTINED on record, no artifact", store(writes(record, "RUN_QUARANTINED"), after=True),
        engine_run_root=flagless)  # fmt: skip
    _engines(studio, cut)
    _successors(studio, cut, store)
    document = request("unpublished", engine_run_root=sound)
    studio.submit("unpublished", "READY, the bus was away", "left", P1, document, note={"unfinished": True},
                  ports=lambda ports: {"bus": Away(ports.bus)})  # fmt: skip
    _adopted(studio)


def _engines(studio: Studio, cut: Any) -> None:
    """Attempts that a killed worker left open."""
    killer = lambda ports: {"invoker": Killer()}  # noqa: E731
    root = str(studio.root / "engine" / "cut-executing")
    cut("cut-executing", "an attempt begun, its holder dead", killer, profile="engine", engine_run_root=root,
        requested_strategy="FORCE_INVOKE")  # fmt: skip
    root = str(studio.root / "engine" / "cut-executing-again")
    run_id = cut("cut-executing-again", "one attempt abandoned, the second one open", killer, profile="engine",
                 engine_run_root=root, requested_strategy="FORCE_INVOKE")  # fmt: skip
    studio.killed("cut-executing-again", lambda: studio.runner("left", P1, "engine", ports=killer).resume(run_id))
    root = str(studio.root / "engine" / "cut-after-engine")
    start = lambda ports: {"store": Cut(ports.store, writes("instance_receipts"), after=True)}  # noqa: E731
    cut("cut-after-engine", "the engine done, the holder dead while it verified", start, profile="engine",
        engine_run_root=root, requested_strategy="FORCE_INVOKE", seed=9)  # fmt: skip


def _successors(studio: Studio, cut: Any, store: Any) -> None:
    sound = str(studio.root / "engine" / "sound")
    for name, what, at, after in (
        ("claimed", "the place of successor claimed, nothing decided", "SUPERSEDE_CLAIMED", True),
        ("announcing", "the successor READY, the old record does not say so", "SUPERSEDED_BY", False),
        ("announced", "the old record says so, the fact not published", "SUPERSEDED_BY", True),
    ):
        old = studio.submit(f"{name}-old", f"a run to be superseded: {what}", "left", P1,
                            request(f"{name}-old", engine_run_root=sound))  # fmt: skip
        cut(f"cut-{name}", what, store(writes("run_record", at), after=after), supersedes=old)


def _adopted(studio: Studio) -> None:
    """Older records restored under facts views that stand: the first release takes the view for its decision."""
    sound = str(studio.root / "engine" / "sound")
    viewed = lambda ports: {"store": Cut(ports.store, writes("run_facts_view"), after=True)}  # noqa: E731
    chosen = writes("run_record", '"adopted":true')
    cut = lambda ports: {"store": Cut(ports.store, chosen, after=True)}  # noqa: E731
    for name, what in (
        ("adopted", "a facts view that the record adopted"),
        ("cut-adopted", "a facts view adopted, nothing after it"),
    ):
        document = request(name, engine_run_root=sound)
        run_id = studio.cut(name, what, "left", P1, document, ports=viewed)
        studio.roll_back("left", P1, run_id, "EVIDENCE_COMPLETE")
        if name == "cut-adopted":
            studio.killed(name, lambda run_id=run_id: studio.runner("left", P1, ports=cut).resume(run_id))
            continue
        studio.runs[-1].pop("unfinished")
        with studio.runner("left", P1) as runner:
            runner.resume(run_id)
