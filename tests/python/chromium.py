"""A real Chromium, without a window, that looks at the pages of the local Power BI and of its Entra."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from powerbi_push.emulator import Emulator


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file: as long as it is there, its thread has a running loop, and no test can begin one."""
    playwright = pytest.importorskip("playwright.sync_api", reason="make page installs it")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, powerbi: Emulator) -> Iterator[Page]:
    """The page; a fault of its script fails the test, and so does what its policy had to stop."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=powerbi.url)
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
    page.goto(powerbi.url)
    # What there is has been told.
    page.wait_for_selector("#requests > *")
    yield page
    context.close()
    assert not faults
