"""What may be in a schema: types, names, numbers of things, and what is refused with which words."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import Column, ConfigurationError, DatasetSchema, Measure, Relationship, TableSchema

if TYPE_CHECKING:
    from collections.abc import Callable

from schemas import BELONGS, ORDERS, PRODUCTS, many_columns, problems, related


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
    ["", "varchar", "int32", " Int64", "datetime2", None, 5, bytes, list, object, type(None)],
    ids=repr,
)
def test_another_data_type_is_refused_with_the_types_there_are(data_type: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Column("Price", data_type)
    assert "`Price`" in str(refused.value)
    for name in ("Int64", "Double", "Boolean", "DateTime", "String", "Decimal"):
        assert name in str(refused.value)


def test_times_of_day_are_for_those_targets_that_have_them() -> None:
    with pytest.raises(ConfigurationError, match=r"`Time`; the types are Int64, .*, Decimal$"):
        TableSchema("t", [Column("At", "Time")])
    for given in ("Time", "time", time):
        assert TableSchema("t", {"At": given}, target="microstrategy").columns[0].data_type == "Time"
    for day in ("Date", "date", date):
        assert TableSchema("t", {"On": day}).columns[0].data_type == "DateTime"
        assert TableSchema("t", {"On": day}, target="microstrategy").columns[0].data_type == "Date"


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
