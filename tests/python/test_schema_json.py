"""The service's own JSON: read verbatim, refused with all its problems, written back."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from powerbi_push import Column, ConfigurationError, DatasetSchema, Measure, Relationship, TableSchema

if TYPE_CHECKING:
    from pathlib import Path

from schemas import BELONGS, ORDERS, PRODUCTS, RICH, problems

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
    said = "`source` is no JSON text, and no file that can be read: .*nowhere.json': No such file"
    for source in (tmp_path / "nowhere.json", str(tmp_path / "nowhere.json")):
        with pytest.raises(ConfigurationError, match=said) as caught:
            DatasetSchema.from_json(source)
        assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(ConfigurationError, match=r"`source` is no JSON text, and no file .*: Is a directory"):
        DatasetSchema.from_json("")


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
