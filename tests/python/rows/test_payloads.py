"""Reports and bodies of rows that are not sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import ConfigurationError, TableSchema, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

from schemas import ORDERS, many_columns


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
    assert ORDERS.validate([{"Id": "5", "Other": 1}], convert=True, unknown_columns="ignore").ok


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
