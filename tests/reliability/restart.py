"""How soon after a kill the rows that were left go out again."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import outboxes
import setup
from fault_server import CONFIRMED, DATASET_ID, SILENCE, FaultServer
from figures import Figure, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 10
ROWS = 100_000
WHAT = "restart to the first request"
AIM = 300
PROGRAM = """
import sys, threading
import powerbi_push as pbi

url, dataset, outbox, rows = sys.argv[1:]
table = pbi.Client("opaque", base_url=url).dataset(dataset).table("Orders", {"Id": int})
sender = table.sender(outbox=outbox, max_delay=0.001)
sender.send_many({"Id": number} for number in range(int(rows)))
print("accepted", flush=True)
threading.Event().wait()
"""


def figures() -> Iterator[Figure]:
    """The one figure."""
    how = f"from the start of Python, {ROWS:,} rows left by a process that was killed; median of {ROUNDS}, real time"
    times = sorted(_restart() for _ in range(ROUNDS))
    yield at_most(WHAT, median(times) * 1_000, AIM, "ms", how, also=f"the longest {times[-1] * 1_000:.0f} ms")


def _restart() -> float:
    with tempfile.TemporaryDirectory(dir=outboxes.folder()) as name:
        outbox = str(Path(name) / "outbox.db")
        answers = [SILENCE]
        with FaultServer(lambda: answers[-1]) as server:
            _run_and_kill(server, outbox, ROWS)
            before = len(server.posts)
            answers.append(CONFIRMED)
            begun = time.perf_counter()
            with _started(server, outbox, 0) as process:
                server.wait_for_posts(before + 1)
                took = time.perf_counter() - begun
                setup.wait_until(lambda: server.arrived().total() >= ROWS)
                process.send_signal(signal.SIGKILL)
        return took


def _run_and_kill(server: FaultServer, outbox: str, rows: int) -> None:
    with _started(server, outbox, rows) as process:
        if process.stdout is None or process.stdout.readline() != "accepted\n":
            message = "the rows were not accepted"
            raise AssertionError(message)
        process.send_signal(signal.SIGKILL)


def _started(server: FaultServer, outbox: str, rows: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, server.url, DATASET_ID, outbox, str(rows)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
