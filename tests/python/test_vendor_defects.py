"""The eleven defects of the vendor's client that the facts list (facts/microstrategy 8): ours has none of them."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import MicroStrategy

ROWS = [{"Id": 1, "City": "Rome", "Price": 1.5}, {"Id": 2, "City": "Oslo", "Price": 2.5}]


def client_of(server: MicroStrategy) -> pbi.microstrategy.Client:
    return pbi.microstrategy.Client(server.base_url, username=server.username, password=server.password)


@pytest.fixture
def client(microstrategy: MicroStrategy) -> Iterator[pbi.microstrategy.Client]:
    with client_of(microstrategy) as client:
        yield client
    assert (microstrategy.open_sessions, microstrategy.open_uploads) == (0, 0)


def pushed(client: pbi.microstrategy.Client, server: MicroStrategy, rows: Any, **options: Any) -> list[dict[str, Any]]:
    """What arrives of rows, whose types are inferred, by an upload session."""
    schema = pbi.DatasetSchema.infer("D", {"T": rows}, target="microstrategy")
    client.create_dataset(schema, rows, workflow="many", **options)
    return server.rows("D/T")


def orders(client: pbi.microstrategy.Client) -> pbi.microstrategy.Dataset:
    schema = pbi.DatasetSchema.infer("D", {"T": ROWS}, target="microstrategy")
    return client.create_dataset(schema, attributes=["Id"])


def test_1_a_failed_chunk_is_no_success(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    dataset = orders(client)
    powerbi.fail_next(500, code="ERR002", message="no space", route="MicroStrategy_PutChunk")
    with pytest.raises(pbi.ServiceError, match="no space"):
        dataset.push(ROWS)


def test_2_a_failed_publication_leaves_no_session(
    microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = orders(client)
    microstrategy.fail_publish("no room")
    with pytest.raises(pbi.ServiceError, match="no room"):
        dataset.push(ROWS)
    assert microstrategy.open_uploads == 0
    assert dataset.push(ROWS).confirmed == 2


@pytest.mark.parametrize("told", ["status", "error_status"])
@pytest.mark.parametrize("kind", ["number", "text"])
def test_3_an_error_or_a_text_as_status_ends_the_wait(told: Any, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERBI_PUSH_EMULATOR", raising=False)
    assumptions: Any = {"failed_publish": told, "status_type": kind, "publish_gets": 0}
    with Emulator(microstrategy_assumptions=assumptions) as emulator, client_of(emulator.microstrategy) as client:
        dataset = orders(client)
        emulator.microstrategy.fail_publish("no room")
        with pytest.raises(pbi.ServiceError, match="publishing failed: no room"):
            dataset.push(ROWS)
        assert dataset.push(ROWS).confirmed == 2


def test_4_a_session_that_ends_in_the_middle_loses_no_work(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = orders(client)
    powerbi.fail_next(401, code="ERR009", message="expired", route="MicroStrategy_PutChunk")
    assert dataset.push(ROWS).confirmed == 2
    assert microstrategy.rows("D/T") == ROWS


def test_5_floats_keep_all_their_digits(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    values = [1 / 3, 0.1 + 0.2, 5e-324, 1.2345678901234567e300]
    arrived = pushed(client, microstrategy, pd.DataFrame({"x": values}))
    assert [row["x"] for row in arrived] == values


def test_6_times_keep_their_microseconds(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    at = datetime(2024, 1, 2, 3, 4, 5, 678901)
    assert pushed(client, microstrategy, pd.DataFrame({"at": [at]})) == [{"at": at}]


def test_7_the_usual_types_of_frames_are_taken(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    at = datetime(2024, 1, 2, 3, 4, 5)
    frame = pd.DataFrame(
        {
            "us": pd.Series([at], dtype="datetime64[us]"),
            "s": pd.Series([at], dtype="datetime64[s]"),
            "small": pd.Series([1], dtype="int8"),
            "unsigned": pd.Series([2], dtype="uint16"),
            "nullable": pd.Series([3], dtype="Int64"),
            "float": pd.Series([0.5], dtype="Float64"),
            "truth": pd.Series([True], dtype="boolean"),
            "kind": pd.Series(["a"], dtype="category"),
            "arrow": pd.Series([4], dtype=pd.ArrowDtype(pa.int32())),
            "text": pd.Series(["b"], dtype="string"),
        }
    )
    arrived = {
        "us": at, "s": at, "small": 1, "unsigned": 2, "nullable": 3, "float": 0.5, "truth": True, "kind": "a",
        "arrow": 4, "text": "b",
    }  # fmt: skip
    assert pushed(client, microstrategy, frame) == [arrived]


@pytest.mark.parametrize("word", ["abcd", "Rome", "AAAA", "12345678"])
def test_8_a_cell_that_could_be_base64_is_a_cell(
    word: str, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    assert pushed(client, microstrategy, pd.DataFrame({"x": [word]})) == [{"x": word}]


def test_9_a_frame_needs_no_label_0(microstrategy: MicroStrategy, client: pbi.microstrategy.Client) -> None:
    frame = pd.DataFrame({"x": pd.Series(["a", "b"], index=[5, 7], dtype=object)})
    assert pushed(client, microstrategy, frame) == [{"x": "a"}, {"x": "b"}]


def test_10_a_column_of_two_tables_is_one_attribute(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    tables: Any = {"Cities": {"City": str, "Land": str}, "Orders": {"City": str, "Price": float}}
    client.create_dataset(pbi.DatasetSchema("D", tables, target="microstrategy"))
    attributes = json.loads(powerbi.requests[-1].body)["attributes"]
    assert [attribute["name"] for attribute in attributes] == ["City", "Land"]
    places = attributes[0]["attributeForms"][0]["expressions"]
    assert [place["tableName"] for place in places] == ["Cities", "Orders"]


def test_11_a_date_column_may_begin_with_nothing(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    frame = pd.DataFrame({"day": pd.Series([None, date(2024, 1, 2)], dtype=object)})
    assert pushed(client, microstrategy, frame) == [{"day": None}, {"day": date(2024, 1, 2)}]
    (model,) = [one for one in powerbi.requests if one.path.endswith("/datasets/models")]
    assert json.loads(model.body)["tables"][0]["columnHeaders"] == [{"name": "day", "dataType": "DATE"}]
