"""How fast the local Power BI is: it takes rows on one core while a real browser watches, and is there at once."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

pytest_plugins = ["chromium"]
expect = pytest.importorskip("playwright.sync_api", reason="make page installs it").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS, REQUESTS = 10_000, 150
COLUMNS = {"At": "DateTime", "City": str, "Amount": float, "Id": int}


def seconds_of_the_server() -> float:
    """The processor's time that the threads of emulators took."""
    ticks = 0
    for task in Path("/proc/self/task").iterdir():
        name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        if name.startswith("powerbi-emulat"):
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="the time of one thread is read from /proc")
@pytest.mark.powerbi(limits=False)
def test_one_core_takes_300_000_rows_a_second_while_a_page_watches(powerbi: Emulator, page: Page) -> None:
    dataset = powerbi.client().create_dataset(pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", COLUMNS)]))
    cities = ("Oslo", "Paris", "Rome")
    rows = [
        {"At": "2026-01-31T12:00:00Z", "City": cities[number % 3], "Amount": number + 0.5, "Id": number}
        for number in range(ROWS)
    ]
    body = json.dumps({"rows": rows}, separators=(",", ":")).encode()
    headers = {"Authorization": f"Bearer {powerbi.credential.get_token('').token}", "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", int(powerbi.url.rsplit(":", 1)[1]), timeout=50)
    expect(page.locator("article")).to_have_count(1)
    began, before = time.perf_counter(), seconds_of_the_server()
    for _ in range(REQUESTS):
        connection.request("POST", f"/v1.0/myorg/datasets/{dataset.id}/tables/Orders/rows", body, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    took, worked = time.perf_counter() - began, seconds_of_the_server() - before
    connection.close()
    expect(page.locator(".table .count")).to_have_text(f"{ROWS * REQUESTS:,}")
    rate = ROWS * REQUESTS / worked
    sys.stdout.write(f"{rate:,.0f} rows a second of one core; {ROWS * REQUESTS / took:,.0f} by the clock\n")
    assert rate >= 300_000


def test_it_starts_in_less_than_150_milliseconds() -> None:
    took = []
    for _ in range(9):
        began = time.perf_counter()
        with Emulator():
            took.append(time.perf_counter() - began)
    sys.stdout.write(f"started in {statistics.median(took) * 1_000:.1f} ms\n")
    assert statistics.median(took) < 0.15
