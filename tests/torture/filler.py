"""A program that fills an outbox, and says over a pipe of each row that it was accepted, once it was.

    filler.py URL DATASET OUTBOX FIRST COUNT

It sends rows with the Ids FIRST, FIRST + 1, ... one by one and several at a time, COUNT of them, then flushes and
closes. A row that is refused for want of room, or because the disk failed, is not acknowledged.
"""

from __future__ import annotations

import os
import random
import sys
import warnings

import powerbi_push as pbi

MANY = 20


def main(url: str, dataset: str, outbox: str, first: int, count: int) -> None:
    """Fill it."""
    warnings.simplefilter("ignore")
    dice = random.Random(first)
    table = pbi.Client("a token", base_url=url, quotas=None).dataset(dataset).table("Orders", {"Id": int})
    options = {"on_full": "error", "max_delay": 0.001, "max_rows": 50, "close_timeout": 1.0}
    number, end = first, first + count
    with table.sender(outbox=outbox, **options) as sender:  # type: ignore[arg-type]
        say("open")
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


def say(what: str) -> None:
    """Put a line into the pipe, at once."""
    os.write(1, what.encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
