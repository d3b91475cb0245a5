"""Pieces of the command by themselves: lines of rows, how much of a file was read, the bar."""

from __future__ import annotations

import io
import signal
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from powerbi_push.cli import bar as bars
from powerbi_push.cli.failures import in_flags
from powerbi_push.cli.files import Asked, BrokenFileError
from powerbi_push.cli.lines import Lines, packed
from powerbi_push.cli.readings import Reading
from powerbi_push.cli.stop import Stop
from powerbi_push.delivery.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_know_their_lines() -> None:
    lines = Lines()
    for some in (range(2, 1_002), range(1_002, 2_002), packed([2_003, 2_005, 2_010]), packed([]), range(2_011, 2_013)):
        lines.add(some)
    assert lines.rows == 2_005
    assert [lines.of(row) for row in (0, 1_999, 2_000, 2_001, 2_002, 2_003, 2_004, 2_005)] == [
        *(2, 2_001, 2_003, 2_005, 2_010, 2_011, 2_012, None),
    ]


def test_lines_of_a_long_file_take_no_memory() -> None:
    lines = Lines()
    for start in range(2, 10_000_002, 1_000):
        lines.add(range(start, start + 1_000))
    assert lines.of(9_999_999) == 10_000_001
    assert len(lines._pieces) == 1  # noqa: SLF001 - this is what is claimed


def test_lines_that_are_long_past_are_forgotten() -> None:
    lines = Lines()
    for start in range(0, 9_000, 3):
        lines.add(packed([start, start + 2]))
    assert (lines.of(0), lines.of(5_999)) == (None, 8_999)


def test_how_much_of_a_file_was_read_is_known(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Id\n" + "1\n" * 200_000)
    reading = Reading(Asked(path=str(path)), by_line=True)
    rows = iter(reading.rows())
    next(rows)
    first = reading.opened.share()
    assert first is not None
    assert 0 < first < 0.5
    assert len(list(rows)) == 199_999
    assert reading.opened.share() == 1.0
    reading.close()


def progress(confirmed: int, read: int, waiting: str | None = None) -> Progress:
    until = datetime(2026, 1, 2, 19, 32, tzinfo=UTC) if waiting else None
    return Progress(read=read, confirmed=confirmed, total=None, requests=1, retries=0, waiting=waiting, until=until)


@pytest.mark.parametrize(("total", "guessed"), [(None, 2_000), (1_500, 1_500)])
def test_the_bar_knows_how_many_rows_there_are(
    monkeypatch: pytest.MonkeyPatch, total: int | None, guessed: int
) -> None:
    shown: list[Any] = []

    class Bar:
        def __call__(self, told: Progress) -> None:
            shown.append((told.confirmed, told.total))

        def close(self) -> None:
            shown.append("closed")

    now = [0.0]
    monkeypatch.setattr(bars, "_made", Bar)
    bar = bars.FileBar(lambda: 0.5, total, lambda: now[0])
    bar(progress(100, 1_000))
    now[0] = 2.5
    bar(progress(400, 1_000))
    bar.close()
    assert shown == [(400, guessed), "closed"]


def test_the_bar_of_rich_says_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "130")
    bar = bars.RichBar()
    bar(progress(1_000, 2_000, "waiting for the quota of 120 requests a minute"))
    bar.close()
    line = screen.getvalue().splitlines()[-1]
    assert line.startswith("1,000 rows ")
    assert "waiting for the quota of 120 requests a minute, until " in line


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("convert=True converts it", "--convert converts it"),
        ("pass schema= to have names checked", "pass --schema to have names checked"),
        ('unknown_columns="ignore" leaves it out', "--unknown-columns ignore leaves it out"),
        ('an outbox="path" that keeps them', "an --outbox path that keeps them"),
        ("a == b", "a == b"),
    ],
)
def test_options_are_called_as_on_the_command_line(said: str, called: str) -> None:
    assert in_flags(said) == called


def test_a_csv_is_read_alike_with_and_without_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('Id,Item\n1,"a ""b"", c"\n\n2,"two\r\nlines"\n,5" pipe\n')
    (fast, slow) = (Reading(Asked(path=str(path)), by_line=by_line) for by_line in (False, True))
    told, plain = fast.rows(), list(slow.rows())
    assert isinstance(told, pa.RecordBatchReader)
    assert told.read_all().to_pylist() == plain
    assert plain[2] == {"Id": "", "Item": '5" pipe'}
    assert [fast.line_of(row) for row in range(3)] == [slow.line_of(row) for row in range(3)] == [2, 4, 6]
    fast.close()
    slow.close()


@pytest.mark.parametrize(("broken", "line"), [('2,"never closed\n3,x\n', 10_003), ("2\n", 10_002)])
def test_pyarrow_or_not_a_broken_line_is_named(tmp_path: Path, broken: str, line: int) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Id,Item\n" + "1,tea\n" * 10_000 + broken)
    for by_line in (False, True):
        reading = Reading(Asked(path=str(path)), by_line=by_line)
        with pytest.raises((BrokenFileError, pa.ArrowInvalid)):
            deque(reading.rows(), maxlen=0)
        assert isinstance(reading.failure, BrokenFileError)
        assert reading.failure.line == line
        reading.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_is_told_of_a_signal_and_stays_told(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        stop = Stop()
        assert (stop.is_told(), stop.wait(0.0)) == (False, False)
        signal.raise_signal(number)
        assert (stop.is_told(), stop.wait(), stop.wait(), stop.is_told()) == (True, True, True, True)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
