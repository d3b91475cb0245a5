"""One mistake is one line: problems are grouped by column and cause, however many rows they are in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import make_table, orders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator

SCHEMA = pbi.TableSchema("Orders", {"Id": int, "Item": str, "Price": float})
IGNORE = 'unknown_columns="ignore" leaves out what the schema lacks'
INFINITE = "holds an infinite number, which the service does not take: `inf`; put None in its place"
NUMBER = "a number is digits, sign and point alone, and None is a missing value"
ROUND = "round it, or make the column Double"
SKIP = 'on_invalid="skip" sends the rows that are valid'


def message(rows: Any, **options: Any) -> list[str]:
    """The lines of the error, the hint among them."""
    with pytest.raises(pbi.ValidationError) as caught:
        list(SCHEMA.payloads(rows, **options))
    return str(caught.value).splitlines()


def test_a_mistake_in_every_row_is_one_line_and_errors_keep_them_one_by_one() -> None:
    with pytest.raises(pbi.ValidationError) as caught:
        SCHEMA.payloads([{"Id": 1, "itm": "tea"}] * 1_000)
    assert str(caught.value).splitlines() == [
        "the rows have 1,000 problems:",
        "- column `itm`: all 1,000 rows, first in row 0: is not in table `Orders`; did you mean `Item`?",
        f"hint: {IGNORE}",
    ]
    assert [error.row for error in caught.value.errors] == list(range(1_000))
    assert caught.value.errors[7].message == "column `itm` is not in table `Orders`; did you mean `Item`?"


def test_columns_and_types_of_values_are_told_apart_in_the_order_they_were_met() -> None:
    rows: list[Any] = [{"Id": 1}, {"Id": 1.5, "Price": True}, {"Id": "x"}, 7, {"Id": 2.5}]
    assert message(rows) == [
        "the rows have 5 problems:",
        f"- column `Id`: 2 rows, first in row 1: takes Int64, not a float with a fraction: `1.5`; {ROUND}",
        "- column `Price`: row 1: takes Double, not bool: `True`; convert=True converts it",
        f"- column `Id`: row 2: takes Int64, not str: `'x'`; {NUMBER}",
        '- row 3: a row must be a mapping such as a dict, not int; a value alone becomes one with {"column": value}',
        f"hint: {SKIP}",
    ]


def test_a_mistake_that_shows_numbers_of_its_own_is_still_one() -> None:
    rows = [{"Item": "x" * length} for length in range(4_001, 4_031)]
    lines = message(rows)
    assert len(lines) == 2
    assert lines[1].startswith("- column `Item`: all 30 rows, first in row 0: holds text of 4001 UTF-16 units")


def test_a_row_that_has_a_mistake_twice_counts_once() -> None:
    rows = [{1: 1, 2: 2, "Id": 1}, {"Id": 2}]
    assert message(rows)[:2] == [
        "the rows have 2 problems:",
        "- row 0: a column's name must be a str, not int; str(name) makes it one",
    ]


def test_more_mistakes_than_anybody_reads_are_counted() -> None:
    rows = [{f"c{number}": 1 for number in range(200)}] * 3
    lines = message(rows)
    assert lines[20] == "- column `c19`: all 3 rows, first in row 0: is not in table `Orders`"
    assert lines[21] == "- and 540 more problems of other kinds"
    assert len(lines) == 23


def one_shot(rows: list[Any]) -> Iterator[Any]:
    yield from rows


def test_all_rows_are_those_of_a_generator_only_once_it_has_ended() -> None:
    bad = [{"Id": 1, "itm": 1}]
    assert message(one_shot(bad * 10_001))[1].startswith("- column `itm`: all 10,000 rows so far, first in row 0: ")
    assert message(one_shot(bad * 9_999))[1].startswith("- column `itm`: all 9,999 rows, first in row 0: ")
    assert message([{"Id": 1}, *bad * 99])[1].startswith("- column `itm`: 99 rows, first in row 1: ")


@pytest.mark.parametrize("cores", ["one", "all"])
def test_mistakes_are_the_same_on_all_cores(cores: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    bad = {"Id": [1, None, 3] * 10_000, "itm": ["x"] * 30_000, "Price": [1.5, float("inf"), 2.5] * 10_000}
    frame = arrow.table(bad)
    rows = frame if cores == "all" else frame.to_pylist()
    assert message(rows)[:3] == [
        "the rows have 40,000 problems:",
        "- column `itm`: all 30,000 rows, first in row 0: is not in table `Orders`; did you mean `Item`?",
        f"- column `Price`: 10,000 rows, first in row 1: {INFINITE}",
    ]


def test_advice_names_only_what_helps(powerbi: Emulator) -> None:
    table = make_table(powerbi)

    def hint(push: Callable[[], object]) -> str | None:
        with pytest.raises(pbi.ValidationError) as caught:
            push()
        return caught.value.hint

    unknown, wrong = {"Id": 1, "itm": 1}, {"Id": "x"}
    assert hint(lambda: table.push([unknown] * 3)) == IGNORE
    assert hint(lambda: table.push([unknown, *orders(3)])) == IGNORE
    assert hint(lambda: table.push([wrong, *orders(3)])) == SKIP
    assert hint(lambda: table.push([wrong, unknown, *orders(3)])) == f"{IGNORE}; {SKIP}"
    assert hint(lambda: table.push([wrong] * 3)) is None
    assert hint(lambda: table.replace([wrong, *orders(3)])) == SKIP
    assert hint(lambda: table.plan([wrong, *orders(3)])) is None
    with table.sender() as sender:
        assert hint(lambda: sender.send(wrong)) is None
        assert hint(lambda: sender.send(unknown)) == IGNORE
        assert hint(lambda: sender.send_many([wrong, *orders(3)])) is None
        assert hint(lambda: asyncio.run(sender.send_async(wrong))) is None


def test_a_validation_report_is_read_in_a_few_lines() -> None:
    report = SCHEMA.validate([{"Id": 1, "itm": "<b>"}] * 1_000 + [{"Id": 1}])
    mistake = "column `itm`: 1,000 rows, first in row 0: is not in table `Orders`; did you mean `Item`?"
    assert report.mistakes == (mistake,)
    assert str(report) == f"1,001 rows checked: 1,000 problems\n- {mistake}"
    assert repr(report) == "ValidationReport(ok=False, row_count=1001, error_count=1000)"
    assert report._repr_html_().startswith(
        f"<div><p>1,001 rows checked: 1,000 problems</p><ul><li>{mistake}</li></ul><table>"
    )
    assert str(SCHEMA.validate([{"Id": 1}])) == "1 row checked: no problems"
    assert SCHEMA.validate([])._repr_html_() == "<div><p>0 rows checked: no problems</p></div>"
