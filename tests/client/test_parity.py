"""Every command that a service answers says the same with it as without: output, error line, exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.client.served import LOCAL, Said, World, build, fill, own_variables, plain, said, serving, within


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("served")
    made = World(folder, "")
    with within(folder):
        build(folder)
        fill(made)
        made.request("planned")
        made.request("unplannable", output_ids=["nope"], seed=8)
        made.request("misshapen", seed=-1)
        with serving(folder) as url:
            yield World(folder, url)


@pytest.fixture(autouse=True)
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.folder)
    for name in own_variables():
        monkeypatch.delenv(name)


def _same(world: World, here: Said, afar: Said, keys: tuple[str, str] = ("", "")) -> None:
    assert plain(afar.out, world, keys[1]) == plain(here.out, world, keys[0])
    assert plain(afar.err, world, keys[1]) == plain(here.err, world, keys[0])
    assert afar.code == here.code


RUNS = ("ready", "waiting", "failed", "unplanned", "quarantined", "superseded", "corrected", "nobody")
ASKED = [
    *([command, key] for command in ("status", "explain", "show", "facts", "audit", "verify") for key in RUNS),
    *(["quarantine", "show", key] for key in ("quarantined", "ready", "nobody")),
    *([command, "key:ready"] for command in ("status", "facts", "verify", "audit")),
    *([command, "key:nobody"] for command in ("status", "facts", "verify", "audit", "resume")),
    ["status", "PREFIX"],
    ["facts", "PREFIX"],
    ["show", "REF"],
    ["status", "xyz"],
    ["verify", "superseded", "--allow-superseded"],
    ["verify", "ready", "--fast"],
    ["verify", "ready", "--engine-run-root", "part"],
    ["verify", "ready", "--engine-run-root", "nowhere"],
    ["-v", "explain", "ready"],
    ["wait", "ready"],
    ["wait", "waiting", "--timeout", "0"],
    ["wait", "key:nobody", "--timeout", "0"],
    ["wait", "failed"],
    ["status", "ready", "--watch"],
    ["list"],
    ["list", "--limit", "2"],
    ["list", "--state", "READY"],
    ["list", "--state", "!READY"],
    ["list", "--state", "OPEN"],
    ["list", "--key", "quar*"],
    ["list", "--key", "no such*"],
    ["list", "--since", "2001-01-01"],
    ["list", "--since", "2999-01-01"],
    ["list", "--since", "1d"],
    ["quarantine", "list"],
    ["audit", "ready", "nobody", "quarantined"],
    ["audit", "--all"],
    ["plugins"],
    ["plugins", "list"],
    ["plan", "planned.json"],
    ["plan", "unplannable.json"],
    ["plan", "misshapen.json"],
    ["plan", "planned.json", "--diff", "unplannable.json"],
    ["plan", "planned.json", "--strategy", "FORCE_INVOKE"],
    ["resume", "ready"],
    ["resume", "waiting"],
    ["resume", "waiting", "ready", "nobody"],
    ["resume", "failed", "--force"],
    ["retry", "ready"],
    ["retry", "waiting"],
    ["retry", "nobody"],
    ["reemit", "ready", "--kind", "BOTH", "--dry-run"],
    ["reemit", "waiting", "--kind", "READY_ONLY", "--dry-run"],
    ["reemit", "superseded", "--kind", "READY_ONLY", "--dry-run"],
    ["reemit", "waiting", "--kind", "BOTH"],
    ["reemit", "ready", "--kind", "TERMINAL_ONLY"],
    ["reemit", "nobody", "--kind", "BOTH"],
    ["recover", "ready", "--artifact", "no/such/key", "--accept-loss", "--reason", "a drill"],
    ["recover", "ready", "--receipt", "nope", "--accept-loss", "--reason", "a drill"],
    ["recover", "corrected", "--accept-loss", "--reason", "a drill"],
    ["recover", "nobody", "--accept-loss", "--reason", "a drill"],
    ["bus", "tail"],
    ["bus", "tail", "--limit", "2"],
    ["bus", "tail", "--platform-run", "platform_20200101T000000Z"],
    ["bus", "tail", "--follow", "--limit", "3"],
    ["submit", "absent.json"],
    ["submit"],
]
"""Whatever leaves the world as it is, but for what is on record of having been asked for."""


def _named(word: str) -> str:
    if word == "PREFIX":
        return run_id_for("ready")[:8]
    if word == "REF":
        return f"fraud-platform/{_platform()}/sr/run_record/{run_id_for('ready')}.jsonl"
    return run_id_for(word) if word in RUNS else word


def _platform() -> str:
    (folder,) = Path("runs/fraud-platform").glob("platform_*")
    return folder.name


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
@pytest.mark.parametrize("args", ASKED, ids=" ".join)
def test_what_is_asked_is_answered_alike(world: World, args: list[str], as_json: bool) -> None:
    words, flags = [_named(one) for one in args], ["--json"] if as_json else []
    here, afar = said(*LOCAL, *flags, *words), said("--server", world.url, *words, *flags)
    _same(world, here, afar)


DONE = [
    ("new", {}, []),
    ("waits", {"engine_run_root": "part"}, []),
    ("bad", {"engine_run_root": "bad"}, []),
    ("unplanned", {"output_ids": ["nope"]}, []),
    ("by-actor", {}, ["--actor", "alice"]),
    ("misshapen", {"seed": -1}, []),
    ("no-root", {"engine_run_root": "absent"}, []),
    ("forbidden-root", {"engine_run_root": "/etc"}, []),
    ("absent-rival", {"supersedes": "0" * 32}, []),
]


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
@pytest.mark.parametrize(("key", "changes", "options"), DONE, ids=[one[0] for one in DONE])
def test_a_submission_is_answered_alike(
    world: World, key: str, changes: dict[str, Any], options: list[str], as_json: bool
) -> None:
    flags = ["--json"] if as_json else []
    twins = (f"{key}-{as_json}-here", f"{key}-{as_json}-afar")
    names = [world.request(one, **changes) for one in twins]
    for _ in range(2):  # the second finds what the first made
        here = said(*LOCAL, *flags, "submit", names[0], *options)
        afar = said("--server", world.url, *flags, "submit", names[1], *options)
        _same(world, here, afar, twins)


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
def test_a_collision_is_told_alike(world: World, as_json: bool) -> None:
    flags = ["--json"] if as_json else []
    name = world.request("ready", seed=8)
    here, afar = said(*LOCAL, *flags, "submit", name), said("--server", world.url, *flags, "submit", name)
    _same(world, here, afar)
    assert afar.code == 7


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with a run that is READY and one that FAILED, where only alice may do anything."""
    folder = tmp_path_factory.mktemp("closed")
    made = World(folder, "")
    with within(folder):
        build(folder)
        assert said(*LOCAL, "submit", made.request("ready")).code == 0
        assert said(*LOCAL, "submit", made.request("failed", output_ids=["nope"])).code == 4
        made.request("planned")
        lists = "auth: {submit: [alice], reemit: [alice], recover: [alice], read: [alice, local]}\n"
        (folder / "profile.yaml").write_text((folder / "profile.yaml").read_text() + lists)
        with serving(folder) as url:
            yield World(folder, url)


DENIED = [
    ["submit", "planned.json", "--actor", "mallory"],
    ["reemit", "ready", "--kind", "BOTH", "--actor", "mallory"],
    ["recover", "ready", "--artifact", "no/such/key", "--accept-loss", "--reason", "a drill", "--actor", "mallory"],
    ["retry", "failed", "--actor", "mallory"],
]


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
@pytest.mark.parametrize("args", DENIED, ids=[one[0] for one in DENIED])
def test_who_may_not_is_told_alike_but_not_who_may(
    closed: World, monkeypatch: pytest.MonkeyPatch, args: list[str], as_json: bool
) -> None:
    monkeypatch.chdir(closed.folder)
    words, flags = [_named(one) for one in args], ["--json"] if as_json else []
    here = said(*LOCAL, *flags, *words)
    afar = said("--server", closed.url, *flags, *words)
    assert (here.code, here.error) == (afar.code, afar.error) == (6, "AUTH_DENIED")
    assert "alice" in here.err
    assert "alice" not in afar.out + afar.err, "a service does not tell whoever may not, who may"
    assert _without_who_may(afar.err) == _without_who_may(here.err)
    if args[0] == "submit":
        assert plain(afar.out, closed) == plain(here.out, closed)
    elif as_json:  # nor does it tell of the run, which is asked for by whoever may not
        assert afar.json["error"]["reason_code"] == here.json["reason_code"]
        assert afar.json["exit_code"] == here.json["exit_code"]


def _without_who_may(text: str) -> str:
    return re.sub(r" \(auth\.[a-z]+: [^)]*\)", "", text)


ENGINE = """
import json, os, shutil, sys, time
time.sleep(1)
root = os.environ["SR_ENGINE_RUN_ROOT"]
shutil.copytree(sys.argv[1], root, dirs_exist_ok=True)
pins = {name: os.environ["SR_" + name.upper()] for name in ("run_id", "manifest_fingerprint", "parameter_hash")}
with open(os.path.join(root, "run_receipt.json"), "w") as file:
    json.dump({**pins, "seed": int(os.environ["SR_SEED"])}, file)
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world whose engine takes longer than its service waits for a run."""
    folder = tmp_path_factory.mktemp("slow")
    with within(folder):
        build(folder)
        (folder / "engine.py").write_text(ENGINE)
        engine = ["{python}", str(folder / "engine.py"), str(folder / "root")]
        more = f"invoker: {{adapter: subprocess, command: {json.dumps(engine)}}}\nservice: {{wait_seconds: 0.2}}\n"
        (folder / "profile.yaml").write_text((folder / "profile.yaml").read_text() + more)
        with serving(folder) as url:
            yield World(folder, url)


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
def test_a_run_that_takes_longer_than_a_service_waits_is_answered_alike(
    slow: World, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.chdir(slow.folder)
    flags = ["--json"] if as_json else []
    twins = (f"slow-{as_json}-here", f"slow-{as_json}-afar")
    names = [slow.request(one, engine_run_root=f"out-{one}", requested_strategy="FORCE_INVOKE") for one in twins]
    for _ in range(2):
        here = said(*LOCAL, *flags, "submit", names[0])
        afar = said("--server", slow.url, *flags, "submit", names[1])
        _same(slow, here, afar, twins)
        assert afar.code == 0
