"""Disks that are full or fail, and processes that race for one outbox: refused is refused, accepted is delivered."""

from __future__ import annotations

import re
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from fault_server import DATASET_ID
from ledger import Service
from places import PREFACE, allowed, needs, needs_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 300
POINTS = 30
FAILURES = [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "EIO"), ("ftruncate", "EIO")]
RACERS, ROUNDS = 20, 5
RACE = """
    url, dataset, outbox = sys.argv[1:]
    table = pbi.Client("opaque", base_url=url, quotas=None).dataset(dataset).table("Orders", {"Id": int})
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        sender = table.sender(outbox=outbox, max_delay=0.001)
    except pbi.OutboxError as error:
        print("refused", error, flush=True)
        sys.exit()
    sender.send({"Id": os.getpid()})
    print("got", flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def service() -> Iterator[Service]:
    """A service whose fillers meet a bad disk."""
    with Service() as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    needs_root()
    needs("mount", "umount")
    folder = tmp_path / "small"
    folder.mkdir()
    allowed("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


@pytest.mark.filterwarnings("ignore")
def test_on_a_full_disk_new_rows_are_refused_and_accepted_ones_go_out(service: Service, small: Path) -> None:
    table = service.server.table(quotas=None)
    service.up = False
    accepted: set[int] = set()
    refused = 0
    options: dict[str, Any] = {"outbox": small / "rows.db", "on_full": "error", "close_timeout": 0.1}
    with table.sender(**options, on_error=lambda _: None) as sender:
        for number in range(20_000):
            try:
                sender.send({"Id": number, "Item": "x" * 200})
                accepted.add(number)
            except pbi.OutboxFullError:
                refused += 1
        assert refused > 0, "the disk was full"
        assert len(accepted) > 1_000
        assert sender.stats.accepted == len(accepted)
        service.up = True
        result = sender.flush(timeout=60.0)
        assert (result.confirmed, result.in_doubt, result.rejected) == (len(accepted), 0, 0)
        sender.send({"Id": 20_000})
        sender.flush(timeout=60.0)
    assert set(service.there()) == accepted | {20_000}
    print(f"2 MiB of disk: {len(accepted):,} rows accepted and delivered, {refused:,} refused, then room again")


@pytest.mark.parametrize(("call", "error"), FAILURES)
def test_a_call_that_fails_once_costs_no_accepted_row(service: Service, tmp_path: Path, call: str, error: str) -> None:
    needs("strace")
    failed = 0
    for point in range(1, POINTS + 1):
        outbox, log = tmp_path / f"{point}.db", tmp_path / "strace.log"
        if point % 2:
            service.drain(outbox)
        service.up = point % 4 < 2
        before = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={call}"]
        before += ["-e", f"inject={call}:error={error}:when={point}"]
        with service.filler(outbox, ROWS, before) as process:
            said, complaint = process.communicate(timeout=120)
        if b"ptrace" in complaint:
            pytest.skip(f"the machine does not allow strace: {complaint.decode()}")
        assert "panicked" not in complaint.decode()
        service.heard(said)
        failed += "(INJECTED)" in log.read_text()
        if outbox.exists():
            service.drain(outbox)
        service.check()
    assert failed > 0, "no call failed"
    assert not service.refused & set(service.there()), "a refused row is the caller's again"
    print(
        f"{call} {error}: {failed} failed, {len(service.accepted):,} rows accepted, 0 lost, {dict(service.refusals)},"
    )
    print(f"{len(service.refused)} rows refused, none of them sent")


def test_of_twenty_processes_one_has_the_outbox_and_the_others_are_told_whose_it_is(
    service: Service, tmp_path: Path
) -> None:
    outbox = tmp_path / "rows.db"
    owners = []
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        PREFACE + dedent(RACE),
        service.server.url,
        DATASET_ID,
        str(outbox),
    ]
    for _ in range(ROUNDS):
        racers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(RACERS)
        ]
        try:
            owners.append(race(racers))
        finally:
            for racer in racers:
                racer.kill()
                racer.communicate()
    service.drain(outbox)
    assert set(service.there()) == set(owners)


def race(racers: list[subprocess.Popen[str]]) -> int:
    """Let them begin at once; answers who had the outbox."""
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = {racer.pid: racer.stdout.readline() for racer in racers if racer.stdout is not None}
    (owner,) = [pid for pid, words in said.items() if words == "got\n"]
    told = {words for pid, words in said.items() if pid != owner}
    assert all(re.search(rf"in use by process {owner}\b", words) for words in told), told
    return owner
