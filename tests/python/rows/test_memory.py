"""Memory: a push from a one-shot source takes no more of it for more rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fault_server import CONFIRMED, FaultServer

PROGRAM = """
import sys
import powerbi_push as pbi
from powerbi_push.powerbi.dataset import Dataset

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

client = pbi.Client("opaque", base_url=sys.argv[1])
info = {"id": "cfafbeb1-8037-4d0c-896e-a46fb27ff229", "name": "Sales", "accepts_rows": True, "web_url": None}
schema = pbi.TableSchema("Orders", {"Id": int, "Item": str})
table = Dataset(client._core, client.my_workspace, info, None).table("Orders", schema)
table.push([{"Id": 0, "Item": ""}])
before = peak()
result = table.push({"Id": number, "Item": "x" * 100} for number in range(500_000))
print(result.confirmed, result.bytes_sent > 60_000_000, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_half_a_million_rows_from_a_generator_take_no_memory_to_speak_of() -> None:
    with FaultServer(CONFIRMED) as server:
        command = [sys.executable, "-c", PROGRAM, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    confirmed, whole, kilobytes = done.stdout.split()
    assert (confirmed, whole) == ("500000", "True")
    # 65 MB went out; four requests of 1.3 MB are out at once, and at most 32 MB are encoded ahead of them.
    assert int(kilobytes) < 48_000
