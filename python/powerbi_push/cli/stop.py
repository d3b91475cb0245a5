"""Ctrl-C and SIGTERM, waited for."""

from __future__ import annotations

import signal
from queue import Empty, SimpleQueue


class Stop:
    """Whether the process was told to end.

    A handler runs in the main thread, between any two lines of it: `threading.Event.set` would wait there for a lock
    that `wait`, one line below, holds. A `SimpleQueue` takes something at any time.
    """

    def __init__(self) -> None:
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._is_told = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self._signals.put(number))

    def is_told(self) -> bool:
        """Whether it was."""
        return self._is_told or not self._signals.empty()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is, or for so long; answers whether it was."""
        if not self._is_told:
            try:
                self._signals.get(timeout=seconds)
            except Empty:
                return False
            self._is_told = True
        return True
