"""Senders with an outbox on the disk: what is accepted outlives the process, and is accounted for."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import (
    QUICK,
    SCHEMA,
    WATCHDOG,
    arrived,
    begin_child,
    check_parents_sender,
    in_a_child,
    make_table,
    orders,
    posts,
    wait_until,
)
from fault_server import CONFIRMED, SILENCE, FaultServer, http
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLOW: dict[str, Any] = {"max_delay": 3_600.0}
"""Only a full request, a flush or the end sends anything."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the outbox is."""
    return tmp_path / "rows.db"


def leave(table: pbi.Table, path: Path, rows: list[dict[str, Any]]) -> pbi.PushResult:
    """Accept rows that cannot be delivered."""
    sender = table.sender(outbox=path, on_error=lambda _: None, **SLOW)
    sender.send_many(rows)
    result = sender.close(timeout=0.01)
    assert result is not None
    return result


def send_each(sender: pbi.Sender, count: int) -> None:
    """Send rows one by one."""
    for row in orders(count):
        sender.send(row)


def test_what_is_accepted_is_delivered_and_leaves_the_file(path: Path) -> None:
    with Emulator() as emulator, make_table(emulator).sender(outbox=path, **SLOW) as sender:
        send_each(sender, 50)
        sender.send_many(orders(25_000, 50))
        assert pbi.Outbox(path).pending >= 5_050
        result = sender.flush()
        stats = sender.stats
        there, sent = arrived(emulator), [request.rows for request in posts(emulator)]
    assert (result.read, result.confirmed, result.maybe_twice) == (25_050, 25_050, 0)
    assert (stats.accepted, stats.confirmed, stats.pending) == (25_050, 25_050, 0)
    assert sorted(sent) == [5_050, 10_000, 10_000]
    assert there == dict.fromkeys(range(25_050), 1)
    assert pbi.Outbox(path).pending == 0


def test_nothing_is_deleted_at_close_and_what_is_left_goes_first(path: Path) -> None:
    with Emulator() as emulator:
        table = make_table(emulator, ordered=True)
        emulator.fail_next(403, times=1, route="Datasets_PostRows")
        result = leave(table, path, orders(30_000))
        assert (result.read, result.unsent, result.in_doubt) == (30_000, 30_000, 0)
        assert pbi.Outbox(path).pending == 30_000
        with table.sender(outbox=path, max_delay=0.01) as sender:
            sender.send({"Id": 30_000})
            result = sender.flush()
            stats = sender.stats
        assert (result.read, result.confirmed, result.maybe_twice) == (1, 1, 0), "only what was accepted here"
        assert (stats.accepted, stats.confirmed, stats.maybe_twice, stats.pending) == (1, 30_001, 0, 0)
        assert [row["Id"] for row in emulator.rows("Sales/Orders")] == list(range(30_001))


def test_what_was_left_is_sent_without_waiting_for_a_new_row(path: Path) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table(ordered=True)
        leave(table, path, orders(3))
        with table.sender(outbox=path, **SLOW) as sender:
            wait_until(lambda: sender.stats.confirmed == 3)


def test_rows_without_an_answer_are_in_doubt_here_and_maybe_twice_in_the_next_run(path: Path) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table(ordered=True)
        sender = table.sender(outbox=path, **SLOW)
        sender.send_many(orders(25_000))
        server.wait_for_posts(1)
        result = sender.close(timeout=0.01)
        assert result is not None
        assert result.ranges == [(0, 10_000, "in_doubt"), (10_000, 25_000, "unsent")]
        assert pbi.Outbox(path).pending == 25_000
        with table.sender(outbox=path) as sender:
            sender.flush()
            stats = sender.stats
        assert (stats.accepted, stats.confirmed, stats.maybe_twice, stats.in_doubt) == (0, 25_000, 10_000, 0)
        assert len(server.posts) == 4
        assert server.posts[0] == server.posts[1], "the same bytes"


def send_until_killed(table: pbi.Table, path: Path, first: int, acknowledge: int) -> None:
    """Say of each row that it was accepted, once it was."""
    sender = table.sender(outbox=path, max_delay=0.001)
    for number in range(first, first + 1_000_000):
        sender.send({"Id": number})
        os.write(acknowledge, f"{number}\n".encode())


def kill_after(lines: int, work: Callable[[int], object]) -> list[int]:
    """Let a child do `work`, kill it once it has said so much, and give back all that it said."""
    said, acknowledge = os.pipe()
    child = begin_child(partial(work, acknowledge), 60)
    os.close(acknowledge)
    with os.fdopen(said) as stream:
        first = [stream.readline() for _ in range(lines)]
        os.kill(child, signal.SIGKILL)
        rest = [line for line in stream if line.endswith("\n")]
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    return [int(line) for line in first + rest]


def test_killed_fifty_times_nothing_that_was_accepted_is_lost(path: Path) -> None:
    with Emulator(limits=False) as emulator:
        table = make_table(emulator, quotas=None)
        client = pbi.Client(emulator.credential.get_token().token, base_url=emulator.url, quotas=None)
        same = client.dataset("Sales").table("Orders")
        accepted: set[int] = set()
        for kill in range(50):
            work = partial(send_until_killed, same, path, kill * 1_000_000)
            accepted.update(kill_after(kill * 7 % 40, work))
        with table.sender(outbox=path) as sender:
            sender.flush()
            stats = sender.stats
        there = arrived(emulator)
        assert len(accepted) > 500
        assert accepted <= set(there), "no accepted row is lost"
        assert len(there) - len(accepted) <= 50, "beside them at most those that were just being accepted"
        assert sum(count - 1 for count in there.values()) > 0, "some were on the wire"
        assert (stats.pending, stats.rejected, stats.in_doubt) == (0, 0, 0)
        assert pbi.Outbox(path).pending == 0


# Refused rows.


def test_a_poison_request_is_set_aside_and_the_rest_goes_on(path: Path) -> None:
    answer = http(400, b'{"error":{"code":"BadRequest","message":"no such column"}}')
    with FaultServer(answer, CONFIRMED) as server:
        table = server.table(ordered=True)
        refused: dict[str, Any] = {"on_refused": "raise", "on_error": lambda _: None}
        with table.sender(outbox=path, max_rows=2, **refused, **SLOW) as sender:
            sender.send_many([{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}, {"Id": 2}])
            result = sender.flush()
        assert result.ranges == [(0, 2, "rejected"), (2, 3, "confirmed")]
        outbox = pbi.Outbox(path)
        assert outbox.pending == 0
        rejected = outbox.rejected()
        assert [told.row for told in rejected] == [{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}]
        assert {told.in_doubt for told in rejected} == {False}
        assert "no such column" in str(rejected[0].error)
        assert isinstance(rejected[0].error, pbi.ServiceError)
        assert (rejected[0].error.status, rejected[0].error.code) == (400, "BadRequest")
        assert rejected[0].at.tzinfo is not None


def reject(path: Path, count: int) -> pbi.Outbox:
    """An outbox with rejected rows, and one that waits."""
    with FaultServer(http(400), SILENCE) as server:
        table = server.table(ordered=True)
        sender = table.sender(outbox=path, max_rows=count, on_refused="raise", on_error=lambda _: None, **SLOW)
        sender.send_many(orders(count + 1))
        wait_until(lambda: sender.stats.rejected == count)
        sender.close(timeout=0.01)
    return pbi.Outbox(path)


def test_rejected_rows_can_be_retried(path: Path) -> None:
    outbox = reject(path, 3)
    assert (outbox.pending, len(outbox.rejected())) == (1, 3)
    assert outbox.retry() == 3
    assert (outbox.pending, outbox.rejected()) == (4, [])
    assert outbox.retry() == 0


def test_rejected_rows_can_be_retried_while_their_sender_is_open(path: Path) -> None:
    with FaultServer(http(400), CONFIRMED) as server:
        table = server.table(ordered=True)
        with table.sender(outbox=path, on_refused="raise", on_error=lambda _: None, max_delay=0.01) as sender:
            sender.send_many(orders(3))
            wait_until(lambda: sender.stats.rejected == 3)
            assert pbi.Outbox(path).retry() == 3
            wait_until(lambda: sender.stats.confirmed == 3)
        assert len(server.posts) == 2
        assert pbi.Outbox(path).pending == 0


def test_rejected_rows_can_be_dropped(path: Path) -> None:
    outbox = reject(path, 3)
    assert outbox.drop() == 3
    assert (outbox.pending, outbox.rejected(), outbox.drop()) == (1, [], 0)


def test_rows_can_be_exported(path: Path, tmp_path: Path) -> None:
    outbox = reject(path, 2)
    target = tmp_path / "rows.jsonl"
    assert outbox.export(target) == 3
    assert [json.loads(line) for line in target.read_text().splitlines()] == [{"Id": 2}, {"Id": 0}, {"Id": 1}]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    text, raw = io.StringIO(), io.BytesIO()
    assert outbox.export(text, rows="rejected") == 2
    assert outbox.export(raw, rows="pending") == 1
    assert (text.getvalue(), raw.getvalue()) == ('{"Id":0}\n{"Id":1}\n', b'{"Id":2}\n')
    with pytest.raises(pbi.ConfigurationError, match='"all" or "pending" or "rejected"'):
        outbox.export(text, rows="some")  # type: ignore[arg-type]
    assert (outbox.pending, len(outbox.rejected())) == (1, 2), "they stay"


def test_an_export_over_a_file_that_others_may_read_closes_it_to_them(path: Path, tmp_path: Path) -> None:
    outbox = reject(path, 2)
    target, link = tmp_path / "rows.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(target)
    for file in (target, link):
        target.write_text("what was there before, and longer than what comes\n" * 9)
        target.chmod(0o644)
        modes: list[int] = []
        assert outbox.export(file) == 3
        modes.append(stat.S_IMODE(target.stat().st_mode))
        assert target.read_text() == '{"Id":2}\n{"Id":0}\n{"Id":1}\n'
        assert modes == [0o600]


def test_an_export_onto_what_belongs_to_the_outbox_is_refused_and_changes_nothing(path: Path, tmp_path: Path) -> None:
    with FaultServer(SILENCE) as server, server.table().sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        outbox, before = pbi.Outbox(path), {file: file.read_bytes() for file in path.parent.iterdir()}
        links = [tmp_path / "a link", tmp_path / "another name"]
        links[0].symlink_to(path)
        links[1].hardlink_to(path)
        for file in [*before, *links]:
            with pytest.raises(pbi.ConfigurationError, match="belongs to the outbox"):
                outbox.export(file)
        links[1].unlink()
        assert {file: file.read_bytes() for file in before} == before
        assert len(before) >= 4
        names = "-wal -shm -lock -journal -mark -mark-1 -mark-2 .corrupt-1 .corrupt-12-wal .new .draft"
        for name in names.split():
            with pytest.raises(pbi.ConfigurationError, match="belongs to the outbox"):
                outbox.export(path.with_name(f"rows.db{name}"))
        assert set(path.parent.iterdir()) == {*before, links[0]}, "none of them is made"
        for name in (".jsonl", ".newer.jsonl", "-walter"):
            assert outbox.export(path.with_name(f"rows.db{name}")) == 1
        with pytest.raises(pbi.OutboxError, match=r"`file` cannot be written: .*: Is a directory"):
            outbox.export(tmp_path)
        sender.close(timeout=0.01)


def test_an_export_to_the_terminal_is_written_there(path: Path) -> None:
    reject(path, 2)
    program = "import sys, powerbi_push as pbi; pbi.Outbox(sys.argv[1]).export('/dev/stdout')"
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True)
    assert done.stdout == '{"Id":2}\n{"Id":0}\n{"Id":1}\n'


def test_an_outbox_is_the_same_wherever_the_program_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reject(path, 2)
    monkeypatch.chdir(path.parent)
    outbox = pbi.Outbox(path.name)
    monkeypatch.chdir("/")
    assert (outbox.pending, outbox.retry(), outbox.pending, repr(outbox)) == (1, 2, 3, "Outbox('rows.db')")


def test_text_survives_the_pieces_of_an_export(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        leave(server.table(), path, [{"Id": number, "Item": "é😀" * (number % 50)} for number in range(2_000)])
    text = io.StringIO()
    assert pbi.Outbox(path).export(text) == 2_000
    assert [json.loads(line)["Item"] for line in text.getvalue().splitlines()] == [
        "é😀" * (number % 50) for number in range(2_000)
    ]


def test_a_file_that_raises_raises_through(path: Path) -> None:
    class Broken(io.BytesIO):
        def write(self, _: object) -> int:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reject(path, 2).export(Broken())


def test_doubt_that_is_left_is_set_aside_as_doubt(path: Path) -> None:
    with FaultServer(http(503), CONFIRMED) as server:
        table = server.table(ordered=True, retry=QUICK)
        with table.sender(outbox=path, on_doubt="raise", on_error=lambda _: None, **SLOW) as sender:
            sender.send_many(orders(2))
            assert sender.flush().in_doubt == 2
        outbox = pbi.Outbox(path)
        assert [(told.row["Id"], told.in_doubt) for told in outbox.rejected()] == [(0, True), (1, True)]
        assert isinstance(outbox.rejected()[0].error, pbi.InDoubtError)
        outbox.retry()
        with table.sender(outbox=path) as sender:
            sender.flush()
            assert (sender.stats.confirmed, sender.stats.maybe_twice) == (2, 2)


# Room.


def test_a_full_outbox_raises_where_that_is_wanted(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(outbox=path, outbox_bytes=1_000, on_full="error", **SLOW)
        with pytest.raises(pbi.OutboxFullError, match="rows come faster"):
            send_each(sender, 1_000)
        accepted = sender.stats.accepted
        assert 50 < accepted < 150
        sender.close(timeout=0.01)
        assert pbi.Outbox(path).pending == accepted


def test_a_full_outbox_drops_the_oldest_where_that_is_wanted(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        options: dict[str, Any] = {"outbox_bytes": 10_000, "on_full": "drop_oldest", "max_rows": 100}
        sender = server.table().sender(outbox=path, **options, **SLOW)
        for start in range(0, 5_000, 50):
            sender.send_many(orders(50, start))
        stats = sender.stats
        assert stats.dropped > 3_000
        assert stats.accepted == 5_000 == stats.dropped + stats.pending
        sender.close(timeout=0.01)
        text = io.StringIO()
        pbi.Outbox(path).export(text)
        assert json.loads(text.getvalue().splitlines()[-1]) == {"Id": 4_999}


def test_a_full_outbox_blocks_for_a_while(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(outbox=path, outbox_bytes=1_000, full_timeout=0.05, **SLOW)
        with pytest.raises(pbi.OutboxFullError, match="full_timeout"):
            sender.send_many(iter(orders(50_000)))
        sender.close(timeout=0.01)


def test_a_full_outbox_takes_rows_again_once_some_are_delivered(path: Path) -> None:
    with Emulator(limits=False) as emulator:
        table = make_table(emulator, quotas=None)
        with table.sender(outbox=path, outbox_bytes=2_000, max_rows=20, max_delay=0) as sender:
            send_each(sender, 1_000)
        assert arrived(emulator) == dict.fromkeys(range(1_000), 1)


# Whose it is.


def test_an_outbox_belongs_to_one_destination(virtual: Emulator, path: Path) -> None:
    table = make_table(virtual)
    with table.sender(outbox=path) as sender:
        sender.send({"Id": 1})
    other = virtual.client().create_dataset(pbi.DatasetSchema("Other", SCHEMA.tables)).table("Orders")
    with pytest.raises(pbi.OutboxError, match="holds rows for another destination"):
        other.sender(outbox=path)
    table.sender(outbox=path).close()


def test_one_sender_at_a_time(virtual: Emulator, path: Path) -> None:
    table = make_table(virtual)
    with table.sender(outbox=path) as sender:
        with pytest.raises(pbi.OutboxError, match=f"already open in this process \\({os.getpid()}\\)"):
            table.sender(outbox=path)
        sender.send({"Id": 1})
    table.sender(outbox=path).close()


def test_one_process_at_a_time(path: Path) -> None:
    program = """
        import sys
        import powerbi_push as pbi

        try:
            pbi.Outbox(sys.argv[1]).drop()
        except pbi.OutboxError as error:
            print(pbi.Outbox(sys.argv[1]).pending, error)
    """
    with FaultServer(CONFIRMED) as server, server.table().sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        command = [sys.executable, "-c", dedent(program), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True)
    assert done.stdout.startswith("1 the outbox")
    assert f"is in use by process {os.getpid()}" in done.stdout


def test_a_forked_child_has_no_part_in_it(virtual: Emulator, path: Path) -> None:
    with make_table(virtual).sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        in_a_child(lambda: check_parents_sender(sender))
        sender.send({"Id": 3})
    assert arrived(virtual) == {1: 1, 3: 1}


def test_a_forked_child_clears_nothing_up(virtual: Emulator, path: Path) -> None:
    with make_table(virtual).sender(outbox=path, on_error=lambda _: None, **SLOW) as sender:
        virtual.fail_next(400, route="Datasets_PostRows")
        sender.send({"Id": 1})
        sender.flush()

        def drop() -> None:
            with pytest.raises(pbi.ClosedError, match=f"belongs to the process {os.getppid()}"):
                pbi.Outbox(path).drop()

        in_a_child(drop)
        assert [rejected.row for rejected in pbi.Outbox(path).rejected()] == [{"Id": 1}]


def test_the_file_is_private_and_holds_no_secret(virtual: Emulator, path: Path) -> None:
    url = virtual.streaming_dataset("Live", {"Id": "Number"})
    key = re.findall(r"key=([^&]+)", url)[0]
    sender = pbi.StreamingDataset(url).sender(outbox=path, **SLOW)
    sender.send({"Id": 1})
    table = make_table(virtual)
    with table.sender(outbox=path.with_name("other.db"), **SLOW) as other:
        other.send({"Id": 1})
    token = virtual.credential.get_token().token
    for file in path.parent.iterdir():
        content = file.read_bytes()
        assert key.encode() not in content
        assert token.encode() not in content
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    sender.close()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"outbox": 3}, "`outbox` takes the path of a file, or None"),
        (
            {"outbox": "rows.db", "outbox_bytes": 0},
            "`outbox_bytes` takes a whole number from 1",
        ),
        ({"outbox": "nowhere/rows.db"}, "the folder of the outbox `nowhere`: No such file"),
        ({"outbox": "."}, r"the outbox `\.` is a folder"),
        ({"outbox": "words.txt"}, "words.txt` is there and is not an outbox"),
    ],
)
def test_wrong_options_are_told_at_once(
    virtual: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("my shopping list")
    with pytest.raises((pbi.ConfigurationError, pbi.OutboxError), match=complaint):
        make_table(virtual).sender(**options)
    assert (tmp_path / "words.txt").read_text() == "my shopping list"


def test_an_outbox_that_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(pbi.OutboxError, match="there is no outbox at"):
        pbi.Outbox(path)
    assert not path.exists()


# Sequence numbers, asyncio, the end of Python.


@pytest.mark.parametrize("behaviour", ["refuses", "deduplicates", "ignores"])
def test_numbered_batches_keep_their_number_over_runs(path: Path, behaviour: Any) -> None:
    with Emulator(assumptions={"sequence_numbers": behaviour}) as emulator:
        table = emulator.client(retry=QUICK).create_dataset(SCHEMA).table("Orders", sequence=True)
        table.push(orders(5, 90_000))
        emulator.drop_response()
        sender = table.sender(outbox=path, on_error=lambda _: None, **SLOW)
        emulator.fail_next(403, times=1, route="Datasets_PostRows")
        sender.send_many(orders(10_000))
        wait_until(lambda: sender.stats.state == "paused")
        result = sender.close(timeout=0.01)
        assert result is not None
        assert result.in_doubt == 10_000
        with table.sender(outbox=path) as sender:
            sender.send({"Id": 10_000})
            sender.flush()
            stats = sender.stats
        assert (stats.confirmed, stats.rejected, stats.in_doubt, stats.pending) == (10_001, 0, 0, 0)
        there = arrived(emulator)
        assert set(range(10_001)) <= set(there)
        twice = {number for number, count in there.items() if count > 1}
        if behaviour == "ignores":
            assert twice == set(range(10_000))
            assert stats.maybe_twice == 10_000
        else:
            assert not twice
        numbers = {request.headers["x-powerbi-pushdata-sequencenumber"] for request in posts(emulator)}
        # A service that ignores numbers knows none of those that it was sent.
        assert numbers == ({"1", "2"} if behaviour == "ignores" else {"1", "2", "3"})


def test_what_is_awaited_keeps_its_rows_on_the_disk_alike(path: Path) -> None:
    async def main(emulator: Emulator) -> None:
        async with make_table(emulator).sender(outbox=path, **SLOW) as sender:
            await asyncio.gather(*(sender.send_async(row) for row in orders(20)))
            with pytest.raises(pbi.ValidationError):
                await sender.send_async({"Id": "one"})
            await sender.send_many_async(iter(orders(20, 20)))
            assert pbi.Outbox(path).pending == 40
            assert (await sender.flush_async()).confirmed == 40

    with Emulator() as emulator:
        asyncio.run(main(emulator))
        assert arrived(emulator) == dict.fromkeys(range(40), 1)


def test_at_the_end_of_python_rows_stay_and_nothing_is_said(path: Path) -> None:
    program = """
        import sys
        import powerbi_push as pbi
        from powerbi_push.emulator import Emulator

        emulator = Emulator().__enter__()
        schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})])
        table = emulator.client().create_dataset(schema).table()
        emulator.fail_next(403, times=99, route="Datasets_PostRows")
        options = {"on_error": lambda _: None, "max_delay": 3600, "close_timeout": 0.1}
        sender = table.sender(outbox=sys.argv[1], **options)
        for number in range(37):
            sender.send({"Id": number})
    """
    command = [sys.executable, "-c", dedent(program), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert pbi.Outbox(path).pending == 37


# What a person should know.


def noticed(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log said of outboxes."""
    wait_until(lambda: any("outbox" in record.getMessage() for record in caplog.records))
    return [record.getMessage() for record in caplog.records if "outbox" in record.getMessage()]


def test_an_outbox_in_memory_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    if not os.path.ismount("/dev/shm"):  # noqa: S108 - where memory is a folder
        pytest.skip("there is no folder in memory")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, FaultServer(CONFIRMED) as server:
        with server.table().sender(outbox=f"{folder}/rows.db") as sender:
            sender.send({"Id": 1})
        (line,) = noticed(caplog)
    assert line.endswith("rows.db` lies in memory: its rows do not survive power loss")


def test_a_damaged_outbox_is_told_of_and_what_is_intact_goes_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        sender = server.table().sender(outbox=path, **SLOW)
        for start in range(0, 2_000, 100):
            sender.send_many(orders(100, start))
        sender.close(timeout=0.01)
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 3_000] = b"\xff" * 3_000
        path.write_bytes(content)
        with server.table().sender(outbox=path) as sender:
            sender.flush()
            delivered = sender.stats.confirmed
        (line,) = noticed(caplog)
    assert "was damaged" in line
    found = re.search(r"(\d+) accepted rows are lost", line)
    assert found is not None
    assert delivered == 2_000 - int(found[1])
    assert 1_000 < delivered < 2_000
    kept = re.search(r"the damaged one is kept as `(.+)`", line)
    assert kept is not None
    assert os.path.exists(kept[1])  # noqa: PTH110 - as the line says it


def cut_log(table: pbi.Table, path: Path, count: int) -> Path:
    """Leave the file of a process that was killed, whose log is gone."""
    sender = table.sender(outbox=path, on_error=lambda _: None, **SLOW)
    sender.send_many(orders(count))
    left = path.with_name("left.db")
    for suffix in ("", "-mark", "-lock"):
        shutil.copy(f"{path}{suffix}", f"{left}{suffix}")
    sender.close(timeout=0.01)
    return left


def test_what_a_lost_log_took_along_is_told_though_others_opened_the_outbox_before(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        with pytest.raises(pbi.OutboxError, match="rows that were accepted are not in it"):
            _ = pbi.Outbox(left).pending
        with pytest.raises(pbi.OutboxError, match="rows that were accepted are not in it"):
            pbi.Outbox(left).export(io.BytesIO())
        assert pbi.Outbox(left).retry() == 0
        assert pbi.Outbox(left).drop() == 0
        assert pbi.Outbox(left).pending == 0
        with table.sender(outbox=left):
            (line,) = noticed(caplog)
        assert "37 accepted rows are lost" in line
        caplog.clear()
        with table.sender(outbox=left) as sender:
            sender.send({"Id": 1})
        assert not [record for record in caplog.records if "lost" in record.getMessage()], "it is told once"


def test_flush_does_not_wait_for_what_is_lost(path: Path) -> None:
    with FaultServer(CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        with table.sender(outbox=left) as sender:
            assert sender.flush(timeout=WATCHDOG).confirmed == 0
            sender.send_many(orders(5))
            assert sender.flush(timeout=WATCHDOG).confirmed == 5
            assert (sender.stats.pending, sender.stats.state) == (0, "running")


def test_a_loss_is_a_warning_where_nobody_reads_the_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        monkeypatch.setattr(logging.getLogger("powerbi_push"), "propagate", False)
        with monkeypatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("error")
            patch.setattr(sys, "unraisablehook", raised.append)
            with table.sender(outbox=left):
                wait_until(lambda: raised)
        assert raised[0].exc_type is pbi.OutboxWarning
        # What raised may have reached nobody: it is told again.
        with pytest.warns(pbi.OutboxWarning, match="37 accepted rows are lost") as told, table.sender(outbox=left):
            wait_until(lambda: told.list)


def test_an_export_writes_all_or_raises_whatever_a_file_takes_at_a_time(path: Path) -> None:
    class Slow(io.BytesIO):
        def write(self, piece: Any) -> int:
            return super().write(piece[:7])

    outbox, slow = reject(path, 2), Slow()
    assert outbox.export(slow) == 3
    assert slow.getvalue() == b'{"Id":2}\n{"Id":0}\n{"Id":1}\n'
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "wb", buffering=0) as pipe:
        while pipe.write(b"x" * 65_536):
            pass
        with pytest.raises(BlockingIOError, match="does not take all rows"):
            outbox.export(pipe)


def test_an_export_that_cannot_read_everything_says_how_much_is_missing(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(outbox=path, on_error=lambda _: None, **SLOW)
        for start in range(0, 2_000, 100):
            sender.send_many(orders(100, start))
        sender.close(timeout=0.01)
    content = path.read_bytes()
    # Some of the rows go over the end of a page.
    at = max(content.rfind(f'{{"Id":{number}'.encode()) for number in range(1_000, 1_100))
    assert at > 0
    path.write_bytes(content[: at + 6] + b"9" + content[at + 7 :])
    out = io.BytesIO()
    with pytest.raises(pbi.OutboxError, match="1900 rows were written and 100 are missing"):
        pbi.Outbox(path).export(out)
    assert len(out.getvalue().splitlines()) == 1_900
