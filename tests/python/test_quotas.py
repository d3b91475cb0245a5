"""Quotas: kept before they bite, by every client of the process; plans; switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    assert table.plan(orders(10_001)).requests == 2
    assert table.plan(0).requests == 0
    assert table.plan(10_000, rows_in_table=1_000_000).requests == 1
    with pytest.raises(TypeError):
        table.plan(iter(orders(3)))
    assert posts(virtual) == []


@pytest.mark.parametrize(
    ("quotas", "complaint"),
    [
        ("premium", '`quotas` takes "pro" or "free"'),
        (5, "`quotas` takes"),
        (pbi.Quotas(rows_per_hour=0), r"`Quotas.rows_per_hour` takes a whole number from 1"),
        (pbi.Quotas(requests_per_minute="many"), r"`Quotas.requests_per_minute` takes"),  # type: ignore[arg-type]
    ],
)
def test_wrong_quotas_are_told_at_once(virtual: Emulator, quotas: Any, complaint: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        virtual.client(quotas=quotas)
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        pbi.StreamingDataset("https://example.com/rows?key=1", quotas=quotas)
