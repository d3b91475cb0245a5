"""Senders with an outbox on the disk: what is accepted outlives the process, and is accounted for."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from functools import partial
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, SCHEMA, WATCHDOG, arrived, begin_child, make_table, orders, posts, wait_until
from fault_server import CONFIRMED, SILENCE, FaultServer
from powerbi_push.emulator import Emulator
from slow_senders import SLOW, leave, send_each

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
        left = table.sender(outbox=path, **SLOW)
        left.send_many(orders(10_000))
        server.wait_for_posts(1)
        left.close(timeout=0.01)
        with table.sender(outbox=path, **SLOW) as sender:
            wait_until(lambda: sender.stats.confirmed == 10_000)


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
