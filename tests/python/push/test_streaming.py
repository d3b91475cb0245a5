"""Streaming datasets: the page that users come from, line by line, and what a push URL is like in real life."""

from __future__ import annotations

import logging
import pickle
import traceback
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = {"string_value": "Text", "number_value": "Number", "datetime_value": "DateTime"}
SCHEMA: dict[str, str | type] = {"string_value": str, "number_value": float, "datetime_value": "DateTime"}
NOW = datetime.strftime(datetime(2020, 6, 15, 16, 32, 36), "%Y-%m-%dT%H:%M:%S")
ROW = {"string_value": "ABC XYZ", "number_value": 12345, "datetime_value": NOW}
WHEN = datetime(2020, 6, 15, 16, 32, 36)


@pytest.fixture
def virtual() -> Iterator[Emulator]:
    with Emulator(clock="virtual") as emulator:
        yield emulator


def arrived(emulator: Emulator) -> list[dict[str, Any]]:
    return emulator.rows("Sensors/RealTimeData")


def key_of(url: str) -> str:
    return url.split("key=")[1]


# "Pushing Streaming Data to Microsoft Power BI for Data Visualization Using Python", example by example.


@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["without a schema", "with a schema"])
def test_the_examples_that_work(powerbi: Emulator, schema: Any) -> None:
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("Sensors", FIELDS), schema)
    for rows in (
        [ROW],
        [{"number_value": 12345}],
        [{"string_value": "ABC XYZ", "number_value": 12345}],
        [
            {"string_value": "ABC", "number_value": 12345, "datetime_value": NOW},
            {"string_value": "XYZ", "number_value": 789, "datetime_value": NOW},
            {"string_value": "EFG", "number_value": 852, "datetime_value": NOW},
        ],
    ):
        assert stream.push(rows).confirmed == len(rows)
    assert arrived(powerbi)[0] == {**ROW, "datetime_value": WHEN}
    assert arrived(powerbi)[1] == {"number_value": 12345}
    assert [row.get("number_value") for row in arrived(powerbi)[3:]] == [12345, 789, 852]
    assert [request.status for request in powerbi.requests] == [200] * 4


def test_a_bare_row_is_refused_here_and_says_what_to_change(powerbi: Emulator) -> None:
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("Sensors", FIELDS))
    with pytest.raises(TypeError, match=r"wrap it in a list: push\(\[row\]\)"):
        stream.push(ROW)
    assert powerbi.requests == []


def test_a_field_that_the_dataset_lacks_is_refused_here_where_the_fields_are_known(powerbi: Emulator) -> None:
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("Sensors", FIELDS), SCHEMA)
    with pytest.raises(pbi.ValidationError, match="did you mean `number_value`"):
        stream.push([{**ROW, "numbr_value": 789}])
    assert powerbi.requests == []


def test_a_field_that_the_dataset_lacks_is_a_404_that_names_the_keys_elsewhere(powerbi: Emulator) -> None:
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("Sensors", FIELDS))
    with pytest.raises(pbi.NotFoundError) as caught:
        stream.push([{"string_value": "ABC XYZ", "another_number_value": 789}])
    assert caught.value.status == 404
    assert "`string_value` (str), `another_number_value` (int)" in str(caught.value.hint)
    assert "pass schema=" in str(caught.value.hint)
    assert caught.value.result is not None
    assert caught.value.result.rejected == 1


# Limits.


def test_requests_hold_15_000_bytes_and_5_go_in_any_second(virtual: Emulator) -> None:
    stream = pbi.StreamingDataset(virtual.streaming_dataset("Sensors", FIELDS), SCHEMA)
    rows = [{"string_value": "x" * 100, "number_value": number} for number in range(3_000)]
    result = stream.push(rows)
    assert result.ok
    assert sorted(row["number_value"] for row in arrived(virtual)) == list(range(3_000))
    assert max(len(request.body) for request in virtual.requests) <= 15_000
    assert result.retries == 0
    times = sorted(request.at for request in virtual.requests)
    assert all(sixth - first >= 1 for first, sixth in zip(times, times[5:], strict=False))
    assert times[-1] < len(times) / 5 * 1.05


@pytest.mark.parametrize(("live_tiles", "requests"), [(True, 29), (False, 1)])
def test_history_takes_large_requests_unless_tiles_are_to_move(
    powerbi: Emulator,
    live_tiles: bool,  # noqa: FBT001 - pytest gives it by its name
    requests: int,
) -> None:
    url = powerbi.streaming_dataset("Sensors", FIELDS, history=True)
    rows = [{"string_value": "x" * 100, "number_value": number} for number in range(3_000)]
    result = pbi.StreamingDataset(url, SCHEMA, history=True, live_tiles=live_tiles).push(rows)
    assert (result.confirmed, result.requests) == (3_000, requests)


def test_a_wait_for_the_quota_past_the_timeout_is_refused_at_once(virtual: Emulator) -> None:
    stream = pbi.StreamingDataset(virtual.streaming_dataset("Sensors", FIELDS), SCHEMA)
    with pytest.raises(pbi.RateLimitedError) as caught:
        stream.push([{"string_value": "x" * 4_000}] * 40, timeout=0.5)
    assert (caught.value.bound_by, caught.value.status) == ("5 requests a second", None)
    assert caught.value.result is not None
    # Five requests of three rows had leave; those that had not begun when the wait became known were withdrawn.
    assert caught.value.result.confirmed == len(arrived(virtual)) <= 15
    assert caught.value.result.in_doubt == 0
    assert caught.value.result.unsent == 40 - caught.value.result.confirmed


# URLs as they really are, and the secret in them.


@pytest.mark.parametrize("tail", ["&ctid=95d19b2e", "&experience=power-bi&redirectedFromSignup=1", "&UPN=a%40b.c"])
def test_parameters_of_any_kind_and_order_go_out_untouched(powerbi: Emulator, tail: str) -> None:
    url = powerbi.streaming_dataset("Sensors", FIELDS)
    base, key = url.split("?")
    assert "%2B" in key
    for odd in (f"{url}{tail}", f"{base}?{tail[1:]}&{key}"):
        assert pbi.StreamingDataset(odd, SCHEMA).push([ROW]).ok
        assert powerbi.requests[-1].query == odd.split("?")[1].replace(key, "key=***")


@pytest.mark.parametrize(
    "url", ["", "no url", "http://api.powerbi.com/beta/x/rows?key=k", "https://user:pw@example.org/x"]
)
def test_what_is_no_push_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(pbi.ConfigurationError) as caught:
        pbi.StreamingDataset(url)
    assert len(url) < 5 or url not in str(caught.value)


def test_the_key_is_found_nowhere(powerbi: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = powerbi.streaming_dataset("Sensors", FIELDS)
    stream = pbi.StreamingDataset(url, retry=None)
    told = [repr(stream), str(stream), repr(stream._core), repr(vars(stream))]  # noqa: SLF001
    for status in (400, 401, 403, 404, 429, 500, 302):
        powerbi.fail_next(status, body=f'{{"message": "you called {url}"}}')
        with pytest.raises(pbi.PowerBIPushError) as caught:
            stream.push([ROW])
        told += traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
        told += [repr(caught.value), str(caught.value.__dict__), repr(pickle.dumps(caught.value))]
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(stream)
    told.append(caplog.text)
    told = [line for line in told if "url =" not in line]  # this test's own variable
    assert not [line for line in told if key_of(url) in line or key_of(url).replace("%2B", "+")[:20] in line]


def test_a_wrong_key_is_a_refusal_that_says_so(powerbi: Emulator) -> None:
    url = powerbi.streaming_dataset("Sensors", FIELDS)
    stream = pbi.StreamingDataset(url.replace("key=", "key=x"), SCHEMA)
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        stream.push([ROW])
    assert caught.value.status == 403


def test_the_environment_may_hold_the_url(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERBI_PUSH_URL", raising=False)
    with pytest.raises(pbi.ConfigurationError, match="POWERBI_PUSH_URL"):
        pbi.StreamingDataset.from_env()
    monkeypatch.setenv("POWERBI_PUSH_URL", powerbi.streaming_dataset("Sensors", FIELDS))
    assert pbi.StreamingDataset.from_env(SCHEMA).push([ROW]).ok
    assert len(arrived(powerbi)) == 1


def test_a_lost_answer_is_sent_again_and_counted(powerbi: Emulator) -> None:
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("Sensors", FIELDS), SCHEMA)
    powerbi.drop_response()
    assert stream.push([ROW]).maybe_twice == 1
    assert len(arrived(powerbi)) == 2
