"""Rows that cannot be read at all: an error with an account of nothing, from every way of pushing them."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import powerbi_push as pbi
import powerbi_push.microstrategy as mstr
from conftest import SCHEMA, arrived, check_account, make_table, orders, posts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from powerbi_push.emulator import Emulator

#: Far behind the few categories that there are.
FAR = 77
COUNT = 20_000


class Stream:
    """What says that it is a stream of Arrow."""

    def __init__(self, answer: object) -> None:
        """Take what it answers or raises."""
        self._answer = answer

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Answer no stream."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Mislabelled(pd.DataFrame):  # type: ignore[misc]
    """A frame whose columns are not its own."""

    @property
    def columns(self) -> Any:
        """Answer more of them than there are."""
        return ["Id", "Item", "More"]


#: What raises the moment it is looked at.
UNREADABLE: dict[str, Callable[[], Any]] = {
    "a stream that raises": lambda: Stream(RuntimeError("gone")),
    "a stream that is none": lambda: Stream(None),
    "a stream that is a number": lambda: Stream(1),
    "a frame of other columns": lambda: Mislabelled({"Id": [1]}),
}


def to_table(emulator: Emulator) -> Callable[[Any], object]:
    """Push to a table that is there."""
    return make_table(emulator).push


def in_place_of_others(emulator: Emulator) -> Callable[[Any], object]:
    """Put them in the place of the rows that are there."""
    return make_table(emulator).replace


def to_push_url(emulator: Emulator) -> Callable[[Any], object]:
    """Push to a push URL."""
    return pbi.StreamingDataset(emulator.streaming_dataset("Live", SCHEMA.tables[0]), SCHEMA.tables[0]).push


def to_what_is_made(emulator: Emulator) -> Callable[[Any], object]:
    """Push to a dataset that is made of the rows."""
    sign_in: dict[str, Any] = {"credential": emulator.credential, "base_url": emulator.url}
    return lambda rows: pbi.push(rows, "Made/Orders", create=True, **sign_in)


def to_what_is_made_awaited(emulator: Emulator) -> Callable[[Any], object]:
    """Await the same."""
    sign_in: dict[str, Any] = {"credential": emulator.credential, "base_url": emulator.url}
    return lambda rows: asyncio.run(pbi.push_async(rows, "Made/Orders", create=True, **sign_in))


def to_microstrategy(emulator: Emulator) -> Callable[[Any], object]:
    """Push to the other service."""
    there = emulator.microstrategy
    client = mstr.Client(there.base_url, username=there.username, password=there.password, project=there.project)
    return client.create_dataset(SCHEMA, attributes=["Item"]).push


WAYS = [to_table, in_place_of_others, to_push_url, to_what_is_made, to_what_is_made_awaited, to_microstrategy]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("source", UNREADABLE)
def test_rows_that_cannot_be_read_are_an_error_with_an_account_of_none(
    virtual: Emulator, source: str, way: Callable[[Emulator], Callable[[Any], object]]
) -> None:
    push = way(virtual)
    with pytest.raises(pbi.SourceError, match="failed at row 0") as caught:
        push(UNREADABLE[source]())
    result = caught.value.result
    assert result is not None
    assert (result.read, result.ranges, result.requests) == (0, [], 0)
    assert posts(virtual) == []


def test_a_generator_that_raises_while_columns_are_read_off_it_says_where(virtual: Emulator) -> None:
    def broken() -> Iterator[Any]:
        yield from orders(5)
        message = "the disk is gone"
        raise OSError(message)

    async def awaited() -> AsyncIterator[Any]:
        for row in broken():
            yield row

    def batches() -> Iterator[Any]:
        yield pa.RecordBatch.from_pylist(orders(5))
        message = "the disk is gone"
        raise OSError(message)

    reader = pa.RecordBatchReader.from_batches(pa.RecordBatch.from_pylist(orders(1)).schema, batches())
    for push, rows in (
        (to_what_is_made(virtual), broken()),
        (to_what_is_made_awaited(virtual), awaited()),
        (to_what_is_made(virtual), reader),
    ):
        with pytest.raises(pbi.SourceError, match="failed at row 5: OSError: the disk is gone") as caught:
            push(rows)
        assert isinstance(caught.value.__cause__, OSError)
        result = check_account(caught.value.result, Counter())
        assert (result.read, result.unsent, result.ranges) == (5, 5, [(0, 5, "unsent")])
    assert virtual.client().datasets() == []


def lying_codes(code: int, dtype: Any = np.int32) -> pd.Categorical:
    """Make a column of categories whose last one is none of them."""
    codes = np.zeros(COUNT, dtype)
    codes[-1] = code
    return pd.Categorical.from_codes(codes, pd.Index(["tea"], dtype=object), validate=False)


def of_column(code: int) -> pd.DataFrame:
    """Have a column lie."""
    return pd.DataFrame({"Id": range(COUNT), "Item": lying_codes(code)})


def of_index(code: int) -> pd.DataFrame:
    """Have the index lie."""
    return pd.DataFrame({"Id": range(COUNT)}, index=pd.CategoricalIndex(lying_codes(code), name="Item"))


def of_levels(code: int) -> pd.DataFrame:
    """Have a level of an index lie."""
    codes = np.zeros(COUNT, np.int8)
    codes[-1] = code
    levels = pd.MultiIndex(
        levels=[["tea"], ["x"]], codes=[codes, np.zeros(COUNT, np.int8)], names=["Item", None], verify_integrity=False
    )
    return pd.DataFrame({"Id": range(COUNT)}, index=levels)


@pytest.mark.parametrize("code", [FAR, 1, -FAR])
@pytest.mark.parametrize("make", [of_column, of_index, of_levels])
def test_categories_that_are_not_there_are_an_error_with_the_account(
    virtual: Emulator, make: Callable[[int], pd.DataFrame], code: int
) -> None:
    frame = make(code)
    with pytest.raises(pbi.SourceError, match="codes that its categories do not know"):
        SCHEMA.tables[0].validate(frame)
    table = make_table(virtual)
    with pytest.raises(pbi.SourceError, match="codes that its categories do not know") as caught:
        table.push(frame)
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.confirmed, result.requests) == (0, 0)


@pytest.mark.parametrize("rows", [np.int64(3), np.float64("nan"), 3, np.bool_(True)], ids=repr)  # noqa: FBT003
def test_a_number_is_no_rows(virtual: Emulator, rows: Any) -> None:
    name = type(rows).__name__
    for push in (make_table(virtual).push, SCHEMA.tables[0].validate, to_what_is_made(virtual)):
        with pytest.raises(TypeError, match=f"rows must be an iterable of mappings, not {name}; wrap it"):
            push(rows)
