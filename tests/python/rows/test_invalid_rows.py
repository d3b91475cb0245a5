"""Rows that do not fit: found before anything of them is sent, reported together, or left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders, posts, rows_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

BAD: dict[str, Any] = {"Id": "seven"}


def one_shot(rows: list[Any]) -> Iterator[Any]:
    yield from rows


def with_bad(count: int, *places: int) -> list[Any]:
    rows = orders(count)
    for place in places:
        rows[place] = BAD
    return rows


@pytest.mark.parametrize("place", [0, 4_999, 9_999, 24_999])
def test_an_invalid_row_in_a_list_is_found_before_any_request(powerbi: Emulator, place: int) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(with_bad(25_000, place))
    assert posts(powerbi) == []
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.read, result.rejected, result.unsent, result.requests) == (25_000, 1, 24_999, 0)
    assert rows_in(result, "rejected") == {place}
    assert [error.row for error in caught.value.errors] == [place]


def test_all_problems_of_a_list_are_reported_together(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(with_bad(25_000, 3, 10_000, 24_999), max_errors=2)
    assert [error.row for error in caught.value.errors] == [3, 10_000]
    assert caught.value.error_count == 3
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.error_count, result.errors) == (3, caught.value.errors)
    assert "3 rows, first in row 3" in str(caught.value)


@pytest.mark.parametrize(
    ("place", "read", "confirmed"),
    [
        (0, 10_000, 0),
        (9_999, 10_000, 0),
        (10_000, 20_000, 10_000),
        (19_999, 20_000, 10_000),
        (20_000, 25_000, 20_000),
        (24_999, 25_000, 20_000),
    ],
)
def test_an_invalid_row_of_a_generator_stops_its_own_request_and_no_earlier_one(
    powerbi: Emulator, place: int, read: int, confirmed: int
) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(one_shot(with_bad(25_000, place)))
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.read, result.confirmed, result.rejected) == (read, confirmed, 1)
    assert result.unsent == read - confirmed - 1
    assert rows_in(result, "rejected") == {place}
    assert arrived(powerbi) == Counter(range(confirmed))


def test_check_batch_treats_a_list_like_a_generator(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(with_bad(25_000, 10_000), check="batch")
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.confirmed, result.rejected) == (10_000, 1)


@pytest.mark.parametrize("sized", [True, False])
def test_skip_sends_the_valid_rows_and_says_which_were_not(
    powerbi: Emulator,
    sized: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    table = make_table(powerbi)
    bad = [0, 1, 9_999, 10_000, 24_999]
    rows = with_bad(25_000, *bad)
    result = table.push(rows if sized else one_shot(rows), on_invalid="skip")
    check_account(result, arrived(powerbi), skipped=bad)
    assert result.ranges == [
        (0, 2, "rejected"),
        (2, 9_999, "confirmed"),
        (9_999, 10_001, "rejected"),
        (10_001, 24_999, "confirmed"),
        (24_999, 25_000, "rejected"),
    ]
    assert [error.row for error in result.errors] == bad
    assert (result.confirmed, result.rejected, result.error_count) == (24_995, 5, 5)
    assert arrived(powerbi) == Counter(set(range(25_000)) - set(bad))
    assert not result


def test_skip_with_no_valid_row_sends_nothing(powerbi: Emulator) -> None:
    result = make_table(powerbi).push([BAD] * 20_001, on_invalid="skip")
    assert posts(powerbi) == []
    assert (result.ranges, result.error_count, len(result.errors)) == ([(0, 20_001, "rejected")], 20_001, 1_000)


def test_skip_counts_in_the_callers_rows_when_the_service_refuses_too(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    rows = with_bad(25_000, 5)
    virtual.fail_next(400, route="Datasets_PostRows")
    with pytest.raises(pbi.ServiceError) as caught:
        table.push(rows, on_invalid="skip")
    result = check_account(caught.value.result, arrived(virtual), skipped=[5])
    # Requests hold the rows of 10,000 that were looked at.
    assert result.ranges[0] == (0, 10_000, "rejected")
    assert result.rejected == 10_000
    assert result.resume_from == 0
