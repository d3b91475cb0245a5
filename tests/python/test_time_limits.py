"""Time limits: a call's, a client's, and what they leave in doubt."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, meanwhile, orders, posts, time_passing
from fault_server import CONFIRMED, SILENCE, FaultServer
from powerbi_push import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        with time_passing(virtual, server, 31):
            result = table.push(orders(3))
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 3, 2)
        assert server.arrived() == Counter({0: 2, 1: 2, 2: 2})


def test_silence_without_retries_is_an_in_doubt_error_because_of_a_timeout() -> None:
    with FaultServer(SILENCE) as server, pytest.raises(pbi.InDoubtError) as caught:
        server.table(timeout=0.05, retry=None).push(orders(3))
    assert isinstance(caught.value.__cause__, pbi.TransportTimeoutError)
