"""The local Power BI of a soak, in a process of its own, so that its memory is not the client's."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from multiprocessing.managers import BaseManager
from typing import TYPE_CHECKING, Any, TypeAlias

from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


Ranges: TypeAlias = Sequence[tuple[int, int]]
"""Numbers of rows: the first of each range, and the one behind its last."""


class Far:
    """An emulator as far as a soak needs it; every verb can be called from another process."""

    def __init__(self) -> None:
        """Start it."""
        # Rows are deleted between two lives of a lane; its numbers go on.
        self._emulator = Emulator(limits=False, assumptions={"sequence_after_delete": "kept"})

    def url(self) -> str:
        """Where it listens."""
        return self._emulator.url

    def token(self) -> str:
        """A token that it accepts."""
        return self._emulator.credential.get_token().token

    def fail_next(self, status: int, **more: Any) -> None:
        """Fail requests with rows."""
        self._emulator.fail_next(status, route="Datasets_PostRows", **more)

    def drop_response(self, times: int) -> None:
        """Lose answers."""
        self._emulator.drop_response(times=times)

    def expire_tokens(self) -> None:
        """End all tokens."""
        self._emulator.expire_tokens()

    def account(self, dataset: str, sure: Ranges, perhaps: Ranges = ()) -> tuple[int, int, int]:
        """Count here what is there, since the memory of the client's process is looked at.

        Returns:
            How many rows that are surely there are missing, how many are there that may not be, and how many are there
            more than once.
        """
        there = Counter(row["Id"] for row in self._emulator.rows((None, dataset, "Orders")))
        surely = {number for first, end in sure for number in range(first, end)}
        maybe = {number for first, end in perhaps for number in range(first, end)}
        missing, others = surely - there.keys(), there.keys() - surely - maybe
        return len(missing), len(others), sum(times > 1 for times in there.values())


class _Manager(BaseManager):
    """Serves one."""


_Manager.register("Far", Far)


@contextmanager
def running() -> Iterator[Far]:
    """Give one until the end of the block."""
    manager = _Manager()
    # Ctrl-C is for the soak; it ends this one.
    manager.start(signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield manager.Far()  # type: ignore[attr-defined]
    finally:
        manager.shutdown()
