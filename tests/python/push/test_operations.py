"""The operations of the documents, through the public interface: in My workspace and in a group, by name and by id."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, make_table, orders
from fault_server import DATASET_ID
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push import Client, Workspace

WIDER = pbi.TableSchema("Orders", {"Id": int, "Item": str, "Price": float})

#: My workspace, a group by its name, and a group by its id; the group's name needs care in a filter and in a path.
NAME = "Tom's 100% R&D / Öl"
PLACES: dict[str, Callable[[Emulator, Client], Workspace]] = {
    "mine": lambda _, client: client.my_workspace,
    "by name": lambda emulator, client: (emulator.add_workspace(NAME), client.workspace(NAME))[1],
    "by id": lambda emulator, client: client.workspace(emulator.add_workspace(NAME)),
}


def operations(emulator: Emulator, since: int = 0) -> list[str]:
    """The vendor's names of what was asked for."""
    return [request.operation or request.path for request in emulator.requests[since:]]


@pytest.mark.parametrize("place", PLACES)
def test_each_operation_is_one_request_to_its_place(powerbi: Emulator, place: str) -> None:
    workspace = PLACES[place](powerbi, powerbi.client())
    since = len(powerbi.requests)
    dataset = workspace.create_dataset(SCHEMA)
    table = dataset.table()
    steps: dict[str, Callable[[], object]] = {
        "Datasets_GetDatasets": lambda: (workspace.datasets(), workspace.dataset("Sales")),
        "Datasets_GetDataset": lambda: workspace.dataset(dataset.id),
        "Datasets_GetTables": dataset.tables,
        "Datasets_PostRows": lambda: table.push(orders(2)),
        "Datasets_GetSequenceNumbers": table.sequence_numbers,
        "Datasets_DeleteRows": table.delete_rows,
        "Datasets_PutTable": lambda: table.update_schema(WIDER, may_lose_rows=True),
        "Datasets_DeleteDataset": dataset.delete,
    }
    for step in steps.values():
        step()
    mine = workspace.id is None
    expected = ["Datasets_GetDatasets", "Datasets_PostDataset", "Datasets_GetDatasets", *steps]
    assert operations(powerbi, since) == [name if mine else f"{name}InGroup" for name in expected]
    group = "" if mine else f"/groups/{workspace.id}"
    assert all(request.path.startswith(f"/v1.0/myorg{group}/datasets") for request in powerbi.requests[since:])
    assert workspace.datasets() == []


@pytest.mark.parametrize("place", PLACES)
def test_each_operation_can_be_awaited(powerbi: Emulator, place: str) -> None:
    client = powerbi.client()
    workspace = PLACES[place](powerbi, client)

    async def main() -> None:
        dataset = await workspace.create_dataset_async(SCHEMA)
        assert [found.id for found in await workspace.datasets_async()] == [dataset.id]
        assert [(await workspace.dataset_async(wanted)).id for wanted in ("Sales", dataset.id)] == [dataset.id] * 2
        assert [table.name for table in await dataset.tables_async()] == ["Orders"]
        table = dataset.table()
        assert (await table.push_async(orders(2))).ok
        assert await table.sequence_numbers_async() == {}
        await table.delete_rows_async()
        with pytest.raises(pbi.ConfigurationError, match="may delete all rows"):
            await table.update_schema_async(WIDER)
        await table.update_schema_async(WIDER, may_lose_rows=True)
        assert table.schema == WIDER
        await dataset.delete_async()
        found = await client.workspaces_async("name ne 'x'")
        assert [await one.name_async() for one in found] == ([] if workspace.id is None else [NAME])

    asyncio.run(main())


# Workspaces.


def test_workspaces_are_filtered_by_the_service(powerbi: Emulator) -> None:
    for name in ("marketing", "sample group", "contoso"):
        powerbi.add_workspace(name)
    client = powerbi.client()
    found = client.workspaces("contains(name,'marketing') or name eq 'contoso'")
    assert [workspace.name for workspace in found] == ["marketing", "contoso"]
    assert set(operations(powerbi)) == {"Groups_GetGroups"}
    query = "%24filter=" if "%24" in powerbi.requests[0].query else "$filter="
    assert powerbi.requests[0].query.startswith(query)
    assert "contains(name,'marketing') or name eq 'contoso'" in unquote(powerbi.requests[0].query)
    assert [workspace.name for workspace in client.workspaces()] == ["marketing", "sample group", "contoso"]
    assert client.workspaces(filter="name eq 'x'") == []


def test_a_filter_that_is_none_is_the_services_400(powerbi: Emulator) -> None:
    with pytest.raises(pbi.ServiceError, match="Syntax error") as caught:
        powerbi.client().workspaces("name eq")
    assert caught.value.status == 400
    assert "name eq 'contoso'" in (caught.value.hint or "")


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_no_workspace_is_missed_however_few_come_at_once(page: int) -> None:
    with Emulator(assumptions={"groups_page": page}) as emulator:
        ids = [emulator.add_workspace(f"w{number}") for number in range(6)]
        client = emulator.client()
        assert [workspace.id for workspace in client.workspaces()] == ids
        assert client.workspace("w5").id == ids[5]


@pytest.mark.parametrize("case", ["sensitive", "insensitive"])
def test_a_workspace_is_found_by_its_exact_name(case: Any) -> None:
    with Emulator(assumptions={"filter_case": case}) as emulator:
        ids = [emulator.add_workspace(name) for name in ("team", "Team", "O'Team", "O''Team", "Team' or name ne '")]
        client = emulator.client()
        for name, known in zip(("team", "Team", "O'Team", "O''Team", "Team' or name ne '"), ids, strict=True):
            assert client.workspace(name).id == known
        with pytest.raises(pbi.NotFoundError, match="there is no workspace `TEAM`: there are `team`, `Team`"):
            client.workspace("TEAM")


def test_two_workspaces_of_a_name_are_refused_with_both_ids(powerbi: Emulator) -> None:
    ids = [powerbi.add_workspace("Team") for _ in range(2)]
    with pytest.raises(pbi.ConfigurationError, match=f"2 workspaces are named `Team`: {ids[0]}, {ids[1]}") as caught:
        powerbi.client().workspace("Team")
    assert caught.value.hint == "use the id instead of the name"


def test_a_name_is_looked_up_once_and_only_when_it_is_asked_for(powerbi: Emulator) -> None:
    workspace_id = powerbi.add_workspace("Team")
    workspace = powerbi.client().workspace(workspace_id.upper())
    assert operations(powerbi) == []
    assert (workspace.name, workspace.name) == ("Team", "Team")
    assert operations(powerbi) == ["Groups_GetGroup"]


def test_an_id_that_nobody_may_see_is_answered_with_those_there_are(powerbi: Emulator) -> None:
    powerbi.add_workspace("Team")
    with pytest.raises(pbi.NotFoundError, match=f"there is no workspace `{DATASET_ID}`: there are `Team`") as caught:
        _ = powerbi.client().workspace(DATASET_ID).name
    assert "Manage access" in (caught.value.hint or "")


# Datasets.


@pytest.mark.parametrize("gets", [0, 1, 3])
def test_a_dataset_that_is_being_made_is_waited_for(gets: int) -> None:
    with Emulator(clock="virtual", assumptions={"creation": "accepted", "accepted_gets": gets}) as emulator:
        dataset = emulator.client().create_dataset(SCHEMA)
        assert (dataset.name, dataset.accepts_rows) == ("Sales", True)
        assert operations(emulator).count("Datasets_PostDataset") == 1
        assert operations(emulator).count("Datasets_GetDataset") == gets + 1
        assert dataset.table().push(orders(3)).ok


def test_a_dataset_that_is_never_made_is_a_deadline_with_its_id() -> None:
    slow: Any = {"creation": "accepted", "accepted_gets": 0, "accepted_seconds": 200}
    with Emulator(clock="virtual", assumptions=slow) as emulator:
        client = emulator.client()
        with pytest.raises(pbi.DeadlineError, match="after 120 s the service is still making `Sales`, id ") as caught:
            client.create_dataset(SCHEMA)
        assert 100 < emulator.now <= 120
        assert operations(emulator).count("Datasets_PostDataset") == 1
        emulator.advance(100)
        (made,) = client.datasets()
        assert made.id in caught.value.message
        assert client.create_dataset(SCHEMA, if_exists="reuse").id == made.id


def test_a_long_wait_is_an_error_at_once_and_a_short_one_is_waited_for(virtual: Emulator) -> None:
    client = virtual.client()
    virtual.fail_next(429, retry_after=3_392)
    with pytest.raises(pbi.RateLimitedError) as caught:
        client.datasets()
    assert (caught.value.retry_after, len(virtual.requests), virtual.now) == (3_392.0, 1, 0.0)
    assert "3392 s" in (caught.value.hint or "")
    virtual.fail_next(429, retry_after=100)
    assert client.datasets() == []
    assert virtual.now == 100.0


NAMES = ["O'Brien", 'say "x"', "a/b\\c", "100%", "%2e%2e", "..", "a\r\nHost: x", "😀", "x" * 1_000, "?a=1#b", " x "]


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_may_have_any_name(powerbi: Emulator, name: str) -> None:
    client = powerbi.client()
    created = client.create_dataset(pbi.DatasetSchema(name, SCHEMA.tables))
    assert client.dataset(name).id == created.id
    assert client.create_dataset(pbi.DatasetSchema(name, SCHEMA.tables), if_exists="reuse").id == created.id
    assert created.table().push(orders(2)).ok
    assert len(powerbi.rows((None, name, "Orders"))) == 2


@pytest.mark.parametrize("name", ["x" * 100, "😀" * 50, "a b", "Größe", "a\r\nb", "#-@^_~", " "])
def test_a_table_may_have_any_name_that_is_allowed_and_is_one_segment(powerbi: Emulator, name: str) -> None:
    schema = pbi.DatasetSchema("Sales", [pbi.TableSchema(name, {"Id": int})])
    table = powerbi.client().create_dataset(schema).table()
    table.push(orders(2))
    table.delete_rows()
    table.update_schema({"Id": int, "More": str}, may_lose_rows=True)
    for request in powerbi.requests[2:]:
        segments = request.path.split("/")
        assert segments[1:4] == ["v1.0", "myorg", "datasets"]
        assert (segments[5], unquote(segments[6])) == ("tables", name)
        assert segments[7:] in ([], ["rows"])


@pytest.mark.parametrize("name", ["x" * 101, "😀" * 51, "a\x07b"])
def test_a_name_that_is_refused_says_what_is_allowed(powerbi: Emulator, name: str) -> None:
    dataset = make_table(powerbi).dataset
    with pytest.raises(pbi.ConfigurationError) as caught:
        powerbi.client().dataset(dataset.id).table(name)
    assert "1 to 100 characters" in (caught.value.hint or "")
    assert caught.value.message.isprintable()
