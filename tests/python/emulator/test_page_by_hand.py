"""What is made and disturbed by hand on the page, in a real browser."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
import requests

import powerbi_push as pbi

pytest_plugins = ["chromium"]
expect = pytest.importorskip("playwright.sync_api", reason="make page installs it").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from powerbi_push.emulator import Emulator

#: The names of the things that axe finds, where they keep people from using the page.
FAULTS = """async () => (await axe.run()).violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" | ")}`)"""
#: The name of what the keyboard is at.
FOCUSED = """(({ activeElement: at }) => at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent)
  (document)"""
#: What a page from elsewhere tries: with and without what a browser asks leave for.
ATTACK = """async ([url, body]) => {
  const told = [];
  const ask = async (path, options) => {
    try { told.push((await fetch(url + path, options)).type); } catch { told.push("refused"); }
  };
  await ask("/emulator/commands", { method: "POST", mode: "no-cors", body });
  const headers = { "content-type": "application/json", "x-emulator-page": "x" };
  await ask("/emulator/commands", { method: "POST", headers, body });
  await ask("/", {});
  await ask("/emulator/changes", {});
  await ask("/emulator/token", { method: "POST", mode: "no-cors" });
  return told;
}"""


def describe(page: Page, name: str, *fields: tuple[str, str]) -> Locator:
    """Fill in the form for a dataset, up to its last button."""
    page.get_by_role("button", name="New dataset").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill(name)
    for at, (field, kind) in enumerate(fields, 1):
        if at > 1:
            form.get_by_role("button", name="Add a field").click()
        form.get_by_label(f"name of field {at}").fill(field)
        form.get_by_label(f"type of field {at}").select_option(kind)
    return form


def clipboard(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_a_streaming_dataset_is_made_its_url_copied_and_requests_pushes_to_it(powerbi: Emulator, page: Page) -> None:
    form = describe(page, "Sensors", ("place", "Text"), ("celsius", "Number"), ("at", "DateTime"))
    form.get_by_label("Historic data analysis").check()
    form.get_by_role("button", name="Create").click()
    info = page.get_by_role("dialog", name="API Info: Sensors")
    info.get_by_role("button", name="Copy the push URL").click()
    expect(page.get_by_text("Copied the push URL")).to_be_visible()
    url = clipboard(page)
    assert url == info.get_by_label("Push URL", exact=True).input_value()
    row: dict[str, Any] = {"place": "attic", "celsius": 21.5, "at": "2026-01-31T12:00:00Z"}
    assert requests.post(url, json=[row], timeout=20).status_code == 200
    page.keyboard.press("Escape")
    expect(page.locator(".tile-card .value")).to_have_text("21.5")
    expect(page.locator("article .badge", has_text="push and streaming")).to_be_visible()
    assert powerbi.rows("Sensors/RealTimeData")[0]["place"] == "attic"


def test_a_push_dataset_is_made_and_its_calls_are_shown_in_four_languages(powerbi: Emulator, page: Page) -> None:
    form = describe(page, "Sales", ("Id", "Number"))
    form.get_by_text("Push", exact=True).click()
    assert form.get_by_label("type of field 1").input_value() == "Int64"
    form.get_by_label("Table", exact=True).fill("Orders")
    form.get_by_role("button", name="Create").click()
    info = page.get_by_role("dialog", name="API Info: Sales")
    assert info.get_by_label("Push URL", exact=True).count() == 0
    info.get_by_role("tab").first.focus()
    shown = []
    for _ in range(4):
        tab = info.get_by_role("tab", selected=True)
        shown.append(tab.inner_text())
        info.get_by_role("button", name=f"Copy {tab.inner_text()}").click()
        assert clipboard(page) == info.locator("pre").text_content()
        tab.focus()
        page.keyboard.press("ArrowRight")
    assert shown == ["Python with requests", "Python with powerbi_push", "curl", "PowerShell"]
    assert powerbi.client().dataset("Sales").tables() is not None


def test_what_cannot_be_made_says_why_and_keeps_what_was_typed(page: Page) -> None:
    form = describe(page, "Twice", ("a", "Text"), ("A", "Text"))
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("has the name 'A' twice")
    form.get_by_label("name of field 2").fill("b")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog", name="API Info: Twice")).to_be_visible()


def test_datasets_are_deleted_and_all_is_reset_only_after_a_question(powerbi: Emulator, page: Page) -> None:
    for name in ("One", "Two"):
        powerbi.streaming_dataset(name, {"a": str})
    page.get_by_role("button", name="Delete: One").click()
    page.get_by_role("dialog", name="Delete One?").get_by_role("button", name="Cancel").click()
    expect(page.locator("article")).to_have_count(2)
    page.get_by_role("button", name="Delete: One").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("article h3")).to_have_text(["Two"])
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(page.get_by_text("Nothing was created yet")).to_be_visible()


def test_the_next_requests_fail_and_tokens_expire(powerbi: Emulator, page: Page) -> None:
    client = powerbi.client(retry=None)
    page.get_by_role("button", name="Fail requests").click()
    form = page.get_by_role("dialog", name="Fail the next requests")
    form.get_by_label("Answer").select_option("503")
    form.get_by_label("How many").fill("2")
    form.get_by_label("Which requests").select_option("Datasets_GetDatasets")
    form.get_by_role("button", name="Let them fail").click()
    expect(page.locator("#faults")).to_have_text("2 more to fail")
    with pytest.raises(pbi.ServiceError) as caught:
        client.datasets()
    assert caught.value.status == 503
    expect(page.locator("#faults")).to_have_text("1 more to fail")
    expect(page.locator(".asked .why").first).to_have_text("ordered by `fail_next`")
    token = powerbi.credential.get_token("").token
    page.get_by_role("button", name="Expire tokens").click()
    expect(page.get_by_text("All tokens so far are expired")).to_be_visible()
    asked = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{powerbi.url}/v1.0/myorg/groups", headers=asked, timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "TokenExpired")


def test_a_dataset_is_made_and_deleted_by_the_keyboard_alone(powerbi: Emulator, page: Page) -> None:
    def focused() -> str:
        name: str = page.evaluate(FOCUSED)
        return name

    def tab_to(name: str) -> None:
        for _ in range(40):
            if focused() == name:
                return
            page.keyboard.press("Tab")
        pytest.fail(f"the Tab key does not reach {name}")

    tab_to("New dataset")
    page.keyboard.press("Enter")
    assert focused() == "Name"
    page.keyboard.type("Sensors")
    tab_to("name of field 1")
    page.keyboard.type("celsius")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="API Info: Sensors")).to_be_visible()
    page.keyboard.press("Escape")
    assert focused() == "New dataset"
    tab_to("Delete: Sensors")
    page.keyboard.press("Enter")
    assert focused() == "Cancel"
    tab_to("Delete")
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_have_count(0)
    assert powerbi.client().datasets() == []


class Elsewhere(BaseHTTPRequestHandler):
    """A page of another site."""

    def do_GET(self) -> None:
        """Answer with an empty page."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        """Say nothing of it."""


def test_a_page_from_another_origin_changes_nothing_and_reads_nothing(powerbi: Emulator, browser: Browser) -> None:
    powerbi.streaming_dataset("Kept", {"a": str})
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}")
        told = page.evaluate(ATTACK, [powerbi.url, json.dumps({"command": "reset"})])
        page.evaluate(
            "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f); }", powerbi.url
        )
        page.close()
        server.shutdown()
        thread.join()
    # What a page may send without asking for leave was answered, with a refusal that it cannot read.
    assert told == ["opaque", "refused", "refused", "refused", "opaque"]
    assert [dataset.name for dataset in powerbi.client().datasets()] == ["Kept"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 360])
def test_axe_finds_no_serious_fault(powerbi: Emulator, page: Page, scheme: Any, width: int) -> None:
    axe = (files("axe_playwright_python") / "axe.min.js").read_text()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    found: dict[str, list[str]] = {}

    def look(place: str) -> None:
        page.evaluate(axe)
        found[place] = page.evaluate(FAULTS)

    look("nothing made")
    url = powerbi.streaming_dataset("Sensors", {"place": "Text", "celsius": "Number", "at": "DateTime"})
    rows = [
        {"place": place, "celsius": place_at, "at": f"2026-01-01T00:00:0{place_at}"}
        for place_at, place in enumerate("abcd")
    ]
    pbi.StreamingDataset(url).push(rows)
    powerbi.fail_next(500)
    with pytest.raises(pbi.PowerBIPushError):
        powerbi.client(retry=None).datasets()
    page.wait_for_selector(".tile-line canvas")
    page.locator(".asked").first.click()
    look("tiles")
    page.get_by_role("button", name="New dataset").click()
    look("new dataset")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="API Info: Sensors").click()
    page.get_by_role("dialog").wait_for()
    look("API Info")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Fail requests").click()
    look("fail requests")
    assert found == {place: [] for place in found}
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_live_regions_are_silent_while_rows_arrive(powerbi: Emulator, page: Page) -> None:
    url = powerbi.streaming_dataset("Sensors", {"celsius": "Number"})
    stream = pbi.StreamingDataset(url)
    stream.push([{"celsius": 0}])
    expect(page.locator(".tile-card .value")).to_have_text("0.0")
    page.evaluate("""() => {
      window.heard = 0;
      const ear = new MutationObserver(() => { window.heard += 1; });
      for (const region of document.querySelectorAll("[role=status], [role=alert], [aria-live]"))
        ear.observe(region, { childList: true, characterData: true, subtree: true });
    }""")
    for number in range(1, 5):
        stream.push([{"celsius": number}])
    expect(page.locator(".tile-card .value")).to_have_text("4.0")
    assert page.evaluate("window.heard") == 0


def test_500_datasets_are_shown_searched_and_added_to_without_a_wait(powerbi: Emulator, page: Page) -> None:
    for number in range(500):
        powerbi.streaming_dataset(f"House {number}z", {"place": "Text", "celsius": "Number"})
    page.reload()
    expect(page.locator("article")).to_have_count(500)
    page.get_by_label("Search datasets").fill("499z")
    expect(page.locator("article h3")).to_have_text(["House 499z"])
    took = page.evaluate("""() => {
      const search = document.getElementById("search"), began = performance.now();
      for (const text of ["house 4", "house", ""]) {
        search.value = text;
        search.dispatchEvent(new Event("input"));
        document.body.offsetHeight;
      }
      return (performance.now() - began) / 3;
    }""")
    assert took < 100
    pbi.StreamingDataset(powerbi.streaming_dataset("New", {"celsius": "Number"})).push([{"celsius": 7}])
    expect(page.locator("article h3").first).to_have_text("New")
    expect(page.locator(".tile-card .value").first).to_have_text("7.0")
