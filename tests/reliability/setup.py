"""What the figures share: a dataset of one table, rows for it, and a service that goes down and comes back."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import count, islice
from threading import Event
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi
from fault_server import CONFIRMED, Answer, FaultServer
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 1_800.0
"""Seconds of real time after which a figure is given up."""

SLOW: dict[str, Any] = {"max_delay": 36_000.0}
"""Only a full request, a flush or the end sends anything."""


def rows(number: int, start: int = 0) -> Iterator[dict[str, Any]]:
    """Rows that are their own numbers, made one by one."""
    return ({"Id": place} for place in islice(count(start), number))


def made(emulator: Emulator, *, retention: str | None = None, **options: Any) -> pbi.Table:
    """Make a dataset with one table."""
    table = pbi.TableSchema("Orders", {"Id": int})
    schema = pbi.DatasetSchema("Sales", [table], retention=retention)  # type: ignore[arg-type]
    return emulator.client(**options).create_dataset(schema).table()


def wait_until(claim: Callable[[], object]) -> None:
    """Leave the processor to others until `claim` holds."""
    begun, patience = time.monotonic(), Event()
    while not claim():
        patience.wait(0.005)
        if time.monotonic() - begun > PATIENCE:
            message = "it never came"
            raise TimeoutError(message)


def give_up(sender: pbi.Sender) -> None:
    """End a sender that has rows left."""
    try:
        sender.close(timeout=0.0)
    except pbi.PowerBIPushError:
        return


class Outage:
    """A service that is down until a moment of the virtual clock, and remembers when it was asked."""

    def __init__(self, emulator: Emulator, until: float, down: Answer) -> None:
        """Order what it answers until then."""
        self._emulator, self._until, self._down = emulator, until, down
        self.in_vain: list[float] = []
        self.taken: list[float] = []

    def __call__(self) -> Answer:
        """Answer a request that has come."""
        now = self._emulator.now
        is_down = now < self._until
        (self.in_vain if is_down else self.taken).append(now)
        return self._down if is_down else CONFIRMED


@contextmanager
def down_until(until: float, down: Answer) -> Iterator[tuple[FaultServer, Outage]]:
    """Give a service that is down from the beginning of virtual time until `until`."""
    with Emulator(clock="virtual") as emulator:
        outage = Outage(emulator, until, down)
        with FaultServer(outage) as server:
            yield server, outage
