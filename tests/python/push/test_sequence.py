"""Sequence numbers: what is sent again after a lost answer is not added twice, whatever the service makes of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, SCHEMA, arrived, check_account, orders, posts, wait_until
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADER = "x-powerbi-pushdata-sequencenumber"


@pytest.fixture(params=["refuses", "deduplicates", "ignores"])
def assumed(request: pytest.FixtureRequest) -> Iterator[tuple[Emulator, str]]:
    """A local Power BI under each assumption about numbers."""
    with Emulator(clock="virtual", assumptions={"sequence_numbers": request.param}) as emulator:
        yield emulator, request.param


def table_of(emulator: Emulator, **options: Any) -> pbi.Table:
    return emulator.client(**options).create_dataset(SCHEMA).table("Orders", sequence=True)


def numbers(emulator: Emulator) -> list[str | None]:
    return [request.headers.get(HEADER) for request in posts(emulator)]


def test_requests_are_numbered_one_after_the_other(assumed: tuple[Emulator, str]) -> None:
    emulator, _ = assumed
    table = table_of(emulator)
    assert table.push(orders(25_000)).confirmed == 25_000
    assert numbers(emulator) == ["1", "2", "3"]
    assert emulator.most_in_flight == 1
    assert [row["Id"] for row in emulator.rows(table)] == list(range(25_000))


def test_a_lost_answer_loses_nothing_and_doubles_nothing_where_numbers_count(assumed: tuple[Emulator, str]) -> None:
    emulator, kind = assumed
    table = table_of(emulator)
    emulator.drop_response(times=2)
    result = check_account(table.push(orders(25_000)), arrived(emulator))
    assert (result.confirmed, result.in_doubt) == (25_000, 0)
    assert numbers(emulator)[0] == numbers(emulator)[1] == "1", "the fault happened, and the number stayed"
    doubled = sum(count > 1 for count in arrived(emulator).values())
    assert doubled == (10_000 if kind == "ignores" else 0)
    assert doubled <= result.maybe_twice


def test_the_next_push_goes_on_where_the_service_is() -> None:
    with Emulator(clock="virtual") as emulator:
        table = table_of(emulator)
        table.push(orders(1))
        table.push(orders(1, 1))
        assert numbers(emulator) == ["1", "2"]
        assert table.sequence_numbers() == {0: 2}


def test_replace_begins_again_where_the_service_forgets() -> None:
    with Emulator(clock="virtual") as emulator:
        table = table_of(emulator)
        table.push(orders(3))
        assert table.replace(orders(2)).confirmed == 2
        assert numbers(emulator) == ["1", "1"]


def test_a_foreign_number_is_a_conflict_and_stops() -> None:
    with Emulator(clock="virtual") as emulator:
        table = table_of(emulator)

        def rows() -> Iterator[Any]:
            yield from orders(10_000)
            # Somebody else comes once the first request was answered.
            wait_until(lambda: len(arrived(emulator)) == 10_000)
            table.push(orders(1, 90_000))
            table.push(orders(1, 90_001))
            yield from orders(20_000, 10_000)

        with pytest.raises(pbi.SequenceConflictError, match="somebody else") as caught:
            table.push(rows())
        assert caught.value.status == 400
        assert caught.value.result is not None
        assert caught.value.result.unsent + caught.value.result.confirmed == caught.value.result.read


def test_a_service_without_numbers_says_so() -> None:
    with Emulator(clock="virtual", assumptions={"sequence_numbers": "missing"}) as emulator:
        table = table_of(emulator)
        with pytest.raises(pbi.NotFoundError) as caught:
            table.push(orders(3))
        assert "no longer" in str(caught.value.hint)
        assert posts(emulator) == []


def test_numbers_can_be_awaited() -> None:
    with Emulator(clock="virtual") as emulator:
        table = table_of(emulator)
        assert asyncio.run(table.push_async(iter(orders(3)))).confirmed == 3
        assert numbers(emulator) == ["1"]


def test_without_asking_for_them_there_are_none(virtual: Emulator) -> None:
    virtual.client().create_dataset(SCHEMA).table("Orders").push(orders(3))
    assert numbers(virtual) == [None]


def test_numbers_go_one_at_a_time(virtual: Emulator) -> None:
    dataset = virtual.client().create_dataset(SCHEMA)
    with pytest.raises(pbi.ConfigurationError, match="one at a time"):
        dataset.table("Orders", sequence=True, ordered=False)


def test_a_sender_numbers_its_requests(virtual: Emulator) -> None:
    table = table_of(virtual)
    table.push(orders(3, 90_000))
    with table.sender(max_rows=2, max_delay=0.01) as sender:
        sender.send_many(orders(5))
    assert numbers(virtual) == ["1", "2", "3", "4"]


def test_a_sender_waits_until_the_service_says_its_last_number(virtual: Emulator) -> None:
    table = table_of(virtual)
    virtual.fail_next(503, times=200, route="sequenceNumbers")
    with table.sender(max_delay=0.01) as sender:
        sender.send_many(orders(5))
        assert sender.flush().confirmed == 5
    assert numbers(virtual) == ["1"]


@pytest.mark.parametrize("outbox", [None, "rows.db"])
def test_a_sender_begins_again_where_the_service_forgets(outbox: str | None, tmp_path: Path) -> None:
    with Emulator(clock="virtual") as emulator:
        table = table_of(emulator)
        with table.sender(max_delay=0, outbox=outbox and tmp_path / outbox) as sender:
            for start in range(3):
                sender.send_many(orders(2, start * 2))
                sender.flush()
            table.delete_rows()
            sender.send_many(orders(2, 100))
            sender.send_many(orders(2, 102))
            assert sender.flush().confirmed == 10
        assert arrived(emulator) == dict.fromkeys(range(100, 104), 1)
        assert numbers(emulator)[3:5] == ["4", "1"], "the fourth was refused, and went again as the first"


def test_a_number_that_was_refused_with_its_rows_leaves_no_gap() -> None:
    with Emulator(clock="virtual") as emulator:
        table = table_of(emulator)
        with table.sender(max_rows=2, max_delay=0, on_refused="raise", on_error=lambda _: None) as sender:
            emulator.fail_next(400, route="Datasets_PostRows")
            sender.send_many(orders(6))
            result = sender.flush()
        assert result.ranges == [(0, 2, "rejected"), (2, 6, "confirmed")]
        assert arrived(emulator) == dict.fromkeys(range(2, 6), 1)
        assert table.sequence_numbers() == {0: 2}


def test_rows_in_doubt_are_not_called_confirmed_where_the_service_has_forgotten_them(tmp_path: Path) -> None:
    with Emulator() as emulator:
        table = table_of(emulator, retry=QUICK)
        table.push(orders(5, 90_000))
        path = tmp_path / "rows.db"
        emulator.drop_response()
        sender = table.sender(outbox=path, on_error=lambda _: None, max_delay=3_600)
        emulator.fail_next(403, route="Datasets_PostRows")
        sender.send_many(orders(10_000))
        wait_until(lambda: sender.stats.state == "paused")
        sender.close(timeout=0.01)
        table.delete_rows()
        with table.sender(outbox=path, on_error=lambda _: None, max_delay=0) as sender:
            sender.send({"Id": 10_000})
            sender.flush()
            stats = sender.stats
        assert (stats.confirmed, stats.in_doubt, stats.rejected) == (1, 10_000, 0)
        assert arrived(emulator) == {10_000: 1}
        assert {told.in_doubt for told in pbi.Outbox(path).rejected()} == {True}


def test_a_sender_that_asks_for_numbers_can_be_closed() -> None:
    with Emulator() as emulator:
        table = table_of(emulator)
        sender = table.sender(max_delay=0)
        for start in range(2):
            sender.send_many(orders(2, start * 2))
            sender.flush()
        table.delete_rows()
        emulator.fail_next(429, retry_after=60, route="sequenceNumbers")
        sender.send_many(orders(2, 100))
        wait_until(lambda: any(request.status == 429 for request in emulator.requests))
        with pytest.raises(pbi.UndeliveredError) as caught:
            sender.close(timeout=0.05)
        assert caught.value.result is not None
        assert (caught.value.result.confirmed, caught.value.result.unsent) == (4, 2)
