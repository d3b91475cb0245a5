"""Rows that are on their way into a sender while it is closed: delivered and counted, or refused."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import WATCHDOG, arrived, make_table, meanwhile, orders, posts, wait_until
from fault_server import SILENCE, FaultServer
from powerbi_push.emulator import Emulator
from slow_senders import SLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMES = 60


class SlowRow:
    """A row that is not read before it may be."""

    def __init__(self) -> None:
        self.is_read, self.go_on = threading.Event(), threading.Event()

    def keys(self) -> list[str]:
        """Wait."""
        self.is_read.set()
        assert self.go_on.wait(WATCHDOG)
        return ["Id"]

    def __getitem__(self, key: str) -> int:
        """Answer the only column."""
        return 7


def send_one(sender: pbi.Sender, row: object) -> None:
    """Send it alone."""
    sender.send(row)


def send_listed(sender: pbi.Sender, row: object) -> None:
    """Send it in a list."""
    sender.send_many([row])


def send_once(sender: pbi.Sender, row: object) -> None:
    """Send it in what can be read once."""
    sender.send_many(iter([row]))


def send_awaited(sender: pbi.Sender, row: object) -> None:
    """Send it from an event loop."""
    asyncio.run(sender.send_async(row))


@pytest.fixture(params=["memory", "disk"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Where a sender keeps rows."""
    return iter([{} if request.param == "memory" else {"outbox": tmp_path / "o.db"}] * TIMES)


@pytest.mark.parametrize("send", [send_one, send_listed, send_once, send_awaited])
def test_a_row_that_is_read_while_its_sender_is_closed_is_refused(
    virtual: Emulator, places: Iterator[dict[str, Any]], send: Callable[[pbi.Sender, object], None]
) -> None:
    table = make_table(virtual)
    for place in list(places)[: TIMES // 2]:
        sender, row, raised = table.sender(**place), SlowRow(), threading.Event()

        def send_it(sender: pbi.Sender = sender, row: SlowRow = row, raised: threading.Event = raised) -> None:
            with pytest.raises(pbi.ClosedError, match="the sender is closed"):
                send(sender, row)
            raised.set()

        with meanwhile(send_it):
            assert row.is_read.wait(WATCHDOG)
            result = sender.close()
            row.go_on.set()
        assert raised.is_set()
        assert result is not None
        assert (result.read, sender.stats.accepted, sender.stats.pending) == (0, 0, 0)
    assert arrived(virtual) == {}


def test_of_rows_that_race_with_the_end_each_is_delivered_or_refused(
    virtual: Emulator, places: Iterator[dict[str, Any]]
) -> None:
    table, accepted = make_table(virtual), 0
    for number, place in enumerate(places):
        sender, start = table.sender(**SLOW, **place), threading.Barrier(5)
        sent: list[int] = []

        def send(first: int, sender: pbi.Sender = sender, start: threading.Barrier = start, sent: Any = sent) -> None:
            start.wait()
            for row in orders(50, first):
                try:
                    sender.send(row)
                except pbi.ClosedError:
                    return
                sent.append(row["Id"])

        threads = [threading.Thread(target=send, args=(number * 200 + first,)) for first in range(0, 200, 50)]
        for thread in threads:
            thread.start()
        start.wait()
        result = sender.close()
        for thread in threads:
            thread.join(WATCHDOG)
        assert result is not None
        accepted += len(sent)
        assert (result.read, result.confirmed, sender.stats.accepted) == (len(sent), len(sent), len(sent))
        assert arrived(virtual).total() == accepted


def test_who_waits_for_room_when_the_sender_is_closed_is_refused() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(buffer_bytes=100, max_delay=0.0, close_timeout=0.05)
        sender.send({"Id": 1})
        server.wait_for_posts(1)
        refused = threading.Event()

        def send() -> None:
            with pytest.raises(pbi.ClosedError, match="the sender is closed"):
                sender.send_many([{"Id": 2, "Item": "x" * 200}])
            refused.set()

        with meanwhile(send), pytest.raises(pbi.UndeliveredError) as caught:
            sender.close()
        assert refused.is_set()
        assert caught.value.result is not None
        assert (caught.value.result.read, sender.stats.accepted) == (1, 1)


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_a_flush_of_rows_that_the_end_leaves_unsent_says_so(tmp_path: Path, place: str) -> None:
    outbox: dict[str, Any] = {} if place == "memory" else {"outbox": tmp_path / "o.db"}
    with Emulator() as emulator:
        table = make_table(emulator)
        emulator.fail_next(429, times=1_000, retry_after=3_600, route="Datasets_PostRows")
        sender = table.sender(max_delay=0.0, close_timeout=0.05, **outbox)
        sender.send_many(orders(3))
        wait_until(lambda: sender.stats.last_error or posts(emulator))
        begun = threading.Event()

        def flush() -> None:
            operation = sender._core.flush(None)  # noqa: SLF001 - to know that it has begun
            begun.set()
            with pytest.raises(pbi.ClosedError, match="closed before everything") as caught:
                operation.run()
            assert caught.value.result is not None
            assert (caught.value.result.read, caught.value.result.confirmed) == (3, 0)

        with meanwhile(flush):
            assert begun.wait(WATCHDOG)
            try:
                sender.close()
            except pbi.UndeliveredError:
                assert place == "memory"
