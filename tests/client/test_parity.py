"""Every command that a service answers says the same with it as without: output, error line, exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.client.served import LOCAL, Said, World, build, fill, plain, said, serving


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [one for one in os.environ if one.startswith(("SR_", "PLATFORM_"))]:
            patch.delenv(name)
        build(folder)
        fill(World(folder, ""))
        with serving(folder) as url:
            yield World(folder, url)


@pytest.fixture(autouse=True)
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.folder)
    for name in [one for one in os.environ if one.startswith(("SR_", "PLATFORM_"))]:
        monkeypatch.delenv(name)


def _same(world: World, here: Said, afar: Said, keys: tuple[str, str] = ("", "")) -> None:
    assert plain(afar.out, world, keys[1]) == plain(here.out, world, keys[0])
    assert plain(afar.err, world, keys[1]) == plain(here.err, world, keys[0])
    assert afar.code == here.code


RUNS = ("ready", "waiting", "failed", "unplanned", "quarantined", "superseded", "corrected", "nobody")
ASKED = [
    *(["status", key] for key in RUNS),
]


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "json"])
@pytest.mark.parametrize("args", ASKED, ids=" ".join)
def test_what_is_read_is_the_same(world: World, args: list[str], as_json: bool) -> None:
    words = [run_id_for(one) if one in RUNS else one for one in args]
    flags = ["--json"] if as_json else []
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
