"""A program that fills an outbox, and says over a pipe of each row that it was accepted, once it was.

    filler.py URL DATASET OUTBOX FIRST COUNT [copy | sqlite]

It sends rows with the Ids FIRST, FIRST + 1, ... one by one and several at a time, COUNT of them, then flushes and
closes. A row that is refused for want of room, or because the disk failed, is not acknowledged. Meanwhile a thread of
it may copy the outbox's folder, or use the file by Python's own SQLite.
"""

from __future__ import annotations

import os
import random
import sys
import warnings
from functools import partial
from pathlib import Path
from threading import Event, Thread

import powerbi_push as pbi
from second_handles import copy_and_read, use_sqlite

MANY = 20


def main(url: str, dataset: str, outbox: Path, rows: range, what: str) -> None:
    """Fill it, and start what a thread does meanwhile."""
    warnings.simplefilter("ignore")
    dice = random.Random(rows.start)
    table = pbi.Client("opaque", base_url=url, quotas=None).dataset(dataset).table("Orders", {"Id": int})
    options = {"on_full": "error", "max_delay": 0.001, "max_rows": 50, "close_timeout": 1.0}
    number, end = rows.start, rows.stop
    with table.sender(outbox=outbox, **options) as sender:  # type: ignore[arg-type]
        say("open")
        meddle(outbox, rows.start, what)
        while number < end:
            size = min(dice.choice([1, 1, 1, MANY]), end - number)
            try:
                if size == 1:
                    sender.send({"Id": number})
                else:
                    sender.send_many([{"Id": place} for place in range(number, number + size)])
                say(f"{number} {number + size}")
            except pbi.OutboxError as error:
                say(f"refused {type(error).__name__} {number} {number + size}")
            number += size


def meddle(outbox: Path, seed: int, what: str) -> None:
    """Start what a thread does meanwhile."""
    works = {"copy": partial(copy_and_read, outbox, Event()), "sqlite": partial(use_sqlite, outbox, seed)}
    if what:
        Thread(target=works[what], daemon=True).start()


def say(what: str) -> None:
    """Put a line into the pipe, at once."""
    os.write(1, what.encode() + b"\n")


if __name__ == "__main__":
    _, url, dataset, outbox, first, count, *what = sys.argv
    main(url, dataset, Path(outbox), range(int(first), int(first) + int(count)), "".join(what))
