"""Ctrl-C in a push: heard at once, whatever the push waits for, and the account stays exact."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import WATCHDOG, arrived, check_account, make_table, meanwhile, orders, posts, wait_until
from fault_server import CONFIRMED, SILENCE, FaultServer, http
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push import PushResult

#: Ctrl-C is heard within 0.1 s; ten times that is a failure and not a slow machine.
LATEST = 1.0


class CtrlC:
    """Sends Ctrl-C from another thread, and remembers when."""

    sent_at: float

    def __call__(self) -> None:
        """Send it now."""
        self.sent_at = time.monotonic()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def after(self, ready: Callable[[], object]) -> Callable[[], None]:
        """Send it once `ready` returns."""

        def work() -> None:
            ready()
            self()

        return work


@pytest.fixture
def ctrl_c() -> Iterator[CtrlC]:
    """Ctrl-C as the interpreter handles it by default."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield CtrlC()
    signal.signal(signal.SIGINT, before)


def interrupted(push: Callable[[], object], ctrl_c: CtrlC) -> PushResult:
    """The result of a push that Ctrl-C ended in time."""
    with pytest.raises(KeyboardInterrupt) as caught:
        push()
    assert time.monotonic() - ctrl_c.sent_at < LATEST
    assert type(caught.value) is KeyboardInterrupt
    result: PushResult = caught.value.result  # type: ignore[attr-defined]
    first = f"resume_from={result.resume_from}: the first row that is not confirmed"
    assert caught.value.__notes__ == [result.summary(), first]
    return result


@pytest.mark.parametrize(("ordered", "out"), [(True, 1), (False, 4)])
def test_while_an_answer_is_awaited_what_was_sent_is_in_doubt(
    ctrl_c: CtrlC,
    ordered: bool,  # noqa: FBT001 - pytest gives it by its name
    out: int,
) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table(ordered=ordered)
        with meanwhile(ctrl_c.after(lambda: server.wait_for_posts(out))):
            result = interrupted(lambda: table.push(orders(100_000)), ctrl_c)
        check_account(result, server.arrived())
        assert (result.in_doubt, result.unsent, result.requests) == (out * 10_000, 100_000 - out * 10_000, out)
        assert len(server.posts) == out


def test_what_was_confirmed_before_stays_confirmed(ctrl_c: CtrlC) -> None:
    with FaultServer(CONFIRMED, CONFIRMED, SILENCE) as server:
        table = server.table(ordered=True)
        with meanwhile(ctrl_c.after(lambda: server.wait_for_posts(3))):
            result = interrupted(lambda: table.push(orders(45_000)), ctrl_c)
        check_account(result, server.arrived())
        assert result.ranges == [(0, 20_000, "confirmed"), (20_000, 30_000, "in_doubt"), (30_000, 45_000, "unsent")]


def test_while_a_told_wait_lasts_nothing_is_in_doubt(ctrl_c: CtrlC) -> None:
    with Emulator() as emulator:
        table = make_table(emulator, ordered=True)
        emulator.fail_next(429, retry_after=3_392, route="Datasets_PostRows")
        with meanwhile(ctrl_c.after(lambda: wait_until(lambda: len(posts(emulator)) == 1))):
            result = interrupted(lambda: table.push(orders(25_000)), ctrl_c)
        assert check_account(result, arrived(emulator)).ranges == [(0, 25_000, "unsent")]
        assert len(posts(emulator)) == 1


def test_while_a_resend_is_awaited_the_doubt_stays(ctrl_c: CtrlC) -> None:
    with FaultServer(http(503)) as server:
        table = server.table(retry=pbi.Retry(first_delay=3_600, max_delay=3_600), ordered=True)
        with meanwhile(ctrl_c.after(lambda: server.wait_for_posts(1))):
            result = interrupted(lambda: table.push(orders(25_000)), ctrl_c)
        assert check_account(result, server.arrived()).ranges == [(0, 10_000, "in_doubt"), (10_000, 25_000, "unsent")]


def test_while_a_generator_runs_the_rows_that_were_not_sent_stay_unsent(ctrl_c: CtrlC) -> None:
    with Emulator() as emulator:
        table = make_table(emulator, ordered=True)

        def endless() -> Iterator[Any]:
            yield from orders(10_000)
            wait_until(lambda: len(emulator.rows(table)) == 10_000)
            for number in itertools.count(10_000):
                if number == 12_000:
                    ctrl_c()
                yield {"Id": number}

        result = interrupted(lambda: table.push(endless()), ctrl_c)
        check_account(result, arrived(emulator))
        assert result.confirmed == 10_000
        assert result.unsent == result.read - 10_000
        assert 12_000 <= result.read < 20_000


def test_while_the_rows_wait_for_something_themselves(ctrl_c: CtrlC) -> None:
    with Emulator() as emulator:
        table = make_table(emulator)
        waiting = threading.Event()

        def blocked() -> Iterator[Any]:
            yield {"Id": 0}
            waiting.set()
            while True:  # briefly each time: a signal between the call and the wait is not heard by the wait
                threading.Event().wait(0.01)

        with meanwhile(ctrl_c.after(lambda: waiting.wait(WATCHDOG))):
            result = interrupted(lambda: table.push(blocked()), ctrl_c)
        assert check_account(result, arrived(emulator)).ranges == [(0, 1, "unsent")]


def test_while_the_outbox_is_full(ctrl_c: CtrlC) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table()
        read = 0

        def large() -> Iterator[Any]:
            nonlocal read
            for number in range(1_000_000):
                read += 1
                yield {"Id": number, "Item": "x" * 4_000}

        with meanwhile(ctrl_c.after(lambda: server.wait_for_posts(2))):
            result = interrupted(lambda: table.push(large()), ctrl_c)
        check_account(result, server.arrived())
        assert result.read in {read, read - 1}
        # 32 MB wait at most, beside what is being encoded: memory is bounded whatever the rows.
        assert read * 4_000 < 100_000_000


def test_while_a_list_is_checked(ctrl_c: CtrlC) -> None:
    with Emulator() as emulator:
        table = make_table(emulator)

        class Row:
            def keys(self) -> list[str]:
                ctrl_c()
                return ["Id"]

            def __getitem__(self, _: str) -> int:
                return 0

        rows: list[Any] = orders(300_000)
        rows[5_000] = Row()
        result = interrupted(lambda: table.push(rows), ctrl_c)
        assert posts(emulator) == []
        assert check_account(result, arrived(emulator)).unsent == result.read


IN_C = """
import itertools, os, signal
from functools import partial
from conftest import orders
from fault_server import SILENCE, FaultServer

ctrl_c = filter(None, map(partial(os.killpg, os.getpgrp()), [signal.SIGINT]))
with FaultServer(SILENCE) as server:
    try:
        server.table(ordered=True).push(itertools.chain(orders(15_000), ctrl_c, orders(30_000)))
    except KeyboardInterrupt as interrupt:
        print(interrupt.result.read)
"""


def test_between_two_requests_of_rows_that_run_no_line_of_python() -> None:
    # The process has a group of its own for the signal: the ways to send one to oneself alone let Python hear it.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", IN_C],
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        env=environment,
        start_new_session=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "20000\n", "")


def test_a_second_ctrl_c_changes_nothing(ctrl_c: CtrlC) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table(ordered=True)

        def work() -> None:
            server.wait_for_posts(1)
            ctrl_c()
            ctrl_c()

        with meanwhile(work):
            result = interrupted(lambda: table.push(orders(10_001)), ctrl_c)
        assert check_account(result, server.arrived()).ranges == [(0, 10_000, "in_doubt"), (10_000, 10_001, "unsent")]


SAME_MOMENT = """
import os, signal, threading
from conftest import check_account, orders
from fault_server import SILENCE, FaultServer

for _ in range(5):
    with FaultServer(SILENCE) as server:
        table = server.table(retry=None)

        def work():
            server.wait_for_posts(1)
            os.kill(os.getpid(), signal.SIGINT)
            server.drop_connections()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            table.push(orders(3))
        except KeyboardInterrupt as interrupt:
            # Where the push has ended by itself a moment before, its own error has the result.
            ended = interrupt if hasattr(interrupt, "result") else interrupt.__context__
            print(check_account(ended.result, server.arrived()).ranges)
        thread.join()
"""


def test_when_the_last_answer_comes_in_the_same_moment() -> None:
    # In a process of its own: a push that goes deaf to signals would take the watchdogs of this one with it.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", SAME_MOMENT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["[(0, 3, 'in_doubt')]"] * 5


def test_a_handler_of_your_own_raises_what_it_likes() -> None:
    class Alarm(Exception):  # noqa: N818 - a user's own
        """Raised by the handler."""

    def handler(_number: int, _frame: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with FaultServer(SILENCE) as server:
            table = server.table()

            def work() -> None:
                server.wait_for_posts(1)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

            with meanwhile(work), pytest.raises(Alarm) as caught:
                table.push(orders(3))
            check_account(getattr(caught.value, "result", None), server.arrived())
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_handler_that_raises_nothing_does_not_disturb_the_push() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with FaultServer(SILENCE, CONFIRMED) as server:
            table = server.table(timeout=2.0)

            def work() -> None:
                server.wait_for_posts(1)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
                wait_until(lambda: heard)
                server.drop_connections()

            with meanwhile(work):
                assert table.push(orders(3)).ok
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_an_operation_is_interrupted_too(ctrl_c: CtrlC) -> None:
    with Emulator() as emulator:
        client = emulator.client()
        emulator.fail_next(429, retry_after=100)
        with (
            meanwhile(ctrl_c.after(lambda: wait_until(lambda: len(emulator.requests) == 1))),
            pytest.raises(KeyboardInterrupt),
        ):
            client.datasets()
        assert time.monotonic() - ctrl_c.sent_at < LATEST
        assert client.datasets() == []


def test_after_an_interrupt_the_same_table_can_be_pushed_to() -> None:
    with Emulator() as emulator:
        table = make_table(emulator)

        def interrupting() -> Iterator[Any]:
            yield from orders(5)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            table.push(interrupting())
        assert table.push(orders(5)).ok


def test_other_threads_run_while_a_push_waits() -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        results: list[PushResult] = []
        pushing = threading.Thread(target=lambda: results.append(table.push(orders(3))))
        pushing.start()
        server.wait_for_posts(1)
        # The push waits for an answer; this thread counts, which takes the GIL each time.
        count = sum(1 for _ in range(1_000_000))
        assert pushing.is_alive()
        server.drop_connections()
        pushing.join(WATCHDOG)
        assert count == 1_000_000
        assert [result.confirmed for result in results] == [3]
