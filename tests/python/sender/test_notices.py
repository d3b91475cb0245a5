"""Long waits are logged: once each, with their length and what they are for, by whoever pushes and behind senders."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders, posts, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

FIVE_A_MINUTE = pbi.Quotas(requests_per_minute=5, rows_per_hour=None, large_table_requests_per_hour=None)
TEN_REQUESTS = 100_000
"""Rows that are ten requests."""

QUOTA = r"table `Orders`: waiting (\d+) s for the quota of 5 requests a minute"
TOLD = r"because the service refused for now \(429, Retry-After\)"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What a program sees that shows everything."""
    caplog.set_level(logging.DEBUG, "powerbi_push")
    return caplog


def waits(log: pytest.LogCaptureFixture, pattern: str) -> list[int]:
    """The length of each wait that was logged; every record has the shape `pattern`."""
    ours = [record for record in log.records if record.name.startswith("powerbi_push")]
    assert {(record.name, record.levelname) for record in ours} <= {("powerbi_push", "WARNING")}
    found = [re.fullmatch(pattern, record.getMessage()) for record in ours]
    assert all(found), [record.getMessage() for record in ours]
    return [int(match[1]) for match in found if match]


def each(table: pbi.Table, count: int) -> None:
    for row in orders(count):
        table.push([row])


def test_one_wait_of_four_requests_is_one_record(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    make_table(virtual, quotas=FIVE_A_MINUTE).push(orders(TEN_REQUESTS))
    assert 60 <= virtual.now <= 63
    assert len(posts(virtual)) == 10
    (length,) = waits(log, QUOTA)
    assert 59 <= length <= 62


def test_each_wait_has_its_record(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    table = make_table(virtual, quotas=FIVE_A_MINUTE)
    each(table, 5)
    assert waits(log, QUOTA) == []
    each(table, 6)
    assert len(waits(log, QUOTA)) == 2


def test_what_is_pushed_by_an_event_loop_is_logged_there(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    asyncio.run(make_table(virtual, quotas=FIVE_A_MINUTE).push_async(orders(TEN_REQUESTS)))
    assert len(waits(log, QUOTA)) == 1
    assert log.records[0].threadName == "MainThread"


def test_a_sender_logs_on_a_thread_of_ours(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    with make_table(virtual, quotas=FIVE_A_MINUTE).sender(max_rows=1, max_delay=0.01) as sender:
        sender.send_many(orders(10))
        sender.flush()
    wait_until(lambda: log.records)
    assert len(waits(log, QUOTA)) == 1
    assert log.records[0].threadName == "powerbi-push-callbacks"


def test_what_the_service_asks_for_is_logged_and_what_is_short_is_not(
    virtual: Emulator, log: pytest.LogCaptureFixture
) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after=8, route="Datasets_PostRows")
    assert table.push(orders(1)).waited_seconds >= 8
    virtual.fail_next(503, route="Datasets_PostRows")
    table.push(orders(1))
    assert log.records == []
    virtual.fail_next(429, retry_after=600, route="Datasets_PostRows")
    table.push(orders(1))
    (length,) = waits(log, rf"table `Orders`: waiting (\d+) s, {TOLD}")
    assert 600 <= length <= 631


def test_an_odd_retry_after_is_logged_once(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after="soon", times=2, route="Datasets_PostRows")
    table.push(orders(1))
    odd = [line for line in log.messages if "a Retry-After that cannot be obeyed as it is" in line]
    assert len(odd) == 1
    assert odd[0].startswith("table `Orders`: ")


def test_a_wait_that_is_refused_is_not_logged(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    table = make_table(virtual, quotas=FIVE_A_MINUTE)
    each(table, 5)
    with pytest.raises(pbi.RateLimitedError):
        table.push(orders(1), timeout=10)
    assert log.records == []


def test_a_push_url_is_not_named(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    stream = pbi.StreamingDataset(virtual.streaming_dataset("Live", {"Id": "Int64"}), {"Id": int})
    virtual.fail_next(429, retry_after=60)
    stream.push(orders(1))
    assert len(waits(log, rf"the push URL: waiting (\d+) s, {TOLD}")) == 1


# --- operations ------------------------------------------------------------------------------------------------------

OPERATIONS: dict[str, Callable[[pbi.Client, pbi.Table], Any]] = {
    "Datasets_GetDatasets": lambda client, _: client.datasets(),
    "Groups_GetGroups": lambda client, _: client.workspaces(),
    "Datasets_DeleteRows": lambda _, table: table.delete_rows(),
    "Datasets_GetTables": lambda _, table: table.dataset.tables(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_logs_what_it_waits_for(virtual: Emulator, log: pytest.LogCaptureFixture, operation: str) -> None:
    client = virtual.client()
    table = make_table(virtual)
    for seconds, lengths in [(10, []), (11, [11])]:
        virtual.fail_next(429, retry_after=seconds, route=operation)
        OPERATIONS[operation](client, table)
        assert waits(log, rf"Power BI: waiting (\d+) s, {TOLD}") == lengths


def test_an_operation_of_microstrategy_logs_what_it_waits_for(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    server = virtual.microstrategy
    with pbi.microstrategy.Client(server.base_url, username=server.username, password=server.password) as client:
        for seconds, lengths in [(10, []), (11, [11])]:
            virtual.fail_next(429, retry_after=seconds, route="MicroStrategy_Search")
            client.datasets()
            assert waits(log, rf"MicroStrategy: waiting (\d+) s, {TOLD}") == lengths


def test_an_outage_is_logged_once_by_an_operation_too(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    client = virtual.client(retry=pbi.Retry(first_delay=12.0, max_delay=40.0))
    virtual.fail_next(503, times=3)
    client.datasets()
    down = r"Power BI: listing the datasets: the service answered 503; trying again, the next time in (\d+) s"
    assert len(waits(log, down)) == 1


def test_an_event_loop_logs_what_its_operation_waits_for(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    virtual.fail_next(429, retry_after=30)
    asyncio.run(virtual.client().datasets_async())
    assert waits(log, rf"Power BI: waiting (\d+) s, {TOLD}") == [30]
    assert log.records[0].threadName == "MainThread"


@pytest.mark.parametrize("operation", ["Datasets_DeleteRows", "Datasets_GetSequenceNumbers"])
def test_what_a_push_asks_first_is_waited_for_in_its_name(
    virtual: Emulator, log: pytest.LogCaptureFixture, operation: str
) -> None:
    dataset = make_table(virtual).dataset
    virtual.fail_next(429, retry_after=30, route=operation)
    result = dataset.table("Orders", {"Id": int}, sequence=True).replace(orders(3))
    assert waits(log, rf"table `Orders`: waiting (\d+) s, {TOLD}") == [30]
    assert result.waited_seconds == pytest.approx(30, abs=1)


# --- handlers that fail ----------------------------------------------------------------------------------------------


class Broken(logging.Handler):
    """A handler of a program that has a bug."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise RuntimeError(record.getMessage())


@pytest.fixture
def _broken() -> Any:
    logger, handler = logging.getLogger("powerbi_push"), Broken()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.mark.usefixtures("_broken")
def test_a_broken_handler_ends_a_push_with_its_account(virtual: Emulator) -> None:
    table = make_table(virtual, quotas=FIVE_A_MINUTE)
    with pytest.raises(RuntimeError, match="waiting") as caught:
        table.push(orders(TEN_REQUESTS))
    # Answers to the five may be on their way.
    result = check_account(caught.value.result, arrived(virtual))  # type: ignore[attr-defined]
    assert (result.read, result.requests, result.unsent) == (TEN_REQUESTS, 5, TEN_REQUESTS // 2)


@pytest.mark.usefixtures("_broken")
def test_a_broken_handler_does_not_keep_a_sender_from_sending(
    virtual: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", raised.append)
    with make_table(virtual, quotas=FIVE_A_MINUTE).sender(max_rows=1, max_delay=0.01) as sender:
        sender.send_many(orders(10))
        assert sender.flush().confirmed == 10
    wait_until(lambda: raised)
    assert [type(one.exc_value) for one in raised] == [RuntimeError]
