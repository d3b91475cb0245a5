"""How long Ctrl-C takes to be heard, wherever a call waits."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import threading
import time
from threading import Event
from typing import TYPE_CHECKING

import powerbi_push as pbi
import setup
from fault_server import DATASET_ID, SILENCE, FaultServer, http
from figures import Figure, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMES = 50
Waiting = contextlib.AbstractContextManager["Callable[[], object]"]


def figures() -> Iterator[Figure]:
    """The one figure."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        heard = {name: [_interrupted(name) for _ in range(TIMES)] for name in POINTS}
    finally:
        signal.signal(signal.SIGINT, before)
    every = sorted(latency for latencies in heard.values() for latency in latencies)
    worst = every[len(every) * 99 // 100 - 1]
    also = f"the longest {every[-1] * 1_000:.0f} ms, the median {every[len(every) // 2] * 1_000:.0f} ms"
    how = f"{len(POINTS)} points × {TIMES}, real time: {', '.join(POINTS)}"
    yield at_most("Ctrl-C until `KeyboardInterrupt`, p99", worst * 1_000, 100, "ms", how, also=also)


def _interrupted(point: str) -> float:
    """Seconds from the signal, which comes at a random moment of the wait, to the exception."""
    sent_at = heard_at = 0.0
    returned = ""

    def interrupt() -> None:
        nonlocal sent_at
        # Spread over the twentieth of a second in which a wait looks for signals.
        Event().wait(0.1 + random.random() / 20)  # noqa: S311 - no secret
        sent_at = time.perf_counter()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with POINTS[point]() as call:
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            returned = repr(call())
            thread.join()
        except KeyboardInterrupt:
            heard_at = time.perf_counter()
        thread.join()
    if returned:
        message = f"{point}: the call returned {returned} before it was interrupted"
        raise AssertionError(message)
    return heard_at - sent_at


@contextlib.contextmanager
def _connecting() -> Iterator[Callable[[], object]]:
    """A port whose queue of connections is full: the kernel does not answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - the only way to say it
            filler.connect_ex(listener.getsockname())
        client = pbi.Client("opaque", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield lambda: client.dataset(DATASET_ID)


@contextlib.contextmanager
def _awaiting_an_answer() -> Iterator[Callable[[], object]]:
    with FaultServer(SILENCE) as server:
        table = server.table()
        yield lambda: table.push(setup.rows(3))


@contextlib.contextmanager
def _told_wait() -> Iterator[Callable[[], object]]:
    with FaultServer(http(429, Retry_After="3392")) as server:
        table = server.table()
        yield lambda: table.push(setup.rows(3))


@contextlib.contextmanager
def _own_quota() -> Iterator[Callable[[], object]]:
    with FaultServer() as server:
        table = server.table(quotas=pbi.Quotas(requests_per_minute=1))
        table.push(setup.rows(1))
        yield lambda: table.push(setup.rows(1))


@contextlib.contextmanager
def _no_room() -> Iterator[Callable[[], object]]:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(buffer_bytes=1_000, **setup.SLOW)

        def fill() -> None:
            for row in setup.rows(1_000):
                sender.send(row)

        yield fill
        setup.give_up(sender)


@contextlib.contextmanager
def _flush() -> Iterator[Callable[[], object]]:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(**setup.SLOW)
        sender.send_many(setup.rows(3))
        yield sender.flush
        setup.give_up(sender)


POINTS: dict[str, Callable[[], Waiting]] = {
    "connecting": _connecting,
    "awaiting an answer": _awaiting_an_answer,
    "a told wait of 3,392 s": _told_wait,
    "an own quota": _own_quota,
    "no room in a sender": _no_room,
    "flush": _flush,
}
