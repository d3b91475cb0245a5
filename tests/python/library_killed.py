"""A process that uploads to MicroStrategy and is killed, and whoever comes after it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi
from library_faults import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

ROWS = 20_000
PATIENCE = 50.0
PROGRAM = """
import sys
import powerbi_push as pbi
base_url, username, password, dataset, rows = sys.argv[1:]
client = pbi.microstrategy.Client(base_url, username=username, password=password)
client.dataset(dataset).push(
    ({"Id": number, "City": f"c{number % 7}", "Price": number / 8} for number in range(int(rows))), policy="replace"
)
"""


def kill_in_an_upload(emulator: Emulator, is_time: Callable[[], bool]) -> bool:
    """Kill a process that uploads once it is time to, and upload after it; answers whether it was killed in time.

    Raises:
        AssertionError: Other rows are there than before it, or than all of its own; or those after it are not.
    """
    server = emulator.microstrategy
    who: dict[str, Any] = {"username": server.username, "password": server.password}
    first = [{"Id": -1, "City": "Rome", "Price": 0.5}]
    with pbi.microstrategy.Client(server.base_url, **who) as client:
        dataset = client.create_dataset(SCHEMA, first, attributes=["Id", "City"])
    until = time.monotonic() + PATIENCE
    arguments = [server.base_url, server.username, server.password, dataset.id, str(ROWS)]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments]) as process:
        while process.poll() is None and not is_time() and time.monotonic() < until:
            pass
        process.send_signal(signal.SIGKILL)
    there = server.rows("Sales/Orders")
    assert there == first or [row["Id"] for row in there] == list(range(ROWS))
    # What it has left ends with its login.
    server.expire_sessions()
    with pbi.microstrategy.Client(server.base_url, **who) as client:
        assert client.dataset("Sales").push([{"Id": -2, "City": "Oslo", "Price": 1.0}], policy="replace").confirmed == 1
    assert [row["Id"] for row in server.rows("Sales/Orders")] == [-2]
    assert (server.open_uploads, server.open_sessions) == (0, 0)
    return process.returncode == -signal.SIGKILL
