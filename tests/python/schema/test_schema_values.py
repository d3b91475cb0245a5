"""Schemas as values: equal, copied, shown."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

import powerbi_push as pbi
from powerbi_push import Column, DatasetSchema, Measure, RowError, TableSchema
from schemas import BELONGS, ORDERS, PRODUCTS, RICH


def test_attributes_are_named_as_the_arguments_and_read_as_tuples() -> None:
    orders, cities = RICH.tables
    assert (RICH.name, RICH.mode, RICH.retention) == ("Sales", "Push", None)
    assert (orders.name, orders.description, orders.is_hidden) == ("Orders", "What was ordered", False)
    assert orders.columns[3] == Column("Price", "Decimal", format_string="0.00", summarize_by="average")
    assert orders.columns[1].sort_by_column == "Id"
    assert orders.columns[2].data_category == "City"
    assert [measure.name for measure in orders.measures] == ["Total", "Count"]
    assert (cities.measures, cities.description, cities.is_hidden) == ((), None, True)
    assert RICH.relationships[0].cross_filtering == "BothDirections"
    for tuples in (RICH.tables, RICH.relationships, orders.columns, orders.measures):
        assert type(tuples) is tuple


def test_words_and_types_are_kept_in_the_spelling_of_the_documentation() -> None:
    table = TableSchema("t", [Column("a", "INT", summarize_by="DISTINCTCOUNT"), Column("b", "text")])
    assert table.columns == (Column("a", "Int64", summarize_by="distinctCount"), Column("b", "String"))
    lower: dict[str, Any] = {"mode": "pushstreaming", "retention": "basicfifo"}
    dataset = DatasetSchema("d", [ORDERS], **lower)
    assert (dataset.mode, dataset.retention) == ("PushStreaming", "basicFIFO")


def test_columns_are_taken_from_any_iterable_and_mapping() -> None:
    columns = (Column(name, int) for name in ("Id", "Product"))
    assert TableSchema("Orders", columns) == ORDERS
    assert TableSchema("Orders", {"Id": "Int64", "Product": "int"}) == ORDERS
    assert DatasetSchema("d", iter([ORDERS])) == DatasetSchema("d", [ORDERS])


@pytest.mark.parametrize(
    "value",
    [Column("a", int), Measure("m", "1"), BELONGS, ORDERS, RICH, RowError(0, "a", "wrong_type", "m", "int")],
    ids=lambda value: type(value).__name__,
)
def test_schemas_are_values(value: Any) -> None:
    same = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    assert same == value == copy.deepcopy(value) == copy.copy(value)
    assert hash(same) == hash(value)
    assert len({same, value}) == 1
    assert value != 5
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(value, field.name)


def test_a_copied_table_still_judges_rows() -> None:
    for table in (pickle.loads(pickle.dumps(ORDERS)), copy.deepcopy(ORDERS)):  # noqa: S301 - our own
        assert list(table.payloads([{"Id": 1}])) == [b'{"rows":[{"Id":1}]}']


def test_a_schema_differs_in_each_of_its_parts() -> None:
    others = [
        TableSchema("Order", {"Id": int, "Product": int}),
        TableSchema("Orders", {"Product": int, "Id": int}),
        TableSchema("Orders", {"Id": int, "Product": float}),
        TableSchema("Orders", [Column("Id", int), Column("Product", int, is_hidden=False)]),
        TableSchema("Orders", {"Id": int, "Product": int}, measures=[Measure("m", "1")]),
        TableSchema("Orders", {"Id": int, "Product": int}, description=""),
        TableSchema("Orders", {"Id": int, "Product": int}, is_hidden=False),
    ]
    assert [other for other in others if other == ORDERS] == []
    dataset = DatasetSchema("d", [ORDERS, PRODUCTS])
    assert dataset != DatasetSchema("d", [PRODUCTS, ORDERS])
    assert dataset != DatasetSchema("d", [ORDERS, PRODUCTS], mode="Streaming")
    assert dataset != DatasetSchema("d", [ORDERS, PRODUCTS], retention="basicFIFO")
    assert dataset != DatasetSchema("d", [ORDERS, PRODUCTS], relationships=[BELONGS])


@pytest.mark.parametrize(
    "value",
    [
        Column("a", int),
        Column("it's", int, format_string="0", is_hidden=False),
        Measure("m", "1", description="d"),
        BELONGS,
        dataclasses.replace(BELONGS, cross_filtering="Automatic"),
        ORDERS,
        TableSchema("t", {"a": float}, measures=[Measure("m", "1")], description="d", is_hidden=True),
        DatasetSchema("d", [ORDERS, PRODUCTS], relationships=[BELONGS], retention="basicFIFO"),
        DatasetSchema("d", [ORDERS], mode="Streaming"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_repr_is_what_one_would_type(value: object) -> None:
    names = {name: getattr(pbi, name) for name in dir(pbi)}
    assert eval(repr(value), names) == value  # noqa: S307 - our own


def test_a_repr_is_short() -> None:
    assert repr(ORDERS) == "TableSchema('Orders', {'Id': 'Int64', 'Product': 'Int64'})"
    assert repr(Column("a", int)) == "Column('a', 'Int64')"
    assert repr(Measure("m", "1")) == "Measure('m', '1')"
    assert repr(DatasetSchema("d", [PRODUCTS])) == f"DatasetSchema('d', [{PRODUCTS!r}])"


def test_a_table_shows_itself_as_html_with_names_escaped() -> None:
    html = TableSchema("Umsätze", {"<b>&\"'": float, "Id": int})._repr_html_()
    assert html.startswith("<table")
    assert html.endswith("</table>")
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;&quot;&#x27;" in html
    assert [html.count(word) for word in ("Umsätze", "Double", "Int64")] == [1, 1, 1]


def test_a_dataset_shows_its_tables_as_html() -> None:
    html = DatasetSchema("<d>", [ORDERS, PRODUCTS])._repr_html_()
    assert "<d>" not in html
    for shown in ("&lt;d&gt;", "Orders", "Products", "Name", "<table"):
        assert shown in html
