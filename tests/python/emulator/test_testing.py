"""The test kit: what a suite that uses the local Power BI gets, and what it is told when rows are not there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import DatasetSchema, NotFoundError, StreamingDataset, TableSchema, ValidationError

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

EXAMPLE = Path(__file__).parents[3] / "examples" / "testing"
COLUMNS = {"Id": int, "Price": Decimal, "At": datetime, "Item": str, "Paid": bool}


def row(number: int, **changes: Any) -> dict[str, Any]:
    at = datetime(2024, 1, number, tzinfo=UTC)
    return {"Id": number, "Price": Decimal("1.50"), "At": at, "Item": f"item {number}", "Paid": True, **changes}


@pytest.fixture
def sold(powerbi: Emulator) -> Emulator:
    """Three orders, the second without an item."""
    table = powerbi.client().create_dataset(DatasetSchema("Sales", [TableSchema("Orders", COLUMNS)])).table()
    table.push([row(1), row(2, Item=None), row(3)])
    return powerbi


def complaint(powerbi: Emulator, rows: list[dict[str, Any]], *, ordered: bool = False) -> str:
    with pytest.raises(AssertionError) as caught:
        powerbi.assert_pushed("Sales/Orders", rows, ordered=ordered)
    return str(caught.value)


def test_rows_are_compared_as_they_arrive_whatever_kind_they_are(sold: Emulator) -> None:
    missing = {name: cell for name, cell in row(2).items() if name != "Item"}
    sold.assert_pushed("Sales/Orders", [row(3), missing, row(1, Price="1.5", At="2024-01-01T00:00:00Z")])
    sold.assert_pushed("Sales/Orders", [row(1), missing, row(3)], ordered=True)


def test_another_order_is_a_fault_only_where_it_matters(sold: Emulator) -> None:
    said = complaint(sold, [row(1), row(3), row(2, Item=None)], ordered=True)
    assert said.startswith("`Sales/Orders`: the rows are there, in another order from row 1 on: {'Id': 2, ")


def test_the_difference_tells_missing_unexpected_and_changed(sold: Emulator) -> None:
    other = {"Id": 9, "Price": Decimal(7), "At": None, "Item": "other", "Paid": False}
    said = complaint(sold, [row(1, Price=Decimal(2), Item="cup"), row(2, Item=None), other])
    cup, third = row(1, Price=Decimal(2), Item="cup"), row(3, Price=Decimal("1.5"))
    assert said.splitlines() == [
        "`Sales/Orders`: 3 rows arrived of 3",
        "changed, 1 row:",
        f"  Price: Decimal('2') arrived as Decimal('1.5'), Item: 'cup' arrived as 'item 1' in {cup}",
        "missing, 1 row:",
        "  {'Id': 9, 'Price': Decimal('7'), 'Item': 'other', 'Paid': False}",
        "unexpected, 1 row:",
        f"  {third}",
    ]


def test_a_row_that_came_twice_is_one_too_many(sold: Emulator) -> None:
    sold.client().dataset("Sales").table("Orders").push([row(3)])
    said = complaint(sold, [row(1), row(2, Item=None), row(3)])
    assert "4 rows arrived of 3\nunexpected, 1 row:\n  {'Id': 3" in said


def test_a_long_difference_is_cut(sold: Emulator) -> None:
    said = complaint(sold, [row(1), row(2, Item=None), row(3), *({"Id": number} for number in range(10, 25))])
    assert "missing, 15 rows:\n  {'Id': 10}\n" in said
    assert said.endswith("  {'Id': 19}\n  ... and 5 more")


def test_what_cannot_be_compared_says_why(sold: Emulator) -> None:
    with pytest.raises(NotFoundError):
        sold.assert_pushed("Sales/Other", [])
    with pytest.raises(ValidationError, match="is not in table `Orders`"):
        sold.assert_pushed("Sales/Orders", [{"Other": 1}])


def test_a_push_url_takes_any_columns(powerbi: Emulator, powerbi_push_url: str) -> None:
    powerbi.assert_pushed("pushed/RealTimeData", [])
    with pytest.raises(AssertionError, match=r"^`pushed/RealTimeData`: no row has arrived$"):
        powerbi.assert_pushed("pushed/RealTimeData", [{"celsius": 21}])
    stream = StreamingDataset(powerbi_push_url)
    stream.push([{"celsius": 21, "room": "attic", "at": datetime(2024, 1, 1, tzinfo=UTC)}])
    stream.push([{"celsius": 21.5, "open": True, "nothing": None}])
    assert powerbi.rows("pushed/RealTimeData") == [
        {"celsius": 21.0, "room": "attic", "at": datetime(2024, 1, 1, tzinfo=UTC)},
        {"celsius": 21.5, "open": True, "nothing": None},
    ]
    rows = [{"celsius": 21, "room": "attic", "at": datetime(2024, 1, 1, tzinfo=UTC)}, {"celsius": 21.5, "open": True}]
    powerbi.assert_pushed("pushed/RealTimeData", rows, ordered=True)


def test_what_a_push_url_never_got_is_a_difference(powerbi: Emulator, powerbi_push_url: str) -> None:
    powerbi.assert_pushed("pushed/RealTimeData", iter([]))
    StreamingDataset(powerbi_push_url).push([{"celsius": 21}, {"celsius": 22}])
    powerbi.assert_pushed("pushed/RealTimeData", [{"celsius": 21, "room": None}, {"celsius": 22}])
    with pytest.raises(AssertionError) as caught:
        powerbi.assert_pushed("pushed/RealTimeData", iter([{"celsius": 21, "room": "attic"}, {"celsius": 22}]))
    assert str(caught.value).splitlines() == [
        "`pushed/RealTimeData`: 2 rows arrived of 2",
        "changed, 1 row:",
        "  room: 'attic' arrived as None in {'celsius': 21.0, 'room': 'attic'}",
    ]


@pytest.mark.powerbi(limits=False, clock="virtual")
def test_a_marker_gives_a_server_of_its_own(powerbi: Emulator) -> None:
    powerbi.advance(60)
    assert powerbi.now >= 60
    assert os.environ["POWERBI_PUSH_EMULATOR"] == powerbi.url


def test_the_next_test_has_the_shared_one_again(powerbi: Emulator) -> None:
    assert powerbi.requests == []
    assert powerbi.now < 1e6
    assert os.environ["POWERBI_PUSH_EMULATOR"] == powerbi.url


def test_an_interrupted_suite_leaves_nothing_running(tmp_path: Path) -> None:
    suite = "import threading\ndef test_it(powerbi):\n    print('\\nat', powerbi.url, flush=True)\n"
    (tmp_path / "test_it.py").write_text(suite + "    threading.Event().wait(60)\n")
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", str(tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.split()[1] for line in process.stdout if line.startswith("at "))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=50)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=5)


def test_the_suite_of_the_example_passes_and_fails_where_its_job_is_broken(tmp_path: Path) -> None:
    def begin(folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)

    # Side by side, as the workers of pytest-xdist are: each has a server of its own.
    for worker in [begin(EXAMPLE), begin(EXAMPLE)]:
        assert re.search(r"^4 passed", worker.communicate(timeout=120)[0], re.MULTILINE)
    for name in ("job.py", "test_job.py"):
        (tmp_path / name).write_text((EXAMPLE / name).read_text().replace('"celsius"], 1)', '"celsius"] + 1, 1)'))
    said = begin(tmp_path).communicate(timeout=120)[0]
    assert re.search(r"^2 failed, 2 passed", said, re.MULTILINE)
    assert "celsius: 20.5 arrived as 21.5 in {'sensor': 'attic', 'celsius': 20.5}" in said
