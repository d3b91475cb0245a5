"""Faults and kills on the way to MicroStrategy: all rows exactly once or a clear error, no upload and no login left."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import library_faults
import powerbi_push as pbi
from library_killed import kill_in_an_upload
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    import pytest

FAULTS = 200


def test_two_hundred_random_faults_end_with_all_rows_once_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERBI_PUSH_EMULATOR", raising=False)
    with Emulator(microstrategy_assumptions={"publish_gets": 0}) as emulator:
        ends = Counter(library_faults.run(seed, emulator) for seed in range(FAULTS))
    assert ends.total() == FAULTS
    assert min(ends["published"], FAULTS - ends["published"], ends["InDoubtError"], ends["ServiceError"]) > 10, ends


def test_a_login_whose_answer_gets_lost_is_the_only_one_that_can_be_left(powerbi: Emulator) -> None:
    server = powerbi.microstrategy
    powerbi.drop_response(route="MicroStrategy_Login")
    client = pbi.microstrategy.Client(
        server.base_url, username=server.username, password=server.password, retry=library_faults.QUICK
    )
    assert client.datasets() == []
    client.close()
    # Nobody knows its token: it ends by itself.
    assert server.open_sessions == 1


def test_a_login_that_nobody_waits_for_any_more_is_logged_out_of(powerbi: Emulator) -> None:
    server = powerbi.microstrategy
    program = f"""
import asyncio
import powerbi_push as pbi

async def main():
    # From before the request for a login leaves to after its answer has come.
    for part in range(60):
        client = pbi.microstrategy.Client(
            {server.base_url!r}, username={server.username!r}, password={server.password!r}
        )
        asking = asyncio.create_task(client.datasets_async())
        await asyncio.sleep(part / 10_000)
        asking.cancel()
        try:
            await asking
        except asyncio.CancelledError:
            pass
        await client.close_async()

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert server.open_sessions == 0


def test_whoever_comes_after_a_kill_in_the_middle_of_an_upload_publishes_all_rows(powerbi: Emulator) -> None:
    killed = 0
    for route in ("CreateUpload", "PutChunk", "PublishStatus"):
        powerbi.reset()
        wanted = f"MicroStrategy_{route}"
        killed += kill_in_an_upload(powerbi, lambda: any(one.operation == wanted for one in powerbi.requests))  # noqa: B023 - called here
    assert killed > 0
