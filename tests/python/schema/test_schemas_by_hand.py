"""Schemas made by hand: columns as mappings and pairs, tables as mappings, data types of other libraries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from conftest import named
from powerbi_push import Column, ConfigurationError, DatasetSchema, TableSchema
from schemas import ORDERS

BY_LIBRARIES: dict[str, Any] = {
    "numpy": {"i": np.dtype("int32"), "f": np.float32, "b": np.dtype(bool), "s": np.dtype("U5"), "m": np.datetime64},
    "pandas": {
        "i": pd.UInt8Dtype(),
        "f": pd.Float64Dtype(),
        "b": pd.BooleanDtype(),
        "s": pd.StringDtype(),
        "m": pd.DatetimeTZDtype("ns", "UTC"),
    },
    "pandas, Arrow types": {
        "i": pd.ArrowDtype(pa.int16()),
        "f": pd.ArrowDtype(pa.float64()),
        "b": pd.ArrowDtype(pa.bool_()),
        "s": pd.ArrowDtype(pa.large_string()),
        "m": pd.ArrowDtype(pa.timestamp("us")),
    },
    "pandas, others": {
        "i": pd.SparseDtype("int64"),
        "f": np.dtype("float64"),
        "b": pd.CategoricalDtype([True, False]),
        "s": pd.CategoricalDtype(["x"]),
        "m": np.dtype("datetime64[ns]"),
    },
    "polars": {"i": pl.UInt64, "f": pl.Float32(), "b": pl.Boolean, "s": pl.Categorical, "m": pl.Datetime("us", "UTC")},
    "Arrow": {
        "i": pa.uint8(),
        "f": pa.float16(),
        "b": pa.bool_(),
        "s": pa.dictionary(pa.int8(), pa.string()),
        "m": pa.date32(),
    },
}
PLAIN = TableSchema("t", {"i": int, "f": float, "b": bool, "s": str, "m": datetime})
FRAME = pd.DataFrame({"i": [1], "f": [1.5], "b": [True], "s": ["x"], "m": [pd.Timestamp("2024-01-01")]})


@pytest.mark.parametrize("library", BY_LIBRARIES)
def test_data_types_of_other_libraries_are_data_types(library: str) -> None:
    assert TableSchema("t", BY_LIBRARIES[library]) == PLAIN
    assert TableSchema("t", list(BY_LIBRARIES[library].items())) == PLAIN


@pytest.mark.parametrize(
    "columns",
    [dict(FRAME.dtypes), FRAME.dtypes, dict(pl.from_pandas(FRAME).schema), pa.Table.from_pandas(FRAME).schema],
    ids=["dict of dtypes", "dtypes", "polars", "pyarrow"],
)
def test_the_types_of_a_frame_are_columns(columns: Any) -> None:
    assert TableSchema("t", columns) == PLAIN
    assert DatasetSchema("d", {"t": columns}) == DatasetSchema("d", [PLAIN])


def test_decimals_of_other_libraries_are_decimals_and_objects_are_text() -> None:
    decimals = {"a": pa.decimal128(10, 2), "b": pl.Decimal(10, 2), "c": pd.ArrowDtype(pa.decimal128(10, 2))}
    assert {column.data_type for column in TableSchema("t", decimals).columns} == {"Decimal"}
    assert TableSchema("t", {"a": np.dtype(object)}) == TableSchema("t", {"a": str})


@pytest.mark.parametrize(
    "data_type",
    [
        np.dtype("timedelta64[ns]"),
        np.complex128,
        pd.PeriodDtype("D"),
        pd.IntervalDtype("int64"),
        pl.List(pl.Int64),
        pl.Duration,
        pa.list_(pa.int64()),
        pa.binary(),
        pa.null(),
        list,
        bytes,
        None,
        5,
        object(),
    ],
    ids=named,
)
def test_a_data_type_that_means_none_of_ours_is_refused_by_column_and_name(data_type: object) -> None:
    with pytest.raises(ConfigurationError, match="column `a` has the `data_type`"):
        TableSchema("t", {"a": data_type})


def test_pairs_are_columns_and_a_mapping_is_tables() -> None:
    for columns in (
        [("Id", int), ("Product", "int")],
        [["Id", int], Column("Product", int)],
        (("Id", int), ("Product", int)),
    ):
        made: Any = columns
        assert TableSchema("Orders", made) == ORDERS
    assert DatasetSchema("S", {"Orders": {"Id": int, "Product": int}}) == DatasetSchema("S", [ORDERS])
    assert DatasetSchema("S", {"Orders": ORDERS}) == DatasetSchema("S", [ORDERS])
    with pytest.raises(ConfigurationError, match="`Orders` is given under the name `Order`"):
        DatasetSchema("S", {"Order": ORDERS})


@pytest.mark.parametrize("columns", [["a", "b"], "ab", b"ab", 5, None, [5], [("a",)], [("a", int, 1)], [{"name": "a"}]])
def test_columns_without_types_say_how_to_give_them(columns: Any) -> None:
    with pytest.raises(ConfigurationError, match="`columns` of table `T`") as refused:
        TableSchema("T", columns)
    assert '{"Price": float}' in str(refused.value)


@pytest.mark.parametrize("tables", ["Orders", 5, None, [5], ["Orders"], [{"Orders": {}}]])
def test_tables_that_are_none_say_how_to_give_them(tables: Any) -> None:
    with pytest.raises(ConfigurationError, match="`tables`") as refused:
        DatasetSchema("S", tables)
    assert '{"Orders": {"Id": int}}' in str(refused.value)
