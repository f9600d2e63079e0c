"""What SR prints can be typed: commands are quoted for the shell, and refs name runs and views."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_plugins.consumer import verify_facts
from tests.cli.conftest import Answer, Shell

RUN = run_id_for("key")
FOLDERS = ("a demo", "it's", "$HOME & co", "ünï")


def place(sr: Shell, folder: str) -> tuple[str, str]:
    """Profile and policy in a folder with an awkward name."""
    made = sr.folder / folder
    made.mkdir()
    for name in ("profile.yaml", "policy.yaml"):
        (sr.folder / name).rename(made / name)
    return f"{folder}/profile.yaml", f"{folder}/policy.yaml"


def typed(sr: Shell, line: str) -> Answer:
    words = shlex.split(line)
    assert words[0] == "sr"
    return sr.bare(*words[1:])


def step(text: str) -> str:
    (found,) = re.findall(r"next: .*?\b(sr .*)", text)
    return str(found)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_next_step_can_be_pasted(sr: Shell, folder: str) -> None:
    profile, policy = place(sr, folder)
    ready = sr.bare("--profile", profile, "--policy", policy, "submit", sr.request())
    assert ready.code == 0
    assert typed(sr, step(ready.out)).out.startswith(f"facts view of run {RUN}")
    explained = sr.bare("--profile", profile, "explain", RUN)
    assert typed(sr, step(explained.out)).code == 0


def test_the_steps_of_a_run_that_waits_lead_to_ready(sr: Shell, policy: Any) -> None:
    policy(evidence_wait_seconds=600)
    (sr.folder / "root/data/world.bin").rename(sr.folder / "later")
    profile, sealed = place(sr, "a demo")
    waits = sr.bare("--profile", profile, "--policy", sealed, "submit", sr.request())
    assert waits.code == 3
    explained = typed(sr, step(waits.out))
    (sr.folder / "later").rename(sr.folder / "root/data/world.bin")
    assert typed(sr, step(explained.out)).out.startswith(f"READY run {RUN}")


def test_the_seal_that_a_changed_policy_needs_can_be_pasted(sr: Shell) -> None:
    profile, policy = place(sr, "a demo")
    path = sr.folder / policy
    path.write_text(path.read_text().replace("evidence_wait_seconds: 0", "evidence_wait_seconds: 1"))
    refused = sr.bare("--profile", profile, "--policy", policy, "submit", sr.request())
    assert refused.error == "POLICY_DIGEST_MISMATCH"
    assert typed(sr, refused.err.strip().partition("then run: ")[2]).code == 0
    assert sr.bare("--profile", profile, "--policy", policy, "submit", sr.request()).code == 0


@pytest.fixture
def refs(sr: Shell) -> dict[str, str]:
    """What READY and the answer to submit carry."""
    answer = sr("--json", "submit", sr.request()).json
    ready = sr("--json", "bus", "tail").json["envelopes"][0]["payload"]
    assert ready["facts_view_ref"] == answer["facts_view_ref"]
    both = {**answer, **ready}.items()
    return {name: value for name, value in both if name.endswith("_ref") and isinstance(value, str)}


def test_verify_takes_what_ready_carries(sr: Shell, refs: dict[str, str]) -> None:
    view = refs["facts_view_ref"]
    stored = (sr.folder / "runs" / view).absolute()
    for source in (view, f"runs/{view}", str(stored), stored.as_uri(), f"file://localhost{stored}", RUN):
        answer = sr("verify", source)
        assert (answer.code, answer.err) == (0, ""), source
    assert verify_facts(view, profile="profile.yaml").verification.ok
    gone = sr("verify", view.replace(RUN, "0" * 32))
    assert (gone.code, gone.error) == (8, "FACTS_VIEW_MISSING")


def test_a_uri_of_another_machine_is_not_taken_for_a_path(sr: Shell, refs: dict[str, str]) -> None:
    for source in (f"file://elsewhere/{refs['facts_view_ref']}", f"file:{refs['facts_view_ref']}"):
        assert sr("verify", source).error == "USAGE"


def test_a_uri_is_unquoted(sr: Shell, refs: dict[str, str]) -> None:
    (sr.folder / "runs").rename(sr.folder / "my runs")
    stored = (sr.folder / "my runs" / refs["facts_view_ref"]).absolute()
    assert "%20" in stored.as_uri()
    assert sr("verify", stored.as_uri(), "--fast").code == 0


def test_every_ref_names_its_run(sr: Shell, refs: dict[str, str]) -> None:
    assert {"facts_view_ref", "ready_signal_ref", "status_ref", "record_ref", "plan_ref"} <= set(refs)
    for name, ref in refs.items():
        for command in (
            ("status",),
            ("facts",),
            ("show",),
            ("explain",),
            ("resume",),
            ("audit",),
            ("verify", "--fast"),
        ):
            assert sr(*command, ref).code == 0, (name, command)
    assert sr("reemit", refs["facts_view_ref"], "--kind", "READY_ONLY").code == 0


def test_a_ref_is_a_key_of_the_profiles_store_wherever_one_stands(
    sr: Shell, refs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    profile = (sr.folder / "profile.yaml").read_text()
    (sr.folder / "profile.yaml").write_text(profile.replace("runs", str(sr.folder / "runs")))
    here = tmp_path_factory.mktemp("elsewhere")
    os.chdir(here)
    answer = sr.bare("--profile", str(sr.folder / "profile.yaml"), "verify", refs["facts_view_ref"], "--fast")
    assert (answer.code, answer.err) == (0, "")
    assert not list(Path(here).iterdir())


def test_a_remedy_can_be_typed_with_the_profile_that_it_is_about(sr: Shell) -> None:
    """A remedy that leaves the profile out would look for the run elsewhere."""
    profile, policy = place(sr, "a demo")
    broken = sr.folder / "root/up/_passed.flag"
    flag = broken.read_text()
    broken.write_text(f"sha256_hex = {'ab' * 32}\n")
    answer = sr.bare("--profile", profile, "--policy", policy, "submit", sr.request())
    assert answer.code == 5
    broken.write_text(flag)
    for text in (answer.err, sr.bare("--profile", profile, "--policy", policy, "quarantine", "show", RUN).out):
        (again,) = re.findall(r"then (sr .* retry [0-9a-f]{32})", text)
        assert typed(sr, again).code == 0
    machine = sr.bare("--profile", profile, "--policy", policy, "--json", "explain", RUN).json
    assert f"then sr retry {RUN}" in machine["next"], "documents are of no command line"
