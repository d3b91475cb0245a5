"""Schemas read off rows."""

from __future__ import annotations

import math
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from powerbi_push import Column, ConfigurationError, DatasetSchema, TableSchema
from schemas import ORDERS, PRODUCTS, many_columns, problems


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([1], "Int64"),
        ([1, None], "Int64"),
        ([None, None, 1], "Int64"),
        ([1, pd.NA], "Int64"),
        ([np.int32(1), 2], "Int64"),
        ([2**63 - 2, -(2**63) + 1], "Int64"),
        ([1.5], "Double"),
        ([1, 1.5], "Double"),
        ([1.5, 1], "Double"),
        ([1, math.nan], "Double"),
        ([math.nan, 1], "Double"),
        ([1.0], "Double"),
        ([np.float32(1.5), 1], "Double"),
        ([True, False, None], "Boolean"),
        ([np.True_], "Boolean"),
        ([Decimal("1.5")], "Decimal"),
        ([Decimal("1.5"), Decimal("NaN")], "Decimal"),
        (["x", None], "String"),
        (["2014-07-30"], "String"),
        ([""], "String"),
        ([uuid.UUID(int=1)], "String"),
        ([date(2014, 7, 30)], "DateTime"),
        ([datetime(2014, 7, 30), pd.NaT], "DateTime"),
        ([date(2014, 7, 30), datetime(2014, 7, 30)], "DateTime"),
        ([np.datetime64("2014-07-30"), pd.Timestamp("2014-07-30")], "DateTime"),
    ],
)
def test_a_type_is_read_off_all_values(values: list[object], data_type: str) -> None:
    rows = [{"a": value} for value in values]
    table = TableSchema.infer("t", rows)
    assert table == TableSchema("t", {"a": data_type})
    assert table.validate(rows).ok


@pytest.mark.parametrize(
    ("values", "examples"),
    [
        ([1, "x"], ["int in row 0", "str in row 1"]),
        (["x", 1, 2], ["str in row 0", "int in row 1"]),
        ([1, True], ["int in row 0", "bool in row 1"]),
        ([None, 1.5, False], ["float in row 1", "bool in row 2"]),
        (["2014-07-30", date(2014, 7, 30)], ["str in row 0", "date in row 1"]),
        ([1, 1.5, "x"], ["int in row 0", "float in row 1", "str in row 2"]),
        ([1.5, Decimal(1)], ["float in row 0", "Decimal in row 1"]),
        ([datetime(2014, 7, 30), 1], ["datetime in row 0", "int in row 1"]),
    ],
)
def test_mixed_kinds_are_an_error_with_an_example_of_each(values: list[object], examples: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TableSchema.infer("t", [{"a": value} for value in values])
    assert "`a`" in str(refused.value)
    assert [example for example in examples if example not in str(refused.value)] == []
    assert "types=" in str(refused.value)


@pytest.mark.parametrize("value", [b"x", [1], {}, 2**63, 10**5000, "\ud800", np.timedelta64(1, "s")], ids=type)
def test_a_value_that_no_type_takes_is_an_error_with_an_example(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"`a`.*in row 1"):
        TableSchema.infer("t", [{"a": None}, {"a": value}])


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), math.inf, Decimal("Infinity"), 1.7976931348623157e308])
def test_no_type_is_inferred_that_refuses_the_value_it_was_read_off(value: object) -> None:
    with pytest.raises(ConfigurationError, match="`a`"):
        TableSchema.infer("t", [{"a": value}])


@pytest.mark.parametrize("rows", [[], [{}], [{}, {}], iter(())], ids=repr)
def test_there_is_nothing_to_infer_from_no_rows(rows: Any) -> None:
    with pytest.raises(ConfigurationError, match="no rows"):
        TableSchema.infer("t", rows)


def test_a_column_without_values_needs_its_type_told() -> None:
    rows = [{"a": 1, "b": None}, {"b": pd.NA}]
    with pytest.raises(ConfigurationError, match="`b` has no values"):
        TableSchema.infer("t", rows)
    assert TableSchema.infer("t", rows, types={"b": "text"}) == TableSchema("t", {"a": int, "b": str})


def test_told_types_are_taken_as_they_are() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": "y", "b": 1}]
    table = TableSchema.infer("t", rows, types={"b": str, "a": Decimal, "c": bool})
    assert table == TableSchema("t", {"a": Decimal, "b": str, "c": bool})
    with pytest.raises(ConfigurationError, match="`a`"):
        TableSchema.infer("t", rows, types={"a": bytes})


def test_columns_are_in_the_order_of_their_first_appearance() -> None:
    rows = ({"b": 1}, {"a": "x", "b": 2}, {"c": True, "a": "y"})
    assert list(TableSchema.infer("t", iter(rows)).columns) == [Column("b", int), Column("a", str), Column("c", bool)]


def test_every_column_that_cannot_be_inferred_is_listed() -> None:
    with pytest.raises(ConfigurationError) as refused:
        TableSchema.infer("t", [{"a": 1, "b": None, "c": b"x", "d": 1}, {"a": "x"}])
    assert len(problems(refused)) == 3
    assert all(sum(f"`{name}`" in problem for problem in problems(refused)) == 1 for name in "abc")


def test_an_inferred_table_obeys_the_rules_of_the_service() -> None:
    with pytest.raises(ConfigurationError, match="76 columns"):
        TableSchema.infer("t", [dict.fromkeys(many_columns(76), 1)])
    with pytest.raises(ConfigurationError, match=r"'\.'"):
        TableSchema.infer("a.b", [{"a": 1}])
    with pytest.raises(ConfigurationError, match="`A`"):
        TableSchema.infer("t", [{"a": 1, "A": 1}])


@pytest.mark.parametrize("row", [1, None, {1: 2}, [("a", 1)]], ids=repr)
def test_what_is_no_row_infers_nothing_and_is_named(row: object) -> None:
    with pytest.raises(ConfigurationError, match="row 1: "):
        TableSchema.infer("t", [{"a": 1}, row])


def test_a_dataset_is_inferred_table_by_table() -> None:
    dataset = DatasetSchema.infer(
        "d", {"Orders": [{"Id": 1, "Product": 2}], "Products": iter([{"Id": 1, "Name": "x"}])}
    )
    assert dataset == DatasetSchema("d", [ORDERS, PRODUCTS])
