"""Two hundred forks, in every way that Python has, while everything is busy: nobody hangs."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, begin_child, make_table, orders
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORKS = 80
POOLS = [("fork", 10), ("forkserver", 3), ("spawn", 3)]
EACH = 4
ALARM = 20  # seconds; a child is done within some milliseconds, a new interpreter within half a second


@contextmanager
def busy(emulator: Emulator, start: int) -> Iterator[tuple[pbi.Table, Callable[[], int]]]:
    """A parent whose threads push and send all along; answers how many rows they delivered."""
    table = make_table(emulator, credential=emulator.credential.get_token().token, quotas=None)
    ended = threading.Event()
    delivered: list[int] = []

    def push(first: int) -> None:
        count = 0
        while not ended.is_set():
            count += table.push(orders(50, start=first + count)).confirmed
        delivered.append(count)

    threads = [threading.Thread(target=push, args=(start + number * 10_000_000,)) for number in range(2)]
    with table.sender(max_delay=0.01) as sender:
        sender.send({"Id": start - 1})
        for thread in threads:
            thread.start()
        try:
            yield table, lambda: sum(delivered)
        finally:
            ended.set()
            for thread in threads:
                thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_forks_of_a_busy_process_push_by_the_parents_client_and_by_their_own() -> None:
    with Emulator(limits=False) as emulator:
        token, url = emulator.credential.get_token().token, emulator.url
        with busy(emulator, 1_000_000) as (table, delivered):

            def work(number: int) -> None:
                if number % 2:
                    assert table.push(orders(1, start=number)).ok
                else:
                    client = pbi.Client(token, base_url=url, quotas=None)
                    assert client.dataset("Sales").table("Orders").push(orders(1, start=number)).ok

            for first in range(0, FORKS, EACH):
                children = [begin_child(partial(work, number), ALARM) for number in range(first, first + EACH)]
                statuses = [os.waitpid(child, 0)[1] for child in children]
                assert [os.waitstatus_to_exitcode(status) for status in statuses] == [0] * EACH
        there = arrived(emulator)
        assert delivered() > 0, "the parent was busy"
        assert {number: there[number] for number in range(FORKS)} == dict.fromkeys(range(FORKS), 1)
        assert there.total() == FORKS + delivered() + 1
        assert set(there.values()) == {1}


def _push(url: str, token: str, number: int) -> int:
    client = pbi.Client(token, base_url=url, quotas=None)
    return client.dataset("Sales").table("Orders").push(orders(1, start=number)).confirmed


@pytest.mark.parametrize(("method", "pools"), POOLS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pools_of_processes_push_beside_a_busy_parent(method: str, pools: int) -> None:
    context: Any = multiprocessing.get_context(method)
    with Emulator(limits=False) as emulator:
        token, url = emulator.credential.get_token().token, emulator.url
        with busy(emulator, 1_000_000):
            for pool in range(pools):
                with ProcessPoolExecutor(EACH, mp_context=context) as processes:
                    work = [processes.submit(_push, url, token, pool * EACH + number) for number in range(EACH)]
                    assert [one.result(ALARM) for one in work] == [1] * EACH
        there = arrived(emulator)
        assert Counter({number: there[number] for number in range(pools * EACH)}) == Counter(range(pools * EACH))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("method", "times"), [("fork", 40), ("forkserver", 8), ("spawn", 8)])
def test_processes_started_while_a_sender_holds_rows_leave_them_to_the_parent(method: str, times: int) -> None:
    context: Any = multiprocessing.get_context(method)
    with Emulator(limits=False) as emulator:
        token, url = emulator.credential.get_token().token, emulator.url
        table = make_table(emulator, credential=token, quotas=None)
        with table.sender(max_delay=3_600.0) as sender:
            for number in range(times):
                sender.send({"Id": 1_000 + number})
                process = context.Process(target=_push, args=(url, token, number))
                process.start()
                process.join(ALARM)
                assert process.exitcode == 0
        assert arrived(emulator) == Counter([*range(times), *range(1_000, 1_000 + times)])
