"""What a dataset of MicroStrategy is made of: attributes, metrics, keys, types, and what is refused of them."""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from library_client import ORDERS, ROWS, result_of

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator, MicroStrategy


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


def test_aware_times_are_sent_in_utc_without_a_zone(
    client: pbi.microstrategy.Client, microstrategy: MicroStrategy
) -> None:
    schema = pbi.DatasetSchema("Z", {"T": {"At": datetime}}, target="microstrategy")
    client.create_dataset(schema, [{"At": datetime(2024, 5, 6, 7, tzinfo=UTC)}])
    assert microstrategy.rows("Z/T") == [{"At": datetime(2024, 5, 6, 7)}]


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


@pytest.mark.parametrize("too_long", [0, 1])
def test_rows_are_judged_by_what_a_push_here_takes(too_long: int) -> None:
    table = pbi.TableSchema("Orders", {"City": "String"}, target="microstrategy")
    report = table.validate([{"City": "x" * (37_500_000 - len('[[""]]') + too_long)}])
    assert [error.code for error in report.errors] == ["row_too_large"] * too_long


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
