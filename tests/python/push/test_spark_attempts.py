"""What a task of Spark says when it fails, and what it does when it runs again; without Spark."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from conftest import arrived, make_table, posts
from powerbi_push import (
    AuthenticationError,
    InDoubtError,
    NotFoundError,
    PermissionDeniedError,
    PowerBIPushError,
    RateLimitedError,
    ServiceError,
    SourceError,
    TransportError,
    ValidationError,
)
from powerbi_push.spark.settings import Settings, read_settings
from powerbi_push.spark.writing import Part, added, is_lasting, written

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

ROWS = 3


def told(**options: str) -> Settings:
    return read_settings({"target": "Sales/Orders", **options})


def batch(*ids: int) -> pa.RecordBatch:
    return pa.record_batch({"Id": pa.array(ids, pa.int64())})


def test_what_another_attempt_would_meet_again_is_known() -> None:
    lasting = [
        ValidationError("x"),
        ServiceError("x", status=400),
        PermissionDeniedError("x", status=403),
        NotFoundError("x", status=404),
        ServiceError("x", status=422),
    ]
    passing = [
        TransportError("x"),
        SourceError("x"),
        AuthenticationError("x", status=401),
        RateLimitedError("x", status=429),
        RateLimitedError("x"),
        ServiceError("x", status=408),
        ServiceError("x", status=500),
        ServiceError("x"),
    ]
    assert [error for error in lasting if not is_lasting(error)] == []
    assert [error for error in passing if is_lasting(error)] == []


def test_a_lasting_failure_stands_in_the_account_and_travels(powerbi: Emulator) -> None:
    make_table(powerbi)
    account = written(told(), Part("q", "0", 0), iter([batch(0, 1, 2**63 - 1)]))
    failure = pickle.loads(pickle.dumps(account))["failure"]  # noqa: S301 - our own
    assert (type(failure), account["read"], account["rejected"], account["unsent"]) == (ValidationError, ROWS, 1, 2)
    assert added([account])["rejected"] == 1
    assert arrived(powerbi) == {}


def test_a_passing_failure_is_raised(powerbi: Emulator) -> None:
    make_table(powerbi)
    powerbi.fail_next(429, retry_after=3_600, route="Datasets_PostRows")
    with pytest.raises(RateLimitedError):
        written(told(timeout="5"), Part("q", "0", 0), iter([batch(1)]))


def test_with_doubt_that_is_raised_every_failure_stands_in_the_account(powerbi: Emulator) -> None:
    make_table(powerbi)
    powerbi.drop_response()
    doubtful = written(told(on_doubt="raise"), Part("q", "0", 0), iter([batch(*range(ROWS))]))
    assert (type(doubtful["failure"]), doubtful["read"], doubtful["in_doubt"]) == (InDoubtError, ROWS, ROWS)
    powerbi.fail_next(429, retry_after=3_600, route="Datasets_PostRows")
    held = written(told(on_doubt="raise", timeout="5"), Part("q", "0", 0), iter([batch(1)]))
    assert type(held["failure"]) is RateLimitedError


def test_another_attempt_counts_its_rows_as_maybe_twice(powerbi: Emulator) -> None:
    make_table(powerbi)
    first = written(told(), Part("q", "0", 0, attempt=0), iter([batch(*range(ROWS))]))
    again = written(told(), Part("q", "0", 0, attempt=1), iter([batch(*range(ROWS))]))
    assert (first["maybe_twice"], again["confirmed"], again["maybe_twice"]) == (0, ROWS, ROWS)
    # Of rows that were not sent now nothing is known to be there twice.
    wrong = written(told(), Part("q", "0", 0, attempt=2), iter([batch(2**63 - 1)]))
    assert (wrong["rejected"], wrong["maybe_twice"]) == (1, 0)


def test_another_attempt_sends_nothing_where_doubt_is_raised(powerbi: Emulator) -> None:
    make_table(powerbi)
    settings = told(on_doubt="raise", share="1/2")
    with pytest.raises(InDoubtError, match=r"an attempt before this one \(2 so far\)[\s\S]*nothing was sent now"):
        written(settings, Part("q", "0", 1, attempt=2), iter([batch(1)]))
    assert posts(powerbi) == []
    # It has no rows: none can be there twice.
    assert written(settings, Part("q", "0", 1, attempt=2), iter([batch()]))["read"] == 0
    # Whoever lacks a share is told that, however often.
    with pytest.raises(PowerBIPushError, match=r"one is number 1, counted from 0"):
        written(told(on_doubt="raise"), Part("q", "0", 1, attempt=2), iter([batch(1)]))
