"""What accepting a row costs: in memory, durably one at a time, and durably in bursts."""

from __future__ import annotations

import gc
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import data
import outboxes
import setup
import sink
from fault_server import SILENCE, FaultServer
from figures import Figure, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import powerbi_push as pbi

ROUNDS = 7
ROWS = 200_000
SINGLE = 500
BURST = 300_000
ONE_BY_ONE = "durable `send` one at a time, against a bare SQLite insert and commit"
BURSTS = "durable rows in bursts"


def figures() -> Iterator[Figure]:
    """All figures of this kind."""
    how = f"{ROWS:,} rows of three columns one by one, median of {ROUNDS} rounds, to a sink that takes them meanwhile"
    each = list(_in_memory())
    yield at_most(
        "`send` without outbox", median(each) * 1e9, 500, "ns", how, also=f"the best round {min(each) * 1e9:.0f}"
    )
    how = f"by turns, {ROUNDS} rounds of {SINGLE} rows each, `synchronous=FULL` both, same disk; median of the ratios"
    how_bursts = f"`send_many` of {BURST:,} rows, which returns once they are on the disk; median of {ROUNDS} rounds"
    ours, theirs, ratio = _one_by_one()
    also = f"{1e6 * ours:.0f} µs, SQLite {1e6 * theirs:.0f} µs"
    yield at_least(ONE_BY_ONE, ratio, 0.7, "×", how, also=also)
    yield at_least(BURSTS, _burst(), 100_000, "rows/s", how_bursts)


def _in_memory() -> Iterator[float]:
    rows = data.narrow(ROWS)
    with sink.running() as url:
        table = outboxes.table(url, data.NARROW)
        with table.sender() as sender:
            _each(sender, rows)
            for _ in range(ROUNDS):
                sender.flush()
                yield _each(sender, rows)


def _each(sender: pbi.Sender, rows: data.Rows) -> float:
    """Seconds for one row."""
    send = sender.send

    def each() -> None:
        for row in rows:
            send(row)

    return _timed(each) / len(rows)


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    before = time.perf_counter()
    work()
    after = time.perf_counter()
    gc.enable()
    return after - before


@contextmanager
def _durable() -> Iterator[tuple[pbi.Sender, Path]]:
    """Give a sender whose service never answers, and the folder in which its outbox is."""
    with tempfile.TemporaryDirectory(dir=outboxes.folder()) as name, FaultServer(SILENCE) as server:
        folder = Path(name)
        options: dict[str, Any] = {"outbox": str(folder / "outbox.db"), **setup.SLOW}
        sender = outboxes.table(server.url, data.NARROW).sender(**options)
        yield sender, folder
        setup.give_up(sender)


def _one_by_one() -> tuple[float, float, float]:
    """Seconds for one row of ours, for one of theirs, and how many times as fast we are."""
    rows = data.narrow(SINGLE)
    bodies = [(repr(row),) for row in rows]
    with _durable() as (sender, folder):
        connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT)")

        def bare() -> None:
            for body in bodies:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO rows (body) VALUES (?)", body)
                connection.execute("COMMIT")

        ours, theirs = [], []
        for turn in range(ROUNDS + 1):
            pair = (_each(sender, rows), _timed(bare) / SINGLE)
            if turn:
                ours.append(pair[0])
                theirs.append(pair[1])
        connection.close()
    return median(ours), median(theirs), median(its / mine for mine, its in zip(ours, theirs, strict=True))


def _burst() -> float:
    """Rows a second."""
    rows = data.narrow(BURST)
    with _durable() as (sender, _):
        return median(BURST / _timed(lambda: sender.send_many(rows)) for _ in range(ROUNDS))
