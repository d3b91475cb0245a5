"""The page of the local Power BI in a real browser: Chromium, without a window."""

from __future__ import annotations

import datetime as dt
import statistics
import time
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import meanwhile, wait_until
from powerbi_push.emulator import Emulator

pytest_plugins = ["chromium"]
expect = pytest.importorskip("playwright.sync_api", reason="make page installs it").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

COLUMNS = {"At": "DateTime", "City": str, "Amount": float, "Id": int}
#: Whether a number is the latest of a tile, and in the last row of a table.
SHOWN = """(text) => document.querySelector(".tile-card .value").textContent === text
  && document.querySelector("tbody tr:last-child").textContent.includes(text)"""
#: Counts the frames of some seconds; Chromium draws 60 a second.
FRAMES = """(span) => new Promise((done) => {
  const first = performance.now(); let count = 0;
  const end = (now) => done(1000 * count / (now - first));
  const step = (now) => (now - first < span ? (count++, requestAnimationFrame(step)) : end(now));
  requestAnimationFrame(step);
})"""


def row(number: int) -> dict[str, Any]:
    at = dt.datetime(2024, 1, 1) + dt.timedelta(minutes=number)
    return {"At": at, "City": ("Oslo", "Paris", "Rome")[number % 3], "Amount": number + 0.5, "Id": number}


def table(powerbi: Emulator, name: str = "Sales", columns: Any = COLUMNS) -> pbi.Table:
    return powerbi.client().create_dataset(pbi.DatasetSchema(name, [pbi.TableSchema("Orders", columns)])).table()


def kinds(page: Page) -> list[str]:
    labels: list[str] = page.locator(".tile").evaluate_all("all => all.map((tile) => tile.getAttribute('aria-label'))")
    return labels


def test_the_tiles_are_chosen_by_the_types_of_the_columns(powerbi: Emulator, page: Page) -> None:
    table(powerbi).push([row(number) for number in range(30)])
    page.wait_for_selector(".tile")
    assert kinds(page) == ["Card of Amount", "Line of Amount", "Gauge of Amount", "Bars of Amount"]
    page.wait_for_selector(".tile-line canvas")
    assert page.locator(".tile-card .value").inner_text() == "29.5"
    gauge = page.locator(".tile-gauge [role=meter]")
    assert [gauge.get_attribute(f"aria-value{name}") for name in ("now", "min", "max")] == ["29.5", "0", "30"]
    assert page.locator(".tile-bars .bars").inner_text().split() == ["Oslo", "14", "Paris", "15", "Rome", "16"]
    # Without numbers a card and a count by text are left.
    table(powerbi, "Names", {"Name": str}).push([{"Name": "a"}, {"Name": "b"}, {"Name": "b"}])
    page.locator("article", has_text="Names").locator(".tile").first.wait_for()
    assert kinds(page)[:2] == ["Card of Name", "Bars of rows"]


def test_a_single_value_is_a_dot(powerbi: Emulator, page: Page) -> None:
    table(powerbi).push([row(1)])
    page.wait_for_selector(".tile-line canvas")
    page.wait_for_function("""() => {
      const canvas = document.querySelector(".tile-line canvas"), { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      const is_yellow = (alpha, at) => at % 4 === 3 && alpha === 255 && data[at - 3] - data[at - 1] > 100;
      const places = [...data.keys()].filter((at) => is_yellow(data[at], at)).map((at) => (at >> 2) % width / width);
      // In the middle of its minute.
      return places.length > 20 && places.every((place) => place > 0.4 && place < 0.6);
    }""")


def test_a_row_is_in_tile_and_table_within_300_milliseconds(powerbi: Emulator, page: Page) -> None:
    orders = table(powerbi)
    orders.push([row(0)])
    page.wait_for_selector(".tile")
    took = []
    for number in range(1, 8):
        page.wait_for_timeout(150)
        began = time.perf_counter()
        orders.push([row(number)])
        page.wait_for_function(SHOWN, arg=f"{number}.5")
        took.append(time.perf_counter() - began)
    assert statistics.median(took) <= 0.3, took


def test_a_choice_of_tiles_is_kept_in_the_address(powerbi: Emulator, page: Page) -> None:
    table(powerbi).push([row(number) for number in range(9)])
    page.wait_for_selector(".tile")
    page.get_by_label("remove the tile").nth(1).click()
    page.get_by_label("field").first.select_option("Id")
    page.get_by_label("kind of tile").nth(1).select_option("bars")
    page.get_by_label("field").nth(1).select_option("*")
    wanted = ["Card of Id", "Bars of all numbers", "Bars of Amount"]
    assert kinds(page) == wanted
    assert "tiles=" in page.url
    page.reload()
    page.wait_for_selector(".tile")
    assert kinds(page) == wanted
    assert page.locator(".tile-card .value").inner_text() == "8"
    assert page.locator(".tile-bars .track.series-1").count() == 3


def test_tiles_are_changed_by_the_keyboard_alone(powerbi: Emulator, page: Page) -> None:
    table(powerbi).push([row(number) for number in range(9)])
    page.wait_for_selector(".tile")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "search"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "kind of tile":
            break
    page.keyboard.press("ArrowDown")
    assert kinds(page)[0] == "Line of Amount"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "kind of tile"


def test_the_search_finds_datasets_by_their_columns_and_stays_in_the_address(powerbi: Emulator, page: Page) -> None:
    for number in range(3):
        table(powerbi, f"House {number}", {f"room{number}": str})
    expect(page.locator("article")).to_have_count(3)
    page.get_by_label("Search datasets").fill("house ROOM1")
    assert page.locator("article h3").all_inner_texts() == ["House 1"]
    page.reload()
    page.wait_for_selector("article")
    assert page.locator("article h3").all_inner_texts() == ["House 1"]


def test_tabs_share_one_stream_which_is_closed_while_they_are_hidden(powerbi: Emulator, page: Page) -> None:
    other = page.context.new_page()
    other.goto(powerbi.url)
    for tab in (page, other):
        expect(tab.locator("#live")).to_have_text("live")
    wait_until(lambda: powerbi.watchers == 1)

    def turn(tab: Page, *, hidden: bool) -> None:
        tab.evaluate(
            "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
            " document.dispatchEvent(new Event('visibilitychange')); }",
            hidden,
        )

    turn(page, hidden=True)
    orders = table(powerbi)
    orders.push([row(1)])
    other.wait_for_selector(".tile")
    turn(other, hidden=True)
    wait_until(lambda: powerbi.watchers == 0)
    orders.push([row(2)])
    assert page.locator("article").count() == 0
    turn(page, hidden=False)
    expect(page.locator(".tile-card .value")).to_have_text("2.5")
    assert powerbi.watchers == 1


def test_a_page_finds_its_emulator_again(browser: Browser) -> None:
    page = browser.new_page()
    with Emulator() as first:
        page.goto(first.url)
        expect(page.locator("#live")).to_have_text("live")
    expect(page.locator("#live")).to_have_text("not running")
    with Emulator(port=int(first.url.rsplit(":", 1)[1])) as second:
        table(second, "Second")
        expect(page.locator("article h3")).to_have_text("Second")
    page.close()


def test_numbers_of_any_size_and_none_at_all_fit_their_tiles(powerbi: Emulator, page: Page) -> None:
    def shown(name: str, values: list[float | None]) -> list[str]:
        table(powerbi, name, {"v": float, "s": str}).push([{"v": value, "s": "s"} for value in values])
        article = page.locator("article", has_text=name)
        article.locator(".tile").first.wait_for()
        assert article.locator(".tile").evaluate_all("all => all.every((one) => one.scrollWidth <= one.clientWidth)")
        parts = (".moved", ".gauge text", ".bars b")
        return [text for part in parts for text in article.locator(part).all_text_contents()]

    assert shown("Huge", [-1e300, 1e300]) == ["▲ 2E300", "1E300", "-1E300", "1E300", "0"]
    assert shown("Tiny", [1e-300, 3e-300]) == ["▲ 2E-300", "3E-300", "0", "3E-300", "2E-300"]
    assert shown("Below", [-74.5, -1.0]) == ["▲ 73.5", "-1", "-75", "0", "-37.75"]
    assert shown("Nothing", [None, None]) == ["latest", "\u2013", "", "", "\u2013"]
    assert page.locator("article", has_text="Nothing").locator(".hand").is_hidden()


def test_what_users_wrote_is_text(powerbi: Emulator, page: Page) -> None:
    evil = "<img src=x onerror=alert(1)>"
    table(powerbi, evil, {evil: str}).push([{evil: evil}])
    page.wait_for_selector(".tile")
    assert page.locator("article h3").inner_text() == evil
    assert page.locator("article img").count() == 0


def test_a_refusal_is_explained_on_a_click(powerbi: Emulator, page: Page) -> None:
    with pytest.raises(pbi.NotFoundError):
        powerbi.client().dataset("0a37b5a5-9ad3-4e1e-9b5c-6d3a3c7b0c5d").table("T").push([{"a": 1}])
    asked = page.locator(".asked", has_text="no such dataset in this workspace").first
    asked.click()
    assert "/v1.0/myorg/datasets/" in asked.locator("dl").inner_text()


def test_quotas_are_gauges(powerbi: Emulator, page: Page) -> None:
    table(powerbi).push([row(1)])
    meter = page.get_by_role("meter", name="requests this minute")
    expect(meter).to_have_attribute("aria-valuenow", "1")
    assert meter.get_attribute("aria-valuemax") == "120"


def test_on_a_phone_nothing_is_wider_than_the_screen(powerbi: Emulator, page: Page) -> None:
    table(powerbi).push([row(number) for number in range(9)])
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_selector(".tile")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.powerbi(limits=False)
def test_10_000_rows_a_second_are_counted_exactly_and_leave_the_page_its_frames(powerbi: Emulator, page: Page) -> None:
    orders = table(powerbi)
    orders.push([row(0)])
    page.wait_for_selector(".tile")
    rows, sent, over = [row(number) for number in range(1_000)], 1, Event()

    def push() -> None:
        nonlocal sent
        began = time.perf_counter()
        while not over.is_set():
            orders.push(rows)
            sent += 1_000
            over.wait(max(0, began + sent / 10_000 - time.perf_counter()))

    with meanwhile(push):
        try:
            frames = page.evaluate(FRAMES, 5_000)
        finally:
            over.set()
    assert sent >= 45_000
    assert frames >= 50
    expect(page.locator(".table .count")).to_have_text(f"{sent:,}")
