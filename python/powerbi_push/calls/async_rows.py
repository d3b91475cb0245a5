"""Rows of async iterables: awaited on the event loop's own thread, a little at a time, and handed to the core."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from powerbi_push import _core

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Event, Task
    from collections.abc import AsyncIterable, AsyncIterator, Iterator
    from types import TracebackType
    from typing import Self

    from powerbi_push._core import Operation

#: What is read before others have their turn on the loop.
_TURN_ROWS = 10_000
_TURN_SECONDS = 0.005
#: How long an operation waits without having a look at the time.
_LOOK_SECONDS = 0.1


@contextmanager
def looking_in(loop: AbstractEventLoop, event: Event) -> Iterator[None]:
    """Let who waits for `event` have a look around in between: there may be something to show to a person."""
    look = loop.call_later(_LOOK_SECONDS, event.set)
    try:
        yield
    finally:
        look.cancel()


class Reader:
    """Awaits the rows of one operation in a task of its own, so that rows which are there never wait for the next.

    The task begins with the first `feed`, and ends with the block.
    """

    def __init__(self, operation: Operation, woken: Event) -> None:
        """Read for `operation`, once it asks for rows; `woken` is set whenever there is something to do for it."""
        self._operation = operation
        self._woken = woken
        self._task: Task[None] | None = None
        self._rows: list[object] = []
        self._ended = False
        self._raised: BaseException | None = None
        self._stopped = False

    async def feed(self) -> None:
        """Wait a little for rows, for their end, or for what else wakes the operation, and hand over what there is."""
        import asyncio  # noqa: PLC0415 - as below

        if self._task is None:
            self._start()
        if not self._filled.is_set():
            with looking_in(asyncio.get_running_loop(), self._woken):
                await self._woken.wait()
        if self._filled.is_set():
            self._hand_over()

    async def stop(self) -> None:
        """Read no more; what was read is handed over."""
        if self._task is None or self._task.done():
            return
        self._stopped = True
        self._task.cancel()
        await self._over.wait()
        self._hand_over()

    async def __aenter__(self) -> Self:
        """Read nothing yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Read no more."""
        if kind is GeneratorExit and self._task is not None:
            self._task.cancel()  # the loop is gone, and nothing can be awaited
        else:
            await self.stop()

    def _start(self) -> None:
        import asyncio  # noqa: PLC0415 - costs a script that never awaits 30 ms

        self._filled, self._emptied, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._read(self._operation.awaited_rows), name="powerbi-push-rows")

    def _hand_over(self) -> None:
        rows, self._rows = self._rows, []
        self._filled.clear()
        self._emptied.set()
        self._operation.feed(rows, self._ended, self._raised)

    async def _read(self, rows: AsyncIterator[object]) -> None:
        turn_ends = time.monotonic() + _TURN_SECONDS
        try:
            async for row in rows:
                self._rows.append(row)
                self._tell()
                if len(self._rows) >= _TURN_ROWS or time.monotonic() >= turn_ends:
                    self._emptied.clear()
                    await self._emptied.wait()
                    turn_ends = time.monotonic() + _TURN_SECONDS
        except BaseException as raised:  # noqa: BLE001 - the core says at which row
            self._raised = None if self._stopped else raised
        finally:
            self._ended = True
            self._tell()
            self._over.set()

    def _tell(self) -> None:
        self._filled.set()
        self._woken.set()

    _filled: Event
    _emptied: Event
    _over: Event


class ReadAhead:
    """An async iterable whose first rows have been looked at, and are still to come.

    Attributes:
        first: Those rows.
    """

    def __init__(self, first: list[object], rest: AsyncIterator[object]) -> None:
        """Made by `of`."""
        self.first = first
        self._rest = rest

    @classmethod
    async def of(cls, rows: AsyncIterable[object], count: int) -> ReadAhead:
        """Await the first `count` rows."""
        first: list[object] = []
        rest = aiter(rows)
        while len(first) < count:
            try:
                first.append(await anext(rest))
            except StopAsyncIteration:
                break
            except Exception as raised:  # noqa: BLE001 - the core says at which row
                raise _core.unread_rows(raised, len(first))  # noqa: B904 - which has its cause
        return cls(first, rest)

    async def __aiter__(self) -> AsyncIterator[object]:
        """All rows, those looked at first."""
        for row in self.first:
            yield row
        async for row in self._rest:
            yield row
