"""Rows of a table without a schema: each value is judged by its own type."""

from __future__ import annotations

import math
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from powerbi_push import NotFoundError, ServiceError, UndeliveredError, ValidationError
from values_by_type import BERLIN_SUMMER, FINITE, LONG, RANGE, TYPE, UTF8, Colour, FloatLike, Level, schemaless

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator


@pytest.mark.parametrize(
    ("column", "value", "sent"),
    [
        ("Boolean", True, "true"),
        ("Boolean", np.False_, "false"),
        ("Int64", 2**63 - 2, "9223372036854775806"),
        ("Int64", np.int8(5), "5"),
        ("Int64", Level.HIGH, "7"),
        ("Double", 0.1, "0.1"),
        ("Double", 1.0, "1.0"),
        ("Double", 1e22, "1e+22"),
        ("Double", math.nan, "null"),
        ("Decimal", Decimal("1.50"), "1.50"),
        ("Decimal", Decimal("1E+3"), "1000"),
        ("DateTime", datetime(2014, 7, 30, 1, 2, 3, 4000, BERLIN_SUMMER), '"2014-07-29T23:02:03.004Z"'),
        ("DateTime", date(2014, 7, 30), '"2014-07-30T00:00:00"'),
        ("DateTime", pd.Timestamp("2014-07-30"), '"2014-07-30T00:00:00"'),
        ("DateTime", np.datetime64("2014-07-30"), '"2014-07-30T00:00:00"'),
        ("DateTime", "2014-07-30", '"2014-07-30"'),
        ("String", "07/30/2014", '"07/30/2014"'),
        ("String", "", '""'),
        ("String", "x" * 4_000, '"' + "x" * 4_000 + '"'),
        ("String", uuid.UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        ("String", Colour.RED, '"red"'),
        ("String", None, "null"),
        ("Int64", pd.NA, "null"),
        ("DateTime", pd.NaT, "null"),
    ],
)
def test_without_a_schema_a_value_is_sent_as_its_own_type(
    powerbi: Emulator, column: str, value: object, sent: str
) -> None:
    assert schemaless(powerbi).push([{column: value}]).ok
    assert powerbi.requests[-1].body.decode() == f'{{"rows":[{{"{column}":{sent}}}]}}'


def test_without_a_schema_an_unknown_column_is_a_404_that_lists_the_keys_and_their_types(powerbi: Emulator) -> None:
    with pytest.raises(NotFoundError) as refused:
        schemaless(powerbi).push([{"Int64": 1}, {"Int65": 1, "String": "x"}])
    assert "`Int64` (int), `Int65` (int), `String` (str); pass schema=" in str(refused.value)
    assert "a new column is added with table.update_schema(...)" in str(refused.value)


def test_without_a_schema_a_bare_400_lists_the_keys_and_all_their_types(powerbi: Emulator) -> None:
    table = schemaless(powerbi)
    powerbi.fail_next(400, route="Datasets_PostRows", body="")
    at = datetime(2014, 7, 30, 1, 2, 3)
    with pytest.raises(ServiceError) as refused:
        table.push([{"Int64": 1, "DateTime": at, "Boolean": None}, {"Int64": "x", "Double": 0.5, "Boolean": True}])
    columns = "`Int64` (int or str), `DateTime` (datetime), `Boolean` (None or bool), `Double` (float); pass schema="
    assert columns in str(refused.value)
    with table.sender() as sender:
        sender.send({"Int65": 1})
        with pytest.raises(NotFoundError, match=r"`Int65` \(int\); pass schema="):
            sender.flush()
        powerbi.reset()
        with pytest.raises(UndeliveredError):
            sender.close(timeout=0.01)


def test_with_a_schema_nothing_is_listed(powerbi: Emulator) -> None:
    table = schemaless(powerbi)
    known = table.dataset.table("Any", {"Int64": int})
    powerbi.fail_next(400, route="Datasets_PostRows", body="")
    with pytest.raises(ServiceError) as refused:
        known.push([{"Int64": 1}])
    assert "columns" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (2**63 - 1, RANGE),
        (-(2**63), RANGE),
        (10**5000, RANGE),
        (1.7976931348623157e308, RANGE),
        (math.inf, FINITE),
        (Decimal("-Infinity"), FINITE),
        (Decimal("1E+999999"), RANGE),
        (datetime(1, 1, 1, tzinfo=BERLIN_SUMMER), RANGE),
        ("x" * 4_001, LONG),
        ("\ud800", UTF8),
        (b"x", TYPE),
        ([], TYPE),
        ({}, TYPE),
        (time(1), TYPE),
        (timedelta(1), TYPE),
        (1j, TYPE),
        (np.timedelta64(1, "s"), TYPE),
        (FloatLike(), TYPE),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
)
def test_without_a_schema_a_value_beyond_its_own_type_is_refused(powerbi: Emulator, value: object, code: str) -> None:
    table = schemaless(powerbi)
    requests = len(powerbi.requests)
    with pytest.raises(ValidationError) as refused:
        table.push([{"any": value}])
    assert [(error.row, error.column, f"!{error.code}") for error in refused.value.errors] == [(0, "any", code)]
    assert len(powerbi.requests) == requests
