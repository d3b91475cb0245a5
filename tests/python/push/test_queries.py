"""What has arrived, read back: `count`, `head` and `query`."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, make_table, orders, posts
from fault_server import FaultServer, http
from powerbi_push import _core
from powerbi_push.powerbi.queries import table_rows

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

KINDS: dict[str, Any] = {
    "Whole": int,
    "Share": float,
    "Ok": bool,
    "At": datetime,
    "Item": str,
    "Price": Decimal,
}
ROW = {
    "Whole": 2**62,
    "Share": 0.1,
    "Ok": True,
    "At": datetime(2026, 1, 2, 3, 4, 5, 678_000),
    "Item": "2026-01-02T03:04:05",
    "Price": Decimal("12345678901234567890.1234"),
}
MARK = b"\xef\xbb\xbf"


def answer(rows: bytes, *, mark: bytes = MARK) -> Any:
    return http(200, mark + b'{"results":[{"tables":[{"rows":' + rows + b"}]}]}")


def every_kind(emulator: Emulator, name: str = "Kinds") -> pbi.Table:
    schema = pbi.DatasetSchema("Sales", [pbi.TableSchema(name, KINDS)])
    return emulator.client().create_dataset(schema).table()


def queries(emulator: Emulator) -> list[Any]:
    return [request for request in emulator.requests if "ExecuteQueries" in (request.operation or "")]


def test_a_table_is_counted_and_an_empty_one_has_0(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    assert table.count() == 0
    table.push(orders(1_234))
    assert table.count() == 1_234
    request = queries(powerbi)[-1]
    assert request.path == f"/v1.0/myorg/datasets/{table.dataset.id}/executeQueries"
    assert request.json() == {
        "queries": [{"query": "EVALUATE ROW(\"count\", COUNTROWS('Orders'))"}],
        "serializerSettings": {"includeNulls": True},
    }


def test_in_a_workspace_the_group_is_in_the_path(powerbi: Emulator) -> None:
    workspace = powerbi.add_workspace("Team")
    schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("It is", {"Id": int})])
    table = powerbi.client().workspace(workspace).create_dataset(schema).table()
    table.push([{"Id": 1}])
    assert (table.count(), table.head()) == (1, [{"Id": 1}])
    assert queries(powerbi)[0].path.startswith(f"/v1.0/myorg/groups/{workspace}/datasets/")
    assert queries(powerbi)[0].operation == "Datasets_ExecuteQueriesInGroup"


def test_head_gives_rows_under_their_own_names_with_the_types_of_the_schema(powerbi: Emulator) -> None:
    table = every_kind(powerbi)
    table.push([ROW, {"Whole": 1}])
    first, second = table.head()
    assert first == ROW
    assert [type(first[name]) for name in ROW] == [type(value) for value in ROW.values()]
    assert second == {**dict.fromkeys(KINDS), "Whole": 1}
    assert table.head(1) == [ROW]
    assert table.head(0) == []


def test_without_a_schema_what_looks_like_a_moment_is_one(powerbi: Emulator) -> None:
    every_kind(powerbi).push([ROW])
    (row,) = powerbi.client().dataset("Sales").table("Kinds").head()
    assert (row["At"], row["Item"]) == (ROW["At"], datetime(2026, 1, 2, 3, 4, 5))
    assert (row["Whole"], row["Share"], row["Ok"]) == (2**62, 0.1, True)
    assert row["Price"] == float(ROW["Price"])  # type: ignore[arg-type]


def test_a_query_has_the_names_that_the_service_gives() -> None:
    rows = b'[{"Orders[Id]":1,"[Total]":0.5,"Orders[At]":"2026-01-02T03:04:05"}]'
    for mark in (MARK, b""):
        with FaultServer(answer(rows, mark=mark)) as server:
            found = server.table().dataset.query("EVALUATE Orders")
        assert found == [{"Orders[Id]": 1, "Total": 0.5, "Orders[At]": "2026-01-02T03:04:05"}]


def test_a_quote_in_a_tables_name_is_written_twice_and_taken_off_its_columns() -> None:
    with FaultServer(answer(b'[{"It\'s[a]":1}]')) as server:
        dataset = server.table().dataset
        # No such name can be made here, and the service may have one.
        core = _core.Table(dataset._core, (None, dataset.id, "It's"), None, False, False)  # noqa: FBT003, SLF001
        rows = core.head(3).run()
        assert table_rows(rows, "It's", None) == [{"a": 1}]
        assert b"EVALUATE TOPN(3, 'It''s')" in server.received[-1].body


def test_a_part_of_the_rows_is_an_error() -> None:
    body = MARK + b'{"results":[{"tables":[{"rows":[{"[a]":1}],"error":{"code":"TooMany","message":"cut"}}]}]}'
    with FaultServer(http(200, body)) as server, pytest.raises(pbi.ServiceError, match="not whole: TooMany: cut"):
        server.table().dataset.query("EVALUATE Orders")


def test_a_query_that_the_service_cannot_read_is_its_own_error(powerbi: Emulator) -> None:
    dataset = make_table(powerbi).dataset
    with pytest.raises(pbi.ServiceError, match="unsupported by the emulator") as caught:
        dataset.query("EVALUATE SUMMARIZE(Orders, Orders[Id])")
    assert caught.value.status == 400
    assert len(queries(powerbi)) == 1


def test_a_table_that_is_not_there_is_not_found_and_those_that_are_there_are_listed(powerbi: Emulator) -> None:
    dataset = make_table(powerbi).dataset
    table = powerbi.client().dataset(dataset.id).table("orders")
    for call in (table.count, table.head):
        with pytest.raises(pbi.NotFoundError, match="has no table `orders`: there are `Orders`"):
            call()


def test_a_query_is_asked_again_where_the_service_fails_since_it_changes_nothing() -> None:
    with FaultServer(http(503), answer(b'[{"[count]":null}]')) as server:
        assert server.table(retry=QUICK).count() == 0


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    torn = http(200, b'{"results":', length=1_000, then="close")
    with FaultServer(torn, answer(b'[{"[count]":7}]')) as server:
        assert server.table().count() == 7
    with FaultServer(torn) as server, pytest.raises(pbi.TransportError, match="in the middle of the answer"):
        server.table(retry=None).count()


def test_an_answer_that_does_not_end_is_not_read_as_somebody_elses() -> None:
    torn = http(200, b'{"results":', length=1_000, then="hold")
    with FaultServer(torn) as server, pytest.raises(pbi.TransportTimeoutError, match=r"did not end within 0\.2 s"):
        server.table(retry=None, timeout=0.2).count()


def test_the_tenants_setting_is_named(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    powerbi.allow(queries=False)
    with pytest.raises(pbi.PermissionDeniedError, match='"Dataset Execute Queries REST API"') as caught:
        table.count()
    assert "Build" in str(caught.value.hint)
    powerbi.allow(queries=True)
    assert table.count() == 0


def test_120_queries_a_minute_are_kept_whatever_the_dataset(virtual: Emulator) -> None:
    client = virtual.client()
    for name in ("One", "Two"):
        schema = pbi.DatasetSchema(name, [pbi.TableSchema("T", {"Id": int})])
        table = client.create_dataset(schema).table()
        for _ in range(61):
            table.count()
    assert {request.status for request in queries(virtual)} == {200}
    assert [request.at >= 60 for request in queries(virtual)] == [False] * 120 + [True] * 2
    hasty = virtual.client(quotas=None, retry=None).dataset("One").table("T")
    for _ in range(118):
        hasty.count()
    with pytest.raises(pbi.RateLimitedError):
        hasty.count()


def test_what_streams_only_keeps_nothing_to_ask_for(powerbi: Emulator) -> None:
    schema = pbi.DatasetSchema("Live", [pbi.TableSchema("T", {"Id": int})], mode="Streaming")
    dataset = powerbi.client().create_dataset(schema)
    again = powerbi.client().dataset("Live")
    asks = (dataset.table().count, dataset.table().head, lambda: dataset.query("EVALUATE T"), again.table("T").count)
    for ask in asks:
        with pytest.raises(pbi.ConfigurationError, match="mode Streaming keeps no rows"):
            ask()
    assert queries(powerbi) == []


@pytest.mark.parametrize("wrong", [-1, 100_001, 1.5, "ten", True, None])
def test_a_number_of_rows_is_one(powerbi: Emulator, wrong: Any) -> None:
    with pytest.raises(pbi.ConfigurationError, match="`n` takes a whole number from 0 to 100000"):
        make_table(powerbi).head(wrong)


def test_each_can_be_awaited(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push([{"Id": 5, "Item": None}])

    async def ask() -> tuple[object, ...]:
        with pytest.raises(pbi.ServiceError):
            await table.dataset.query_async("EVALUATE Orders")
        return await table.count_async(), await table.head_async(3)

    assert asyncio.run(ask()) == (1, [{"Id": 5, "Item": None}])


def test_a_streaming_dataset_reached_by_rest_is_cut_and_slowed_from_the_start(virtual: Emulator) -> None:
    schema = pbi.DatasetSchema("Live", [pbi.TableSchema("T", {"Id": int, "Item": str})], mode="Streaming")
    table = virtual.client().create_dataset(schema).table()
    rows = [{"Id": number, "Item": "x" * 100} for number in range(4_000)]
    result = table.push(rows)
    sent = posts(virtual)
    assert result.ok
    assert {post.status for post in sent} == {200}
    assert max(len(post.body) for post in sent) <= 15_000
    assert result.requests == len(sent)
    assert sent[-1].at - sent[0].at >= (len(sent) - 5) // 5
    for again in (virtual.client().dataset("Live").table("T"), virtual.client().dataset(table.dataset.id).table("T")):
        again.push(rows[:1_000])
    virtual.client().create_dataset(schema, if_exists="reuse").table().push(rows[:1_000])
    assert {post.status for post in posts(virtual)} == {200}
