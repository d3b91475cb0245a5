"""Datasets made where they are missing: one of each name, and none for rows that do not fit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

import powerbi_push as pbi
from conftest import SCHEMA, orders
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = 8


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Do `work` on eight threads that begin together."""
    barrier = Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def where(emulator: Emulator) -> dict[str, Any]:
    return {"credential": emulator.credential, "base_url": emulator.url}


def test_threads_that_reuse_one_name_at_once_make_one_dataset(powerbi: Emulator) -> None:
    ids = at_once(lambda _: powerbi.client().create_dataset(SCHEMA, if_exists="reuse").id)
    assert len(set(ids)) == 1
    assert [dataset.id for dataset in powerbi.client().datasets()] == ids[:1]


def test_who_comes_while_a_dataset_takes_its_time_to_be_made_waits_for_it() -> None:
    with Emulator(clock="virtual") as emulator:
        emulator.fail_next(429, retry_after=1, route="Datasets_PostDataset")
        ids = at_once(lambda _: emulator.client().create_dataset(SCHEMA, if_exists="reuse").id)
        assert [dataset.id for dataset in emulator.client().datasets()] == [ids[0]]
        assert set(ids) == {ids[0]}


def test_threads_that_push_and_create_at_once_make_one_dataset(powerbi: Emulator) -> None:
    results = at_once(lambda number: pbi.push([{"Id": number}], "Sales/Orders", create=True, **where(powerbi)))
    assert all(result.ok for result in results)
    assert len(powerbi.client().datasets()) == 1
    assert sorted(row["Id"] for row in powerbi.rows("Sales/Orders")) == list(range(THREADS))


def test_of_threads_that_create_at_once_all_but_one_are_refused(powerbi: Emulator) -> None:
    def create(_: int) -> str:
        try:
            return powerbi.client().create_dataset(SCHEMA).id
        except pbi.ConfigurationError:
            return ""

    assert sorted(map(bool, at_once(create))) == [False] * (THREADS - 1) + [True]


def test_tasks_of_one_event_loop_take_turns_too(powerbi: Emulator) -> None:
    async def create_all() -> set[str]:
        client = powerbi.client()
        made = (client.create_dataset_async(SCHEMA, if_exists="reuse") for _ in range(THREADS))
        return {dataset.id for dataset in await asyncio.gather(*made)}

    assert len(asyncio.run(create_all())) == 1


@pytest.mark.parametrize("rows", [[{"Id": 1}, {"Id": b"no"}], pd.DataFrame({"Id": [1, 2], "It": [["nested"], ["x"]]})])
def test_no_dataset_is_made_for_rows_that_do_not_fit(powerbi: Emulator, rows: Any) -> None:
    with pytest.raises(pbi.PowerBIPushError):
        pbi.push(rows, "Sales/Orders", create=True, **where(powerbi))
    assert powerbi.client().datasets() == []


def test_with_a_schema_the_account_of_rows_that_do_not_fit_is_that_of_a_push(powerbi: Emulator) -> None:
    rows = [{"Id": 1}, {"Id": "x"}, {"Id": 3}]
    with pytest.raises(pbi.ValidationError) as caught:
        pbi.push(rows, "Sales/Orders", create=True, schema={"Id": int}, **where(powerbi))
    result = caught.value.result
    assert result is not None
    assert (result.read, result.rejected, result.unsent, result.requests) == (3, 1, 2, 0)
    assert result.ranges == [(0, 1, "unsent"), (1, 2, "rejected"), (2, 3, "unsent")]
    assert powerbi.client().datasets() == []
    for skipping in ({"on_invalid": "skip"}, {"check": "batch", "on_invalid": "skip"}):
        options: dict[str, Any] = {**where(powerbi), **skipping}
        assert pbi.push(rows, "Sales/Orders", create=True, schema={"Id": int}, **options).confirmed == 2


def test_no_dataset_is_made_for_an_option_or_a_schema_that_is_wrong(powerbi: Emulator) -> None:
    schema = pbi.TableSchema("Other", {"Id": int})
    with pytest.raises(pbi.ConfigurationError, match="the schema is that of a table `Other`"):
        pbi.push(orders(1), "Sales/Orders", create=True, schema=schema, **where(powerbi))
    with pytest.raises(pbi.ConfigurationError, match="`nan` takes"):
        pbi.push(orders(1), "Sales/Orders", create=True, nan="no", **where(powerbi))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="wrap it in a list"):
        pbi.push({"Id": 1}, "Sales/Orders", create=True, schema={"Id": int}, **where(powerbi))
    assert powerbi.client().datasets() == []


def test_a_list_and_a_frame_are_inferred_from_all_their_rows(powerbi: Emulator) -> None:
    rows: list[dict[str, Any]] = [*orders(10_000), {"Id": 0.5, "Late": "x"}]
    assert pbi.push(rows, "List/T", create=True, **where(powerbi)).ok
    assert pbi.push(pd.DataFrame(rows), "Frame/T", create=True, **where(powerbi)).ok
    for name in ("List/T", "Frame/T"):
        (last,) = [row for row in powerbi.rows(name) if row.get("Late") == "x"]
        assert last["Id"] == 0.5


def test_a_reader_of_arrow_keeps_all_its_rows(powerbi: Emulator) -> None:
    batches = [pa.record_batch({"Id": list(range(start, start + 4_000))}) for start in range(0, 16_000, 4_000)]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    assert pbi.push(reader, "New/Orders", create=True, **where(powerbi)).confirmed == 16_000
    # Requests are out at once, and may arrive in any order.
    assert sorted(row["Id"] for row in powerbi.rows("New/Orders")) == list(range(16_000))


def test_a_failure_after_the_dataset_was_made_says_that_it_is_there_and_with_which_columns(powerbi: Emulator) -> None:
    def late() -> Iterator[dict[str, Any]]:
        yield from ({"Id": number, "Item": "tea"} for number in range(10_000))
        yield {"Id": "wrong", "Item": "tea"}

    with pytest.raises(pbi.ValidationError) as caught:
        pbi.push(late(), "New/Orders", create=True, **where(powerbi))
    told = "the dataset `New` has been made all the same, its table `Orders` with Id Int64, Item String"
    assert told in str(caught.value)
    assert [dataset.name for dataset in powerbi.client().datasets()] == ["New"]
    with pytest.raises(pbi.ValidationError) as again:
        pbi.push(late(), "New/Orders", create=True, schema={"Id": int, "Item": str}, **where(powerbi))
    assert "has been made" not in str(again.value)


def test_a_name_with_a_slash_is_told_to_go_into_a_tuple(powerbi: Emulator) -> None:
    schema = pbi.DatasetSchema("Sales/EU", [pbi.TableSchema("Orders", {"Id": int})])
    powerbi.client().create_dataset(schema)
    with pytest.raises(pbi.NotFoundError, match=r"tuple: \(workspace or None, 'Sales/EU', 'Orders'\)"):
        pbi.push(orders(1), "Sales/EU/Orders", **where(powerbi))
    with pytest.raises(pbi.NotFoundError, match=r"tuple: \(workspace or None, 'Sales', 'EU'\)"):
        pbi.push(orders(1), "Sales/EU", **where(powerbi))
    with pytest.raises(pbi.ConfigurationError, match=r"tuple: \(workspace or None, 'Team/Sales/EU', 'Orders'\)"):
        pbi.push(orders(1), "Team/Sales/EU/Orders", **where(powerbi))
    with pytest.raises(pbi.ConfigurationError, match='name the table too: "Sales/Table"'):
        pbi.push(orders(1), "Sales", **where(powerbi))
    assert pbi.push(orders(1), (None, "Sales/EU", "Orders"), **where(powerbi)).ok
