"""The local Power BI of a soak, in a process of its own, so that its memory is not the client's."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager
from multiprocessing.managers import BaseManager
from typing import TYPE_CHECKING, Any

from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


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

    def there(self, dataset: str) -> Counter[int]:
        """How often each row is there."""
        return Counter(row["Id"] for row in self._emulator.rows((None, dataset, "Orders")))


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
