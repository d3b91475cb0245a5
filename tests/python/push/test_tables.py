"""Tables: another schema, sequence numbers, and what is said of a table that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, make_table, orders
from powerbi_push.emulator import Emulator
from raw_http import ask

if TYPE_CHECKING:
    from collections.abc import Callable

WIDER = pbi.TableSchema("Orders", {"Id": int, "Item": str, "Price": float})
COLUMN = {"name": "Id", "dataType": "Int64"}
SOURCE = {"name": "cube", "connectionDetails": {"server": "s", "database": "d"}}


def test_a_schema_is_updated_where_rows_may_go(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(2))
    table.update_schema(WIDER, may_lose_rows=True)
    assert powerbi.rows(table) == []
    assert (table.schema, table.dataset.table("Orders").schema) == (WIDER, WIDER)
    assert table.push([{"Id": 1, "Price": 2.5}]).ok
    with pytest.raises(pbi.ValidationError):
        table.push([{"Id": 1, "Prise": 2.5}])
    assert powerbi.rows(table) == [{"Id": 1, "Price": 2.5}]


def test_a_measure_is_added_and_the_schema_goes_out_as_the_service_spells_it(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    columns = [pbi.Column("Id", int, is_hidden=True), pbi.Column("Item", str)]
    schema = pbi.TableSchema("Orders", columns, measures=[pbi.Measure("Total", "SUM(Orders[Id])")])
    table.update_schema(schema, may_lose_rows=True)
    assert powerbi.requests[-1].json() == {
        "name": "Orders",
        "columns": [{"name": "Id", "dataType": "Int64", "isHidden": True}, {"name": "Item", "dataType": "string"}],
        "measures": [{"name": "Total", "expression": "SUM(Orders[Id])"}],
    }


def test_a_schema_is_not_updated_unless_rows_may_go(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(2))
    sent = len(powerbi.requests)
    with pytest.raises(pbi.ConfigurationError, match="may delete all rows of table `Orders`") as caught:
        table.update_schema(WIDER)
    assert "may_lose_rows=True" in (caught.value.hint or "")
    other = pbi.TableSchema("Ordres", {"Id": int})
    with pytest.raises(pbi.ConfigurationError, match="table `Orders` cannot take the schema of a table `Ordres`"):
        table.update_schema(other, may_lose_rows=True)
    not_a_schema: Any = [WIDER]
    with pytest.raises(TypeError, match="TableSchema or a mapping of columns, not list"):
        table.update_schema(not_a_schema, may_lose_rows=True)
    assert len(powerbi.requests) == sent
    assert len(powerbi.rows(table)) == 2
    assert table.schema == SCHEMA.tables[0]


def test_rows_that_the_service_keeps_are_kept() -> None:
    with Emulator(assumptions={"rows_after_update": "kept"}) as emulator:
        table = make_table(emulator)
        table.push(orders(2))
        table.update_schema(WIDER, may_lose_rows=True)
        assert emulator.rows(table) == orders(2)


def test_a_table_that_is_not_there_is_answered_with_those_that_are(powerbi: Emulator) -> None:
    make_table(powerbi)
    table = powerbi.client().dataset("Sales").table("orders", {"Id": int})
    asking: list[Callable[[], object]] = [
        lambda: table.update_schema({"Id": int}, may_lose_rows=True),
        table.sequence_numbers,
        table.delete_rows,
    ]
    for ask_for in asking:
        with pytest.raises(pbi.NotFoundError, match="the dataset has no table `orders`: there are `Orders`") as caught:
            ask_for()
        assert (caught.value.status, caught.value.code) == (404, "ItemNotFound")
        assert "cannot add a table" in (caught.value.hint or "")
    assert table.schema == pbi.TableSchema("orders", {"Id": int})


def test_a_dataset_of_another_kind_has_no_tables_and_says_so(powerbi: Emulator) -> None:
    hosted = {"name": "Hosted", "defaultMode": "AsAzure", "tables": [{"name": "T", "columns": [COLUMN]}]}
    assert ask(powerbi, "/datasets", {**hosted, "datasources": [SOURCE]}).status == 201
    dataset = powerbi.client().dataset("Hosted")
    assert not dataset.accepts_rows
    for ask_for in (dataset.tables, dataset.table("T").delete_rows, lambda: dataset.table("T").push(orders(1))):
        with pytest.raises(pbi.NotFoundError, match="is not Push API dataset") as caught:
            ask_for()
        assert "create_dataset" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("answer", "numbers"), [("refuses", {0: 7}), ("deduplicates", {0: 7}), ("ignores", {}), ("missing", None)]
)
def test_sequence_numbers_are_told_by_writer(answer: Any, numbers: dict[int, int] | None) -> None:
    with Emulator(assumptions={"sequence_numbers": answer, "sequence_gaps": "accepted"}) as emulator:
        table = make_table(emulator)
        path = f"/datasets/{table.dataset.id}/tables/Orders/rows"
        assert ask(emulator, path, {"rows": [{}]}, headers={"X-PowerBI-PushData-SequenceNumber": "7"}).status == 200
        if numbers is not None:
            assert table.sequence_numbers() == numbers
            return
        with pytest.raises(pbi.NotFoundError) as caught:
            table.sequence_numbers()
        assert "may offer it no longer" in (caught.value.hint or "")


@pytest.mark.parametrize("body", ['{"value": [{"clientId": "3", "sequenceNumber": "18446744073709551615"}]}'])
def test_sequence_numbers_may_be_text_and_large(powerbi: Emulator, body: str) -> None:
    table = make_table(powerbi)
    powerbi.fail_next(200, body=body)
    assert table.sequence_numbers() == {3: 18_446_744_073_709_551_615}
