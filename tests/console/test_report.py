"""A run's page as one file: what it says, and that it holds whatever a run is named and made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="pages need pip install 'scenario-runner[report]'")
pytest.importorskip("grandalf", reason="pages need pip install 'scenario-runner[report]'")

from sr_adapters.console.report import report
from sr_plugins.documents.pack import load_pack
from tests.console.pages import Page
from tests.console.states import Runs, every_state
from tests.kit import Lab, request
from tests.packs import real_pack
from tests.worlds import EVENTS, small_world

STATES = ("ready", "waiting", "quarantined", "failed", "superseded")
HOSTILE = "<script>alert(1)</script>\"'&"
TURNED = "\u202etxt.exe\x1b[2J"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return every_state(Lab.memory(tmp_path_factory.mktemp("lab")))


def page_of(lab: Lab, run_id: str) -> tuple[str, Page]:
    html = report(lab.runner().dossier(run_id))
    return html, Page(html)


@pytest.mark.parametrize("state", STATES)
def test_a_page_opens_with_the_sentence_of_explain(runs: Runs, state: str) -> None:
    run_id = getattr(runs, state)
    _, page = page_of(runs.lab, run_id)
    told = runs.runner.explain(run_id)
    assert page.heading.strip() == told.sentence
    assert told.sentence.endswith(".")
    assert run_id in page.text


@pytest.mark.parametrize("state", STATES)
def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(runs: Runs, state: str) -> None:
    html, page = page_of(runs.lab, getattr(runs, state))
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert all(one.startswith("#") for one in page.links)
    assert not {name for name in page.attributes if name.startswith("on")} | ({"style"} & page.attributes)
    assert "@import" not in html
    assert "url(" not in html
    assert page.open == []


@pytest.mark.parametrize("state", STATES)
def test_every_link_of_a_page_leads_to_one_place_in_it(runs: Runs, state: str) -> None:
    _, page = page_of(runs.lab, getattr(runs, state))
    assert len(set(page.ids)) == len(page.ids)
    assert {one[1:] for one in page.links} <= set(page.ids)


def test_digests_and_refs_are_there_in_full(runs: Runs) -> None:
    told = runs.runner.dossier(runs.ready)
    _, page = page_of(runs.lab, runs.ready)
    digests = [one.digest for one in (*told.explanation.gates, *told.explanation.outputs)]
    digests += [one.sha256 for one in told.artifacts]
    assert len(digests) == 3 + 3 + 5
    for one in digests:
        assert one is not None
        assert one in page.text
    for artifact in told.artifacts:
        assert artifact.key in page.text
    for ref in [one.manifest_ref for one in told.found.outputs if one.manifest_ref] if told.found else []:
        assert ref in page.text
    assert "part-1.bin" in page.text


def test_a_gate_that_contradicts_shows_both_sides(runs: Runs) -> None:
    conflict = runs.runner.quarantine(runs.quarantined)["conflicts"][0]
    _, page = page_of(runs.lab, runs.quarantined)
    assert conflict["expected"] in page.text
    assert conflict["actual"] in page.text
    assert "gates/gate.a/_passed.flag" in page.text


def test_a_superseded_run_names_its_successor_first(runs: Runs) -> None:
    _, page = page_of(runs.lab, runs.superseded)
    assert page.heading.strip().startswith(f"Superseded by run {runs.ready[:8]}")
    assert runs.ready in page.text


def test_what_an_engine_printed_is_text(runs: Runs) -> None:
    html, page = page_of(runs.lab, runs.failed)
    assert "<b>no disk</b>" in page.text
    assert "\\u001b[31m red\\u202e" in page.text
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_the_words_of_a_run_are_never_markup(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    name = f"{HOSTILE} key"
    scenario = HOSTILE.replace("/", "")
    odd = {f"{EVENTS}/{scenario}{TURNED}": b"odd"}
    root = lab.world({**small_world(name), **odd})
    run_id = lab.runner().submit(request(name, scenario={"scenario_id": scenario}, engine_run_root=root)).run_id
    html = report(lab.runner().dossier(run_id))
    page = Page(html)
    assert "script" not in page.tags
    assert scenario in page.text
    assert name in page.text
    assert "\\u202etxt.exe" in page.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]", html)


def test_a_key_of_500_characters_is_shown_whole(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    key = "k" * 500
    run_id = lab.reuse(small_world(key), run_equivalence_key=key).run_id
    _, page = page_of(lab, run_id)
    assert page.text.count(key) >= 2


def test_a_run_of_340_outputs_is_one_page(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    packed = load_pack(real_pack())
    outputs = set(packed.outputs) - {"tzdb_release"}  # which has a token that no pin fills
    document = request("all", output_ids=sorted(outputs), engine_run_root=lab.world({"a": b""}))
    run_id = lab.runner(packed=packed, policy={"ungated_outputs": "ALLOW"}).submit(document).run_id
    html = report(lab.runner(packed=packed).dossier(run_id))
    page = Page(html)
    assert all(one in page.text for one in outputs)
    assert all(one in page.text for one in packed.gates)
    assert len(html) < 2_000_000


def test_a_record_that_is_altered_is_said_first(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    run_id = lab.reuse(small_world()).run_id
    key = next(key for key in lab.truth() if "run_facts_view" in key)
    lab.store.delete(key)
    lab.store.create(key, b'{"planted": "</pre><script>alert(1)</script>"}')
    _, page = page_of(lab, run_id)
    assert page.heading.strip().startswith("Not to be relied on: ")
    assert "script" not in page.tags


def test_an_artifact_that_is_no_json_is_shown_as_it_stands(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    run_id = lab.reuse(small_world()).run_id
    key = next(key for key in lab.truth() if "run_status" in key)
    lab.store.delete(key)
    lab.store.create(key, b"\xff\xfe <i>no json \x00\n" + b"x" * 300_000)
    html, page = page_of(lab, run_id)
    assert "300 kB: read it at its ref" in page.text
    assert "\x00" not in html
