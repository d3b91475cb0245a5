"""Schemas: what may be in one, what is refused and how, inference, the service's JSON, and the bodies."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
import re
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from powerbi_push import (
    Column,
    ConfigurationError,
    DatasetSchema,
    Measure,
    Relationship,
    RowError,
    TableSchema,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ORDERS = TableSchema("Orders", {"Id": int, "Product": int})
PRODUCTS = TableSchema("Products", {"Id": int, "Name": str})
BELONGS = Relationship("belongs", "Orders", "Product", "Products", "Id")

RICH = DatasetSchema(
    "Sales",
    [
        TableSchema(
            "Orders",
            [
                Column("Id", int, is_hidden=True, summarize_by="none"),
                Column("Month", str, sort_by_column="Id"),
                Column("City", "string", data_category="City", is_hidden=False),
                Column("Price", Decimal, format_string="0.00", summarize_by="average"),
                Column("Weight", float),
                Column("Paid", bool),
                Column("At", datetime),
            ],
            measures=[
                Measure("Total", "SUM(Orders[Price])", format_string="0.0", description="All", is_hidden=False),
                Measure("Count", "COUNTROWS(Orders)"),
            ],
            description="What was ordered",
            is_hidden=False,
        ),
        TableSchema("Cities", {"Name": str}, is_hidden=True),
    ],
    relationships=[Relationship("city", "Orders", "City", "Cities", "Name", cross_filtering="BothDirections")],
)


def related(**change: Any) -> DatasetSchema:
    """Two tables and a relationship that differs from `BELONGS`."""
    return DatasetSchema("d", [ORDERS, PRODUCTS], relationships=[dataclasses.replace(BELONGS, **change)])


def problems(refused: pytest.ExceptionInfo[ConfigurationError]) -> list[str]:
    """The problems that the error lists, one each."""
    head, *listed = refused.value.message.split("\n- ")
    return listed or [head]


# --- data types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_type", "name"),
    [
        *[(spelling, "Int64") for spelling in ("Int64", "int64", "INT64", "int", "Int", int)],
        *[(spelling, "Double") for spelling in ("Double", "double", "DOUBLE", "number", "Number", float)],
        *[(spelling, "Boolean") for spelling in ("Boolean", "boolean", "bool", "Bool", bool)],
        *[(spelling, "DateTime") for spelling in ("DateTime", "Datetime", "datetime", "dateTime", datetime, date)],
        *[(spelling, "String") for spelling in ("String", "string", "STRING", "text", "Text", str)],
        *[(spelling, "Decimal") for spelling in ("Decimal", "decimal", Decimal)],
    ],
)
def test_a_data_type_is_taken_in_any_case_as_an_alias_and_as_pythons_own(data_type: Any, name: str) -> None:
    assert Column("a", data_type).data_type == name
    assert TableSchema("t", {"a": data_type}).columns == (Column("a", name),)


@pytest.mark.parametrize(
    "data_type",
    ["", "varchar", "int32", " Int64", "datetime2", "Time", None, 5, bytes, list, object, type(None)],
    ids=repr,
)
def test_another_data_type_is_refused_with_the_types_there_are(data_type: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Column("Price", data_type)
    assert "`Price`" in str(refused.value)
    for name in ("Int64", "Double", "Boolean", "DateTime", "String", "Decimal"):
        assert name in str(refused.value)


def test_a_class_is_no_data_type_for_its_name_alone() -> None:
    with pytest.raises(ConfigurationError):
        Column("a", type("text", (), {}))


# --- the service's rules ---------------------------------------------------------------------------------------------


FORBIDDEN = "!\"$%&'()*+,./:;<=>?[\\]`{|}"


@pytest.mark.parametrize("name", ["x" * 100, "é" * 100, " ", "a b", "a\tb\r\n", "#-@^_~", "Größe", "\x7f", "日本", "1"])
def test_a_table_may_have_this_name(name: str) -> None:
    assert TableSchema(name, {"a": int}).name == name


@pytest.mark.parametrize("name", ["", "x" * 101, "\0", "a\x1fb", "\ufffe", "\uffff", "\ud800", *FORBIDDEN])
def test_no_table_or_relationship_may_have_this_name(name: str) -> None:
    with pytest.raises(ConfigurationError):
        TableSchema(name, {"a": int})
    with pytest.raises(ConfigurationError):
        related(name=name)


def test_the_refusal_of_a_name_lists_each_character_that_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        TableSchema("a.b/c", {"a": int})
    (problem,) = problems(refused)
    assert "'.' '/'" in problem
    assert "a.b/c" in problem


@pytest.mark.parametrize("name", ["x" * 1_000, " ", "a.b", FORBIDDEN, "\t\r\n", "日本", "\x7f", "\U0001f600"])
def test_a_column_or_measure_may_have_this_name(name: str) -> None:
    table = TableSchema("t", {name: int, "other": int})
    assert table.columns[0].name == name
    assert list(table.payloads([{name: 1}])) == [b'{"rows":[{%s:1}]}' % json.dumps(name, ensure_ascii=False).encode()]
    assert TableSchema("t", {"a": int}, measures=[Measure(name, "1")]).measures[0].name == name


@pytest.mark.parametrize("name", ["", "\0", "a\x0bb", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_no_column_or_measure_may_have_this_name(name: str) -> None:
    with pytest.raises(ConfigurationError):
        TableSchema("t", {name: int})
    with pytest.raises(ConfigurationError):
        TableSchema("t", {"a": int}, measures=[Measure(name, "1")])


@pytest.mark.parametrize("name", [None, 5, b"t"], ids=repr)
def test_a_name_is_a_str(name: Any) -> None:
    for make in (
        lambda: TableSchema(name, {"a": int}),
        lambda: TableSchema("t", {name: int}),
        lambda: DatasetSchema(name, [ORDERS]),
    ):
        with pytest.raises(ConfigurationError):
            make()


def many_columns(count: int) -> dict[str, type]:
    return {f"c{number}": int for number in range(count)}


def many_tables(count: int) -> list[TableSchema]:
    return [TableSchema(f"t{number}", {"a": int}) for number in range(count)]


def many_relationships(count: int) -> list[Relationship]:
    return [dataclasses.replace(BELONGS, name=f"r{number}") for number in range(count)]


def test_75_columns_tables_and_relationships_are_the_most() -> None:
    assert len(TableSchema("t", many_columns(75)).columns) == 75
    assert len(DatasetSchema("d", many_tables(75)).tables) == 75
    assert len(DatasetSchema("d", [ORDERS, PRODUCTS], relationships=many_relationships(75)).relationships) == 75
    with pytest.raises(ConfigurationError, match="76 columns"):
        TableSchema("t", many_columns(76))
    with pytest.raises(ConfigurationError, match="76 tables"):
        DatasetSchema("d", many_tables(76))
    with pytest.raises(ConfigurationError, match="76 relationships"):
        DatasetSchema("d", [ORDERS, PRODUCTS], relationships=many_relationships(76))


def test_nothing_may_be_empty() -> None:
    with pytest.raises(ConfigurationError, match="columns"):
        TableSchema("t", {})
    with pytest.raises(ConfigurationError, match="tables"):
        DatasetSchema("d", [])
    with pytest.raises(ConfigurationError, match="name"):
        DatasetSchema("", [ORDERS])
    with pytest.raises(ConfigurationError, match="expression"):
        TableSchema("t", {"a": int}, measures=[Measure("m", " ")])


def test_names_are_distinct_whatever_their_case() -> None:
    with pytest.raises(ConfigurationError, match="`PRICE`"):
        TableSchema("t", [Column("Price", int), Column("PRICE", int)])
    with pytest.raises(ConfigurationError, match="`price`"):
        TableSchema("t", {"Price": int}, measures=[Measure("price", "1")])
    with pytest.raises(ConfigurationError, match="`ORDERS`"):
        DatasetSchema("d", [ORDERS, TableSchema("ORDERS", {"a": int})])
    with pytest.raises(ConfigurationError, match="`BELONGS`"):
        DatasetSchema("d", [ORDERS, PRODUCTS], relationships=[BELONGS, dataclasses.replace(BELONGS, name="BELONGS")])


def test_a_column_sorts_by_a_column_of_its_own_table() -> None:
    with pytest.raises(ConfigurationError, match="`Number`"):
        TableSchema("t", [Column("Month", str, sort_by_column="Number")])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"from_table": "Nowhere"}, "Nowhere"),
        ({"from_column": "Nothing"}, "Nothing"),
        ({"to_table": "products"}, "products"),
        ({"to_column": "id"}, "id"),
        ({"cross_filtering": "Sideways"}, "Sideways"),
    ],
)
def test_both_ends_of_a_relationship_are_in_the_dataset(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"`{named}`"):
        related(**change)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda word: TableSchema("t", [Column("a", int, summarize_by=word)]),
            "default, none, sum, min, max, count, average, distinctCount",
        ),
        (lambda word: DatasetSchema("d", [ORDERS], mode=word), "Push, PushStreaming, Streaming"),
        (lambda word: DatasetSchema("d", [ORDERS], retention=word), "None, basicFIFO"),
        (lambda word: related(cross_filtering=word), "OneDirection, BothDirections, Automatic"),
    ],
    ids=["summarize_by", "mode", "retention", "cross_filtering"],
)
def test_a_wrong_word_is_answered_with_the_words_there_are(make: Callable[[Any], object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        make("wrong")
    assert "`wrong`" in str(refused.value)


def test_one_error_lists_every_problem() -> None:
    with pytest.raises(ConfigurationError) as refused:
        TableSchema(
            "a.b",
            [Column("x", int, sort_by_column="y"), Column("X", int, summarize_by="median"), Column("\0", int)],
            measures=[Measure("m", "")],
        )
    assert len(problems(refused)) == 6
    for named in ("'.'", "`y`", "named `X`", "`median`", "'\\0'", "`m`"):
        assert sum(named in problem for problem in problems(refused)) == 1, named


@pytest.mark.parametrize("mode", ["Streaming", "PushStreaming"])
@pytest.mark.parametrize(
    "table",
    [
        TableSchema("t", [Column("a", int, format_string="0")]),
        TableSchema("t", [Column("a", int, sort_by_column="a")]),
        TableSchema("t", [Column("a", int, data_category="City")]),
        TableSchema("t", [Column("a", int, is_hidden=False)]),
        TableSchema("t", [Column("a", int, summarize_by="sum")]),
        TableSchema("t", {"a": int}, measures=[Measure("m", "1")]),
    ],
    ids=["format_string", "sort_by_column", "data_category", "is_hidden", "summarize_by", "measures"],
)
def test_a_streaming_mode_takes_only_names_and_types(mode: Any, table: TableSchema) -> None:
    with pytest.raises(ConfigurationError, match=f"`{mode}`"):
        DatasetSchema("d", [table], mode=mode)
    assert DatasetSchema("d", [table]).mode == "Push"
    assert DatasetSchema("d", [ORDERS], mode=mode).mode == mode


# --- values ----------------------------------------------------------------------------------------------------------


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
    assert eval(repr(value)) == value  # noqa: S307 - our own


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


# --- the service's JSON ----------------------------------------------------------------------------------------------


# "Push data into a Power BI Dashboard" and "Introduction to Power BI REST API", verbatim.
SAMPLE_OF_TYPES = """{
    "name": "SalesMarketing",
    "tables": [
        {
            "name": "Product",
            "columns": [
            {
                "name": "ProductID",
                "dataType": "int"
            },
            {
                "name": "Manufacturer",
                "dataType": "string"
            },
            {
                "name": "Category",
                "dataType": "string"
            },
            {
                "name": "Segment",
                "dataType": "string"
            },
            {
                "name": "Product",
                "dataType": "string"
            },
            {
                "name": "IsCompete",
                "dataType": "bool"
            }
            ]
        }
    ]
}""".replace("\n", "\n\t")
# "Walkthrough to push data into a Power BI dashboard", as its program puts it together.
SAMPLE_OF_WALKTHROUGH = (
    '{"name": "SalesMarketing", "tables": '
    '[{"name": "Product", "columns": '
    '[{ "name": "ProductID", "dataType": "Int64"}, '
    '{ "name": "Name", "dataType": "string"}, '
    '{ "name": "Category", "dataType": "string"},'
    '{ "name": "IsCompete", "dataType": "bool"},'
    '{ "name": "ManufacturedOn", "dataType": "DateTime"}'
    "]}]}"
)
ROWS_OF_WALKTHROUGH = (
    '{"rows":'
    '[{"ProductID":1,"Name":"Adjustable Race","Category":"Components","IsCompete":true,"ManufacturedOn":"07/30/2014"},'
    '{"ProductID":2,"Name":"LL Crankarm","Category":"Components","IsCompete":true,"ManufacturedOn":"07/30/2014"},'
    '{"ProductID":3,"Name":"HL Mountain Frame - Silver","Category":"Bikes","IsCompete":true,'
    '"ManufacturedOn":"07/30/2014"}]}'
)


def test_the_samples_of_the_vendor_load_verbatim() -> None:
    names = ("Manufacturer", "Category", "Segment", "Product")
    product = TableSchema("Product", {"ProductID": int, **dict.fromkeys(names, str), "IsCompete": bool})
    assert DatasetSchema.from_json(SAMPLE_OF_TYPES) == DatasetSchema("SalesMarketing", [product])
    walkthrough = TableSchema(
        "Product",
        {"ProductID": int, "Name": str, "Category": str, "IsCompete": bool, "ManufacturedOn": datetime},
    )
    assert DatasetSchema.from_json(SAMPLE_OF_WALKTHROUGH) == DatasetSchema("SalesMarketing", [walkthrough])


def test_the_rows_of_the_vendors_walkthrough_are_valid_and_only_their_dates_are_spelled_anew() -> None:
    (table,) = DatasetSchema.from_json(SAMPLE_OF_WALKTHROUGH).tables
    (body,) = table.payloads(json.loads(ROWS_OF_WALKTHROUGH)["rows"])
    assert body.decode() == ROWS_OF_WALKTHROUGH.replace("07/30/2014", "2014-07-30T00:00:00")


def test_json_is_read_from_text_from_what_it_parses_to_and_from_a_file(tmp_path: Path) -> None:
    expected = DatasetSchema.from_json(SAMPLE_OF_TYPES)
    path = tmp_path / "schema.json"
    path.write_text(SAMPLE_OF_TYPES, encoding="utf-8")
    assert DatasetSchema.from_json(json.loads(SAMPLE_OF_TYPES)) == expected
    assert DatasetSchema.from_json(path) == expected
    assert DatasetSchema.from_json(str(path)) == expected
    assert DatasetSchema.from_json("\n\t " + SAMPLE_OF_TYPES) == expected


def test_a_byte_order_mark_is_no_part_of_the_json(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(SAMPLE_OF_TYPES, encoding="utf-8-sig")
    assert DatasetSchema.from_json(path) == DatasetSchema.from_json(SAMPLE_OF_TYPES)
    assert DatasetSchema.from_json("\ufeff" + SAMPLE_OF_TYPES) == DatasetSchema.from_json(SAMPLE_OF_TYPES)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DatasetSchema.from_json(tmp_path / "nowhere.json")
    with pytest.raises(FileNotFoundError):
        DatasetSchema.from_json(str(tmp_path / "nowhere.json"))


@pytest.mark.parametrize("text", ["{", "[]", '{"name": 1}', '{"name": "d"}', '{"name": "d", "tables": {}}', "{} {}"])
def test_text_that_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        DatasetSchema.from_json(text)


def test_unknown_properties_and_wrong_cases_are_listed_all_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        DatasetSchema.from_json(
            {
                "name": "d",
                "compatibilityLevel": 1550,
                "DefaultMode": "Push",
                "tables": [
                    {
                        "name": "t",
                        "rows": [],
                        "columns": [
                            {"name": "a", "dataType": "int", "datatype": "int"},
                            {"name": "b", "dataType": "blob"},
                            {"name": "c"},
                            5,
                        ],
                        "measures": [{"name": "m", "expression": "1", "Expression": "2"}],
                    },
                ],
                "relationships": [{**as_json(BELONGS), "isActive": True}],
            }
        )
    listed = problems(refused)
    for named, advice in [
        ("`compatibilityLevel`", ""),
        ("`DefaultMode`", "`defaultMode`"),
        ("`rows`", ""),
        ("`datatype`", "`dataType`"),
        ("`blob`", "Int64"),
        ("`c` lacks `dataType`", ""),
        ("column 3", ""),
        ("`Expression`", "`expression`"),
        ("`isActive`", ""),
    ]:
        assert [advice in problem for problem in listed if named in problem] == [True], (named, listed)


def as_json(relationship: Relationship) -> dict[str, str]:
    """The relationship in the service's spelling."""
    return {
        "name": relationship.name,
        "fromTable": relationship.from_table,
        "fromColumn": relationship.from_column,
        "toTable": relationship.to_table,
        "toColumn": relationship.to_column,
    }


def test_each_problem_is_said_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        DatasetSchema.from_json('{"tables": [{"name": "t", "columns": [{"name": "a", "dataType": "int"}]}]}')
    assert len(problems(refused)) == 1


def test_what_the_service_shows_of_a_dataset_can_be_read() -> None:
    shown = {
        "@odata.context": "http://api.powerbi.com/v1.0/myorg/$metadata#datasets/$entity",
        "id": str(uuid.UUID(int=5)),
        "name": "d",
        "defaultRetentionPolicy": "basicFIFO",
        "tables": [{"name": "t", "columns": [{"name": "a", "dataType": "Int64", "formatString": None}]}],
    }
    expected = DatasetSchema("d", [TableSchema("t", {"a": int})], retention="basicFIFO")
    assert DatasetSchema.from_json(shown) == expected


def test_to_json_is_the_service_own_json_and_nothing_that_was_not_set() -> None:
    dataset = DatasetSchema(
        "Sales",
        [
            TableSchema(
                "Orders",
                [Column("Id", int, is_hidden=False), Column("Item", str), Column("Paid", bool), Column("At", date)],
                measures=[Measure("Count", "COUNTROWS(Orders)")],
            )
        ],
    )
    assert json.loads(dataset.to_json()) == {
        "name": "Sales",
        "defaultMode": "Push",
        "tables": [
            {
                "name": "Orders",
                "columns": [
                    {"name": "Id", "dataType": "Int64", "isHidden": False},
                    {"name": "Item", "dataType": "string"},
                    {"name": "Paid", "dataType": "bool"},
                    {"name": "At", "dataType": "DateTime"},
                ],
                "measures": [{"name": "Count", "expression": "COUNTROWS(Orders)"}],
            }
        ],
    }


@pytest.mark.parametrize(
    "dataset",
    [
        RICH,
        DatasetSchema("d", [ORDERS]),
        DatasetSchema("d", [ORDERS], mode="Streaming"),
        DatasetSchema("d", [ORDERS, PRODUCTS], mode="PushStreaming", relationships=[BELONGS]),
        DatasetSchema('Gr"öße\n', [TableSchema("日本", {'"\\\n': str})]),
        DatasetSchema.from_json(SAMPLE_OF_TYPES),
    ],
    ids=lambda dataset: dataset.name,
)
@pytest.mark.parametrize("indent", [False, True])
def test_from_json_undoes_to_json(dataset: DatasetSchema, *, indent: bool) -> None:
    assert DatasetSchema.from_json(dataset.to_json(indent=indent)) == dataset
    assert DatasetSchema.from_json(json.loads(dataset.to_json())) == dataset
    assert ("\n" in dataset.to_json(indent=indent)) is indent


# --- inference -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "data_type"),
    [
        ([1], "Int64"),
        ([1, None], "Int64"),
        ([None, None, 1], "Int64"),
        ([1, pd.NA], "Int64"),
        ([np.int32(1), 2], "Int64"),
        ([2**63 - 2, -(2**63) + 1], "Int64"),
        ([1.5], "Double"),
        ([1, 1.5], "Double"),
        ([1.5, 1], "Double"),
        ([1, math.nan], "Double"),
        ([math.nan, 1], "Double"),
        ([1.0], "Double"),
        ([np.float32(1.5), 1], "Double"),
        ([True, False, None], "Boolean"),
        ([np.True_], "Boolean"),
        ([Decimal("1.5")], "Decimal"),
        ([Decimal("1.5"), Decimal("NaN")], "Decimal"),
        (["x", None], "String"),
        (["2014-07-30"], "String"),
        ([""], "String"),
        ([uuid.UUID(int=1)], "String"),
        ([date(2014, 7, 30)], "DateTime"),
        ([datetime(2014, 7, 30), pd.NaT], "DateTime"),
        ([date(2014, 7, 30), datetime(2014, 7, 30)], "DateTime"),
        ([np.datetime64("2014-07-30"), pd.Timestamp("2014-07-30")], "DateTime"),
    ],
)
def test_a_type_is_read_off_all_values(values: list[object], data_type: str) -> None:
    rows = [{"a": value} for value in values]
    table = TableSchema.infer("t", rows)
    assert table == TableSchema("t", {"a": data_type})
    assert table.validate(rows).ok


@pytest.mark.parametrize(
    ("values", "examples"),
    [
        ([1, "x"], ["int in row 0", "str in row 1"]),
        (["x", 1, 2], ["str in row 0", "int in row 1"]),
        ([1, True], ["int in row 0", "bool in row 1"]),
        ([None, 1.5, False], ["float in row 1", "bool in row 2"]),
        (["2014-07-30", date(2014, 7, 30)], ["str in row 0", "date in row 1"]),
        ([1, 1.5, "x"], ["int in row 0", "float in row 1", "str in row 2"]),
        ([1.5, Decimal(1)], ["float in row 0", "Decimal in row 1"]),
        ([datetime(2014, 7, 30), 1], ["datetime in row 0", "int in row 1"]),
    ],
)
def test_mixed_kinds_are_an_error_with_an_example_of_each(values: list[object], examples: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TableSchema.infer("t", [{"a": value} for value in values])
    assert "`a`" in str(refused.value)
    assert [example for example in examples if example not in str(refused.value)] == []
    assert "types=" in str(refused.value)


@pytest.mark.parametrize("value", [b"x", [1], {}, 2**63, 10**5000, "\ud800", np.timedelta64(1, "s")], ids=type)
def test_a_value_that_no_type_takes_is_an_error_with_an_example(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"`a`.*in row 1"):
        TableSchema.infer("t", [{"a": None}, {"a": value}])


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), math.inf, Decimal("Infinity"), 1.7976931348623157e308])
def test_no_type_is_inferred_that_refuses_the_value_it_was_read_off(value: object) -> None:
    with pytest.raises(ConfigurationError, match="`a`"):
        TableSchema.infer("t", [{"a": value}])


@pytest.mark.parametrize("rows", [[], [{}], [{}, {}], iter(())], ids=repr)
def test_there_is_nothing_to_infer_from_no_rows(rows: Any) -> None:
    with pytest.raises(ConfigurationError, match="no rows"):
        TableSchema.infer("t", rows)


def test_a_column_without_values_needs_its_type_told() -> None:
    rows = [{"a": 1, "b": None}, {"b": pd.NA}]
    with pytest.raises(ConfigurationError, match="`b` has no values"):
        TableSchema.infer("t", rows)
    assert TableSchema.infer("t", rows, types={"b": "text"}) == TableSchema("t", {"a": int, "b": str})


def test_told_types_are_taken_as_they_are() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": "y", "b": 1}]
    table = TableSchema.infer("t", rows, types={"b": str, "a": Decimal, "c": bool})
    assert table == TableSchema("t", {"a": Decimal, "b": str, "c": bool})
    with pytest.raises(ConfigurationError, match="`a`"):
        TableSchema.infer("t", rows, types={"a": bytes})


def test_columns_are_in_the_order_of_their_first_appearance() -> None:
    rows = ({"b": 1}, {"a": "x", "b": 2}, {"c": True, "a": "y"})
    assert list(TableSchema.infer("t", iter(rows)).columns) == [Column("b", int), Column("a", str), Column("c", bool)]


def test_every_column_that_cannot_be_inferred_is_listed() -> None:
    with pytest.raises(ConfigurationError) as refused:
        TableSchema.infer("t", [{"a": 1, "b": None, "c": b"x", "d": 1}, {"a": "x"}])
    assert len(problems(refused)) == 3
    assert all(sum(f"`{name}`" in problem for problem in problems(refused)) == 1 for name in "abc")


def test_an_inferred_table_obeys_the_rules_of_the_service() -> None:
    with pytest.raises(ConfigurationError, match="76 columns"):
        TableSchema.infer("t", [dict.fromkeys(many_columns(76), 1)])
    with pytest.raises(ConfigurationError, match=r"'\.'"):
        TableSchema.infer("a.b", [{"a": 1}])
    with pytest.raises(ConfigurationError, match="`A`"):
        TableSchema.infer("t", [{"a": 1, "A": 1}])


@pytest.mark.parametrize("row", [1, None, {1: 2}, [("a", 1)]], ids=repr)
def test_what_is_no_row_infers_nothing_and_is_named(row: object) -> None:
    with pytest.raises(ConfigurationError, match="row 1: "):
        TableSchema.infer("t", [{"a": 1}, row])


def test_a_dataset_is_inferred_table_by_table() -> None:
    dataset = DatasetSchema.infer(
        "d", {"Orders": [{"Id": 1, "Product": 2}], "Products": iter([{"Id": 1, "Name": "x"}])}
    )
    assert dataset == DatasetSchema("d", [ORDERS, PRODUCTS])


# --- reports and bodies ----------------------------------------------------------------------------------------------


def test_validate_counts_rows_and_problems_and_raises_nothing() -> None:
    report = ORDERS.validate([{"Id": 1}, {"Id": "x", "Product": "y"}, {"Id": 2}])
    assert (report.ok, bool(report), report.row_count, report.error_count) == (False, False, 3, 2)
    assert [(error.row, error.column, error.code) for error in report.errors] == [
        (1, "Id", "wrong_type"),
        (1, "Product", "wrong_type"),
    ]
    clean = ORDERS.validate(iter([{"Id": 1}]))
    assert (clean.ok, bool(clean), clean.row_count, clean.error_count, clean.errors) == (True, True, 1, 0, ())
    assert ORDERS.validate([]).ok


def test_validate_takes_the_options_of_rows() -> None:
    assert ORDERS.validate([{"Id": "5", "Other": 1}], strings="parse", unknown_columns="ignore").ok


@pytest.mark.parametrize("max_rows", [1, 2, 3, 7, 10])
def test_no_body_holds_more_than_max_rows(max_rows: int) -> None:
    bodies = list(ORDERS.payloads([{"Id": number} for number in range(10)], max_rows=max_rows))
    rows = [json.loads(body)["rows"] for body in bodies]
    assert [len(part) for part in rows[:-1]] == [max_rows] * (len(rows) - 1)
    assert [row["Id"] for part in rows for row in part] == list(range(10))


def test_a_body_holds_10000_rows_unless_told_otherwise() -> None:
    counts = [body.count(b"Id") for body in ORDERS.payloads([{"Id": 1}] * 20_001)]
    assert counts == [10_000, 10_000, 1]


TEXT = TableSchema("t", {"a": str})
ENVELOPE = len(b'{"rows":[]}')


def text_row(size: int) -> dict[str, str]:
    """A row that takes `size` bytes in a body."""
    return {"a": "x" * (size - len(b'{"a":""}'))}


def test_a_body_is_filled_to_the_last_of_max_bytes() -> None:
    rows = [text_row(40), text_row(40), text_row(8)]
    whole = ENVELOPE + 40 + 1 + 40 + 1 + 8
    assert [len(body) for body in TEXT.payloads(rows, max_bytes=whole)] == [whole]
    assert [len(body) for body in TEXT.payloads(rows, max_bytes=whole - 1)] == [ENVELOPE + 81, ENVELOPE + 8]
    assert [len(body) for body in TEXT.payloads([text_row(89)] * 2, max_bytes=100)] == [100, 100]


def test_bytes_are_counted_as_they_are_sent() -> None:
    euros = {"a": "€" * 30}
    assert [len(body) for body in TEXT.payloads([euros, euros], max_bytes=ENVELOPE + 2 * 98 + 1)] == [ENVELOPE + 197]
    assert [len(body) for body in TEXT.payloads([euros, euros], max_bytes=ENVELOPE + 2 * 98)] == [ENVELOPE + 98] * 2
    escaped = {"a": "\0" * 10}
    assert [len(body) for body in TEXT.payloads([escaped] * 2, max_bytes=ENVELOPE + 2 * 68)] == [ENVELOPE + 68] * 2


def test_a_row_that_fits_no_body_is_a_problem_of_its_own() -> None:
    rows = [text_row(89), text_row(90), text_row(89)]
    with pytest.raises(ValidationError) as refused:
        TEXT.payloads(rows, max_bytes=100)
    (error,) = refused.value.errors
    assert (error.row, error.column, error.code) == (1, None, "row_too_large")
    takes, holds = map(int, re.findall(r"\d+", error.message))
    assert takes > holds
    kept = list(TEXT.payloads(rows, max_bytes=100, on_invalid="skip"))
    assert [len(body) for body in kept] == [100, 100]


def test_a_row_larger_than_16_mb_is_refused_by_default() -> None:
    wide = TableSchema("t", dict.fromkeys(many_columns(75), str))
    row = dict.fromkeys(many_columns(75), "\0" * 4_000)
    (body,) = wide.payloads([row])
    assert 1_800_000 < len(body) < 1_900_000
    assert [len(part) < 16_000_000 for part in wide.payloads([row] * 9)] == [True, True]
    assert [part.count(b"c74") for part in wide.payloads([row] * 9)] == [8, 1]


@pytest.mark.parametrize(
    "limits", [{"max_rows": 0}, {"max_rows": 10_001}, {"max_rows": -1}, {"max_bytes": 16_000_001}, {"max_bytes": 0}]
)
def test_limits_beyond_the_service_own_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(limits))):
        ORDERS.payloads([{"Id": 1}], **limits)


def test_payloads_of_a_one_shot_source_are_made_as_they_are_asked_for() -> None:
    read: list[int] = []

    def source() -> Iterator[dict[str, int]]:
        for number in range(100):
            read.append(number)
            yield {"Id": number}

    bodies = ORDERS.payloads(source(), max_rows=10)
    assert read == []
    assert next(bodies).startswith(b'{"rows":[{"Id":0},')
    assert len(read) <= 11
    assert len(list(bodies)) == 9
