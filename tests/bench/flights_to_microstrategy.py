"""All flights into MicroStrategy in chunks of about 50 MB, by our client or the vendor's, and what that takes.

python flights_to_microstrategy.py (ours|theirs) base_url username password project flights.csv

Prints seconds of the processor, seconds on the clock, and the growth of the peak of memory in MB, without the frame. Each
client is imported before the clock runs: the vendor's takes longer for that than for the flights.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

#: As many rows as 50 MB of Base64 hold; the vendor's client counts rows.
ROWS = 290_000


def memory(kind: str) -> float:
    """What this process holds (VmRSS), or has held at most (VmHWM), in MB."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib would be part of what is measured
        return next(int(line.split()[1]) for line in status if line.startswith(kind)) / 1_000


def ours(base_url: str, username: str, password: str, project: str, flights: Any) -> None:
    """Push them with this package."""
    with Client(base_url, username=username, password=password, project=project) as client:
        schema = pbi.DatasetSchema.infer("Flights", {"flights": flights}, target="microstrategy")
        dataset = client.create_dataset(schema)
        with dataset.upload(chunk_bytes=50_000_000) as upload:
            upload.push(flights, progress=False)
        dataset.delete()


def theirs(base_url: str, username: str, password: str, project: str, flights: Any) -> None:
    """Push them with the vendor's client."""
    connection = Connection(base_url, username, password, project_name=project, login_mode=1)
    cube = SuperCube(connection, name="Flights")
    cube.add_table("flights", flights, "replace")
    cube.create(chunksize=ROWS)
    cube.delete(force=True)
    connection.close()


if __name__ == "__main__":
    who, *login, file = sys.argv[1:]
    if who == "ours":
        import powerbi_push as pbi
        from powerbi_push.microstrategy import Client
    else:
        from mstrio.connection import Connection
        from mstrio.project_objects.datasets import SuperCube
    frame = pd.read_csv(file)
    # The peak is that of what follows, and not of reading the file.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, start = memory("VmRSS"), (time.process_time(), time.perf_counter())
    base_url, username, password, project = login
    push = ours if who == "ours" else theirs
    push(base_url, username, password, project, frame)
    took = time.process_time() - start[0], time.perf_counter() - start[1]
    print(json.dumps([*took, memory("VmHWM") - before]))
