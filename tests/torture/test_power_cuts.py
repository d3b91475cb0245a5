"""Two hundred power cuts: what was accepted before the power went is there when it is back.

A file system of its own, ext4 in a file, is shut down without flushing its journal, as if the power had gone: what no
fsync has brought to the disk is lost. Only what was said *before* the cut counts: the process is stopped, its pipe is
emptied, then comes the cut.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ledger import Service
from places import allowed, needs, needs_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUTS = 200
CONTROL_CUTS = 20
SHUT_DOWN, WITHOUT_FLUSHING = 0x8004587D, 2  # FS_IOC_SHUTDOWN of linux/fs.h, EXT4_GOING_FLAGS_NOLOGFLUSH of ext4.h
BOOT_ID = "/proc/sys/kernel/random/boot_id"
#: Acknowledges what nobody brought to the disk.
CARELESS = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=OFF")
connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY)")
(number,) = connection.execute("SELECT coalesce(max(id), 0) FROM rows").fetchone()
while True:
    number += 1
    connection.execute("INSERT INTO rows VALUES (?)", (number,))
    os.write(1, b"%d\\n" % number)
"""


class Disk:
    """A file system in a file, whose power can be cut."""

    def __init__(self, folder: Path) -> None:
        """Make it and mount it."""
        self._image, self.path = folder / "disk.img", folder / "disk"
        self.path.mkdir()
        start = folder / "boot_id"
        start.write_text("00000000-0000-4000-8000-000000000001\n")
        #: Runs a program in a start of the system of its own, which a real cut would have ended.
        self.before_the_cut = ("unshare", "--mount", "sh", "-c", f'mount --bind "{start}" {BOOT_ID} && exec "$@"', "sh")
        allowed(*self.before_the_cut, "true")
        with self._image.open("wb") as image:
            image.truncate(64 * 2**20)
        allowed("mkfs.ext4", "-q", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Bring the power back, as soon as the system has let go of the disk."""
        for _ in range(100):
            if not subprocess.run(["losetup", "-j", self._image], check=True, capture_output=True).stdout:
                break
            time.sleep(0.02)
        allowed("mount", "-o", "loop", str(self._image), str(self.path))

    def cut(self, process: subprocess.Popen[bytes]) -> bytes:
        """Cut the power of a process that writes there; answers what it had said before."""
        assert process.stdout is not None
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        os.set_blocking(process.stdout.fileno(), False)
        said = b""
        while piece := process.stdout.read(1 << 20):
            said += piece
        folder = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(folder, SHUT_DOWN, struct.pack("I", WITHOUT_FLUSHING))
        os.close(folder)
        process.kill()
        process.communicate()
        self.unmount()
        return said

    def unmount(self) -> None:
        """Take it off, as soon as nobody holds it any more."""
        for _ in range(100):
            if subprocess.run(["umount", str(self.path)], check=False, capture_output=True).returncode == 0:
                return
            time.sleep(0.02)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of its own."""
    needs_root()
    needs("mkfs.ext4", "mount", "umount", "losetup", "unshare")
    made = Disk(tmp_path)
    yield made
    made.unmount()


def test_after_every_power_cut_every_accepted_row_is_there(disk: Disk) -> None:
    dice, outbox = random.Random(3), disk.path / "rows.db"
    filled = 0
    with Service() as service:
        for _ in range(CUTS):
            service.up = dice.random() < 0.3
            process = service.filler(outbox, before=disk.before_the_cut)
            assert process.stdout is not None
            said = process.stdout.readline()
            time.sleep(dice.random() * 0.08)
            filled += service.heard(said + disk.cut(process)) > 0
            disk.mount()
            service.drain(outbox)
            service.check()
            assert not list(disk.path.glob("*.corrupt-*")), "a cut is no damage"
        assert filled > CUTS / 2, "rows were being accepted"
        assert service.refusals == {}
        print(f"{CUTS} power cuts, {filled} while rows came, {len(service.accepted):,} rows accepted, 0 lost")


def test_a_power_cut_does_lose_what_was_not_brought_to_the_disk(disk: Disk) -> None:
    lost = 0
    for _ in range(CONTROL_CUTS):
        file = disk.path / "careless.db"
        process = subprocess.Popen([sys.executable, "-c", CARELESS, str(file)], stdout=subprocess.PIPE, bufsize=0)
        assert process.stdout is not None
        said = process.stdout.readline()
        time.sleep(0.05)
        acknowledged = int((said + disk.cut(process)).split()[-1])
        disk.mount()
        there = 0
        if file.exists() and file.stat().st_size:
            connection = sqlite3.connect(file)
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            there = connection.execute("SELECT coalesce(max(id), 0) FROM rows").fetchone()[0] if tables else 0
            connection.close()
        lost += there < acknowledged
    assert lost > CONTROL_CUTS / 2, "otherwise the cuts of the other test prove nothing"
