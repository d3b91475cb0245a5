"""Kill -9: three hundred times at any moment, and at every system call that writes. No accepted row is lost."""

from __future__ import annotations

import random
import signal
import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from ledger import Service
from places import needs
from second_handles import copy_and_read

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

KILLS = 300
ROWS = 400  # of the filler that is killed at each call; strace counts the calls of each thread by itself
MOST_CALLS = 60
OPENING = {"pwrite64": 50}  # what it takes to make a new outbox, before there is a row
CALLS = ["pwrite64", "write", "fdatasync", "ftruncate", "unlink", "openat", "rename", "fcntl", "munmap"]
STEP = {"write": 3, "openat": 30, "fcntl": 30, "munmap": 5}


@pytest.fixture
def service() -> Iterator[Service]:
    """A service whose fillers are to be killed."""
    with Service() as made:
        yield made


def kill_after(process: subprocess.Popen[bytes], seconds: float, *, once_open: bool) -> bytes:
    """Kill a filler some time after it was started, or has opened its outbox; answers all that it said."""
    assert process.stdout is not None
    said = process.stdout.readline() if once_open else b""
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    rest, complaint = process.communicate()
    assert process.returncode == -signal.SIGKILL, complaint.decode()
    return said + rest


def test_killed_at_any_moment_no_accepted_row_is_lost(service: Service, tmp_path: Path) -> None:
    dice, outbox = random.Random(7), tmp_path / "rows.db"
    filled = left = 0
    for kill in range(KILLS):
        service.up = dice.random() < 0.6
        once_open = kill % 5 > 0
        most = 0.06 if once_open else 0.3
        filled += service.heard(kill_after(service.filler(outbox), dice.random() * most, once_open=once_open)) > 0
        left += outbox.exists() and pbi.Outbox(outbox).pending > 0
        if kill % 10 == 9:
            service.drain(outbox)
            service.check()
        assert not list(tmp_path.glob("*.corrupt-*")), "a kill is no damage"
    assert filled > KILLS / 2, "they were killed while rows were accepted"
    assert left > KILLS / 4, "they were killed while rows waited"
    twice = sum(count > 1 for count in service.there().values())
    print(f"{KILLS} kills, {filled} while rows came, {len(service.accepted):,} rows accepted, 0 lost, {twice} twice")


READ_KILLS = 130


@pytest.mark.parametrize("what", ["copy", "sqlite"])
def test_killed_while_others_use_its_files_no_accepted_row_is_lost(service: Service, tmp_path: Path, what: str) -> None:
    """They copy and read the folder in the sender's process and in this one, or use the file by Python's own SQLite."""
    dice, outbox, ended = random.Random(11), tmp_path / "folder" / "rows.db", Event()
    outbox.parent.mkdir()
    reader = Thread(target=copy_and_read, args=(outbox, ended))
    reader.start()
    filled = 0
    try:
        for kill in range(READ_KILLS):
            service.up = dice.random() < 0.6
            filler = service.filler(outbox, what=what)
            filled += service.heard(kill_after(filler, dice.random() * 0.2, once_open=True)) > 0
            if kill % 10 == 9:
                service.drain(outbox)
                service.check()
    finally:
        ended.set()
        reader.join()
    assert not service.refused
    assert filled > READ_KILLS / 2, "they were killed while rows were accepted"
    print(f"{READ_KILLS} kills beside {what}, {len(service.accepted):,} rows accepted, 0 lost")


def points(call: str) -> Iterator[int]:
    """Which of its calls a filler does not survive: all of the writing ones, some of the many others."""
    yield from range(1, OPENING.get(call, 0) + MOST_CALLS * STEP.get(call, 1), STEP.get(call, 1))


@pytest.mark.parametrize("outbox_is", ["new", "there"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_call_no_accepted_row_is_lost(
    service: Service, tmp_path: Path, call: str, outbox_is: str
) -> None:
    needs("strace")
    killed = 0
    for point in points(call):
        outbox = tmp_path / f"{point}.db"
        if outbox_is == "there":
            service.drain(outbox)
        service.up = point % 2 == 0
        before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
        before += ["-e", f"inject={call}:signal=KILL:when={point}"]
        with service.filler(outbox, ROWS, before) as process:
            said, complaint = process.communicate(timeout=60)
        if process.returncode == 1 and b"ptrace" in complaint:
            pytest.skip(f"the machine does not allow strace: {complaint.decode()}")
        service.heard(said)
        if outbox.exists():
            service.drain(outbox)
        service.check()
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, complaint.decode()
            break
        killed += 1
    print(
        f"{call}, the outbox is {outbox_is}: killed at {killed} points, {len(service.accepted):,} rows accepted, 0 lost"
    )
    if call in {"pwrite64", "fdatasync"}:
        assert killed > 5, "there are so many calls at least"
        assert len(service.accepted) > ROWS
