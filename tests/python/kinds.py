"""Every kind of rows, made from the same list of dicts, and what is sent for them."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import make_dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic

from powerbi_push import TableSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Dicts = list[dict[str, Any]]


def names_of(rows: Dicts) -> list[str]:
    """The columns, in the order of the first row."""
    return list(rows[0]) if rows else []


def generator(rows: Dicts) -> Iterator[dict[str, Any]]:
    """Rows that can be read once."""
    yield from rows


def dataclasses(rows: Dicts) -> list[Any]:
    """Instances of a dataclass that also has a class variable."""
    cls = make_dataclass("Row", names_of(rows), namespace={"origin": "here"})
    return [cls(**row) for row in rows]


def slotted(rows: Dicts) -> list[Any]:
    """Instances of a frozen dataclass without a `__dict__`."""
    cls = make_dataclass("Row", names_of(rows), slots=True, frozen=True)
    return [cls(**row) for row in rows]


def attrs_objects(rows: Dicts) -> list[Any]:
    """Instances of an attrs class."""
    cls = attrs.make_class("Row", names_of(rows))
    return [cls(**row) for row in rows]


def models(rows: Dicts) -> list[Any]:
    """Instances of a model of pydantic."""
    fields: Any = dict.fromkeys(names_of(rows), (Any, ...))
    cls = pydantic.create_model("Row", **fields)
    return [cls(**row) for row in rows]


def named_tuples(rows: Dicts) -> list[Any]:
    """Named tuples."""
    cls = namedtuple("Row", names_of(rows))  # type: ignore[misc]  # noqa: PYI024 - the fields are not known here
    return [cls(**row) for row in rows]


def table(rows: Dicts) -> pa.Table:
    """A Table of pyarrow in one piece."""
    return pa.Table.from_pylist(rows)


def pandas_nullable(rows: Dicts) -> pd.DataFrame:
    """A DataFrame of nullable types, in which NaN and a missing number are two things."""
    frame = pd.DataFrame(rows, dtype=object)
    for name in names_of(rows):
        values = [row.get(name) for row in rows]
        if any(isinstance(value, float) for value in values):
            numbers = np.array([0.0 if value is None else value for value in values], dtype="float64")
            frame[name] = pd.arrays.FloatingArray(numbers, np.array([value is None for value in values]))
        else:
            frame[name] = frame[name].convert_dtypes()
    return frame


def pandas_arrow(rows: Dicts) -> pd.DataFrame:
    """A DataFrame of Arrow types."""
    return table(rows).to_pandas(types_mapper=pd.ArrowDtype)


ITERABLES: dict[str, Callable[[Dicts], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": generator,
    "dataclasses": dataclasses,
    "slotted dataclasses": slotted,
    "attrs": attrs_objects,
    "pydantic": models,
    "named tuples": named_tuples,
}

FRAMES: dict[str, Callable[[Dicts], Any]] = {
    "pandas, numpy types": pd.DataFrame,
    "pandas, objects": lambda rows: pd.DataFrame(rows, dtype=object),
    "pandas, nullable types": pandas_nullable,
    "pandas, Arrow types": pandas_arrow,
    "polars": pl.DataFrame,
    "pyarrow Table": table,
    "pyarrow Table in pieces": lambda rows: pa.concat_tables([table(rows)[:1], table(rows)[1:4], table(rows)[4:]]),
    "pyarrow RecordBatch": pa.RecordBatch.from_pylist,
    "pyarrow RecordBatchReader": lambda rows: table(rows).to_reader(max_chunksize=3),
    "duckdb": lambda rows: duckdb.from_arrow(table(rows)),
}

ALL = ITERABLES | FRAMES
"""Kinds by name; each takes a list of dicts."""

ONCE = {"generator", "pyarrow RecordBatchReader"}
"""Kinds that can be read once."""

EACH = TableSchema("t", {"i": int, "f": float, "b": bool, "s": str, "m": datetime, "d": Decimal})
"""A column of each type."""


def sent(rows: Any, **options: Any) -> str:
    """The rows of the one body, checked by `EACH`."""
    (body,) = EACH.payloads(rows, **options)
    return body.decode().removeprefix('{"rows":[').removesuffix("]}")
