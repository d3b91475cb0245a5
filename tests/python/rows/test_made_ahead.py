"""Bodies of frames are made ahead by other threads: nobody who stops, forks or exits in between can tell."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import polars as pl
import pytest

from conftest import in_a_child, wait_until
from powerbi_push import TableSchema, ValidationError

TABLE = TableSchema("Numbers", {"Id": "Int64", "Item": "String"})
COUNT = 100_000
THREADS = Path("/proc/self/task")


def frame(count: int = COUNT) -> pl.DataFrame:
    return pl.DataFrame({"Id": range(count), "Item": [f"item {number}" for number in range(count)]})


def helpers() -> int:
    """How many threads there are that make bodies ahead."""
    names = []
    for thread in THREADS.iterdir():
        # One may just have ended.
        with suppress(FileNotFoundError, ProcessLookupError):
            names.append((thread / "comm").read_text())
    return names.count("rows-helper\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_fork_between_two_bodies_makes_the_others_in_both_processes() -> None:
    expected = list(TABLE.payloads(frame().to_dicts()))
    bodies = TABLE.payloads(frame(), check="batch")
    begun = [next(bodies), next(bodies)]

    def go_on() -> None:
        assert begun + list(bodies) == expected

    in_a_child(go_on)
    go_on()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_child_lets_go_of_what_its_parent_goes_on_with() -> None:
    parts = [TABLE.payloads(frame(), check="batch")]
    first = next(parts[0])
    in_a_child(parts.clear)
    assert [first, *parts[0]] == list(TABLE.payloads(frame().to_dicts()))


@pytest.mark.skipif(not THREADS.exists(), reason="only Linux shows the threads of a process")
def test_an_iterator_that_is_dropped_halfway_has_no_threads_left() -> None:
    before = helpers()
    bodies = TABLE.payloads(frame(), check="batch")
    next(bodies)
    if len(os.sched_getaffinity(0)) > 1:
        wait_until(lambda: helpers() > before)
    del bodies
    wait_until(lambda: helpers() == before)


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "os._exit(0)", "del bodies"])
def test_a_process_that_exits_with_half_of_the_bodies_does_so_in_silence(end: str) -> None:
    program = f"""
        import os, sys
        import polars as pl
        from powerbi_push import TableSchema
        frame = pl.DataFrame({{"Id": range({COUNT})}})
        bodies = TableSchema("Numbers", {{"Id": "Int64"}}).payloads(frame, check="batch")
        next(bodies)
        del frame
        {end}
    """
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", dedent(program)], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_problems_behind_a_body_are_told_when_it_is_their_turn() -> None:
    bad = [25_000, 25_001, 61_234]
    item = pl.when(pl.col("Id").is_in(bad)).then(pl.lit("x" * 4_001)).otherwise("Item")
    bodies = TABLE.payloads(frame().with_columns(Item=item), check="batch", max_rows=1_000)
    expected = list(TABLE.payloads(frame().to_dicts(), max_rows=1_000))
    assert [next(bodies) for _ in range(25)] == expected[:25]
    with pytest.raises(ValidationError) as refused:
        next(bodies)
    assert [error.row for error in refused.value.errors] == bad[:2]
