"""Quotas: kept before they bite, by every client of the process; plans; switched off."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

import powerbi_push as pbi
from conftest import SCHEMA, make_table, orders, posts

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

SMALL = pbi.Quotas(requests_per_minute=5, rows_per_hour=None, large_table_requests_per_hour=None)


def push_each(table: pbi.Table, count: int) -> None:
    for row in orders(count):
        table.push([row])


def test_the_minute_is_kept_and_the_service_never_refuses(virtual: Emulator) -> None:
    table = make_table(virtual)
    push_each(table, 250)
    statuses = {request.status for request in posts(virtual)}
    assert statuses == {200}
    assert 120 <= virtual.now <= 130, "250 requests are two full minutes and ten more"


def test_own_quotas_are_kept(virtual: Emulator) -> None:
    push_each(make_table(virtual, quotas=SMALL), 11)
    assert 120 <= virtual.now <= 123


def test_every_client_of_the_process_counts(virtual: Emulator) -> None:
    dataset = virtual.client(quotas=SMALL).create_dataset(SCHEMA)
    for _ in range(6):
        virtual.client(quotas=SMALL).dataset(dataset.id).table("Orders", {"Id": int}).push(orders(1))
    assert virtual.now >= 60


def test_none_holds_nothing_back(virtual: Emulator) -> None:
    push_each(make_table(virtual, quotas=None), 100)
    assert virtual.now < 1


def test_a_wait_past_the_timeout_is_told_at_once(virtual: Emulator) -> None:
    table = make_table(virtual, quotas=SMALL)
    push_each(table, 5)
    before = virtual.now
    with pytest.raises(pbi.RateLimitedError) as caught:
        table.push(orders(1), timeout=10)
    assert (caught.value.status, virtual.now) == (None, before)
    assert "minute" in str(caught.value.bound_by)
    assert len(posts(virtual)) == 5


def test_a_plan_says_how_long_and_why(virtual: Emulator) -> None:
    table = make_table(virtual)
    plan = table.plan(1_000_000)
    assert plan.requests == 100
    assert plan.eta < 60
    assert plan.bound_by is None
    two_hours = table.plan(2_500_000)
    assert two_hours.requests == 250
    assert two_hours.eta > 3_600
    assert two_hours.bound_by is not None
    assert table.plan(0).requests == 0
    assert table.plan(10_000, rows_in_table=1_000_000).requests == 1


def test_a_plan_of_rows_cuts_them_as_a_push_does(virtual: Emulator) -> None:
    table = make_table(virtual)
    before = len(virtual.requests)
    # 12 kB a row: two requests that are full by their bytes, and one that is not.
    wide = [{"Id": number, "Item": "\u20ac" * 4_000} for number in range(2_700)]
    plans = [table.plan(rows).requests for rows in (wide, tuple(wide), orders(10_001), orders(10_000), [])]
    assert plans == [3, 3, 2, 1, 0]
    assert table.plan(len(wide)).requests == 1, "a number says nothing about bytes"
    assert len(virtual.requests) == before
    assert table.push(wide).requests == 3
    assert sorted(request.rows for request in posts(virtual)) == sorted(
        body.count(b'"Id"') for body in SCHEMA.tables[0].payloads(wide)
    )


def test_a_plan_of_a_frame_is_that_of_its_rows(virtual: Emulator) -> None:
    frame = pa.table({"Id": list(range(20_001))})
    table = make_table(virtual)
    assert table.plan(frame).requests == 3
    with pytest.raises(TypeError, match="can be read only once cannot be planned"):
        table.plan(frame.to_reader())


def test_fewer_requests_at_once_take_longer(virtual: Emulator) -> None:
    dataset = make_table(virtual).dataset
    for in_flight, eta in [(1, 4.0), (2, 2.0), (4, 1.0)]:
        client = virtual.client(quotas=pbi.Quotas(in_flight=in_flight))
        assert client.dataset(dataset.id).table("Orders").plan(80_000).eta == eta


def test_what_was_sent_in_the_last_hour_counts(virtual: Emulator) -> None:
    table = make_table(virtual, quotas=SMALL)
    push_each(table, 5)
    plan = table.plan(1)
    assert plan.bound_by == "5 requests a minute"
    assert 58 <= plan.eta <= 62
    virtual.advance(62)
    assert table.plan(1).bound_by is None


def test_rows_that_do_not_fit_cannot_be_planned(virtual: Emulator) -> None:
    with pytest.raises(pbi.ValidationError) as caught:
        make_table(virtual).plan([{"Id": 1}, {"Id": "two"}, {"Idd": 3}])
    assert [error.row for error in caught.value.errors] == [1, 2]
    assert posts(virtual) == []


def each_of(rows: Any) -> Any:
    yield from rows


async def awaited(rows: Any) -> Any:
    for row in rows:
        yield row


@pytest.mark.parametrize(
    ("rows", "raised", "complaint"),
    [
        (each_of(orders(3)), TypeError, "give a list, a frame, or the number of rows"),
        (iter(orders(3)), TypeError, "can be read only once cannot be planned"),
        (awaited(orders(3)), TypeError, "can be read only once cannot be planned"),
        ({"Id": 1}, TypeError, r"wrap it in a list"),
        (True, TypeError, "bool"),
        (2.0, TypeError, "float"),
        (None, TypeError, "NoneType"),
        (-1, pbi.ConfigurationError, "`rows_or_count` takes rows, or a whole number from 0"),
        (1 << 64, pbi.ConfigurationError, "`rows_or_count` takes rows, or a whole number from 0"),
    ],
)
def test_what_cannot_be_planned_is_told(virtual: Emulator, rows: Any, raised: type[Exception], complaint: str) -> None:
    with pytest.raises(raised, match=complaint):
        make_table(virtual).plan(rows)


def test_a_number_of_numpy_is_a_number(virtual: Emulator) -> None:
    assert make_table(virtual).plan(np.int64(10_001)).requests == 2


@pytest.mark.parametrize("quotas", ["premium", 5, ["pro"]])
def test_wrong_quotas_are_told_at_once(virtual: Emulator, quotas: Any) -> None:
    complaint = '`quotas` takes "pro" or "free"'
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        virtual.client(quotas=quotas)
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        pbi.StreamingDataset("https://example.com/rows?key=1", quotas=quotas)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"rows_per_hour": 0}, r"`Quotas.rows_per_hour` takes a whole number from 1, or None"),
        ({"in_flight": 0}, r"`Quotas.in_flight` takes a whole number from 1 to 4"),
        ({"in_flight": 5}, r"`Quotas.in_flight` takes a whole number from 1 to 4"),
        ({"requests_per_minute": "many"}, r"`Quotas.requests_per_minute` takes"),
    ],
)
def test_quotas_that_make_no_sense_are_told_when_they_are_made(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        pbi.Quotas(**wrong)
    fields = {field.name: getattr(pbi.Quotas(), field.name) for field in dataclasses.fields(pbi.Quotas)}
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        pbi.Client("a token", quotas=SimpleNamespace(**fields | wrong))  # type: ignore[arg-type]
