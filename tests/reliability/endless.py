"""What an outage without end takes: memory while rows go on coming, and time to give up."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import powerbi_push as pbi
import setup
from fault_server import CLOSE, RESET_AT_HEAD, SILENCE, Answer, FaultServer, http
from figures import Figure, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 10_000_000
BUFFER = 64_000_000
#: The buffer, the requests that are out, and what the allocator keeps beside them.
MOST = BUFFER * 1.5 + 32 * 2**20
KINDS: dict[str, Answer] = {"silence": SILENCE, "503": http(503), "answers lost": CLOSE, "reset": RESET_AT_HEAD}
PROGRAM = """
import sys
import setup
import powerbi_push as pbi

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

client = pbi.Client("opaque", base_url=sys.argv[1])
sender = client.dataset(sys.argv[2]).table("Orders", {"Id": int, "Item": str}).sender(on_full="drop_oldest")
before = peak()
for number in range(int(sys.argv[3])):
    sender.send({"Id": number, "Item": "twenty-four bytes of it."})
print((peak() - before) * 1_024, sender.stats.dropped, sender.stats.pending)
setup.give_up(sender)
"""


def figures() -> Iterator[Figure]:
    """All figures of this kind."""
    grown, kept = _memory()
    how = f"{ROWS:,} rows one by one to a service that never answers; the peak of the process above its start"
    what = "memory in an endless outage, buffer_bytes=64,000,000"
    yield at_most(what, grown / 1e6, round(MOST / 1e6), "MB", how, also=f"{kept:,} rows kept")
    times = {name: _close(down) for name, down in KINDS.items()}
    also = ", ".join(f"{name} {took:.2f}" for name, took in times.items())
    how = "30,000 rows, close() without a timeout of its own; the longest of all kinds, in real time, to 0.1 s"
    yield at_most("`close` with the service down", round(max(times.values()), 1), 5, "s", how, also=also)


def _memory() -> tuple[int, int]:
    with FaultServer(SILENCE) as server:
        dataset = server.table().dataset.id
        command = [sys.executable, "-c", PROGRAM, server.url, dataset, str(ROWS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=setup.PATIENCE)
    grown, dropped, kept = (int(word) for word in done.stdout.split())
    if dropped + kept != ROWS or not dropped:
        message = f"{dropped} rows dropped, {kept} kept"
        raise AssertionError(message)
    return grown, kept


def _close(down: Answer) -> float:
    with FaultServer(down) as server:
        sender = server.table().sender(**setup.SLOW)
        sender.send_many(setup.rows(30_000))
        setup.wait_until(lambda: server.received)
        begun = time.perf_counter()
        try:
            sender.close()
        except pbi.UndeliveredError:
            return time.perf_counter() - begun
        message = "all rows were delivered"
        raise AssertionError(message)
