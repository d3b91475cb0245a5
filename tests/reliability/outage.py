"""What an outage costs in requests, and how soon its end is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import setup
from fault_server import CLOSE, RESET_AT_HEAD, Answer, http
from figures import Figure, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SPAN = 600.0
REQUESTS = 100
PROBE_EVERY = 15.0
KINDS: dict[str, Answer] = {"503": http(503), "answers lost": CLOSE, "reset before the body": RESET_AT_HEAD}
ENDS = [3.0, 8.0, 20.0, 31.0, 47.0, 61.0, 99.0, 150.0, 301.0, 599.0, 1_800.0, 7_201.0]


def figures() -> Iterator[Figure]:
    """All figures of this kind."""
    aim = max(REQUESTS / 10, SPAN / PROBE_EVERY)
    # Those that were due when it began are not extra: four at once.
    extra = {name: _deliver(SPAN, down)[0] - 4 for name, down in KINDS.items()}
    how = f"{REQUESTS} requests of a sender into {SPAN:g} virtual seconds of each kind of outage; resends sent in vain"
    yield at_most("extra requests in an outage of 10 minutes", max(extra.values()), aim, "", how, also=_told(extra))
    late = {name: max(_deliver(end, down)[1] for end in ENDS) for name, down in KINDS.items()}
    how = f"the same, {len(ENDS)} outages of {ENDS[0]:g} s to {ENDS[-1]:,g} s of each kind; the latest"
    yield at_most("first row after an outage", max(late.values()), 15, "s", how, also=_told(late))


def _told(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def _deliver(until: float, down: Answer) -> tuple[int, float]:
    """How many requests were sent in vain, and how late after the outage the first one was taken."""
    with setup.down_until(until, down) as (server, outage), server.table().sender(max_rows=1, **setup.SLOW) as sender:
        sender.send_many(setup.rows(REQUESTS))
        result = sender.flush()
        if result.confirmed != REQUESTS or not outage.in_vain:
            message = f"{result.confirmed} rows were confirmed after {len(outage.in_vain)} requests in vain"
            raise AssertionError(message)
        return len(outage.in_vain), outage.taken[0] - until
