"""Frames: which types they may hold, whose labels count, and how their streams are read."""

from __future__ import annotations

import json
import math
import sys
from datetime import datetime
from decimal import Decimal
from threading import Event, Thread
from time import sleep
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import kinds
from conftest import WATCHDOG, arrived, make_table, orders
from kinds import EACH, sent
from powerbi_push import ConfigurationError, SourceError, TableSchema, _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator


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


# Labels.


@pytest.mark.parametrize("index", [pd.RangeIndex(10, 12), pd.Index(["x", "y"]), pd.Index([7, 7])], ids=str)
@pytest.mark.parametrize("dtype", ["int64", "Int64", "object"])
def test_an_index_of_pandas_without_a_name_is_not_pushed(index: pd.Index, dtype: str) -> None:
    frame = pd.DataFrame({"i": [1, 2]}, index=index, dtype=dtype)
    assert sent(frame) == '{"i":1},{"i":2}'
    assert sent(frame[::-1]) == '{"i":2},{"i":1}'
    assert sent(frame[frame["i"] > 1]) == '{"i":2}'


NAMED = {
    "text": (pd.Index(["x", "y"], name="s"), ['"s":"x"', '"s":"y"']),
    "numbers that repeat": (pd.Index([7, 7], name="f"), ['"f":7', '"f":7']),
    "a range": (pd.RangeIndex(7, 9, name="f"), ['"f":7', '"f":8']),
    "moments": (pd.DatetimeIndex(["2024-01-01", None], name="m"), ['"m":"2024-01-01T00:00:00"', '"m":null']),
    "a zone": (
        pd.date_range("2024-01-01", periods=2, tz="Europe/Berlin", name="m"),
        ['"m":"2023-12-31T23:00:00Z"', '"m":"2024-01-01T23:00:00Z"'],
    ),
    "categories": (pd.CategoricalIndex(["x", "y"], name="s"), ['"s":"x"', '"s":"y"']),
    "levels": (
        pd.MultiIndex.from_tuples([(1.5, 9, "a"), (2.5, 9, "b")], names=["f", None, "s"]),
        ['"f":1.5,"s":"a"', '"f":2.5,"s":"b"'],
    ),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("dtype", ["int64", "Int64", "object"])
def test_named_levels_of_an_index_of_pandas_are_columns_in_front_of_the_others(name: str, dtype: str) -> None:
    index, (first, second) = NAMED[name]
    frame = pd.DataFrame({"i": [1, 2]}, index=index, dtype=dtype)
    before = frame.copy()
    assert sent(frame) == f'{{{first},"i":1}},{{{second},"i":2}}'
    assert sent(frame[::-1]) == f'{{{second},"i":2}},{{{first},"i":1}}'
    reset = frame.reset_index(level=[label for label in index.names if label])
    assert sent(reset) == sent(frame)
    assert TableSchema.infer("t", frame) == TableSchema.infer("t", reset)
    pd.testing.assert_frame_equal(frame, before)


def test_groups_keep_their_keys() -> None:
    flights = pd.DataFrame({"s": ["a", "b", "a"], "b": [True, True, True], "i": [1, 2, 3]})
    assert sent(flights.groupby("s")[["i"]].sum()) == '{"s":"a","i":4},{"s":"b","i":2}'
    assert sent(flights.groupby(["s", "b"]).sum()) == '{"s":"a","b":true,"i":4},{"s":"b","b":true,"i":2}'


def test_a_named_index_is_a_label_like_others() -> None:
    frame = pd.DataFrame({"i": [1]}, index=pd.Index([5], name="i"))
    with pytest.raises(ConfigurationError, match="more than once there are `i`"):
        EACH.validate(frame)
    with pytest.raises(ConfigurationError, match="must be strings; these are not: 0"):
        EACH.validate(pd.DataFrame({"i": [1]}, index=pd.Index([5], name=0)))
    unknown = pd.DataFrame({"i": [1]}, index=pd.Index([5], name="k"))
    assert [(error.column, error.code) for error in EACH.validate(unknown).errors] == [("k", "unknown_column")]
    assert sent(unknown, unknown_columns="ignore") == '{"i":1}'


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


def test_a_lazy_frame_is_told_to_be_collected() -> None:
    with pytest.raises(TypeError, match=r"collect\(\) it first"):
        EACH.validate(pl.LazyFrame({"i": [1]}))


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
    assert inferred(pl.DataFrame({"i": [None]}, schema={"i": pl.Int64})) == "Int64"
    for nothing in (pl.DataFrame({"i": [None]}), pd.DataFrame({"i": [None]}, dtype=object)):
        with pytest.raises(ConfigurationError, match="`i` has no values"):
            inferred(nothing)


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


ONE_COLUMN: dict[str, list[Any]] = {
    "floats of few and of many digits": [0.125, 1 / 3, -2.5e-9, 1e300, 7.0, -0.0, 123456.789, math.pi * 1e7],
    "floats, some missing": [1 / 3, None, math.nan, 2 / 3, 0.5],
    "texts that lie in their views": ["", "a", "twelve bytes", "item 123456"],
    "texts of every length": ["x" * length for length in range(40)],
    "texts, some missing": ["short", None, "a text that does not lie in its view", None, ""],
    "texts with what has to be escaped": ['a "quote"', "a\nline, and more than a view holds", "\\"],
    "texts beyond ASCII": ["Zürich 1", "Zürich 123456789", "東京", "😀" * 9],
}


@pytest.mark.parametrize("values", ONE_COLUMN.values(), ids=ONE_COLUMN)
@pytest.mark.parametrize("missing", [[], [None]], ids=["all there", "one missing"])
def test_a_frame_of_one_column_is_written_as_its_rows_are(values: list[Any], missing: list[None]) -> None:
    values = [value for repeat in range(7) for value in values[repeat % len(values) :] + values] + missing
    table = TableSchema("One", {"Value": "Double" if any(isinstance(value, float) for value in values) else "String"})
    frame = pl.DataFrame({"Value": values})
    rows = [{"Value": value} for value in values]
    for form in (frame, frame.to_arrow(), frame.to_pandas(use_pyarrow_extension_array=True)):
        assert list(table.payloads(form)) == list(table.payloads(rows))
    assert list(table.payloads(frame[3:])) == list(table.payloads(rows[3:]))


def test_empty_frames_have_no_rows() -> None:
    empty: list[Any] = [pd.DataFrame(), pd.DataFrame(index=[1, 2]), pl.DataFrame(), pa.table({})]
    empty += [pd.DataFrame({"i": []}), pd.DataFrame({"i": []}, dtype=object), pl.DataFrame({"i": []})]
    empty += [pa.table({"i": pa.array([], pa.int64())}), pa.schema([("i", pa.int64())]).empty_table().to_reader()]
    empty += [pa.chunked_array([], pa.struct([("i", pa.int64())])), duckdb.sql("select 1 as i where false")]
    for frame in empty:
        assert list(EACH.payloads(frame)) == []
    for frame in empty[:4]:
        with pytest.raises(ConfigurationError, match="no rows to infer"):
            TableSchema.infer("t", frame)
    for frame in empty[5:7]:
        with pytest.raises(ConfigurationError, match=r'column `i` has no values: types=\{"i": str\} gives it a type$'):
            TableSchema.infer("t", frame)
        assert TableSchema.infer("t", frame, types={"i": str}) == TableSchema("t", {"i": str})
    for frame in (empty[7], pa.schema([("i", pa.int64())]).empty_table().to_reader(), *empty[9:]):
        assert TableSchema.infer("t", frame) == TableSchema("t", {"i": int})


DECLARED: dict[str, Any] = {
    "pandas": pd.DataFrame({"i": [1], "f": [1.5], "b": [True], "s": ["x"], "m": [pd.Timestamp("2024-01-01")]}),
    "pandas, nullable": pd.DataFrame(
        {"i": [1], "f": [1.5], "b": [True], "s": ["x"], "m": [pd.Timestamp("2024-01-01", tz="UTC")]}
    ).convert_dtypes(),
    "polars": pl.DataFrame({"i": [1], "f": [1.5], "b": [True], "s": ["x"], "m": [datetime(2024, 1, 1)]}),
    "pyarrow": pa.table({"i": [1], "f": [1.5], "b": [True], "s": ["x"], "m": [datetime(2024, 1, 1)]}),
    "duckdb": duckdb.sql("select 1 as i, 1.5::double as f, true as b, 'x' as s, timestamp '2024-01-01' as m"),
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_typed_frame_without_rows_infers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = DECLARED[name]
    table = TableSchema.infer("t", frame)
    assert table == TableSchema("t", {"i": int, "f": float, "b": bool, "s": str, "m": datetime})
    nothing = frame.filter("false") if name == "duckdb" else frame[:0]
    assert TableSchema.infer("t", nothing) == table
    if name.startswith("pandas"):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        assert TableSchema.infer("t", nothing) == table
        with pytest.raises(ConfigurationError, match="`o` has no values"):
            TableSchema.infer("t", nothing.assign(o=pd.Series(dtype=object)))


def test_chunks_may_be_empty() -> None:
    array = pa.chunked_array([[], [1], [], [2, 3], []], pa.int64())
    assert sent(pa.table({"i": array})) == '{"i":1},{"i":2},{"i":3}'


def test_a_row_that_is_null_itself_is_no_row() -> None:
    column = pa.chunked_array([pa.array([{"i": 1}, None], pa.struct([("i", pa.int64())]))])
    assert [(error.row, error.code) for error in EACH.validate(column).errors] == [(1, "not_a_mapping")]


def beyond_kept() -> pa.Table:
    """Rows in small chunks, whose bodies come to more than is kept from the check."""
    table = pa.table({"i": range(17_003), "s": ["x" * 4_000] * 17_003})
    return pa.Table.from_batches(table.to_batches(max_chunksize=999))


@pytest.fixture
def keeps_the_least() -> Iterator[None]:
    """A machine without free memory: each push keeps 64 MB of bodies."""
    _core.keep_at_most(0)
    yield
    _core.keep_at_most(sys.maxsize)


@pytest.mark.usefixtures("keeps_the_least")
@pytest.mark.parametrize(
    "frame",
    [
        lambda: Held(beyond_kept()),
        lambda: pl.from_arrow(beyond_kept(), rechunk=False),
        lambda: pd.DataFrame(beyond_kept().to_pydict()).astype({"i": object}),
        lambda: tuple(beyond_kept().to_pylist()),
    ],
    ids=["stream", "polars", "pandas objects", "tuple"],
)
def test_rows_beyond_what_is_kept_from_the_check_are_read_again_from_there(frame: Callable[[], Any]) -> None:
    rows = frame()
    bodies = list(EACH.payloads(rows))
    assert [row["i"] for body in bodies for row in json.loads(body)["rows"]] == list(range(17_003))
    assert bodies == list(EACH.payloads(rows, check="batch"))
    assert sum(map(len, bodies)) > 64_000_000
    if isinstance(rows, Held):
        assert rows.streams == 3


def test_with_memory_that_is_free_rows_are_read_once() -> None:
    rows = Held(beyond_kept())
    bodies = list(EACH.payloads(rows))
    assert sum(map(len, bodies)) > 64_000_000
    assert rows.streams == 1


def test_what_is_kept_from_the_check_is_not_asked_for_again() -> None:
    table = pa.table({"i": [1, 2]})
    for kind in [Stream, Held]:
        rows = kind(table)
        assert sent(rows) == '{"i":1},{"i":2}'
        assert rows.streams == 1


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
    # Values of a type that is looked at one by one: whole columns are checked before anybody else gets to run.
    frame = pa.table({"i": pa.array(range(500_000), pa.uint64())})
    laps, stop = 0, Event()

    def run() -> None:
        nonlocal laps
        while not stop.is_set():
            laps += 1
            sleep(0)  # lets the GIL go, for whoever waits for it

    def laps_meanwhile() -> int:
        before = laps
        assert EACH.validate(frame)
        return laps - before

    thread = Thread(target=run)
    interval = sys.getswitchinterval()
    thread.start()
    try:
        sys.setswitchinterval(1_000)  # the GIL changes hands only where it is let go
        assert any(laps_meanwhile() > 100 for _ in range(100))
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        thread.join(WATCHDOG)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table, lambda data: pa.table(data).to_reader()])
def test_a_name_with_a_nul_is_refused_and_nothing_is_cut(frame: Any) -> None:
    table = TableSchema("T", {"a": int})
    for name in ("a\0", "a\0b", "\0"):
        with pytest.raises(ConfigurationError, match=r"column label `.*` holds a NUL, which no frame can hand over"):
            list(table.payloads(frame({name: [1], "b": [2]})))


def test_a_field_with_a_nul_in_its_name_does_not_end_the_process() -> None:
    with pytest.raises(ConfigurationError, match=r"a name in the type .* holds a NUL"):
        TableSchema.infer("T", pl.DataFrame({"a": [{"b\0c": 1}]}))
