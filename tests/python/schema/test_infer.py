"""Schemas read off rows."""

from __future__ import annotations

import math
import pickle
import re
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from conftest import named
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
        ([math.nan], "Double"),
        ([math.nan, "x"], "String"),
        (["x", math.nan], "String"),
        ([np.float32("nan"), "x"], "String"),
        ([math.nan, True], "Boolean"),
        ([math.nan, datetime(2014, 7, 30)], "DateTime"),
        ([date(2014, 7, 30), math.nan], "DateTime"),
        ([math.nan, Decimal("1.5")], "Decimal"),
        ([math.nan, 1, Decimal("1.5")], "Decimal"),
        ([2**53 + 1], "Int64"),
        ([2**53, 1.5], "Double"),
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


@pytest.mark.parametrize("convert", [False, True])
def test_text_that_is_too_long_is_text_and_the_check_of_its_row_tells_it(convert: bool) -> None:  # noqa: FBT001
    rows = [{"a": "1"}, {"a": "x" * 4_001}]
    table = TableSchema.infer("t", rows, convert=convert)
    assert table == TableSchema("t", {"a": str})
    assert [(error.row, error.code) for error in table.validate(rows).errors] == [(1, "too_long")]
    with pytest.raises(ConfigurationError, match="mixes kinds"):
        TableSchema.infer("t", [{"a": 1}, {"a": "x" * 4_001}])


@pytest.mark.parametrize("rows", [[], [{}], [{}, {}], iter(())], ids=named)
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
    table = TableSchema.infer("t", rows, types={"b": str, "a": Decimal})
    assert table == TableSchema("t", {"a": Decimal, "b": str})
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


@pytest.mark.parametrize("row", [1, None, {1: 2}, [("a", 1)]], ids=named)
def test_what_is_no_row_infers_nothing_and_is_named(row: object) -> None:
    with pytest.raises(ConfigurationError, match="row 1: "):
        TableSchema.infer("t", [{"a": 1}, row])


def test_a_dataset_is_inferred_table_by_table() -> None:
    dataset = DatasetSchema.infer(
        "d", {"Orders": [{"Id": 1, "Product": 2}], "Products": iter([{"Id": 1, "Name": "x"}])}
    )
    assert dataset == DatasetSchema("d", [ORDERS, PRODUCTS])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, math.inf], ["an infinite number: float in row 1 (`inf`)", "put None in its place"]),
        (
            [Decimal("1.23456")],
            [
                "a Decimal with more than 4 places: Decimal in row 0 (`1.23456`)",
                'types={"f": Decimal}',
                'decimals="round"',
            ],
        ),
        ([None, 2**63], [f"too large for Int64: int in row 1 (`{2**63}`)", 'types={"f": Decimal}']),
        ([10**28], ["too large for Int64: int in row 0", 'types={"f": str}', "convert=True"]),
        ([Decimal(10**28)], ["a Decimal with more than 28 digits", 'types={"f": float}']),
        ([1, "x"], ["mixes kinds: int in row 0 (`1`), str in row 1 (`'x'`)", 'types={"f": str}', "convert=True"]),
        ([1.5, 2**53 + 1], ["beyond 2^53", "(`1.5`)", "(`9007199254740993`)", 'types={"f": float}', "convert=True"]),
        ([math.nan, 2**53 + 1], ["NaN", "beyond 2^53", 'types={"f": int}']),
        ([None], ["no values", 'types={"f": str}']),
        ([b"x"], ["bytes in row 0", "decode"]),
        ([{"a": 1}], ["dict in row 0", "pandas.json_normalize"]),
        ([[1]], ["list in row 0", "pandas.json_normalize"]),
        ([time(1)], ["a time of day: time in row 0 (`01:00:00`)", 'types={"f": str}', "convert=True"]),
    ],
)
def test_what_cannot_be_inferred_says_which_value_and_a_cure_that_works(values: list[object], words: list[str]) -> None:
    rows = [{"f": value} for value in values]
    with pytest.raises(ConfigurationError) as refused:
        TableSchema.infer("t", rows)
    assert [word for word in words if word not in str(refused.value)] == []
    if named := re.search(r'types=\{"f": (\w+)\}', str(refused.value)):
        types: dict[str, Any] = {"str": str, "int": int, "float": float, "Decimal": Decimal}
        table = TableSchema.infer("t", rows, types={"f": types[named[1]]})
        options: dict[str, Any] = {"convert": "convert=True" in str(refused.value)}
        options |= {"decimals": "round"} if "decimals=" in str(refused.value) else {}
        assert table.validate(rows, **options).ok


def test_hidden_values_are_not_in_what_inference_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERBI_PUSH_HIDE_VALUES", "1")
    for values in ([1, "canary"], ["canary", 1], [2**63 + 4711]):
        with pytest.raises(ConfigurationError) as refused:
            TableSchema.infer("t", [{"f": value} for value in values])
        assert "canary" not in str(refused.value)
        assert str(2**63 + 4711) not in str(refused.value)


def test_a_type_for_a_column_that_no_row_has_is_an_error_that_offers_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="`Itm`, which no row has; did you mean `Item`"):
        TableSchema.infer("t", [{"Item": 1}], types={"Itm": str})
    with pytest.raises(ConfigurationError, match="`Itm`, which no row has"):
        TableSchema.infer("t", pd.DataFrame({"Item": [1]}), types={"Itm": str})
    assert TableSchema.infer("t", [], types={"Item": str}) == TableSchema("t", {"Item": str})
    with pytest.raises(ConfigurationError, match="types= names table `Order`"):
        DatasetSchema.infer("d", {"Orders": [{"Id": None}]}, types={"Order": {"Id": int}})
    inferred = DatasetSchema.infer("d", {"Orders": [{"Id": None}]}, types={"Orders": {"Id": int}})
    assert inferred == DatasetSchema("d", {"Orders": {"Id": int}})


TEXTS: list[tuple[list[Any], str]] = [
    (["1", "2", ""], "Int64"),
    (["1", "nan"], "Int64"),
    (["1", "2.5"], "Double"),
    ([" 2.5 ", None], "Double"),
    (["true", "False"], "Boolean"),
    (["2014-07-30", "07/30/2014 10:11"], "DateTime"),
    (["20140730", "2014-07-30"], "DateTime"),
    (["20140730", "20140731"], "Int64"),
    ([str(2**53 + 1)], "Int64"),
    ([str(2**53 + 1), "1.5"], "String"),
    ([str(2**63)], "String"),
    (["007", "8"], "String"),
    (["+49", "8"], "String"),
    (["12e4"], "String"),
    (["1,000"], "String"),
    (["1.2345678901234567"], "String"),
    (["1", "x"], "String"),
    (["1", "2014-07-30"], "String"),
    (["2014-02-30"], "String"),
    (["", " "], "String"),
    (["nan"], "String"),
]


@pytest.mark.parametrize(("values", "data_type"), TEXTS)
@pytest.mark.parametrize(
    "make", [list, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist], ids=lambda make: make.__name__
)
def test_text_is_text_with_a_hint_or_what_it_reads_as_where_asked(
    values: list[Any], data_type: str, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rows = make([{"f": value, "other": "x"} for value in values])
    table = TableSchema.infer("t", rows)
    assert table == TableSchema("t", {"f": str, "other": str})
    assert table.hints == ({} if data_type == "String" else {"f": data_type})
    assert len(caplog.records) == len(table.hints)
    assert all(f"`f` ({data_type}); infer(convert=True)" in record.message for record in caplog.records)
    assert pickle.loads(pickle.dumps(table)).hints == table.hints  # noqa: S301 - our own
    converted = TableSchema.infer("t", rows, convert=True)
    assert converted == TableSchema("t", {"f": data_type, "other": str})
    assert converted.hints == {}
    assert converted.validate(rows, convert=True).ok


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([1, "2"], "Int64"),
        ([1.5, "2"], "Double"),
        ([1, "2.5"], "Double"),
        ([True, "false"], "Boolean"),
        ([date(2014, 7, 30), "2014-07-30"], "DateTime"),
        ([time(1)], "String"),
    ],
)
def test_text_among_other_values_is_what_it_reads_as_where_asked(values: list[object], data_type: str) -> None:
    rows = [{"f": value} for value in values]
    with pytest.raises(ConfigurationError):
        TableSchema.infer("t", rows)
    table = TableSchema.infer("t", rows, convert=True)
    assert table == TableSchema("t", {"f": data_type})
    assert table.validate(rows, convert=True).ok
    with pytest.raises(ConfigurationError, match="mixes kinds"):
        TableSchema.infer("t", [{"f": 1}, {"f": "x"}], convert=True)
