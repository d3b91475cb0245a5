"""Thousands of faults and kills at any moment on the way to MicroStrategy: all rows once, or none and an error."""

from __future__ import annotations

import random
import time
from collections import Counter

import library_faults
from library_killed import kill_in_an_upload
from powerbi_push.emulator import Emulator

FAULTS = 5_000
KILLS = 60
#: Seconds that an interpreter and an upload take together.
MOST = 1.5


def test_thousands_of_random_faults_end_with_all_rows_once_or_an_error() -> None:
    with Emulator(microstrategy_assumptions={"publish_gets": 0}) as emulator:
        ends = Counter(library_faults.run(1_000_000 + seed, emulator) for seed in range(FAULTS))
    assert ends.total() == FAULTS
    print(f"{FAULTS:,} pushes under faults: {dict(ends)}; nothing is left")


def test_killed_at_any_moment_of_an_upload_all_rows_are_there_or_none() -> None:
    dice, killed = random.Random(5), 0
    with Emulator() as emulator:
        for _ in range(KILLS):
            emulator.reset()
            until = time.monotonic() + dice.random() * MOST
            killed += kill_in_an_upload(emulator, lambda: time.monotonic() > until)  # noqa: B023 - called here
    assert killed > KILLS / 4
    print(f"{KILLS} uploads, {killed} of them killed; all rows or none were there")
