"""The console's pages over HTTP, as a browser without scripts has them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

pytest.importorskip("jinja2", reason="pages need pip install 'scenario-runner[report]'")
pytest.importorskip("grandalf", reason="pages need pip install 'scenario-runner[report]'")
pytest.importorskip("starlette", reason="the console needs pip install 'scenario-runner[service]'")

from sr_adapters.console.sessions import COOKIE, LONGEST_S, log_in, logged_in, set_cookie
from sr_plugins.documents.pack import load_pack
from tests.console.site import ALLOWED, Browser, Tokens, served
from tests.console.states import Runs, every_state
from tests.kit import Lab, request
from tests.packs import real_pack
from tests.worlds import small_world

PATHS = ("/", "/?state=ready", "/?q=no-such-key", "/quarantine", "/plan", "/plan?as=form", "/pack", "/pack?q=events",
         "/bus", "/bus?kind=READY", "/health")  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return every_state(Lab.memory(tmp_path_factory.mktemp("lab")))


@pytest.fixture(scope="module")
def browser(runs: Runs) -> Iterator[Browser]:
    with served(runs.runner) as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_whole_and_its_policy_lets_nothing_else_run(browser: Browser, path: str) -> None:
    got = browser.get(path)
    assert got.status == 200
    page = got.page
    policy = got.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style" not in page.tags
    assert "style" not in page.attributes
    assert not [name for name in page.attributes if name.startswith("on")]
    assert page.tags.count("script") == 1
    assert all(one.startswith(("/", "#")) and not one.startswith("//") for one in page.links)
    assert len(set(page.ids)) == len(page.ids)
    assert page.tags.count("h1") == 1


@pytest.mark.parametrize("path", PATHS)
def test_every_page_holds_where_there_are_no_runs(tmp_path: Path, path: str) -> None:
    with served(Lab.memory(tmp_path).runner()) as browser:
        assert browser.get(path).page.tags.count("h1") == 1
        if path == "/":
            assert "sr submit" in browser.get("/").page.text


@pytest.mark.parametrize("state", ["ready", "waiting", "quarantined", "failed", "superseded"])
def test_a_runs_page_opens_with_the_sentence_and_its_links_lead_somewhere(
    runs: Runs, browser: Browser, state: str
) -> None:
    run_id = getattr(runs, state)
    page = browser.get(f"/runs/{run_id}").page
    assert page.heading.strip() == runs.runner.explain(run_id).sentence
    for link in {one.partition("#")[0] for one in page.links} - {"", "/logout"}:
        if link.endswith("/resume"):
            continue
        assert browser.get(link).status == 200, link


def test_the_list_shows_every_run_with_its_state_and_counts(runs: Runs, browser: Browser) -> None:
    got = browser.get("/")
    rows = re.findall(r"<tr>(.*?)</tr>", got.html, re.S)[1:]
    text = [re.sub(r"<[^>]+>", " ", one) for one in rows]
    assert len(text) == 5
    by_key = {key: one for key in ("old", "new", "short", "torn", "broken") for one in text if f" {key} " in one}
    assert "Superseded" in by_key["old"]
    assert "READY" in by_key["new"]
    assert "Waiting" in by_key["short"]
    assert "2/3" in by_key["short"]
    assert "Quarantined" in by_key["torn"]
    assert "Failed" in by_key["broken"]
    assert "1 run waits for evidence" in got.page.text


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("state=waiting", ["short"]),
        ("q=torn", ["torn"]),
        ("q=to", []),
        ("q=n*", ["new"]),
        ("q=old&state=failed", []),
        ("since=2026-02-01", []),
    ],
)
def test_a_list_is_narrowed_by_its_address(browser: Browser, query: str, keys: list[str]) -> None:
    html = browser.get(f"/?{query}").html
    assert re.findall(r'<a href="/runs/[0-9a-f]{32}">(\w+)</a>', html) == keys


def test_a_search_for_a_run_leads_to_it(runs: Runs, browser: Browser) -> None:
    for words in (runs.ready[:8], runs.ready, "key:new"):
        got = browser.get(f"/?q={words}")
        assert (got.status, got.headers["location"]) == (303, f"/runs/{runs.ready}")


def test_pages_of_a_list_follow_one_another(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    root = lab.world(small_world())
    for number in range(30):
        lab.runner().submit(request(f"run-{number}", engine_run_root=root, output_ids=["nothing_such"]))
        lab.clock.sleep(1)
    with served(lab.runner()) as browser:
        first = browser.get("/").html
        (older,) = re.findall(r'<a href="(/\?[^"]+)" rel="next">', first)
        second = browser.get(older.replace("&amp;", "&")).html
        found = [re.findall(r'<a href="/runs/[0-9a-f]{32}">(run-\d+)</a>', one) for one in (first, second)]
        assert found == [[f"run-{number}" for number in range(29, 4, -1)], [f"run-{n}" for n in range(4, -1, -1)]]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/runs/abc", 422, "REQUEST"),
        (f"/runs/{'a' * 32}", 404, "RUN_NOT_FOUND"),
        ("/?state=odd", 422, "PARAMETER_INVALID"),
        ("/?cursor=zzz", 422, "PARAMETER_INVALID"),
        ("/?since=yesterday", 422, "PARAMETER_INVALID"),
        (f"/quarantine/{'b' * 32}", 404, "RUN_NOT_FOUND"),
    ],
)
def test_what_is_wrong_is_a_page_with_its_code_and_the_next_step(
    browser: Browser, path: str, status: int, code: str
) -> None:
    got = browser.get(path)
    assert got.status == status
    assert "Traceback" not in got.html
    assert "Next" in got.page.text
    if code != "REQUEST":
        assert code in got.page.text


def test_a_search_with_markup_is_shown_as_it_was_typed(browser: Browser) -> None:
    page = browser.get("/?q=%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE").page
    assert page.tags.count("script") == 1
    page = browser.get("/plan?request=%3C/textarea%3E%3Cscript%3Ea%3C/script%3E").page
    assert page.tags.count("script") == 1


def test_names_with_markup_and_of_500_characters_hold_on_every_page(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    keys = ("<script>alert(1)</script>\"'&", "k" * 500)
    root = lab.world({**small_world(), "gates/gate.a/z.csv": b"1,3"})
    scenario = {"scenario_id": "<b>&'"}
    asked = [request(key, engine_run_root=root, scenario=scenario) for key in keys]
    ids = [lab.runner().submit(one).run_id for one in asked]
    of_runs = [f"/{place}/{one}" for place in ("runs", "quarantine") for one in ids]
    with served(lab.runner()) as browser:
        for path in ("/", "/quarantine", "/bus", *of_runs):
            assert browser.get(path).page.tags.count("script") == 1, path
        shown = browser.get("/").page.text
        assert all(one in shown for one in keys)


def test_a_pack_of_340_outputs_holds_on_its_pages(tmp_path: Path) -> None:
    packed = load_pack(real_pack())
    covered = sorted({one for gate in packed.gates.values() for one in gate.authorizes_outputs})
    with served(Lab.memory(tmp_path).runner(packed=packed)) as browser:
        text = browser.get("/pack").page.text
        assert all(one in text for one in packed.outputs)
        planned = browser.get(plan_url(request("all", output_ids=covered))).page.text
        assert f"10 gates, {len(covered)} outputs" in planned
        assert all(one in planned for one in covered)


def test_a_conflict_is_shown_from_both_sides(runs: Runs, browser: Browser) -> None:
    conflict = runs.runner.quarantine(runs.quarantined)["conflicts"][0]
    text = browser.get(f"/quarantine/{runs.quarantined}").page.text
    assert conflict["expected"] in text
    assert conflict["actual"] in text


def plan_url(*requests: Mapping[str, object]) -> str:
    from urllib.parse import urlencode

    words = dict(zip(("request", "other"), map(json.dumps, requests), strict=False))
    return f"/plan?{urlencode(words)}"


def test_a_request_is_planned_and_nothing_is_written(runs: Runs, browser: Browser) -> None:
    before = runs.lab.truth()
    page = browser.get(plan_url(request("planned"))).page
    assert "3 gates, 3 outputs, strategy AUTO" in page.text
    assert runs.runner.plan(request("planned")).plan.plan_hash in page.text  # type: ignore[union-attr]
    assert runs.lab.truth() == before


def test_two_requests_are_shown_beside_each_other(browser: Browser) -> None:
    page = browser.get(plan_url(request("one"), request("two", seed=8))).page
    assert "How they differ" in page.text
    assert "seed" in page.text


def test_a_fault_of_a_request_stands_at_its_field(browser: Browser) -> None:
    window = (
        "window.window_start_utc=2026-01-01T00:00:00Z&window.window_end_utc=2026-01-02T00:00:00Z&window.window_tz=UTC"
    )
    rest = f"parameter_hash={'b' * 64}&seed=7&scenario.scenario_id=x&output_ids=world&{window}"
    sound = browser.get(f"/plan?as=form&run_equivalence_key=k&manifest_fingerprint={'a' * 64}&{rest}").html
    assert "aria-invalid" not in sound
    assert "1 gate, 1 output, strategy AUTO" in sound
    html = browser.get(f"/plan?as=form&run_equivalence_key=k&manifest_fingerprint=short&{rest}").html
    assert re.search(r'name="manifest_fingerprint" value="short"[^>]*aria-invalid="true"', html)
    assert "REQUEST_INVALID" in html


def test_a_reemit_is_tried_first_and_done_only_when_confirmed(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    run_id = lab.reuse(small_world()).run_id
    with served(lab.runner()) as browser:
        form = {"kind": "READY_ONLY", "reason": "a consumer lost it"}
        got = browser.post(f"/runs/{run_id}/reemit", form)
        assert "would publish READY" in got.page.text
        assert len(lab.published()) == 1
        done = browser.post(f"/runs/{run_id}/reemit", {**form, "confirmed": "yes"})
        assert "Published READY" in done.page.text
    assert [one.message_id for one in lab.published()] == [lab.published()[0].message_id] * 2
    assert lab.kinds(run_id)[-4:] == ["REEMIT_DRY_RUN", "REEMIT_REQUESTED", "REEMIT_PUBLISHED", "GOV_REEMIT_KEY"]


def test_what_does_not_apply_is_said_and_not_offered(runs: Runs, browser: Browser) -> None:
    got = browser.post(f"/runs/{runs.waiting}/reemit", {"kind": "READY_ONLY"})
    assert "nothing would be published, it does not apply" in got.page.text
    assert 'name="confirmed"' not in got.html
    sure = browser.post(f"/runs/{runs.waiting}/reemit", {"kind": "READY_ONLY", "confirmed": "yes"})
    assert sure.status == 409
    assert "REEMIT_READY_ONLY_MISMATCH" in sure.page.text
    assert browser.post(f"/runs/{runs.ready}/reemit", {"kind": "ODD"}).status == 422


def test_a_run_that_waits_is_resumed(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    short = {name: data for name, data in small_world().items() if not name.startswith("gates/gate.c/")}
    run_id = lab.reuse(short).run_id
    with served(lab.runner()) as browser:
        assert "Resume</button>" in browser.get(f"/runs/{run_id}").html
        lab.world(small_world())
        got = browser.post(f"/runs/{run_id}/resume")
        assert (got.status, got.headers["location"]) == (303, f"/runs/{run_id}")
        page = browser.get(f"/runs/{run_id}")
        assert page.page.heading.strip().startswith("READY since")
        assert "Resume</button>" not in page.html


def test_a_page_of_another_site_may_not_post(runs: Runs, browser: Browser) -> None:
    got = browser.post(f"/runs/{runs.ready}/reemit", {"kind": "BOTH", "confirmed": "yes"}, Origin="http://evil.example")
    assert got.status == 403


def test_pages_are_compressed_and_small(runs: Runs, browser: Browser) -> None:
    total = 0
    for path in ("/", *re.findall(r'(?:href|src)="(/assets/[^"]+)"', browser.get("/").html)):
        got = browser.get(path, Accept_Encoding="gzip")
        assert got.status == 200
        assert len(gzip.decompress(got.body)) >= len(got.body)
        total += len(got.body)
    assert total < 60_000
    assert len(browser.get(f"/runs/{runs.ready}", Accept_Encoding="gzip").body) < 60_000


def test_an_asset_is_kept_for_ever_and_another_name_is_none(browser: Browser) -> None:
    assert "immutable" in browser.get("/assets/console.css").headers["cache-control"]
    for name in ("../render.py", "..%2frender.py", "nothing.css"):
        assert browser.get(f"/assets/{name}").status == 404


def test_the_report_of_a_page_is_a_file(runs: Runs, browser: Browser) -> None:
    got = browser.get(f"/runs/{runs.ready}/report")
    assert got.headers["content-disposition"] == f'attachment; filename="report-{runs.ready[:8]}.html"'
    assert "script" not in got.page.tags


@pytest.fixture(scope="module")
def guarded(runs: Runs) -> Iterator[Browser]:
    """A console that wants to know who looks: `known-ops` may do all, `known-eye` look, `known-out` nothing."""
    with served(runs.lab.runner(settings=ALLOWED, authenticator=Tokens())) as found:
        yield found


@pytest.fixture
def visitor(guarded: Browser) -> Browser:
    return Browser(guarded.address)


@pytest.mark.parametrize("path", ["/", "/plan", "/pack", "/bus", "/health", "/quarantine", "/?state=ready"])
def test_who_has_not_logged_in_sees_nothing(visitor: Browser, path: str) -> None:
    got = visitor.get(path)
    assert got.status == 303
    assert got.headers["location"].startswith("/login?next=")
    assert got.body == b""


def test_a_bearer_header_is_no_log_in_and_a_cookie_no_key_to_the_api(visitor: Browser) -> None:
    assert visitor.get("/", Authorization="Bearer known-ops").status == 303
    visitor.post("/login", {"token": "known-ops"})
    assert visitor.get("/").status == 200
    assert visitor.get("/v1/runs").status == 401


def test_logging_in_leads_where_one_wanted_and_logging_out_ends_it(visitor: Browser) -> None:
    got = visitor.post("/login", {"token": "known-ops", "next": "/pack"})
    assert (got.status, got.headers["location"]) == (303, "/pack")
    (cookie,) = got.cookies
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert "known-ops" in visitor.get("/pack").page.text
    assert visitor.post("/logout").headers["location"] == "/login"
    assert visitor.get("/pack").status == 303


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_logging_in_leads_to_no_other_site(visitor: Browser, to: str) -> None:
    assert visitor.post("/login", {"token": "known-ops", "next": to}).headers["location"] == "/"


@pytest.mark.parametrize("token", ["", "nobody", "x" * 4000, "known-\u202e", "a\nb"])
def test_a_token_that_proves_nobody_is_refused(visitor: Browser, token: str) -> None:
    got = visitor.post("/login", {"token": token})
    assert got.status == 401
    assert got.cookies == ()
    assert "proves nobody" in got.page.text


def test_who_may_not_read_is_told_so(visitor: Browser) -> None:
    visitor.post("/login", {"token": "known-out"})
    got = visitor.get("/")
    assert got.status == 403
    assert "AUTH_DENIED" in got.page.text


def test_a_forbidden_deed_is_shown_disabled_and_is_refused(runs: Runs, visitor: Browser) -> None:
    visitor.post("/login", {"token": "known-eye"})
    html = visitor.get(f"/runs/{runs.waiting}").html
    assert re.search(r"<button disabled[^>]*>Resume", html)
    assert "may not resume" in html
    form = visitor.get(f"/runs/{runs.ready}/reemit").html
    assert re.search(r"<button disabled[^>]*>Dry run", form)
    log = logged_in(visitor.cookie)
    assert log is not None
    before = len(runs.lab.published())
    for deed in ("resume", "reemit"):
        words = {"form_token": log.form_token, "kind": "BOTH", "confirmed": "yes"}
        assert visitor.post(f"/runs/{runs.ready}/{deed}", words).status == 403
    assert len(runs.lab.published()) == before


def test_a_form_must_be_of_this_log_in(runs: Runs, visitor: Browser) -> None:
    visitor.post("/login", {"token": "known-ops"})
    html = visitor.get(f"/runs/{runs.ready}/reemit").html
    (token,) = re.findall(r'name="form_token" value="([^"]+)"', html)
    form = {"kind": "READY_ONLY"}
    for wrong in ("", token[:-1], f"{token}x", "\u202e"):
        assert visitor.post(f"/runs/{runs.ready}/reemit", {**form, "form_token": wrong}).status == 403
    assert visitor.post(f"/runs/{runs.ready}/reemit", {**form, "form_token": token}).status == 200


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_nobody_logs_in_where_nobody_has_to(browser: Browser, path: str) -> None:
    if path == "/login":
        assert browser.get(path).headers["location"] == "/"
    assert "Log out" not in browser.get("/").html


NOW = 1_800_000_000.0


def test_a_cookie_holds_until_its_end_and_no_longer() -> None:
    log = log_in("secret", lambda: NOW)
    assert log is not None
    assert log.ends == NOW + LONGEST_S
    header = set_cookie(log, secure=True, clock=lambda: NOW).partition(";")[0]
    assert logged_in(header, lambda: log.ends - 1) == log
    assert logged_in(header, lambda: float(log.ends)) is None
    assert "Secure" in set_cookie(log, secure=True, clock=lambda: NOW)
    assert f"Max-Age={LONGEST_S}" in set_cookie(log, secure=False, clock=lambda: NOW)
    assert "Max-Age=0" in set_cookie(None, secure=False)


def test_a_cookie_that_was_changed_is_none() -> None:
    log = log_in("secret", lambda: NOW)
    assert log is not None
    longer = attrs.evolve(log, ends=log.ends + 1)
    packed, _, signature = log.cookie.split(".")
    for value in (
        f"{packed}.{longer.ends}.{signature}",
        log.cookie[:-1],
        f"{log.cookie}.x",
        "",
        "..",
        "a.b.c",
        "é.1.x",
    ):
        assert logged_in(f"{COOKIE}={value}", lambda: NOW) is None
    assert logged_in(f"{COOKIE}={log.cookie}", lambda: NOW) == log


def test_the_end_of_a_token_bounds_the_log_in() -> None:
    log = log_in("secret", lambda: NOW)
    assert log is not None
    soon, late = (datetime.fromtimestamp(NOW + more, UTC) for more in (60, 10**9))
    assert log.until(soon).ends == NOW + 60
    assert log.until(late) == log.until(None) == log
