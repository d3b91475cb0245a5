"""A program that owns an outbox, accepts rows, and does what its last argument says.

    outbox_owner.py URL DATASET OUTBOX [fork | c_fork]

It says "open" and its number once a row is accepted, and the number of its child; then it waits for a line.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

import powerbi_push as pbi

if TYPE_CHECKING:
    from collections.abc import Callable


def main(url: str, dataset: str, outbox: str, what: str = "") -> None:
    """Own it."""
    table = pbi.Client("opaque", base_url=url, quotas=None).dataset(dataset).table("Orders", {"Id": int})
    with table.sender(outbox=outbox, max_delay=3_600.0, close_timeout=0.01) as sender:
        sender.send({"Id": 1})
        forks: dict[str, Callable[[], int]] = {"fork": os.fork, "c_fork": ctypes.CDLL(None).fork}
        child = forks.get(what, os.getpid)()
        if child == 0:
            signal.pause()
        sys.stdout.write(f"open {os.getpid()} {child}\n")
        sys.stdout.flush()
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
