"""Time limits: a call's, a client's, and what they leave in doubt."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, meanwhile, orders, posts, time_passing
from fault_server import CONFIRMED, DATASET_ID, SILENCE, FaultServer
from powerbi_push import Retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from powerbi_push.emulator import Emulator


@contextmanager
def twenty_seconds_passing(emulator: Emulator, server: FaultServer, posts: int) -> Iterator[None]:
    """Let them pass, once, during the block, when `server` has so many requests."""

    def pass_time() -> None:
        server.wait_for_posts(posts)
        emulator.advance(20)

    with meanwhile(pass_time):
        yield


def test_when_the_timeout_passes_what_was_sent_is_in_doubt(virtual: Emulator) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table(ordered=True)

        with twenty_seconds_passing(virtual, server, 1), pytest.raises(pbi.DeadlineError) as caught:
            table.push(orders(25_000), timeout=20)
        result = check_account(caught.value.result, server.arrived())
        assert result.ranges == [(0, 10_000, "in_doubt"), (10_000, 25_000, "unsent")]
        assert result.elapsed_seconds == 20
        assert len(server.posts) == 1
    assert isinstance(caught.value, TimeoutError)


def test_when_the_timeout_passes_with_four_out_all_four_are_in_doubt(virtual: Emulator) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table()

        with twenty_seconds_passing(virtual, server, 4), pytest.raises(pbi.DeadlineError) as caught:
            table.push(orders(100_000), timeout=20)
        result = check_account(caught.value.result, server.arrived())
        assert (result.in_doubt, result.unsent) == (40_000, 60_000)


def test_the_timeout_is_for_the_whole_call_resends_included(virtual: Emulator) -> None:
    table = make_table(virtual, retry=Retry(attempts=1_000, first_delay=10, max_delay=10))
    virtual.fail_next(503, route="Datasets_PostRows", times=10_000)
    with pytest.raises(pbi.DeadlineError) as caught:
        table.push(orders(3), timeout=60)
    assert check_account(caught.value.result, arrived(virtual)).ranges == [(0, 3, "in_doubt")]
    # A resend comes every 5 to 10 seconds, the last of them before the limit.
    assert 60 <= virtual.now < 70
    assert 6 <= len(posts(virtual)) <= 12


def test_real_time_passes_too() -> None:
    with FaultServer(SILENCE) as server, pytest.raises(pbi.DeadlineError) as caught:
        server.table().push(orders(3), timeout=0.05)
    assert check_account(caught.value.result, server.arrived()).in_doubt == 3
    assert caught.value.result is not None
    assert 0.05 <= caught.value.result.elapsed_seconds < 5


def test_a_timeout_within_the_rows_ends_the_reading_of_them(virtual: Emulator) -> None:
    table = make_table(virtual)
    taken = 0

    def slow() -> Iterator[Any]:
        nonlocal taken
        for row in orders(100_000):
            taken += 1
            virtual.advance(1)
            yield row

    with pytest.raises(pbi.DeadlineError) as caught:
        table.push(slow(), timeout=60)
    result = check_account(caught.value.result, arrived(virtual))
    assert result.read in {taken, taken - 1}
    # A generator that waits for its rows must not hold the call for another ten thousand of them.
    assert taken <= 1_000


def test_silence_for_the_length_of_the_clients_timeout_is_doubt(virtual: Emulator) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table(timeout=30)
        with time_passing(virtual, server, 1):
            result = table.push(orders(3))
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 3, 2)
        assert server.arrived() == Counter({0: 2, 1: 2, 2: 2})


def test_silence_without_retries_is_an_in_doubt_error_because_of_a_timeout() -> None:
    with FaultServer(SILENCE) as server, pytest.raises(pbi.InDoubtError) as caught:
        server.table(timeout=0.05, retry=None).push(orders(3))
    assert isinstance(caught.value.__cause__, pbi.TransportTimeoutError)


def test_silence_counts_from_the_last_byte_that_moved_and_not_twice(virtual: Emulator) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table(timeout=200, retry=None)
        with time_passing(virtual, server, 1), pytest.raises(pbi.InDoubtError) as caught:
            table.push(orders(3))
    assert caught.value.result is not None
    assert 200 <= caught.value.result.elapsed_seconds < 300


def push_to(url: str, **options: Any) -> pbi.PushResult:
    return pbi.push(orders(3), "Sales/Orders", credential="opaque", base_url=url, timeout=0.05, **options)


async def await_push(url: str) -> pbi.PushResult:
    return await pbi.push_async(orders(3), "W/S/Orders", credential="opaque", base_url=url, timeout=0.05)


@pytest.mark.parametrize(
    "push",
    [
        lambda url, _: push_to(url),
        lambda url, _: push_to(url, create=True),
        lambda url, _: asyncio.run(await_push(url)),
        lambda _, table: table.dataset.table("Orders", sequence=True).push(orders(3), timeout=0.05),
        lambda _, table: table.replace(orders(3), timeout=0.05),
    ],
    ids=["finding the table", "making it", "awaited", "asking for numbers", "deleting rows"],
)
def test_the_timeout_of_a_push_is_for_what_comes_before_its_rows_too(
    push: Callable[[str, pbi.Table], pbi.PushResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer() as server:
        table = server.table()
        monkeypatch.setattr("fault_server._DESCRIPTION", SILENCE)
        before = time.monotonic()
        with pytest.raises(pbi.DeadlineError, match="the time limit of this call has passed"):
            push(server.url, table)
        assert time.monotonic() - before < 5
        assert server.posts == []


def test_a_sign_in_that_takes_too_long_ends_with_the_timeout(request: pytest.FixtureRequest) -> None:
    asked: list[float] = []

    def sign_in() -> str:
        asked.append(time.monotonic())
        over.wait(5)
        return "opaque"

    over = Event()
    request.addfinalizer(over.set)
    with FaultServer() as server, pytest.raises(pbi.DeadlineError):
        pbi.push(orders(3), "Sales/Orders", credential=sign_in, base_url=server.url, timeout=0.05)
    assert len(asked) == 1
    assert server.received == []


@pytest.mark.parametrize("create", [False, True])
def test_rows_that_are_awaited_too_long_end_with_the_timeout(*, create: bool) -> None:
    async def slow() -> AsyncIterator[Any]:
        yield {"Id": 0}
        await asyncio.sleep(60)
        yield {"Id": 1}

    async def push(server: FaultServer) -> None:
        target = (None, DATASET_ID, "Orders")
        sign_in: dict[str, Any] = {"credential": "opaque", "base_url": server.url}
        await pbi.push_async(slow(), target, timeout=0.5, create=create, **sign_in)

    with FaultServer() as server:
        before = time.monotonic()
        with pytest.raises(pbi.DeadlineError, match="time limit"):
            asyncio.run(push(server))
        assert time.monotonic() - before < 10
