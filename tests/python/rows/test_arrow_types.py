"""Arrow types: each that maps to a column type, and one error for those that do not."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from conftest import make_table, posts
from kinds import EACH, sent
from powerbi_push import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
UNITS = ["s", "ms", "us", "ns"]


def values(column: str, array: Any) -> str:
    """What is sent for a column of pyarrow, and for parts of it."""
    table = pa.table({column: array})
    whole = sent(table)
    rows = json.loads(f"[{whole}]")
    for start in range(1, len(rows)):
        assert json.loads(f"[{sent(table.slice(start))}]") == rows[start:], "a slice is not what it was cut from"
    return whole.replace(f'{{"{column}":', "").replace("}", "")


# What maps to a column type.


@pytest.mark.parametrize("data_type", INTEGERS, ids=str)
def test_whole_numbers_of_every_width(data_type: pa.DataType) -> None:
    assert values("i", pa.array([1, None, 100], data_type)) == "1,null,100"
    assert values("d", pa.array([1, None, 100], data_type)) == "1,null,100"


def test_whole_numbers_beyond_64_bits_with_a_sign_keep_their_digits() -> None:
    wide = pa.table({"d": pa.array([2**64 - 1, 2**63], pa.uint64())})
    assert sent(wide) == '{"d":18446744073709551615},{"d":9223372036854775808}'
    report = EACH.validate(wide.rename_columns(["i"]))
    assert [(error.row, error.code, error.value_type) for error in report.errors] == [
        (0, "out_of_range", "int"),
        (1, "out_of_range", "int"),
    ]


def test_floats_of_every_width_widen_as_those_of_numpy_do() -> None:
    types: list[Any] = [np.float16, np.float32, np.float64]
    for numpy_type in types:
        numbers = [numpy_type(0.1), numpy_type(-2.5)]
        expected = ",".join(repr(float(number)) for number in numbers)
        assert values("f", pa.array(np.array(numbers))) == expected
        assert sent([{"f": numpy_type(0.1)}]) == f'{{"f":{float(numpy_type(0.1))!r}}}'


@pytest.mark.parametrize("data_type", TEXTS, ids=str)
def test_text_of_every_layout(data_type: pa.DataType) -> None:
    assert values("s", pa.array(["", None, "ä😀" * 9, "\n"], data_type)) == f'"",null,"{"ä😀" * 9}","\\n"'


def test_truth_values_and_nothing_at_all() -> None:
    assert values("b", pa.array([True, None, False] * 5)) == ",".join(["true,null,false"] * 5)
    assert values("s", pa.nulls(3)) == "null,null,null"


@pytest.mark.parametrize("make", [pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256])
def test_decimals_of_every_width_are_exact(make: Callable[[int, int], pa.DataType]) -> None:
    exact = [Decimal("12345.67"), None, Decimal("-0.05"), Decimal("0.00")]
    assert values("d", pa.array(exact, make(7, 2))) == "12345.67,null,-0.05,0.00"
    assert values("d", pa.array([Decimal(1200)], make(4, -2))) == "1200"


def test_the_longest_decimal_is_exact() -> None:
    longest = Decimal("123456789012345678901234.5678")
    assert values("d", pa.array([longest, -longest], pa.decimal128(28, 4))) == f"{longest},-{longest}"


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York", "+02:00", "Mars/Olympus_Mons"])
def test_moments_of_every_unit_and_zone(unit: str, zone: str | None) -> None:
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    array = pa.array([1_709_164_799 * ticks, None, -ticks], pa.int64()).view(pa.timestamp(unit, zone))
    utc = "Z" if zone else ""
    assert values("m", array) == f'"2024-02-28T23:59:59{utc}",null,"1969-12-31T23:59:59{utc}"'


def test_what_is_finer_than_a_microsecond_is_cut() -> None:
    array = pa.array([1_999, -1, 1_500_000_999], pa.int64()).view(pa.timestamp("ns"))
    assert values("m", array) == '"1970-01-01T00:00:00.000001","1969-12-31T23:59:59.999999","1970-01-01T00:00:01.500"'


def test_days() -> None:
    days = [date(2024, 2, 29), None, date(1, 1, 1), date(9999, 12, 31)]
    for data_type in [pa.date32(), pa.date64()]:
        array = pa.array(days, data_type)
        assert values("m", array) == '"2024-02-29T00:00:00",null,"0001-01-01T00:00:00","9999-12-31T00:00:00"'


@pytest.mark.parametrize("ticks", [253_402_300_800, 2**62, -(2**62), -62_135_596_801])
def test_moments_beyond_the_calendar_are_out_of_range(ticks: int) -> None:
    array = pa.array([0, ticks], pa.int64()).view(pa.timestamp("s"))
    report = EACH.validate(pa.table({"m": array}))
    assert [(error.row, error.code) for error in report.errors] == [(1, "out_of_range")]


def test_dictionaries_of_every_type() -> None:
    for texts in TEXTS[:2]:
        array = pa.array(["a", None, "b", "a"]).cast(texts).dictionary_encode()
        assert values("s", array) == '"a",null,"b","a"'
    for index in INTEGERS:
        array = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], index), pa.array([10, None]))
        assert values("i", array) == "null,10,null"


def test_runs_of_equal_values() -> None:
    for ends in [pa.int16(), pa.int32(), pa.int64()]:
        array = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 6], ends), pa.array(["a", None, "b"]))
        assert values("s", array) == '"a","a",null,"b","b","b"'


def test_ids_are_text() -> None:
    some = UUID("12345678-9abc-def0-1234-56789abcdef0")
    array = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([some.bytes, None], pa.binary(16)))
    assert values("s", array) == f'"{some}",null'


def test_text_that_is_no_unicode_is_refused_in_its_row() -> None:
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], "int32").tobytes()), pa.py_buffer(b"a\xff")]
    )
    report = EACH.validate(pa.table({"s": broken}))
    assert [(error.row, error.code) for error in report.errors] == [(1, "not_utf8")]


# What does not.

UNSUPPORTED = {
    "time32": pa.time32("s"),
    "time64": pa.time64("us"),
    "duration": pa.duration("us"),
    "interval": pa.month_day_nano_interval(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    "fixed": pa.binary(16),
    "list": pa.list_(pa.int64()),
    "large_list": pa.large_list(pa.int64()),
    "fixed_list": pa.list_(pa.int64(), 2),
    "struct": pa.struct([("a", pa.int64())]),
    "map": pa.map_(pa.string(), pa.int64()),
    "union": pa.sparse_union([pa.field("a", pa.int64())]),
    "dictionary": pa.dictionary(pa.int8(), pa.binary()),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_type_without_a_column_type_is_refused_even_where_all_is_missing(name: str) -> None:
    reader = pa.RecordBatchReader.from_batches(pa.schema([(name, UNSUPPORTED[name])]), [])
    with pytest.raises(ConfigurationError, match=f"no column type takes: `{name}` is ") as caught:
        EACH.validate(reader)
    assert "cast" in str(caught.value.hint)


def test_one_error_names_all_such_columns_and_nothing_is_sent(powerbi: Emulator) -> None:
    table = pa.table({"Id": [1], "At": pa.array([1], pa.time64("us")), "Item": pa.array([[1]])})
    for rows in [table, table.to_reader(), pl.DataFrame(table), duckdb.from_arrow(table)]:
        with pytest.raises(ConfigurationError, match=r"`At` is Time64\(.s\), `Item` is \w*List\(.*\)") as caught:
            make_table(powerbi).push(rows)
        assert "`Id`" not in str(caught.value)
        powerbi.reset()
    assert posts(powerbi) == []


def test_such_a_column_may_be_ignored_with_the_unknown_ones() -> None:
    table = pa.table({"i": [1], "at": pa.array([1], pa.time64("us"))})
    assert sent(table, unknown_columns="ignore") == '{"i":1}'


@pytest.mark.parametrize("other", [["x"], ["x", 1]], ids=["all Arrow", "in part objects"])
def test_spans_of_pandas_are_refused_by_their_names(other: list[Any]) -> None:
    spans = {"p": pd.period_range("2024", periods=1, freq="D"), "t": pd.to_timedelta([1], unit="s")}
    frame = pd.concat([pd.DataFrame({**spans, "s": other[:1]})] * len(other), ignore_index=True)
    frame["s"] = pd.Series(other, dtype=object)
    with pytest.raises(ConfigurationError, match=r"`p` is .*period.*, `t` is (Duration|timedelta64)"):
        EACH.validate(frame)
