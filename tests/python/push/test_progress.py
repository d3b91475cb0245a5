"""How far a push has come: told to a function, or shown in one line where a person watches, with what it waits for."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders
from fault_server import closed_port
from powerbi_push.display.bar import Bar, TqdmBar, bar, is_watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Self

    from powerbi_push.emulator import Emulator


class EnoughError(Exception):
    """Raised by whoever has seen enough."""


def slowly(emulator: Emulator, count: int, seconds: float) -> Iterator[dict[str, int]]:
    """Rows, of which each 10,000 take so many virtual seconds."""
    for row in orders(count):
        if row["Id"] % 10_000 == 9_999:
            emulator.advance(seconds)
        yield row


def until_waiting(seen: list[pbi.Progress]) -> Callable[[pbi.Progress], None]:
    """A function that ends the push once it waits."""

    def look(progress: pbi.Progress) -> None:
        seen.append(progress)
        if progress.waiting is not None:
            raise EnoughError

    return look


# A function.


def test_a_function_is_called_at_most_twice_a_second_and_at_the_end(virtual: Emulator) -> None:
    seen: list[tuple[float, pbi.Progress]] = []

    def look(progress: pbi.Progress) -> None:
        seen.append((virtual.now, progress))

    result = make_table(virtual).push(slowly(virtual, 100_000, 0.3), progress=look)
    # Looked at after each 10,000 rows, which take 0.3 s: 0.6, 1.2, ..., and the end.
    assert [round(at, 1) for at, _ in seen] == [0.6, 1.2, 1.8, 2.4, 3.0, 3.0]
    assert [progress.read for _, progress in seen] == [20_000, 40_000, 60_000, 80_000, 100_000, 100_000]
    assert [progress.total for _, progress in seen] == [None] * 5 + [100_000]
    last = seen[-1][1]
    assert (last.confirmed, last.requests, last.retries, last.waiting, last.until) == (100_000, 10, 0, None, None)
    assert result.confirmed == 100_000


def test_a_short_push_is_told_of_once_with_everything(powerbi: Emulator) -> None:
    seen: list[pbi.Progress] = []
    make_table(powerbi).push(orders(3), progress=seen.append)
    assert [(one.read, one.confirmed, one.total, one.requests) for one in seen] == [(3, 3, 3, 1)]


def test_a_push_that_fails_is_told_of_at_its_end_and_fails_as_it_would(powerbi: Emulator) -> None:
    seen: list[pbi.Progress] = []
    powerbi.fail_next(400, route="Datasets_PostRows")

    def complain(progress: pbi.Progress) -> None:
        seen.append(progress)
        raise EnoughError

    with pytest.raises(pbi.ServiceError) as caught:
        make_table(powerbi).push(orders(3), progress=complain)
    assert caught.value.result is not None
    assert [(one.read, one.confirmed, one.total) for one in seen] == [(3, 0, 3)]


def test_what_a_function_raises_ends_the_push_with_its_result(virtual: Emulator) -> None:
    def enough(progress: pbi.Progress) -> None:
        if progress.read == 20_000:
            raise EnoughError

    with pytest.raises(EnoughError) as caught:
        make_table(virtual).push(slowly(virtual, 50_000, 0.3), progress=enough)
    assert check_account(getattr(caught.value, "result", None), arrived(virtual)).read == 20_000


def test_what_a_function_raises_at_the_end_is_raised_with_a_result_that_is_whole(powerbi: Emulator) -> None:
    def enough(_: pbi.Progress) -> None:
        raise EnoughError

    with pytest.raises(EnoughError) as caught:
        make_table(powerbi).push(orders(3), progress=enough)
    assert check_account(getattr(caught.value, "result", None), arrived(powerbi)).confirmed == 3


def test_a_wait_for_the_service_is_told_with_its_reason_and_the_time_of_day(powerbi: Emulator) -> None:
    seen: list[pbi.Progress] = []
    powerbi.fail_next(429, retry_after=3_600, route="Datasets_PostRows")
    with pytest.raises(EnoughError):
        make_table(powerbi).push(orders(3), progress=until_waiting(seen))
    assert seen[-2].waiting == "waiting, because the service refused for now (429, Retry-After)"
    assert seen[-2].until is not None
    assert seen[-2].until.utcoffset() is not None
    assert timedelta(minutes=59) < seen[-2].until - datetime.now(UTC) < timedelta(minutes=70)


def test_a_wait_for_a_quota_of_ours_is_told_with_the_quota(powerbi: Emulator) -> None:
    seen: list[pbi.Progress] = []
    table = make_table(powerbi, quotas=pbi.Quotas(rows_per_hour=10_000))
    with pytest.raises(EnoughError) as caught:
        table.push(orders(20_000), progress=until_waiting(seen))
    held = seen[-2]
    assert held.waiting == "waiting for the quota of 10,000 rows an hour"
    assert held.until is not None
    assert timedelta(minutes=59) < held.until - datetime.now(UTC) <= timedelta(minutes=61)
    assert (held.confirmed, held.total) == (10_000, 20_000)
    assert check_account(getattr(caught.value, "result", None), arrived(powerbi)).confirmed == 10_000


def test_a_service_that_cannot_be_reached_is_told_with_the_attempt() -> None:
    seen: list[pbi.Progress] = []
    stream = pbi.StreamingDataset(f"{closed_port()}/beta/rows?key=k", retry=pbi.Retry(first_delay=60, max_delay=60))
    with pytest.raises(EnoughError):
        stream.push(orders(1), progress=until_waiting(seen))
    assert seen[-2].waiting is not None
    message, _, attempt = seen[-2].waiting.rpartition(", ")
    assert "onnect" in message
    assert attempt == "attempt 2"
    assert seen[-2].until is None


# On an event loop.


def test_verbs_to_await_tell_on_the_thread_of_the_loop(powerbi: Emulator) -> None:
    seen: list[tuple[int, pbi.Progress]] = []

    def look(progress: pbi.Progress) -> None:
        seen.append((threading.get_ident(), progress))
        if progress.waiting is not None:
            raise EnoughError

    table = make_table(powerbi)
    powerbi.fail_next(429, retry_after=3_600, route="Datasets_PostRows")
    with pytest.raises(EnoughError) as caught:
        asyncio.run(table.push_async(orders(3), progress=look))
    assert {thread for thread, _ in seen} == {threading.get_ident()}
    assert check_account(getattr(caught.value, "result", None), arrived(powerbi)).unsent == 3


def test_a_push_that_waits_for_async_rows_is_told_of_meanwhile(powerbi: Emulator) -> None:
    async def rows() -> AsyncIterator[dict[str, int]]:
        yield {"Id": 1}
        await asyncio.Event().wait()

    def enough(progress: pbi.Progress) -> None:
        assert (progress.read, progress.total) == (1, None)
        raise EnoughError

    with pytest.raises(EnoughError):
        asyncio.run(make_table(powerbi).push_async(rows(), progress=enough))


def test_a_generator_that_takes_its_time_is_told_of_before_a_request_is_full(virtual: Emulator) -> None:
    seen: list[pbi.Progress] = []
    over = threading.Event()

    def look(progress: pbi.Progress) -> None:
        seen.append(progress)
        over.set()

    def rows() -> Iterator[dict[str, int]]:
        virtual.advance(0.5)
        number = 0
        # As many rows as half a second allows.
        while not over.is_set():
            yield {"Id": number}
            over.wait(0.001)
            number += 1

    make_table(virtual).push(rows(), progress=look)
    assert 0 < seen[0].read < 10_000
    assert seen[0].requests == 0


# A person.


class Terminal:
    """A terminal that is stderr during the block; `lines` is what was written there again and again."""

    lines: list[str]

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        self._before, sys.stderr = sys.stderr, os.fdopen(slave, "w")
        self.stream = sys.stderr
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr = self._before
        if not self.stream.closed:
            self.stream.close()
        text = b""
        # Where nobody has it open any more, it ends with an error.
        with suppress(OSError):
            while piece := os.read(self._master, 65_536):
                text += piece
        os.close(self._master)
        self.lines = [line.rstrip(" ") for line in text.decode().replace("\r\n", "\n").split("\r")[1:]]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal without tqdm."""
    monkeypatch.setattr("powerbi_push.display.bar.find_spec", lambda _: None)
    return Terminal()


def test_a_push_that_lasts_longer_than_two_seconds_is_shown(virtual: Emulator, terminal: Terminal) -> None:
    with terminal:
        make_table(virtual).push(slowly(virtual, 40_000, 0.9))
    # After 0.9 and 1.8 s nothing, after 2.7 and 3.6 s a line, and one at the end.
    assert len(terminal.lines) == 3
    assert terminal.lines[-1].startswith("40,000 of 40,000 rows (100%)")
    assert terminal.lines[-1].endswith("\n")


@pytest.mark.parametrize(("progress", "seconds"), [(None, 0.4), (False, 0.9)])
def test_a_short_push_and_one_that_nobody_wants_to_see_show_nothing(
    virtual: Emulator, terminal: Terminal, progress: Any, seconds: float
) -> None:
    with terminal:
        make_table(virtual).push(slowly(virtual, 40_000, seconds), progress=progress)
    assert terminal.lines == []


def test_what_nobody_watches_shows_nothing_unless_it_is_asked_for(
    virtual: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("powerbi_push.display.bar.find_spec", lambda _: None)
    table = make_table(virtual)
    table.push(slowly(virtual, 40_000, 0.9))
    assert capsys.readouterr() == ("", "")
    table.push(orders(5), progress=True)
    assert capsys.readouterr() == ("", "\r5 of 5 rows (100%)\n")
    assert not is_watched()


def test_a_push_that_fails_leaves_the_line_to_what_is_said_next(virtual: Emulator, terminal: Terminal) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield from slowly(virtual, 20_000, 1.5)
        raise EnoughError

    with terminal, pytest.raises(pbi.SourceError):
        make_table(virtual).push(rows())
    assert [line.endswith("\n") for line in terminal.lines] == [False, True]


def test_a_terminal_that_is_gone_does_not_end_a_push(virtual: Emulator, terminal: Terminal) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield from slowly(virtual, 30_000, 1.5)
        terminal.stream.close()
        yield from slowly(virtual, 30_000, 1.5)

    with terminal:
        assert make_table(virtual).push(rows()).confirmed == 60_000


def progress_of(**fields: Any) -> pbi.Progress:
    nothing = {"read": 0, "confirmed": 0, "total": None, "requests": 1, "retries": 0, "waiting": None, "until": None}
    return pbi.Progress(**{**nothing, **fields})


def shown(*steps: pbi.Progress, width: int = 100) -> list[str]:
    """What the line shows of each, half a second apart."""
    written: list[str] = []
    times = iter(range(len(steps)))
    stream: Any = SimpleNamespace(write=written.append, flush=lambda: None, fileno=lambda: -1)
    line = Bar(stream, lambda: next(times) / 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((width, 24)))
        for step in steps:
            line(step)
    return [text.strip("\r ") for text in written]


def test_the_line_tells_rows_rate_and_time_left() -> None:
    steps = [progress_of(read=1_200_000, total=1_200_000, confirmed=rows) for rows in (0, 10_000, 20_000)]
    assert shown(*steps) == [
        "0 of 1,200,000 rows (0%)",
        "10,000 of 1,200,000 rows (0%), 20,000 rows/s, 1:00 left",
        "20,000 of 1,200,000 rows (1%), 20,000 rows/s, 0:59 left",
    ]
    slow = [progress_of(read=400_000, total=400_000, confirmed=rows) for rows in (0, 50)]
    assert shown(*slow)[-1] == "50 of 400,000 rows (0%), 100 rows/s, 1:06:40 left"
    assert shown(*[progress_of(read=rows, confirmed=rows) for rows in (0, 10_000)])[-1] == "10,000 rows, 20,000 rows/s"


def test_rows_that_are_still_checked_are_told_so() -> None:
    assert shown(progress_of(read=40_000, total=100_000, requests=0)) == ["0 of 100,000 rows (0%), 40,000 checked"]


def test_the_line_says_what_is_waited_for_and_until_when_also_in_a_narrow_window() -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).astimezone()
    waiting = "waiting for the quota of 1,000,000 rows an hour"
    step = progress_of(read=1_200_000, confirmed=1_000_000, total=1_200_000, waiting=waiting, until=until)
    assert shown(step) == [f"1,000,000 of 1,200,000 rows (83%), {waiting}, until {until:%H:%M}"]
    assert shown(step, width=80) == [f"83%, {waiting}, until {until:%H:%M}"]
    assert shown(step, width=30) == [f"waiting for the…, until {until:%H:%M}"]
    soon = (datetime.now(UTC) + timedelta(seconds=30)).astimezone()
    assert shown(progress_of(waiting="waiting", until=soon)) == [f"0 rows, waiting, until {soon:%H:%M:%S}"]
    refused = "waiting, because the service refused for now (429, Retry-After)"
    step = progress_of(confirmed=1, total=2, waiting=refused, until=soon)
    assert shown(step, width=80) == [f"{refused}, until {soon:%H:%M:%S}"]
    down = "127.0.0.1:8765 refuses the connection, attempt 3"
    assert shown(progress_of(waiting=down)) == [f"0 rows, {down}"]


def test_a_shorter_line_leaves_nothing_of_a_longer_one() -> None:
    written: list[str] = []
    stream: Any = SimpleNamespace(write=written.append, flush=lambda: None, fileno=lambda: -1)
    line = Bar(stream, lambda: 0.0)
    line(progress_of(confirmed=10, waiting="waiting"))
    line(progress_of(confirmed=10))
    line.close()
    assert written == ["\r10 rows, waiting", "\r10 rows         ", "\n"]


# tqdm, where it is installed.


class Tqdm:
    """What of tqdm is used, remembering it."""

    made: ClassVar[list[Tqdm]] = []

    def __init__(self, **options: Any) -> None:
        self.n, self.postfix, self.closed = options["initial"], "", False
        self.total: int | None = None
        self.made.append(self)

    def update(self, count: int) -> None:
        """Count rows."""
        self.n += count

    def set_postfix_str(self, text: str) -> None:
        """Show a text."""
        self.postfix = text

    def close(self) -> None:
        """Leave it as it is."""
        self.closed = True


def test_tqdm_shows_rows_and_what_is_waited_for() -> None:
    line = TqdmBar(Tqdm)
    line(progress_of(read=20, total=20, requests=0, confirmed=0))
    line(progress_of(read=20, total=20, confirmed=10, waiting="waiting"))
    line.close()
    made = Tqdm.made.pop()
    assert (made.n, made.total, made.postfix, made.closed) == (10, 20, "waiting", True)


def test_tqdm_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    std = ModuleType("tqdm.std")
    std.tqdm = Tqdm  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.std", std)
    monkeypatch.setattr("powerbi_push.display.bar.find_spec", lambda name: name == "tqdm" or None)
    line = bar(always=True)
    assert isinstance(line, TqdmBar)
    line(progress_of(confirmed=3))
    assert Tqdm.made.pop().n == 3


def test_a_notebook_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = ModuleType("IPython")
    shell.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert is_watched()
    shell.get_ipython = SimpleNamespace  # type: ignore[attr-defined]
    assert not is_watched()


@pytest.mark.parametrize("wrong", [5, "bar"])
def test_progress_takes_what_its_error_says(powerbi: Emulator, wrong: Any) -> None:
    with pytest.raises(pbi.ConfigurationError, match="`progress` takes True, False, a callable or None"):
        make_table(powerbi).push(orders(1), progress=wrong)
