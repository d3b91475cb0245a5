"""When rows are checked: whole before the first request, or request by request; and what is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from order_rows import ORDERS, found, orders, rows_sent
from powerbi_push import ValidationError, ValidationReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator


def numbered(count: int, bad: int | None = None) -> Iterator[dict[str, object]]:
    for number in range(count):
        yield {"Id": "x" if number == bad else number}


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("bad", [0, 4_999, 9_999, 10_000, 24_999])
def test_a_list_is_checked_whole_before_the_first_request(
    powerbi: Emulator, kind: Callable[[Any], Any], bad: int
) -> None:
    with pytest.raises(ValidationError) as refused:
        orders(powerbi).push(kind(numbered(25_000, bad)))
    assert found(refused.value) == [(bad, "Id", "wrong_type")]
    assert rows_sent(powerbi) == []
    result = refused.value.result
    assert result is not None
    assert (result.read, result.rejected, result.unsent, result.confirmed) == (25_000, 1, 24_999, 0)


@pytest.mark.parametrize(("bad", "confirmed"), [(0, 0), (9_999, 0), (10_000, 10_000), (20_500, 20_000)])
@pytest.mark.parametrize("batch", [False, True], ids=["generator", "check=batch"])
def test_a_generator_is_checked_request_by_request(powerbi: Emulator, bad: int, confirmed: int, *, batch: bool) -> None:
    table = orders(powerbi)
    options: Any = {"check": "batch"} if batch else {}
    rows = list(numbered(25_000, bad)) if batch else numbered(25_000, bad)
    with pytest.raises(ValidationError) as refused:
        table.push(rows, **options)
    assert found(refused.value) == [(bad, "Id", "wrong_type")]
    assert sum(rows_sent(powerbi)) == confirmed
    assert sorted(row["Id"] for row in powerbi.rows("Sales/Orders")) == list(range(confirmed))
    result = refused.value.result
    assert result is not None
    assert (result.confirmed, result.rejected, result.in_doubt) == (confirmed, 1, 0)
    assert result.read == result.confirmed + result.rejected + result.unsent


def test_many_bodies_that_are_kept_are_those_of_one_reading() -> None:
    rows = [{"Id": number, "Item": f"{number:04}" * 1_000} for number in range(6_000)]
    bodies = list(ORDERS.payloads(rows, check="batch", max_rows=250))
    assert (len(bodies), sum(map(len, bodies)) > 24_000_000) == (24, True)
    assert list(ORDERS.payloads(rows, max_rows=250)) == bodies


def test_payloads_are_checked_in_the_same_way() -> None:
    with pytest.raises(ValidationError):
        ORDERS.payloads(list(numbered(30, 25)), max_rows=10)
    for bodies in (
        ORDERS.payloads(numbered(30, 25), max_rows=10),
        ORDERS.payloads(list(numbered(30, 25)), max_rows=10, check="batch"),
    ):
        assert [next(bodies).count(b"Id"), next(bodies).count(b"Id")] == [10, 10]
        with pytest.raises(ValidationError) as refused:
            next(bodies)
        assert found(refused.value) == [(25, "Id", "wrong_type")]
        assert list(bodies) == []


@pytest.mark.parametrize("kind", [list, iter])
@pytest.mark.parametrize("bad", [{0}, {4_999}, {9_999}, {0, 4_999, 9_999, 10_000}, set(range(9_990, 10_010))])
def test_skip_sends_the_others_and_says_exactly_which_were_left_out(
    powerbi: Emulator, kind: Callable[[Any], Any], bad: set[int]
) -> None:
    rows = [{"Id": "x" if number in bad else number} for number in range(10_100)]
    result = orders(powerbi).push(kind(rows), on_invalid="skip")
    assert not result.ok
    assert found(ValidationReport(0, 0, result.errors)) == [(row, "Id", "wrong_type") for row in sorted(bad)]
    assert (result.read, result.rejected, result.confirmed) == (10_100, len(bad), 10_100 - len(bad))
    rejected = {row for start, stop, state in result.ranges if state == "rejected" for row in range(start, stop)}
    assert rejected == bad
    assert {row["Id"] for row in powerbi.rows("Sales/Orders")} == set(range(10_100)) - bad


def test_skip_sends_nothing_where_no_row_fits(powerbi: Emulator) -> None:
    result = orders(powerbi).push([{"Id": "x"}, None], on_invalid="skip")
    assert (result.rejected, result.confirmed, result.requests) == (2, 0, 0)
    assert result.ranges == [(0, 2, "rejected")]
    assert rows_sent(powerbi) == []


def test_rows_are_numbered_after_skips_too() -> None:
    rows = ({"Id": value} for value in ("x", 1, "x", 2, "x"))
    assert list(ORDERS.payloads(rows, on_invalid="skip", max_rows=1)) == [
        b'{"rows":[{"Id":1}]}',
        b'{"rows":[{"Id":2}]}',
    ]
    report = ORDERS.validate({"Id": value} for value in ("x", 1, "x", 2, "x"))
    assert found(report) == [(row, "Id", "wrong_type") for row in (0, 2, 4)]
