"""The emulator's push URLs, as Python sees them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from powerbi_push import ConfigurationError, TableSchema
from powerbi_push.emulator import Emulator
from powerbi_push.schema.table import DataType

SENSOR = {"at": "DateTime", "celsius": "Number", "place": "Text"}


def post(url: str, body: Any) -> int:
    """Post JSON; gives the status."""
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310 - our own URL
    try:
        with urlopen(request) as response:  # noqa: S310 - the same
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    "schema", [SENSOR, TableSchema("Any", SENSOR), {"at": datetime, "celsius": float, "place": str}]
)
def test_rows_that_are_posted_to_a_push_url_are_read_back(
    powerbi: Emulator, schema: TableSchema | Mapping[str, DataType]
) -> None:
    url = powerbi.streaming_dataset("Sensors", schema)
    assert post(url, [{"at": "2026-01-02T03:04:05Z", "celsius": 98.6, "place": "AAAAA555555"}, {"celsius": 1}]) == 200
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    rows = [{"at": at, "celsius": 98.6, "place": "AAAAA555555"}, {"celsius": 1.0}]
    assert powerbi.rows("Sensors/RealTimeData") == rows


def test_the_key_is_not_in_the_requests(powerbi: Emulator) -> None:
    url = powerbi.streaming_dataset("Sensors", SENSOR)
    post(f"{url}&ctid=1", [{}])
    (request,) = powerbi.requests
    assert (request.operation, request.query) == ("PushUrl_PostRows", "key=***&ctid=1")
    assert url.split("key=")[1] not in repr(request)


@pytest.mark.parametrize(("history", "statuses"), [(False, [200, 413]), (True, [200, 200])])
def test_history_takes_larger_requests(powerbi: Emulator, history: bool, statuses: list[int]) -> None:  # noqa: FBT001 - a parameter
    url = powerbi.streaming_dataset("Sensors", SENSOR, history=history)
    assert [post(url, [{"place": "x" * 3000}] * count) for count in (4, 5)] == statuses


def test_columns_that_the_service_would_refuse_are_refused(powerbi: Emulator) -> None:
    with pytest.raises(ConfigurationError):
        powerbi.streaming_dataset("Sensors", {"a": "Guid"})
    with pytest.raises(ConfigurationError, match="the streaming dataset `` cannot be made"):
        powerbi.streaming_dataset("", SENSOR)


@pytest.mark.parametrize(("answer", "status"), [("refused", 400), ("accepted", 200)])
def test_whether_an_object_with_rows_is_taken_is_an_assumption(answer: Any, status: int) -> None:
    with Emulator(assumptions={"rows_object_on_push_url": answer}) as emulator:
        url = emulator.streaming_dataset("Sensors", SENSOR)
        assert [post(url, {"rows": [{}]}), post(url, {"celsius": 1})] == [status, 400]


def test_an_unknown_assumption_is_refused() -> None:
    unknown: Any = {"rows": "accepted"}
    with pytest.raises(ConfigurationError, match="there is no assumption `rows`"):
        Emulator(assumptions=unknown)
