"""What people push in place of rows, and the cure that each message names."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import powerbi_push as pbi
from conftest import make_table

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

TEXT = "JSON text becomes rows with json.loads(text), lines of a CSV with csv.DictReader(lines)"
COLUMNS = "columns become rows with pandas.DataFrame(columns), or with [dict(zip(columns, row)) for row in zip(*columns"
TUPLES = "rows of a database become mappings with [dict(zip(names, row)) for row in rows], where names = [column[0] for"
NESTED = "nested values become columns with pandas.json_normalize(rows)"
WRAP = "wrap it in a list: push([row])"


def fetched() -> list[Any]:
    """Rows of a database, as tuples without names."""
    with sqlite3.connect(":memory:") as database:
        return database.execute("SELECT 1 AS Id, 'tea' AS Item UNION SELECT 2, 'milk'").fetchall()


@pytest.mark.parametrize(
    ("rows", "kind", "cure"),
    [
        ('[{"Id": 1}]', TypeError, TEXT),
        (b'[{"Id": 1}]', TypeError, TEXT),
        (bytearray(b"Id,Item\n1,tea\n"), TypeError, TEXT),
        ({"Id": [1, 2], "Item": ["tea", "milk"]}, TypeError, COLUMNS),
        ({"Id": (1, 2)}, TypeError, COLUMNS),
        ({"Id": np.array([1, 2])}, TypeError, COLUMNS),
        ({"Id": pd.Series([1, 2])}, TypeError, COLUMNS),
        ({"rows": [{"Id": 1}]}, TypeError, 'push what is in it: push(body["rows"])'),
        ({"rows": []}, TypeError, 'push what is in it: push(body["rows"])'),
        ({"Id": 1, "Item": "tea"}, TypeError, WRAP),
        ({"Id": np.int64(1)}, TypeError, WRAP),
        ({}, TypeError, WRAP),
        (1, TypeError, WRAP),
        (fetched(), pbi.ValidationError, TUPLES),
        ([[1, "tea"]], pbi.ValidationError, TUPLES),
        ([{"Id": {"value": 1}}], pbi.ValidationError, NESTED),
        ([{"Item": ["tea", "milk"]}], pbi.ValidationError, NESTED),
    ],
    ids=lambda value: repr(value)[:40] if not isinstance(value, type) else None,
)
def test_each_message_names_the_cure(powerbi: Emulator, rows: Any, kind: type[Exception], cure: str) -> None:
    table = make_table(powerbi)
    known = powerbi.client().dataset("Sales").table("Orders")
    for one in (table, known):
        before = len(powerbi.requests)
        with pytest.raises(kind) as caught:
            one.push(rows)
        assert cure in str(caught.value)
        assert len(powerbi.requests) == before


def test_the_cures_work(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    columns = {"Id": [1, 2], "Item": ["tea", "milk"]}
    names = ["Id", "Item"]
    rows = [
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
        pd.DataFrame(columns),
        [dict(zip(names, row, strict=True)) for row in fetched()],
        pd.json_normalize([{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]),
    ]
    for one in rows:
        assert table.replace(one).ok
        assert powerbi.rows(table) == [{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]


def test_a_summary_is_good_english_and_tells_of_doubt() -> None:
    one = pbi.PushResult(read=1, confirmed=1, requests=1)
    assert one.summary() == "1 row read: 1 confirmed; 1 request in 0.0 s"
    two = pbi.PushResult(read=2, confirmed=2, maybe_twice=1, requests=1_001)
    assert two.summary() == "2 rows read: 2 confirmed (1 maybe twice); 1,001 requests in 0.0 s"
    doubt = pbi.PushResult(read=1_500, confirmed=1_000, in_doubt=500, requests=2)
    assert doubt.summary() == "1,500 rows read: 1,000 confirmed, 500 in doubt; 2 requests in 0.0 s"
    assert pbi.PushResult().summary() == "0 rows read: nothing to send; 0 requests in 0.0 s"


@pytest.mark.parametrize("route", ["Datasets_PostRow", "PostRows", "", "/row", "Sales/Orders"])
def test_a_route_that_does_not_exist_is_refused(powerbi: Emulator, route: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match="`route` of a fault cannot be") as caught:
        powerbi.fail_next(500, route=route)
    assert "Datasets_PostRows" in str(caught.value.hint)
    assert make_table(powerbi).push([{"Id": 1}]).ok
