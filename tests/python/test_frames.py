"""Frames: which types they may hold, whose labels count, and how their streams are read."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kinds
from conftest import WATCHDOG, arrived, make_table, orders, posts
from powerbi_push import ConfigurationError, SourceError, TableSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator

EACH = TableSchema("t", {"i": int, "f": float, "b": bool, "s": str, "m": datetime, "d": Decimal})


class Stream:
    """What another library's frame looks like: it has a stream and nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.streams = 0

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        self.streams += 1
        return self.table.__arrow_c_stream__(requested_schema)


class Held(Stream):
    """The same with a length."""

    def __len__(self) -> int:
        return len(self.table)


def sent(rows: Any, **options: Any) -> str:
    """The rows of the one body, checked by `EACH`."""
    (body,) = EACH.payloads(rows, **options)
    return body.decode().removeprefix('{"rows":[').removesuffix("]}")


def values(column: str, array: Any) -> str:
    """What is sent for a column of pyarrow, and for parts of it."""
    table = pa.table({column: array})
    whole = sent(table)
    rows = json.loads(f"[{whole}]")
    for start in range(1, len(rows)):
        assert json.loads(f"[{sent(table.slice(start))}]") == rows[start:], "a slice is not what it was cut from"
    return whole.replace(f'{{"{column}":', "").replace("}", "")


INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
UNITS = ["s", "ms", "us", "ns"]


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


# Labels.


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(10, 12),
        pd.Index(["x", "y"], name="s"),
        pd.Index([7, 7], name="i"),
        pd.date_range("2024", periods=2),
        pd.MultiIndex.from_tuples([(1, "a"), (1, "b")], names=["f", "g"]),
    ],
    ids=lambda index: type(index).__name__,
)
@pytest.mark.parametrize("dtype", ["int64", "Int64", "object"])
def test_an_index_of_pandas_is_never_pushed(index: pd.Index, dtype: str) -> None:
    frame = pd.DataFrame({"i": [1, 2]}, index=index, dtype=dtype)
    assert sent(frame) == '{"i":1},{"i":2}'
    assert sent(frame[::-1]) == '{"i":2},{"i":1}'
    assert sent(frame[frame["i"] > 1]) == '{"i":2}'


def test_labels_that_are_no_strings_are_listed() -> None:
    with pytest.raises(ConfigurationError, match=r"must be strings; these are not: 0, 1"):
        EACH.validate(pd.DataFrame([[1, 2]]))
    columns = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])
    with pytest.raises(ConfigurationError, match=r"these are not: \('a', 'b'\), \('a', 'c'\)"):
        EACH.validate(pd.DataFrame([[1, 2]], columns=columns))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2, 3, 4, 5]], columns=["i", "f", "i", "f", "i"]),
        pa.Table.from_arrays([pa.array([1])] * 5, names=["i", "f", "i", "f", "i"]),
    ],
    ids=["pandas", "pyarrow"],
)
def test_labels_that_are_there_twice_are_listed(frame: Any) -> None:
    with pytest.raises(ConfigurationError, match="more than once there are `i`, `f`"):
        EACH.validate(frame)


def test_a_single_column_is_no_rows() -> None:
    for column in [pd.Series([1]), pl.Series([1]), pa.chunked_array([[1]])]:
        with pytest.raises(TypeError, match=f"cannot be a {type(column).__name__}, which is one column"):
            EACH.validate(column)


# Each library's own.


def test_zones_become_utc() -> None:
    new_york = ["2024-03-10 01:30", "2024-03-10 03:30"]
    expected = '{"m":"2024-03-10T06:30:00Z"},{"m":"2024-03-10T07:30:00Z"}'
    series = pd.Series(pd.to_datetime(new_york)).dt.tz_localize("America/New_York")
    for moments in [series, series.astype("datetime64[s, America/New_York]"), series.astype(object)]:
        assert sent(pd.DataFrame({"m": moments})) == expected
    naive = pl.Series(new_york).str.to_datetime()
    assert sent(pl.DataFrame({"m": naive.dt.replace_time_zone("America/New_York")})) == expected


def test_categories_are_their_values() -> None:
    expected = '{"s":"a"},{"s":null},{"s":"b"}'
    for dtype in ["category", pd.CategoricalDtype(["b", "a", "c"], ordered=True)]:
        assert sent(pd.DataFrame({"s": pd.Series(["a", None, "b"], dtype=dtype)})) == expected
    assert sent(pd.DataFrame({"i": pd.Series([3, None, 1], dtype="category")})) == '{"i":3},{"i":null},{"i":1}'
    mixed = pd.DataFrame({"s": pd.Series(["a", None, 1], dtype="category")})
    assert [error.row for error in EACH.validate(mixed).errors] == [2]
    for kind in [pl.Categorical(), pl.Enum(["b", "a"])]:
        assert sent(pl.DataFrame({"s": pl.Series(["a", None, "b"], dtype=kind)})) == expected


def test_objects_of_pandas_are_judged_one_by_one() -> None:
    frame = pd.DataFrame({"f": [1, 2.5, Decimal("1.50"), None, pd.NA, np.float32(0.5)]}, dtype=object)
    assert sent(frame) == '{"f":1},{"f":2.5},{"f":1.50},{"f":null},{"f":null},{"f":0.5}'
    frame = pd.DataFrame({"s": ["a", b"b", "\ud800", 1, UUID(int=1)]}, dtype=object)
    codes = [(error.row, error.code, error.value_type) for error in EACH.validate(frame).errors]
    assert codes == [(1, "wrong_type", "bytes"), (2, "not_utf8", "str"), (3, "wrong_type", "int")]


def test_what_is_missing_in_pandas_is_null_and_only_nan_in_floats_is_nan() -> None:
    frame = pd.DataFrame(
        {
            "s": pd.Series(["a", None], dtype="str"),
            "m": pd.to_datetime(["2024-01-01", None]),
            "i": pd.Series([1, None], dtype="Int64"),
            "b": pd.Series([True, None], dtype="boolean"),
        }
    )
    mixed = frame.assign(d=pd.Series([Decimal(1), None], dtype=object))
    for rows, cost in [(frame, ""), (mixed, ',"d":null')]:
        second = sent(rows, nan="error").partition("},")[2]
        assert second == f'{{"s":null,"m":null,"i":null,"b":null{cost}}}'


def test_types_of_polars_that_arrow_lacks() -> None:
    wide = pl.Series([2**100, None, -1], dtype=pl.Int128)
    frame = pl.DataFrame({"d": wide, "s": [None] * 3, "b": [True, None, False]})
    assert frame.schema["s"] == pl.Null
    assert sent(frame.drop("d")) == '{"s":null,"b":true},{"s":null,"b":null},{"s":null,"b":false}'
    assert [(error.row, error.code) for error in EACH.validate(frame).errors] == [(0, "out_of_range")]
    assert sent(frame[1:]) == '{"d":null,"s":null,"b":null},{"d":-1,"s":null,"b":false}'
    assert TableSchema.infer("t", frame[2:].drop("s")).columns[0].data_type == "Int64"


def test_a_relation_of_duckdb_is_read_again_for_each_call() -> None:
    relation = duckdb.sql("select range as i, 'n' || range as s, range / 4 as f from range(3)")
    assert (
        sent(relation)
        == sent(relation)
        == '{"i":0,"s":"n0","f":0.0},{"i":1,"s":"n1","f":0.25},{"i":2,"s":"n2","f":0.5}'
    )


def test_a_query_that_fails_is_a_source_error() -> None:
    relation = duckdb.sql("select case when range = 3000 then error('no such thing') else 1 end as i from range(5000)")
    with pytest.raises(SourceError, match="no such thing"):
        EACH.validate(relation)


# Inference.


def test_missing_values_widen_integers_only_where_they_are_nan() -> None:
    def inferred(rows: Any) -> Any:
        return TableSchema.infer("t", rows).columns[0].data_type

    assert inferred(pd.DataFrame({"i": [1, None]})) == "Double"
    assert inferred(pd.DataFrame({"i": pd.array([1, None], dtype="Int64")})) == "Int64"
    assert inferred(pd.DataFrame({"i": pd.array([1, None], dtype="int64[pyarrow]")})) == "Int64"
    assert inferred(pl.DataFrame({"i": [1, None]})) == "Int64"
    assert inferred(pa.table({"i": [1, None]})) == "Int64"
    with pytest.raises(ConfigurationError, match="`i` has no values"):
        inferred(pl.DataFrame({"i": [None]}, schema={"i": pl.Int64}))


# Streams.


@pytest.mark.parametrize("name", kinds.FRAMES)
def test_a_hundred_thousand_rows_and_one_are_eleven_bodies(name: str) -> None:
    rows = [{"i": number, "s": f"name {number}"} for number in range(100_001)]
    bodies = [json.loads(body)["rows"] for body in EACH.payloads(kinds.FRAMES[name](rows))]
    assert [len(body) for body in bodies] == [*[10_000] * 10, 1]
    assert [row for body in bodies for row in body] == rows


def test_a_large_frame_arrives_whole(powerbi: Emulator) -> None:
    result = make_table(powerbi).push(pl.DataFrame(orders(100_001)))
    assert (result.confirmed, result.requests) == (100_001, 11)
    assert set(arrived(powerbi).values()) == {1}
    assert len(arrived(powerbi)) == 100_001


def test_empty_frames_have_no_rows() -> None:
    empty: list[Any] = [pd.DataFrame(), pd.DataFrame(index=[1, 2]), pl.DataFrame(), pa.table({})]
    empty += [pd.DataFrame({"i": []}), pd.DataFrame({"i": []}, dtype=object), pl.DataFrame({"i": []})]
    empty += [pa.table({"i": pa.array([], pa.int64())}), pa.schema([("i", pa.int64())]).empty_table().to_reader()]
    empty += [pa.chunked_array([], pa.struct([("i", pa.int64())])), duckdb.sql("select 1 as i where false")]
    for frame in empty:
        assert list(EACH.payloads(frame)) == []
    for frame in empty:
        with pytest.raises(ConfigurationError, match="no rows to infer"):
            TableSchema.infer("t", frame)


def test_chunks_may_be_empty() -> None:
    array = pa.chunked_array([[], [1], [], [2, 3], []], pa.int64())
    assert sent(pa.table({"i": array})) == '{"i":1},{"i":2},{"i":3}'


def test_a_row_that_is_null_itself_is_no_row() -> None:
    column = pa.chunked_array([pa.array([{"i": 1}, None], pa.struct([("i", pa.int64())]))])
    assert [(error.row, error.code) for error in EACH.validate(column).errors] == [(1, "not_a_mapping")]


def test_a_stream_without_a_length_is_asked_for_once_and_one_with_a_length_again() -> None:
    table = pa.table({"i": [1, 2]})
    for kind, streams in [(Stream, 1), (Held, 2)]:
        rows = kind(table)
        assert sent(rows) == '{"i":1},{"i":2}'
        assert rows.streams == streams


def test_a_reader_is_read_once() -> None:
    reader = pa.table({"i": [1, 2]}).to_reader()
    assert sent(reader) == '{"i":1},{"i":2}'
    assert list(EACH.payloads(reader)) == []


def test_payloads_of_a_reader_are_made_as_they_are_asked_for() -> None:
    read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for start in range(0, 50_000, 5_000):
            read += 1
            yield pa.record_batch({"i": pa.array(range(start, start + 5_000))})

    bodies = EACH.payloads(pa.RecordBatchReader.from_batches(pa.schema([("i", pa.int64())]), batches()))
    assert read == 0
    assert len(json.loads(next(bodies))["rows"]) == 10_000
    assert read == 2
    assert sum(len(json.loads(body)["rows"]) for body in bodies) == 40_000


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_what_the_source_of_a_reader_raises_stays_what_it_is(powerbi: Emulator, raised: type[BaseException]) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"Id": pa.array(range(15_000))})
        raise raised("boom")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("Id", pa.int64())]), batches())
    expected = SourceError if raised is ValueError else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        make_table(powerbi).push(reader)
    if raised is ValueError:
        assert isinstance(caught.value.__cause__, ValueError)
        assert "row 15000" in str(caught.value)
        assert caught.value.result.confirmed == 10_000  # type: ignore[attr-defined]


def test_what_a_stream_says_when_it_fails_is_in_the_error() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"i": [1]})
        raise ValueError("boom")

    stream = Stream(pa.RecordBatchReader.from_batches(pa.schema([("i", pa.int64())]), batches()))
    with pytest.raises(SourceError, match=r"row 1: .*boom"):
        list(EACH.payloads(stream))


def test_a_frame_is_read_without_the_gil() -> None:
    frame = pa.table({"i": pa.array(range(50_000))})
    gate, through = Event(), Event()

    def pass_through() -> None:
        gate.wait(WATCHDOG)
        through.set()

    thread = Thread(target=pass_through)
    interval = sys.getswitchinterval()
    thread.start()
    try:
        sys.setswitchinterval(1_000)  # the GIL is not handed over unless it is let go
        gate.set()
        assert any(EACH.validate(frame) and through.is_set() for _ in range(1_000))
    finally:
        sys.setswitchinterval(interval)
        thread.join(WATCHDOG)


def test_pandas_needs_no_pyarrow() -> None:
    frame = {
        "i": [1, 2],
        "f": [0.5, None],
        "b": [True, False],
        "s": ["a", None],
        "m": [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC) + timedelta(microseconds=5)],
        "d": [Decimal("1.50"), None],
    }
    program = f"""
        import datetime, sys
        from decimal import Decimal
        sys.modules["pyarrow"] = None
        import pandas, powerbi_push
        types = {{"i": int, "f": float, "b": bool, "s": str, "m": "datetime", "d": Decimal}}
        schema = powerbi_push.TableSchema("t", types)
        frame = pandas.DataFrame({frame!r})
        for rows in [frame, frame.convert_dtypes(), frame[::-1][::-1], frame.astype({{"s": "category"}})]:
            print(*schema.payloads(rows))
        print(*schema.payloads(frame.drop(columns="f"), nan="error"))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = [repr(body) for body in EACH.payloads(pd.DataFrame(frame))]
    assert done.stdout.splitlines()[:4] == expected * 4
    without = [repr(body) for body in EACH.payloads(pd.DataFrame(frame).drop(columns="f"))]
    assert done.stdout.splitlines()[4:] == without
