"""Pieces of the command by themselves: lines of rows, how much of a file was read, the bar."""

from __future__ import annotations

import io
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import TableSchema
from powerbi_push.cli import bar as bars
from powerbi_push.cli.failures import in_flags
from powerbi_push.cli.files import Asked, BrokenFileError
from powerbi_push.cli.lines import Lines, packed
from powerbi_push.cli.readings import Reading, dicts_of
from powerbi_push.cli.stop import Stop
from powerbi_push.delivery.progress import Progress
from powerbi_push.exceptions import SourceError

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


def test_lines_at_uneven_distances_take_little_memory() -> None:
    lines, many = Lines(), 250_000
    for start in range(0, 9 * many * 2, many * 2):
        lines.add(packed([*range(start, start + many), start + many + 1]))
    assert (lines.rows, lines.of(2 * many), lines.of(3 * many)) == (9 * (many + 1), None, 5 * many - 2)
    assert sum(len(piece.lines) for piece in lines._pieces) <= 2_000_000  # noqa: SLF001 - this is what is claimed


def test_how_much_of_a_file_was_read_is_known(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Id\n" + "1\n" * 200_000)
    reading = Reading(Asked(path=str(path)))
    first = next(reading.chunks)
    share = reading.opened.share()
    assert share is not None
    assert 0 < share < 0.5
    assert len(first.lines) + sum(len(chunk.lines) for chunk in reading.chunks) == 200_000
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


def test_in_a_narrow_window_the_bar_keeps_the_time_at_which_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert type(bars._made()).__name__ == "Bar"  # noqa: SLF001 - which of them it is
    monkeypatch.setenv("COLUMNS", "130")
    assert isinstance(bars._made(), bars.RichBar)  # noqa: SLF001 - which of them it is


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("convert=True converts it", "--convert converts it"),
        ("pass schema= to have names checked", "pass --schema to have names checked"),
        ('unknown_columns="ignore" leaves it out', "--unknown-columns ignore leaves it out"),
        ('an outbox="path" that keeps them', "an --outbox path that keeps them"),
        ('types={"A \\"b": str} takes them', '--schema FILE with {"A \\"b": "str"} takes them'),
        ("use client.workspace(name_or_id); elsewhere", 'use TARGET "Workspace/Dataset/Table"; elsewhere'),
        ("through client.workspace(...).dataset(name)", 'through TARGET "Workspace/Dataset/Table"'),
        ("infer(convert=True) takes them as that", "--convert takes them as that"),
        ("a == b", "a == b"),
    ],
)
def test_options_are_called_as_on_the_command_line(said: str, called: str) -> None:
    assert in_flags(said) == called


def rows_of(reading: Reading) -> list[Any]:
    """All rows, and their lines are noted."""
    return [row for rows in reading._noted() for row in dicts_of(rows)]  # noqa: SLF001 - a push reads them in Rust


def test_cells_of_a_csv_are_what_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('Id,Item\n1,"a ""b"", c"\n\n2,"two\r\nlines"\n,5" pipe\n"",""', newline="")
    reading = Reading(Asked(path=str(path)))
    assert [tuple(row.items()) for row in rows_of(reading)] == [
        (("Id", "1"), ("Item", 'a "b", c')),
        (("Id", "2"), ("Item", "two\r\nlines")),
        (("Id", ""), ("Item", '5" pipe')),
        (("Id", ""), ("Item", "")),
    ]
    assert [reading.line_of(row) for row in range(5)] == [2, 4, 6, 7, None]
    reading.close()


@pytest.mark.parametrize(
    ("broken", "line", "told"),
    [
        ('2,"never closed\n3,x\n', 10_002, "a quote is opened that is never closed"),
        ('2,"tea\n\n","never closed\n3,x\n', 10_004, "a quote is opened that is never closed"),
        ("2\n", 10_002, "1 cell where the header has 2"),
        ('2,"a"b\n', 10_002, "a quote stands where none may: ',' expected after '\"'"),
        ('2,"a\n"b\n', 10_002, "a quote stands where none may: ',' expected after '\"', on line 10003"),
        (f"2,{'x' * 1_000_001}\n", 10_002, "a cell is longer than 1,000,000 characters"),
        (f'2,"{"é" * 1_000_000}"\n3\n', 10_003, "1 cell where the header has 2"),
        (f'2,"{"é" * 999_999}""{"x" * 16_000_000}', 10_002, "a cell is longer than 1,000,000 characters"),
        (f"{'x' * 9_999}," * 1_700, 10_002, "a row has no end within 16 MB"),
    ],
)
def test_a_broken_line_is_named_and_what_is_in_front_of_it_is_read(
    tmp_path: Path, broken: str, line: int, told: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Id,Item\n" + "1,tea\n" * 10_000 + broken)
    reading = Reading(Asked(path=str(path)))
    schema = TableSchema("T", {"Id": int, "Item": str})
    with pytest.raises(SourceError) as raised:
        schema.validate(reading.rows(), convert=True)
    assert isinstance(reading.failure, BrokenFileError)
    assert raised.value.__cause__ is reading.failure
    assert (reading.failure.line, str(reading.failure)) == (line, told)
    assert reading.count >= 10_000
    reading.close()


@pytest.mark.parametrize(
    ("encoding", "content", "line"),
    [
        ("utf-16-le", "Id\n1\nö".encode("utf-16-le") + b"\x00\xdc", 2),
        ("cp1252", b"Id\n" + b"1\r\n" * 300_000 + b"2\n\x81\n", 300_002),
        ("shift_jis", "Id\n日本\n".encode("shift_jis") + b"\x93\n", 2),
        ("utf-16", "Id\n1\n".encode("utf-16")[:-1], 1),
    ],
)
def test_what_cannot_be_decoded_is_told_behind_the_lines_that_can(
    tmp_path: Path, encoding: str, content: bytes, line: int
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    reading = Reading(Asked(path=str(path), encoding=encoding))
    with pytest.raises(BrokenFileError, match=f"cannot be decoded after line {line}: ") as raised:
        rows_of(reading)
    assert raised.value.hint == "say its encoding with --encoding"
    assert reading.count == line - 1
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
