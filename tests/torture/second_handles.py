"""Other users of an outbox's files in the process of its sender, where they do the most harm."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

STATEMENTS = [
    "SELECT count(*) FROM runs",
    "CREATE TABLE IF NOT EXISTS other (x)",
    "INSERT INTO other VALUES (randomblob(9000))",
    "DELETE FROM other",
    "PRAGMA wal_checkpoint(PASSIVE)",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA wal_checkpoint(RESTART)",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA locking_mode = EXCLUSIVE",
    "BEGIN IMMEDIATE",
    "COMMIT",
]


def use_sqlite(outbox: Path, seed: int, times: int = sys.maxsize) -> int:
    """Open the file with Python's own SQLite, do this and that with it, and close it, again and again.

    Returns:
        How many statements went through.
    """
    dice, done = random.Random(seed), 0
    for _ in range(times):
        time.sleep(dice.random() * 0.003)
        # Whatever it is refused, it may be refused.
        with suppress(sqlite3.Error), closing(sqlite3.connect(outbox, timeout=0.01, isolation_level=None)) as handle:
            for statement in dice.choices(STATEMENTS, k=dice.randrange(5)):
                handle.execute(statement).fetchall()
                done += 1
    return done


def copy_and_read(outbox: Path, ended: Event) -> int:
    """Copy the folder of the file, and read every file in it, again and again.

    Returns:
        How often that was.
    """
    done, copy = 0, outbox.parent.with_name(f"copy-{os.getpid()}")
    while not ended.wait(0.001):
        # Logs come and go.
        with suppress(shutil.Error):
            shutil.copytree(outbox.parent, copy)
        shutil.rmtree(copy)
        for file in outbox.parent.iterdir():
            with suppress(FileNotFoundError):
                file.read_bytes()
        done += 1
    return done
