"""Take the pictures of the README: the demo in a real Chromium, light, dark and on a phone. `make pictures` runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
#: The name of each picture, with the scheme and the size of the window.
PICTURES = {
    "light": ("light", 1280, 800),
    "dark": ("dark", 1280, 800),
    "phone": ("light", 390, 800),
}


#: The dialogs that are pictured, and the buttons that open them.
DIALOGS = {"new-dataset": "New dataset", "api-info": "API Info: weather at JFK, live"}
FIELDS = {"at": "DateTime", "celsius": "Number", "place": "Text"}


def describe(page: Page) -> None:
    """Fill in the form for a dataset."""
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("Greenhouse")
    for at, (field, kind) in enumerate(FIELDS.items(), 1):
        if at > 1:
            form.get_by_role("button", name="Add a field").click()
        form.get_by_label(f"name of field {at}").fill(field)
        form.get_by_label(f"type of field {at}").select_option(kind)


def take_dialogs(browser: Browser, url: str) -> None:
    """Take the pictures of what is made by hand."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{url}/?search=live")
    for name, button in DIALOGS.items():
        page.get_by_role("button", name=button).click()
        page.get_by_role("dialog").wait_for()
        if name == "new-dataset":
            describe(page)
        page.screenshot(path=IMAGES / f"{name}.png")
        page.keyboard.press("Escape")
    page.close()


def take(browser: Browser, url: str, name: str) -> None:
    """Take one picture of the live stream."""
    scheme, width, height = PICTURES[name]
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": height}
    )
    page = context.new_page()
    page.goto(f"{url}/?search=live")
    expect(page.locator(".tile")).to_have_count(4)
    expect(page.locator(".table .count")).to_have_text(re.compile(r"\d{3}"), timeout=60_000)
    page.screenshot(path=IMAGES / f"tiles-{name}.png")
    context.close()


def main() -> int:
    """Run the demo and take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium; with apt: apt install chromium")
    command = [sys.executable, "-m", "powerbi_push", "--json", "demo"]
    given = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=given) as demo:  # noqa: S603 - our own
        url = json.loads(demo.stdout.readline() if demo.stdout else "")["url"]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name in PICTURES:
                take(browser, url, name)
            take_dialogs(browser, url)
            browser.close()
        demo.send_signal(signal.SIGINT)
    return demo.returncode


if __name__ == "__main__":
    sys.exit(main())
