"""Senders: rows accepted one by one and delivered in the background."""

from __future__ import annotations

import atexit
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.display import pages
from powerbi_push.exceptions import PowerBIPushError
from powerbi_push.tracebacks import shown_unfinished

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from powerbi_push import _core
    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.results import PushResult


@shown_unfinished
@dataclass(frozen=True, slots=True)
class SenderStats:
    """What has become of a sender's rows so far.

    Attributes:
        accepted: Rows taken by `Sender.send` and `Sender.send_many`.
        confirmed: Rows that the service itself has confirmed; here and below, rows that an earlier run left in the
            outbox count too.
        rejected: Rows that the service refused for good.
        in_doubt: Rows that were sent whole and never answered for.
        maybe_twice: The part of `confirmed` that was sent again after an attempt without an answer.
        dropped: Rows that gave way to newer ones (``on_full="drop_oldest"``).
        pending: Rows that have no end yet; with an outbox, those in it.
        oldest_age: How long the oldest row that was not taken for sending has waited, in seconds.
        state: ``"running"``; ``"waiting"`` for the service to recover; ``"paused"`` until somebody mends what
            `last_error` says; ``"closed"``.
        last_error: What keeps rows from being delivered; None while all is well.
        next_attempt_in: Seconds until the next attempt, where one is waited for.
    """

    accepted: int
    confirmed: int
    rejected: int
    in_doubt: int
    maybe_twice: int
    dropped: int
    pending: int
    oldest_age: float
    state: Literal["running", "waiting", "paused", "closed"]
    last_error: PowerBIPushError | None
    next_attempt_in: float | None

    def _repr_html_(self) -> str:
        """Show in a notebook what is not zero, with units."""
        names = ("accepted", "confirmed", "rejected", "in_doubt", "maybe_twice", "dropped", "pending")
        told: list[tuple[str, object]] = [(name.replace("_", " "), getattr(self, name)) for name in names]
        times = (("oldest row has waited", self.oldest_age), ("next attempt in", self.next_attempt_in))
        told += [(name, pages.seconds(length)) for name, length in times if length]
        told.append(("last error", self.last_error))
        return pages.facts(f"sender, {self.state}", told)


@shown_unfinished
class Sender:
    """Accepts rows at any time and delivers them in the background, in full requests, until it is closed.

    Made by `Table.sender` and `StreamingDataset.sender`. It never gives up: it waits out quotas and outages, and where
    the service says 401, 403 or 404 it pauses, keeps its rows, and looks every 5 minutes whether that was mended. Rows
    that the service refuses are found, counted as rejected, and the others sent. Any number of threads may use it.

    With ``outbox="path"`` rows wait in that file: when `send` returns, its row survives ``kill -9`` and power loss, and
    what is left at the end goes first in the next run. See `Outbox`.

    A sender that nobody closed is closed when Python ends, and one line on stderr says how many rows were lost.

    >>> from powerbi_push import DatasetSchema, TableSchema
    >>> from powerbi_push.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     schema = DatasetSchema("Plant", [TableSchema("Boiler", {"celsius": float})])
    ...     table = emulator.client().create_dataset(schema).table()
    ...     with table.sender() as sender:
    ...         sender.send({"celsius": 81.5})
    ...         sender.send_many([{"celsius": 82.0}, {"celsius": 82.5}])
    ...         sender.flush().confirmed
    3
    """

    def __init__(self, core: _core.Sender, name: str) -> None:
        """Made by `Table.sender` and `StreamingDataset.sender`."""
        self._core = core
        self._name = name
        _open.add(self)
        # What is registered last runs first: before the threads that it needs are sent home.
        atexit.unregister(_close_all)
        atexit.register(_close_all)

    def send(self, row: object) -> None:
        """Accept one row; waits only where there is no room for it.

        Args:
            row: A mapping, or an object with fields.

        Raises:
            ValidationError: It does not fit; nothing of it was accepted.
            OutboxFullError: There was no room for `full_timeout`, or at once with ``on_full="error"``.
            ClosedError: The sender is closed, or was closed while the row was being read; nothing of it was accepted.
            PowerBIPushError: The service refused rows that were accepted before: raised once, where there is no
                `on_error`. This row was not accepted.
        """
        waiting = self._core.send(row)
        if waiting is not None:
            waiting.run()

    async def send_async(self, row: object) -> None:
        """Await `send`."""
        settled(await awaited(self._send(row)))

    def _send(self, row: object) -> Verb[None]:
        waiting = self._core.send(row, elsewhere=True)
        if waiting is not None:
            yield waiting

    def send_many(self, rows: Rows) -> None:
        """Accept rows.

        A list, tuple or frame is checked whole first; of a one-shot source each 10,000 rows by themselves. Where
        another thread closes the sender meanwhile, what was accepted so far is delivered, and the rest refused with
        `ClosedError`. Whatever ends this early has the account of the sender in `result`, as `flush` gives it, and a
        note of how many of these rows were accepted.

        Args:
            rows: As for `Table.push`.

        Raises:
            SourceError: Reading the rows raised.
            PowerBIPushError: As for `send`.
        """
        run(self._send_many(rows))

    async def send_many_async(self, rows: Rows) -> None:
        """Await `send_many`; rows may come from an async iterable."""
        settled(await awaited(self._send_many(rows)))

    def _send_many(self, rows: Rows, *, convert: bool | None = None) -> Verb[None]:
        """Accept rows; `convert` is for these alone, where the options of the sender do not say it."""
        yield self._core.send_many(rows, convert)

    def flush(self, timeout: float | None = None) -> PushResult:
        """Send at once what was accepted, and wait until each row has its end.

        Args:
            timeout: Seconds; None (default) waits however long it takes.

        Returns:
            What became of all rows since the sender was made, counted from 0 in the order they were accepted.

        Raises:
            DeadlineError: `timeout` has passed; the sender goes on.
            ClosedError: The sender is closed, or was closed with rows left that could not be delivered.
            PowerBIPushError: The service refused rows, or the sender is paused: raised once, where there is no
                `on_error`.
        """
        return run(self._flush(timeout))

    async def flush_async(self, timeout: float | None = None) -> PushResult:  # noqa: ASYNC109 - the twin of flush
        """Await `flush`."""
        return settled(await awaited(self._flush(timeout)))

    def _flush(self, timeout: float | None) -> Verb[PushResult]:
        result: PushResult = yield self._core.flush(timeout)
        return result

    def close(self, timeout: float | None = None) -> PushResult | None:
        """Deliver what was accepted, then end; a second call does nothing.

        Args:
            timeout: Seconds; None (default) is the sender's `close_timeout`.

        Returns:
            What became of all rows; None where the sender was closed before. With an outbox, rows that are left wait in
            it for the next sender, and count as unsent here, or in doubt where they were sent and not answered for.

        Raises:
            UndeliveredError: Rows were left that could not be delivered in time, and there is no outbox.
            PowerBIPushError: The service refused rows, and nobody was told yet.
        """
        return run(self._close(timeout))

    async def close_async(self, timeout: float | None = None) -> PushResult | None:  # noqa: ASYNC109 - the twin of close
        """Await `close`."""
        return settled(await awaited(self._close(timeout)))

    def _close(self, timeout: float | None) -> Verb[PushResult | None]:
        _open.discard(self)
        closing = self._core.close(timeout)
        result: PushResult | None = None
        if closing is not None:
            result = yield closing
        return result

    @property
    def stats(self) -> SenderStats:
        """What has become of the rows so far."""
        return SenderStats(**self._core.stats())

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    async def __aenter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; where the block failed, its error is the one that is raised."""
        run(self._leave(error))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; where the block failed, its error is the one that is raised."""
        settled(await awaited(self._leave(error)))

    def _leave(self, error: BaseException | None) -> Verb[None]:
        try:
            yield from self._close(None)
        except PowerBIPushError as failure:
            if error is None:
                raise
            error.add_note(f"and closing the sender failed: {failure}")

    def __repr__(self) -> str:
        """Show where it goes."""
        return f"Sender({self._name})"

    def __reduce__(self) -> Any:
        """Refuse: rows are accepted in one process."""
        msg = "a sender holds accepted rows and cannot be pickled; make one in each process"
        raise TypeError(msg)


#: Senders that nobody has closed.
_open: set[Sender] = set()


def open_senders() -> list[Sender]:
    """Those that nobody has closed."""
    return list(_open)


def _close_all() -> None:
    """Close what is open when Python ends."""
    for sender in open_senders():
        try:
            sender.close()
        except PowerBIPushError as error:
            print(f"{sender!r} at the end of Python: {error.args[0]}", file=sys.stderr)  # noqa: T201 - nobody else can say it
