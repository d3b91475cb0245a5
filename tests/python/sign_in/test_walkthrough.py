"""The walkthrough with a person at a real browser: Chromium opens the page of Entra, and its button is clicked."""

from __future__ import annotations

import runpy
import webbrowser
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import WATCHDOG, meanwhile

pytest_plugins = ["chromium"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from powerbi_push.emulator import Emulator

WALKTHROUGH = Path(__file__).parents[3] / "examples" / "walkthrough.py"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """One that is empty yet."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> SimpleQueue[str]:
    """The pages that the program opens."""
    pages: SimpleQueue[str] = SimpleQueue()

    def open_page(url: str) -> bool:
        pages.put(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_page)
    return pages


def test_a_person_walks_through(
    powerbi: Emulator, page: Page, opened: SimpleQueue[str], capsys: pytest.CaptureFixture[str]
) -> None:
    script = runpy.run_path(str(WALKTHROUGH))

    def walk() -> None:
        credential = script["get_token"](powerbi.client_id, authority=powerbi.authority)
        script["main"](pbi.Client(credential, base_url=powerbi.url))

    with meanwhile(walk):
        page.goto(opened.get(timeout=WATCHDOG))
        assert page.title() == "Sign in - local Microsoft Entra"
        assert powerbi.client_id in page.locator("body").inner_text()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("You can close this window").wait_for()
    said = capsys.readouterr().out
    assert said.startswith("Dataset Created\nDataset ID: ")
    assert "\nRows Added\n" in said
    rows = powerbi.rows("SalesMarketing/Product")
    assert [row["Name"] for row in rows] == ["Adjustable Race", "LL Crankarm", "HL Mountain Frame - Silver"]


def test_a_person_cancels(powerbi: Emulator, page: Page, opened: SimpleQueue[str]) -> None:
    credential = pbi.InteractiveBrowserCredential(powerbi.client_id, authority=powerbi.authority)

    def ask() -> None:
        with pytest.raises(pbi.AuthenticationError, match="access_denied: AADSTS65004"):
            credential.get_token("https://analysis.windows.net/powerbi/api/.default")

    with meanwhile(ask):
        page.goto(opened.get(timeout=WATCHDOG))
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("did not work").wait_for()


def test_a_person_enters_a_code(virtual: Emulator, page: Page) -> None:
    def prompt(where: str, code: str, _until: object) -> None:
        told.put((where, code))
        assert done.get(timeout=WATCHDOG)

    told: SimpleQueue[tuple[str, str]] = SimpleQueue()
    done: SimpleQueue[bool] = SimpleQueue()
    credential = pbi.DeviceCodeCredential(virtual.client_id, authority=virtual.authority, prompt=prompt)
    scope = "https://analysis.windows.net/powerbi/api/.default"
    with meanwhile(lambda: credential.get_token(scope)):
        where, code = told.get(timeout=WATCHDOG)
        page.goto(where)
        page.get_by_label("Code").fill(code.lower())
        page.get_by_role("button", name="Next").click()
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("You have signed in").wait_for()
        done.put(item=True)
