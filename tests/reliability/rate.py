"""How much of what the quotas allow is used in two hours, and whether the service ever has to refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import powerbi_push as pbi
import setup
from figures import Figure, at_least, exactly
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Request
    from powerbi_push.emulator.assumptions import Assumptions

    Target = pbi.Table | pbi.StreamingDataset

SPAN = 7_200.0
AIM = 98.0
SWITCHES: list[Assumptions] = [{"windows": "sliding"}]
SWITCHES += [{"windows": "fixed", "phase": phase * 366.6} for phase in range(10)]
HOW = "virtual clock, against the emulator with sliding windows; all that it took after the first window, by the time"


@dataclass(frozen=True)
class Quota:
    """So many requests, or rows, in so many seconds."""

    name: str
    most: int
    window: float


def figures() -> Iterator[Figure]:
    """All figures of this kind."""
    with Emulator(clock="virtual") as emulator:  # a table that never becomes large
        _send(emulator, setup.made(emulator, retention="basicFIFO"), 120 * 121, SPAN)
        yield _share(emulator, Quota("120 requests a minute", 120, 60))
    with Emulator(clock="virtual") as emulator:
        _send(emulator, setup.made(emulator), 2_500_000, SPAN, max_rows=10_000)
        yield _share(emulator, Quota("1,000,000 rows an hour", 1_000_000, 3_600), rows=True)
    with Emulator(clock="virtual") as emulator:
        table = setup.made(emulator)
        table.push(setup.rows(250_000))
        _send(emulator, table, 500, SPAN)
        yield _share(emulator, Quota("120 requests an hour, of a table with 250,000 rows", 120, 3_600))
    with Emulator(clock="virtual") as emulator:
        live = pbi.StreamingDataset(emulator.streaming_dataset("Live", {"Id": "Int64"}), {"Id": int})
        _send(emulator, live, 5 * 700, 600)
        yield _share(emulator, Quota("5 requests a second, of a push URL", 5, 1))
    yield _refusals()


def _share(emulator: Emulator, quota: Quota, *, rows: bool = False) -> Figure:
    """Of what may be sent; the burst with which everybody begins is left out."""
    posts = [post for post in _posts(emulator) if post.status == 200 and post.at <= SPAN]
    first, last = posts[0].at, posts[-1].at
    after = [post.rows if rows else 1 for post in posts if post.at >= first + quota.window]
    rate = sum(after) / (last - first) * quota.window
    also = f"{rate:,.6g}; {sum(after):,} in {last - first:,.0f} s"
    return at_least(f"share of the allowed rate: {quota.name}", 100 * rate / quota.most, AIM, "%", HOW, also=also)


def _refusals() -> Figure:
    refused = taken = 0
    for switch in SWITCHES:
        with Emulator(clock="virtual", assumptions=switch) as emulator:
            _send(emulator, setup.made(emulator), 35 * 8_000, SPAN, max_rows=35)
            taken += sum(post.status == 200 for post in _posts(emulator))
            refused += sum(post.status == 429 for post in _posts(emulator))
            if len(emulator.rows("Sales/Orders")) < 250_000:
                message = "the table did not become large"
                raise AssertionError(message)
    how = "two virtual hours in ten phases of fixed windows and in sliding ones, 250,000 rows reached in the middle"
    return exactly("answers of 429 in a steady state", refused, 0, how, also=f"{taken:,} requests taken")


def _posts(emulator: Emulator) -> list[Request]:
    return [request for request in emulator.requests if "PostRows" in (request.operation or "")]


def _send(emulator: Emulator, table: Target, count: int, span: float, max_rows: int = 1) -> None:
    """Give a sender more than it can deliver in a span of virtual time."""
    sender = table.sender(max_rows=max_rows, **setup.SLOW)
    sender.send_many(setup.rows(count, start=250_000))
    setup.wait_until(lambda: emulator.now > span)
    setup.give_up(sender)
