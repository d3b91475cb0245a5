"""Whose an outbox is: one process writes to it, whatever else is opened, closed, forked and killed."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import WATCHDOG
from fault_server import CONFIRMED, DATASET_ID, SILENCE, FaultServer
from second_handles import STATEMENTS, use_sqlite
from slow_senders import SLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = Path(__file__).parents[1] / "outbox_owner.py"
ANOTHER = """
    import sys
    import powerbi_push as pbi

    try:
        print("free", pbi.Outbox(sys.argv[1]).drop())
    except pbi.OutboxError as error:
        print(error)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the outbox is, in a folder with nothing else in it."""
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "rows.db"


def run(program: str, path: Path) -> str:
    """What another process says that runs `program` for the file."""
    command = [sys.executable, "-c", dedent(program), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True).stdout


@contextmanager
def owner(server: FaultServer, path: Path, what: str = "") -> Iterator[tuple[int, int]]:
    """A process with the outbox open, by its number and that of its child; killed at the end where it lives."""
    command = [sys.executable, str(OWNER), server.url, DATASET_ID, str(path), what]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        try:
            yield int(said[1]), int(said[2])
        finally:
            process.kill()


def kill(process: int) -> None:
    """Kill a process, and wait until it is dead: then there is something to read of its handle."""
    handle = os.pidfd_open(process)
    os.kill(process, signal.SIGKILL)
    assert select.select([handle], [], [], WATCHDOG)[0]
    os.close(handle)


def test_whoever_copies_and_reads_the_folder_in_the_owners_process_lets_nobody_in(path: Path, tmp_path: Path) -> None:
    with FaultServer(SILENCE) as server, server.table().sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        shutil.copytree(path.parent, tmp_path / "copy")
        for file in path.parent.iterdir():
            file.read_bytes()
        said = run(ANOTHER, path)
        with pytest.raises(pbi.OutboxError, match="already open in this process"):
            server.table().sender(outbox=path)
        sender.close(timeout=0.01)
    assert f"is in use by process {os.getpid()}, or by one that was forked from it" in said
    assert run(ANOTHER, path) == "free 0\n"


def test_an_owner_that_is_killed_leaves_the_outbox_free(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        with owner(server, path) as (process, _):
            assert f"in use by process {process}" in run(ANOTHER, path)
            kill(process)
            assert run(ANOTHER, path) == "free 0\n"
        assert pbi.Outbox(path).pending == 1


def test_a_forked_child_that_outlives_its_parent_holds_nothing(path: Path) -> None:
    with FaultServer(SILENCE) as server, owner(server, path, "fork") as (process, child):
        assert f"in use by process {process}" in run(ANOTHER, path)
        kill(process)
        locks = [path.with_name(name).stat().st_ino for name in ("rows.db", "rows.db-shm", "rows.db-lock")]
        held = [
            line for line in Path("/proc/locks").read_text().splitlines() if int(re.split("[: ]+", line)[-3]) in locks
        ]
        said = run(ANOTHER, path)
        kill(child)
        assert held == []
        assert said == "free 0\n"


def test_a_child_that_python_knows_nothing_of_keeps_the_outbox_for_as_long_as_it_lives(path: Path) -> None:
    with FaultServer(SILENCE) as server, owner(server, path, "c_fork") as (process, child):
        kill(process)
        assert f"in use by process {process}, or by one that was forked from it" in run(ANOTHER, path)
        kill(child)
        assert run(ANOTHER, path) == "free 0\n"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_pythons_own_sqlite_beside_the_sender_costs_no_row(path: Path, tmp_path: Path, statement: str) -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(outbox=path, **SLOW)
        for number in range(20):
            sender.send({"Id": number})
            with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0)) as handle:
                handle.execute(statement).fetchall()
        killed = shutil.copytree(path.parent, tmp_path / "killed", ignore=shutil.ignore_patterns("*-shm"))
        sender.close(timeout=0.01)
    assert pbi.Outbox(path).pending == 20
    assert pbi.Outbox(killed / path.name).pending == 20


def test_pythons_own_sqlite_used_all_along_beside_the_sender_costs_no_row(path: Path) -> None:
    with FaultServer(SILENCE) as server, ThreadPoolExecutor() as threads:
        sender = server.table().sender(outbox=path, **SLOW)
        others, number = [threads.submit(use_sqlite, path, seed, 40) for seed in range(2)], 0
        while not all(other.done() for other in others):
            sender.send({"Id": number})
            number += 1
        sender.close(timeout=0.01)
    assert all(other.result() > 10 for other in others), "it was used"
    assert pbi.Outbox(path).pending == number > 10


def test_an_earlier_version_is_kept_out_and_keeps_others_out(path: Path) -> None:
    record_lock = """
        import fcntl, sys

        try:
            fcntl.lockf(open(sys.argv[1] + "-lock", "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("kept out")
    """
    with FaultServer(CONFIRMED) as server:
        with server.table().sender(outbox=path) as sender:
            sender.send({"Id": 1})
            assert run(record_lock, path) == "kept out\n"
        with path.with_name("rows.db-lock").open("r+") as earlier:
            fcntl.lockf(earlier, fcntl.LOCK_EX)
            said = run(ANOTHER, path)
    assert f"is in use by process {os.getpid()}" in said
    assert "forked" not in said, "the system itself names it"
