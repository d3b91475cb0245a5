"""A thousand cancellations at random moments: the accounts stay exact, nothing is sent behind anybody's back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from conftest import QUICK, arrived, check_account, make_table, orders
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    import powerbi_push as pbi

TIMES = 1_000
ROWS = 20_000


async def pushed(table: pbi.Table, after: float) -> pbi.PushResult:
    """The account of a push that is cancelled after some seconds, if it lasts so long."""
    task = asyncio.create_task(table.push_async(orders(ROWS)))
    await asyncio.sleep(after)
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError as cancelled:
        result: pbi.PushResult = cancelled.result  # type: ignore[attr-defined]
        return result


@pytest.mark.parametrize("seed", range(4))
def test_pushes_that_are_cancelled_at_any_moment_account_for_every_row(seed: int) -> None:
    dice = random.Random(seed)
    ends: Counter[str] = Counter()

    async def main() -> None:
        for _ in range(TIMES // 4):
            emulator.reset()
            table = make_table(emulator, quotas=None, retry=QUICK)
            if dice.random() < 0.3:
                emulator.drop_response(times=dice.choice([1, 2]))
            result = await pushed(table, dice.choice([0.0, 0.001, 0.03]) * dice.random())
            # What was left on the wire has arrived when another request on the same connections is answered.
            table.push([{"Id": ROWS}])
            there = arrived(emulator)
            assert there.pop(ROWS) in {1, 2, 3}, "a lost answer that the push did not meet may meet this one"
            check_account(result, there)
            ends["whole" if result.ok else "nothing" if result.confirmed == 0 else "some"] += 1

    with Emulator(limits=False) as emulator:
        asyncio.run(main())
    assert min(ends["whole"] + ends["some"], ends["nothing"]) > 0, f"all ended alike: {ends}"


def test_sends_and_flushes_that_are_cancelled_lose_no_row_that_was_accepted() -> None:
    dice = random.Random(1)
    cancelled = 0

    async def main() -> int:
        nonlocal cancelled
        table = make_table(emulator, quotas=None)
        async with table.sender(buffer_bytes=20_000, max_delay=0.001, max_rows=500) as sender:
            tasks: list[asyncio.Task[Any]] = []
            for number in range(TIMES):
                tasks.append(asyncio.create_task(sender.send_many_async(orders(200, start=number * 200))))
                if number % 50 == 0:
                    tasks.append(asyncio.create_task(sender.flush_async()))
                await asyncio.sleep(dice.choice([0.0, 0.0005]))
                if dice.random() < 0.5:
                    cancelled += dice.choice(tasks).cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await sender.flush_async()
            return sender.stats.accepted

    with Emulator(limits=False) as emulator:
        accepted = asyncio.run(main())
        there = arrived(emulator)
    assert cancelled > 0, "nothing was cancelled"
    assert set(there.values()) == {1}
    assert there.total() == accepted
