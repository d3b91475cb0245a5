"""`push --follow --outbox` is killed at random moments: no line that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from contextlib import suppress
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

from command import Command
from powerbi_push import DatasetSchema, TableSchema
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

KILLS = 50
#: Lines that each run is offered: more than it gets to.
OFFERED = 20_000


def feed(process: subprocess.Popen[bytes], first: int) -> None:
    assert process.stdin is not None
    with suppress(OSError, ValueError):  # it is gone, and then its pipe
        for number in range(first, first + OFFERED):
            os.write(process.stdin.fileno(), b'{"Id": %d}\n' % number)


def killed(command: Command, dice: random.Random, first: int) -> list[int]:
    """Run it, kill it, and give the lines that it acknowledged."""
    arguments = ["--max-delay", "0.01", "--outbox", "rows.db"]
    process = command.start("--json", "push", "-", "Sales/Orders", "--follow", *arguments)
    feeder = Thread(target=feed, args=(process, first))
    feeder.start()
    sleep(dice.uniform(0.2, 1.0))
    process.kill()
    out, _ = process.communicate(timeout=50)
    feeder.join()
    accepted = 0
    for line in out.splitlines():
        with suppress(ValueError):  # the last line may be cut
            accepted = json.loads(line)["accepted"]
    return list(range(first, first + accepted))


def test_no_acknowledged_line_is_lost(tmp_path: Path) -> None:
    dice = random.Random(19)
    acknowledged: list[int] = []
    with Emulator(limits=False) as emulator:
        emulator.client().create_dataset(DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})]))
        command = Command(emulator, tmp_path)
        for kill in range(KILLS):
            acknowledged += killed(command, dice, kill * OFFERED)
        last = command("outbox", "flush", "rows.db", "Sales/Orders")
        assert last.code == 0, last.err
        there = Counter(row["Id"] for row in emulator.rows("Sales/Orders"))
    print(f"{len(acknowledged)} lines acknowledged over {KILLS} kills, {sum(there.values()) - len(there)} there twice")
    assert len(acknowledged) > KILLS
    assert set(acknowledged) - set(there) == set()
