"""Rows from sources that are not what they say: an error with the account, never a panic and never a crash."""

from __future__ import annotations

import asyncio
import enum
import logging
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import powerbi_push as pbi
from conftest import SCHEMA, arrived, check_account, make_table, orders
from lying_streams import COLUMNS, FORGERIES, ROWS, Forged, table_to_forge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator

ORDERS = SCHEMA.tables[0]


class Streaming:
    """Batches that can be read once, through the producer's own stream."""

    def __init__(self, batches: list[pa.RecordBatch]) -> None:
        """Take them."""
        self._batches = batches

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Answer the stream."""
        reader = pa.RecordBatchReader.from_batches(self._batches[0].schema, iter(self._batches))
        return reader.__arrow_c_stream__(requested_schema)


def as_stream(batches: list[pa.RecordBatch]) -> object:
    """Rows that are read without Python."""
    return Streaming(batches)


def as_reader(batches: list[pa.RecordBatch]) -> object:
    """Rows that are read by pyarrow."""
    return pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))


def filled(column: pa.Array, first: int, count: int) -> pa.RecordBatch:
    """Make a batch of good rows with a column of this type."""
    items: Any = pa.array(["tea"] * count)
    if pa.types.is_dictionary(column.type):
        words: Any = pa.array(["tea"])
        if pa.types.is_dictionary(column.type.value_type):
            words = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), words)
        items = pa.DictionaryArray.from_arrays(pa.array([0] * count, column.type.index_type), words)
    elif pa.types.is_run_end_encoded(column.type):
        items = pa.RunEndEncodedArray.from_arrays(pa.array([count], pa.int32()), pa.array(["tea"]))
    else:
        items = items.cast(column.type)
    return pa.record_batch({"Id": pa.array(range(first, first + count)), "Item": items})


@pytest.mark.parametrize("source", [as_stream, as_reader])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_lies_is_an_error_with_the_account(
    virtual: Emulator, column: str, source: Callable[[list[pa.RecordBatch]], object]
) -> None:
    items = COLUMNS[column]()
    bad = pa.RecordBatch.from_arrays([pa.array(range(20_000, 20_000 + ROWS)), items], ["Id", "Item"])
    good = [filled(items, first, 10_000) for first in (0, 10_000)]
    table = make_table(virtual)
    with pytest.raises(
        pbi.SourceError, match=r"at row 20000: RuntimeError: .*broke its word: column `Item` has"
    ) as caught:
        table.push(source([*good, bad]))
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.read, result.confirmed) == (20_000, 20_000)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_lies_and_is_not_read_disturbs_nobody(column: str) -> None:
    items = COLUMNS[column]()
    rows = pa.RecordBatch.from_arrays([pa.array(range(ROWS)), items], ["Id", "Other"])
    assert ORDERS.validate(Streaming([rows]), unknown_columns="ignore").row_count == ROWS


@pytest.mark.parametrize("forge", FORGERIES)
def test_an_array_that_lies_is_an_error_with_the_account(virtual: Emulator, forge: Callable[[Any], None]) -> None:
    columns: dict[str, Any] = {"Id": int, "Item": str, "Word": str}
    schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", columns)])
    table = virtual.client().create_dataset(schema).table()
    rows = Forged(table_to_forge(), 2, forge)
    with pytest.raises(pbi.SourceError, match=f"at row 20000: .*{FORGERIES[forge]}") as caught:
        table.push(rows)
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.read, result.confirmed) == (20_000, 20_000)


# Frames.


class Acting(enum.Enum):
    """A value that does something when it is read."""

    ONE = "one"
    act: Callable[[], object]

    @property
    def value(self) -> str:
        """Act first."""
        type(self).act()
        return "tea"


def frame_of(count: int, acting_at: int | None = None) -> pd.DataFrame:
    """Make a frame that Arrow cannot hold."""
    items: list[object] = [Decoy.TEA] * count
    if acting_at is not None:
        items[acting_at] = Acting.ONE
    return pd.DataFrame({"Id": range(count), "Item": pd.Series(items, dtype=object)})


class Decoy(enum.Enum):
    """A text that is no str."""

    TEA = "tea"


def test_a_frame_that_shrinks_while_it_is_read_is_an_error_with_the_account(virtual: Emulator) -> None:
    frame = frame_of(30_000, acting_at=15_000)
    Acting.act = staticmethod(lambda: pd.DataFrame.__init__(frame, frame.iloc[:25_000]))
    table = make_table(virtual)
    with pytest.raises(pbi.SourceError, match=r"at row 20000: .*changed while") as caught:
        table.push(frame, check="batch")
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.read, result.confirmed) == (20_000, 20_000)


@pytest.mark.parametrize("length", [1, 10_000, 50_000])
def test_a_frame_that_lies_about_its_length_is_read_as_it_is(virtual: Emulator, length: int) -> None:
    class Lying(pd.DataFrame):  # type: ignore[misc]
        def __len__(self) -> int:
            return length

    table = make_table(virtual)
    frame = Lying(frame_of(20_000))
    assert table.push(frame).confirmed == 20_000


@pytest.mark.parametrize("count", [0, 3, 7])
@pytest.mark.parametrize("values", [range(5), [Decoy.TEA] * 5], ids=["numbers", "objects"])
def test_a_column_that_shows_other_values_than_it_has_is_an_error(values: Any, count: int) -> None:
    class Column(pd.Series):  # type: ignore[misc]
        def to_numpy(self, *_: Any, **__: Any) -> Any:
            return pd.Series(list(values)[:1] * count).to_numpy()

        def tolist(self) -> list[object]:
            return list(values)[:1] * count

    Column._constructor = Column  # noqa: SLF001 - what pandas says to whoever makes a subclass

    class Frame(pd.DataFrame):  # type: ignore[misc]
        _constructor_sliced = Column

    frame = Frame({"Id": [1] * 5, "Item": pd.Series([Decoy.TEA] * 5, dtype=object)})
    frame["Id" if isinstance(values, range) else "Item"] = list(values)
    with pytest.raises(pbi.SourceError, match=r"at row 0: .*changed while"):
        ORDERS.validate(frame)


def test_a_frame_of_polars_that_lies_about_its_length_is_read_as_it_is() -> None:
    class Lying(pl.DataFrame):
        def __len__(self) -> int:
            return 50_000

    table = pbi.TableSchema("t", {"Id": int, "Wide": int})
    rows = Lying({"Id": [1, 2], "Wide": [3, 4]}, schema={"Id": pl.Int64, "Wide": pl.Int128})
    assert table.validate(rows).row_count == 2


# What is left to panic.


def panic() -> BaseException:
    """A panic of ours, as Python sees one."""
    for known in BaseException.__subclasses__():
        if known.__name__ == "PanicException":
            try:
                pbi.TableSchema("t", {"Id": int}).validate([Raising(known("a test of panics"))])
            except pbi.PowerBIPushError:
                return known("a test of panics")
            except BaseException:  # noqa: BLE001, S112 - somebody else's
                continue
    pytest.fail("there is no such class")


class Raising:
    """A row that raises."""

    def __init__(self, raised: BaseException) -> None:
        """Raise this."""
        self._raised = raised

    def keys(self) -> list[str]:
        """Raise it."""
        raise self._raised

    def __getitem__(self, key: str) -> int:
        """Answer the only column."""
        return 1


BUG = "this is a bug of powerbi_push: a test of panics"


def check_bug(caught: pytest.ExceptionInfo[pbi.PowerBIPushError], log: pytest.LogCaptureFixture) -> None:
    """It is told as a bug, and logged once as one."""
    assert type(caught.value) is pbi.PowerBIPushError
    assert caught.value.message == BUG
    told = [(record.levelno, record.getMessage()) for record in log.records if record.getMessage() == BUG]
    assert told == [(logging.ERROR, BUG)]


def rows_and(raised: BaseException) -> Iterator[object]:
    """Two requests, and then a row that raises."""
    yield from orders(20_000)
    yield Raising(raised)


def test_a_panic_in_a_push_is_a_bug_with_the_account(virtual: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    table, raised = make_table(virtual), panic()
    caplog.clear()
    with pytest.raises(pbi.PowerBIPushError) as caught:
        table.push(rows_and(raised))
    check_bug(caught, caplog)
    result = check_account(caught.value.result, arrived(virtual))
    assert result.confirmed + result.unsent == result.read


def test_a_panic_in_an_awaited_push_is_a_bug_with_the_account(
    virtual: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    table, raised = make_table(virtual), panic()
    caplog.clear()
    with pytest.raises(pbi.PowerBIPushError) as caught:
        asyncio.run(table.push_async(list(rows_and(raised))))
    check_bug(caught, caplog)
    assert check_account(caught.value.result, arrived(virtual)).confirmed == 0


@pytest.mark.parametrize("verb", ["validate", "payloads", "infer", "send", "send_many", "plan"])
def test_a_panic_anywhere_is_a_bug_and_what_comes_later_works(
    virtual: Emulator, caplog: pytest.LogCaptureFixture, verb: str
) -> None:
    row, table = Raising(panic()), make_table(virtual)
    verbs: dict[str, Callable[[pbi.Sender], object]] = {
        "validate": lambda _: ORDERS.validate([row]),
        "payloads": lambda _: list(ORDERS.payloads(iter([row]))),
        "infer": lambda _: pbi.TableSchema.infer("t", [row]),
        "send": lambda sender: sender.send(row),
        "send_many": lambda sender: sender.send_many([row]),
        "plan": lambda _: table.plan([row]),
    }
    caplog.clear()
    with table.sender() as sender:
        with pytest.raises(pbi.PowerBIPushError) as caught:
            verbs[verb](sender)
        check_bug(caught, caplog)
        sender.send({"Id": 1})
        assert sender.flush().confirmed == 1
