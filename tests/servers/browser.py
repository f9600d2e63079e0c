"""A browser for tests: the system's Chromium, driven by Playwright; and axe, which looks for what keeps people out."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import absent
from tests.servers.install import HOW, axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser for the block. Skips where the system has none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        absent("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Page) -> list[str]:
    """What axe finds on a page: rule and first element of each. The page's policy must let a script in."""
    script = axe()
    if script is None:
        absent(f"axe-core is not here: {HOW}")
    page.evaluate(Path(script).read_text("utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
