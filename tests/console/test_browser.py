"""The console in a browser: by keyboard, with scripts and without, for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sr_adapters.console.report import report
from tests.console.site import ALLOWED, Tokens, served
from tests.console.site import Browser as Client
from tests.console.states import Runs, every_state
from tests.kit import Lab, request
from tests.servers.browser import chromium, violations
from tests.worlds import small_world

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return every_state(Lab.memory(tmp_path_factory.mktemp("lab")))


@pytest.fixture(scope="module")
def home(runs: Runs) -> Iterator[str]:
    with served(runs.runner) as client:
        yield _address(client)


def _address(client: Client) -> str:
    return f"http://{client.address[0]}:{client.address[1]}"


def _paths(runs: Runs) -> list[str]:
    of_runs = [f"/runs/{one}" for one in (runs.ready, runs.waiting, runs.quarantined, runs.failed, runs.superseded)]
    fixed = ["/", "/?q=nothing", "/quarantine", "/plan", "/plan?as=form", "/pack", "/bus", "/health", "/runs/zzzzzz"]
    return [*fixed, *of_runs, f"/runs/{runs.ready}/reemit", f"/quarantine/{runs.quarantined}"]


def _looked_at(browser: Browser, home: str, paths: list[str], width: int, theme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True)
    with context.new_page() as page:
        for path in paths:
            page.goto(home + path)
            assert violations(page) == [], f"{path} at {width}, {theme}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than {width}"
    context.close()


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1440, "light")])
def test_nothing_keeps_anybody_out(browser: Browser, home: str, runs: Runs, width: int, theme: str) -> None:
    _looked_at(browser, home, ["/", f"/runs/{runs.quarantined}", "/plan"], width, theme)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440, 1920])
def test_nothing_keeps_anybody_out_of_any_page(browser: Browser, home: str, runs: Runs, width: int, theme: str) -> None:
    _looked_at(browser, home, _paths(runs), width, theme)


def test_a_report_is_for_everybody_asks_for_nothing_and_prints_on_two_pages(
    browser: Browser, runs: Runs, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(report(runs.runner.dossier(runs.ready)), "utf-8")
    asked: list[str] = []
    context = browser.new_context(bypass_csp=True)
    with context.new_page() as page:
        page.on("request", lambda one: asked.append(one.url))
        page.goto(path.as_uri())
        assert violations(page) == []
        pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", prefer_css_page_size=True))
    context.close()
    assert asked == [path.as_uri()]
    assert len(pages) <= 2


def test_pages_say_nothing_on_the_console_of_the_browser(browser: Browser, home: str, runs: Runs) -> None:
    said: list[str] = []
    context = browser.new_context()
    with context.new_page() as page:
        page.on("console", lambda one: said.append(one.text))
        page.on("pageerror", lambda one: said.append(str(one)))
        for path in ("/", f"/runs/{runs.waiting}", "/plan"):
            page.goto(home + path)
    context.close()
    assert said == [], "a policy that stops something of the page's own says so there"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_reemit_by_keyboard_alone(browser: Browser, tmp_path: Path, scripts: bool) -> None:
    lab = Lab.memory(tmp_path)
    run_id = lab.reuse(small_world()).run_id
    with served(lab.runner()) as client:
        context = browser.new_context(java_script_enabled=scripts)
        with context.new_page() as page:
            page.goto(_address(client))
            _tab_to(page, "key")
            page.keyboard.press("Enter")
            _tab_to(page, "Publish again…")
            page.keyboard.press("Enter")
            _tab_to(page, "Dry run")
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_contain_text("would publish READY")
            assert len(lab.published()) == 1
            _tab_to(page, "Publish READY")
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_contain_text("Published READY")
        context.close()
    assert len(lab.published()) == 2
    assert lab.kinds(run_id)[-1] == "GOV_REEMIT_KEY"


def test_somebody_logs_in_by_keyboard_and_may_or_may_not_reemit(browser: Browser, tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    run_id = lab.reuse(small_world()).run_id
    with served(lab.runner(settings=ALLOWED, authenticator=Tokens())) as client:
        for name, may in (("known-eye", False), ("known-ops", True)):
            context = browser.new_context()
            with context.new_page() as page:
                page.goto(f"{_address(client)}/runs/{run_id}/reemit")
                page.keyboard.press("Tab")
                page.get_by_label("Token, or JWT").fill(name)
                page.keyboard.press("Enter")
                dry = page.get_by_role("button", name="Dry run")
                expect(dry).to_be_enabled(enabled=may)
                expect(page.locator("header")).to_contain_text(name)
                if may:
                    dry.click()
                    page.get_by_role("button", name="Publish READY").click()
                    expect(page.get_by_role("status")).to_contain_text("Published READY")
                else:
                    expect(page.locator("#may-not")).to_contain_text("may not publish again")
                page.get_by_role("button", name="Log out").click()
                expect(page).to_have_url(re.compile("/login$"))
            context.close()
    assert len(lab.published()) == 2


def _tab_to(page: Page, text: str) -> None:
    """Press Tab until what says this has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(":focus").count() and page.locator(":focus").inner_text().strip() == text:
            return
    raise AssertionError(f"no Tab leads to {text}")


def test_two_requests_side_by_side_without_scripts(browser: Browser, home: str) -> None:
    import json

    context = browser.new_context(java_script_enabled=False)
    with context.new_page() as page:
        page.goto(f"{home}/plan")
        page.get_by_label("Request", exact=True).fill(json.dumps(request("one"), indent=1))
        page.get_by_label("Another").fill(json.dumps(request("two", seed=8), indent=1))
        page.get_by_role("button", name="Plan").click()
        expect(page.get_by_role("heading", name="How they differ")).to_be_visible()
        expect(page.get_by_role("heading", name="3 gates, 3 outputs")).to_have_count(2)
    context.close()


def test_what_is_newer_is_announced_and_moves_nothing(browser: Browser, tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)
    lab.reuse(small_world("first"), run_equivalence_key="first")
    with served(lab.runner()) as client:
        context = browser.new_context()
        with context.new_page() as page:
            page.goto(_address(client))
            table = page.locator("table.runs")
            before = table.bounding_box()
            lab.clock.sleep(60)
            lab.reuse(small_world("second"), run_equivalence_key="second")
            newer = page.locator(".newer a")
            expect(newer).to_have_text("1 newer", timeout=15_000)
            assert table.bounding_box() == before
            assert "second" not in table.inner_text()
            newer.click()
            expect(table).to_contain_text("second")
        context.close()


def test_a_gate_of_the_graph_leads_to_its_row(browser: Browser, home: str, runs: Runs) -> None:
    context = browser.new_context()
    with context.new_page() as page:
        page.goto(f"{home}/runs/{runs.quarantined}")
        page.get_by_role("link", name="a, gate.a: conflict").focus()
        page.keyboard.press("Enter")
        assert page.url.endswith("#gate-1")
        expect(page.locator("tr:target")).to_contain_text("gate.a")
        page.go_back()
        assert "#" not in page.url
    context.close()
