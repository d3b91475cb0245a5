"""How long a million rows take under the real quotas, against the least that these allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import setup
from figures import Figure, at_most
from powerbi_push.emulator import Emulator
from raw_http import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

AIM = 1.05
HOW = (
    "virtual clock, quotas enforced; the least is what a bare client needs that posts until it is refused and comes "
    "back at the very second"
)
#: Rows in all, and rows of one request. A million in full requests waits for nothing: that would measure no wait.
SHAPES = [(1_000_000, 2_000), (2_500_000, 10_000)]


def figures() -> Iterator[Figure]:
    """Requests that are not full, and more rows than an hour has."""
    for count, size in SHAPES:
        ours, least = _ours(count, size), _least(count, size)
        ratio = ours / least
        also = f"{ours:,.0f} s, and {least:,.0f} s at least"
        yield at_most(f"time for {count:,} rows in requests of {size:,}", ratio, AIM, "×", HOW, also=also)


def _ours(count: int, size: int) -> float:
    with Emulator(clock="virtual") as emulator, setup.made(emulator).sender(max_rows=size, **setup.SLOW) as sender:
        sender.send_many(setup.rows(count))
        result = sender.flush()
        posts = [request for request in emulator.requests if (request.operation or "").startswith("Datasets_PostRows")]
        if (result.confirmed, {request.status for request in posts}) != (count, {200}):
            message = f"{result.confirmed} rows were confirmed"
            raise AssertionError(message)
        return max(request.at for request in posts)


def _least(count: int, size: int) -> float:
    """Time passes only where the emulator itself asks for it, and all that it asks for is whole seconds."""
    with Emulator(clock="virtual") as emulator:
        path = f"/datasets/{setup.made(emulator).dataset.id}/tables/Orders/rows"
        body = {"rows": list(setup.rows(size))}
        for _ in range(count // size):
            while (reply := ask(emulator, path, body)).status == 429:
                emulator.advance(float(reply.headers["retry-after"]))
            if reply.status != 200:
                message = f"the emulator answered {reply.status}"
                raise AssertionError(message)
        return emulator.now
