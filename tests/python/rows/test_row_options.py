"""The options of rows: naive datetimes, text that is too long, NaN, unknown columns, text that is converted."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from powerbi_push import ConfigurationError, TableSchema
from values_by_type import (
    BERLIN_SUMMER,
    DATE,
    FINITE,
    RANGE,
    SMILE,
    TABLES,
    TYPE,
    TYPES,
    Number,
    Text,
    Word,
    boolean,
    numbers,
    outcome,
    schemaless,
)

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

NAIVE = datetime(2014, 7, 30, 1, 2, 3)
AWARE = datetime(2014, 7, 30, 1, 2, 3, tzinfo=BERLIN_SUMMER)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("keep", NAIVE, '"2014-07-30T01:02:03"'),
        ("utc", NAIVE, '"2014-07-30T01:02:03Z"'),
        ("error", NAIVE, DATE),
        ("keep", "2014-07-30T01:02:03", '"2014-07-30T01:02:03"'),
        ("utc", "2014-07-30T01:02:03", '"2014-07-30T01:02:03Z"'),
        ("utc", "07/30/2014 01:02", '"2014-07-30T01:02:00Z"'),
        ("error", "2014-07-30T01:02:03", DATE),
        ("utc", np.datetime64("2014-07-30T01"), '"2014-07-30T01:00:00Z"'),
        ("error", np.datetime64("2014-07-30T01"), DATE),
        ("utc", pd.Timestamp("2014-07-30"), '"2014-07-30T00:00:00Z"'),
        *[(option, AWARE, '"2014-07-29T23:02:03Z"') for option in ("keep", "utc", "local", "error")],
        *[(option, date(2014, 7, 30), '"2014-07-30T00:00:00"') for option in ("keep", "utc", "local", "error")],
        *[(option, "2014-07-30", '"2014-07-30T00:00:00"') for option in ("keep", "utc", "local", "error")],
    ],
)
def test_naive_datetimes_says_what_a_missing_zone_means(option: str, value: object, expected: str) -> None:
    assert outcome("DateTime", value, naive_datetimes=option) == expected


LOCAL = """
import sys
from datetime import UTC, datetime
from powerbi_push import TableSchema
table = TableSchema("t", {"v": "DateTime"})
for month, day, hour, fold in ((1, 31, 12, 0), (7, 30, 12, 0), (10, 26, 2, 0), (10, 26, 2, 1), (3, 30, 2, 0)):
    wall = datetime(2014, month, day, hour, 30, fold=fold)
    (body,) = table.payloads([{"v": wall}], naive_datetimes="local")
    instant = datetime.fromtimestamp(wall.timestamp(), UTC)
    expected = b'{"rows":[{"v":"%s"}]}' % instant.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    assert body == expected, (body, expected)
    sys.stdout.write(body[26:-4].decode() + " ")
"""


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", "11:30:00Z 10:30:00Z 00:30:00Z 01:30:00Z 01:30:00Z "),
        ("EST5EDT,M3.2.0,M11.1.0", "17:30:00Z 16:30:00Z 06:30:00Z 06:30:00Z 06:30:00Z "),
        ("UTC0", "12:30:00Z 12:30:00Z 02:30:00Z 02:30:00Z 02:30:00Z "),
    ],
)
def test_local_takes_naive_datetimes_for_the_zone_of_the_machine(zone: str, expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOCAL], env={"TZ": zone}, capture_output=True, text=True, check=False, timeout=50
    )
    assert (ran.stdout, ran.stderr) == (expected, "")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("x" * 4_000, "x" * 4_000),
        ("x" * 4_001, "x" * 4_000),
        (SMILE * 2_000, SMILE * 2_000),
        (SMILE * 2_001, SMILE * 2_000),
        ("x" + SMILE * 2_000, "x" + SMILE * 1_999),
    ],
)
def test_truncate_cuts_at_4000_units_and_never_through_a_character(given: str, sent: str) -> None:
    assert outcome("String", given, too_long="truncate") == f'"{sent}"'


@pytest.mark.parametrize(
    "value",
    [math.nan, np.float32(math.nan), Decimal("NaN"), Number(math.nan)],
    ids=["float", "numpy", "Decimal", "sub"],
)
@pytest.mark.parametrize("data_type", TYPES)
def test_nan_can_be_an_error(data_type: str, value: object) -> None:
    assert outcome(data_type, value, nan="error") == FINITE
    assert outcome(data_type, value, nan="null") == "null"


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT, np.datetime64("NaT"), np.ma.masked], ids=repr)
def test_other_missing_values_stay_null_where_nan_is_an_error(value: object) -> None:
    assert outcome("Double", value, nan="error") == "null"


def test_ignored_columns_are_left_out_whatever_they_hold() -> None:
    table = TableSchema("t", {"a": int, "b": int})
    rows = [{"x": [1], "a": 1, "y": math.inf, "b": 2, "z": None}, {"x": 1}]
    assert list(table.payloads(rows, unknown_columns="ignore")) == [b'{"rows":[{"a":1,"b":2},{}]}']


ONE = "\N{FULLWIDTH DIGIT ONE}"
PARSED = [
    ("5", numbers("5", "5.0", "5")),
    ("+5", numbers("5", "5.0", "5")),
    ("-5", numbers("-5", "-5.0", "-5")),
    ("007", numbers("7", "7.0", "7")),
    ("5.0", numbers("5", "5.0", "5.0")),
    ("5.5", numbers(TYPE, "5.5", "5.5")),
    (".5", numbers(TYPE, "0.5", "0.5")),
    ("1.50", numbers(TYPE, "1.5", "1.50")),
    ("1e3", numbers("1000", "1000.0", "1000")),
    ("1.00005", numbers(TYPE, "1.00005", RANGE)),
    ("9007199254740993", numbers("9007199254740993", "9007199254740992.0", "9007199254740993")),
    ("9007199254740993.0", numbers("9007199254740993", "9007199254740992.0", "9007199254740993.0")),
    ("1.0000000000000000001", numbers(TYPE, "1.0", RANGE)),
    ("123456789012345678e1", numbers("1234567890123456780", "1.2345678901234568e+18", "1234567890123456780")),
    ("1e-400", numbers(TYPE, "0.0", RANGE)),
    ("9223372036854775806", numbers("9223372036854775806", "9.223372036854776e+18", "9223372036854775806")),
    ("9223372036854775807", numbers(RANGE, "9.223372036854776e+18", "9223372036854775807")),
    ("-9223372036854775808", numbers(RANGE, "-9.223372036854776e+18", "-9223372036854775808")),
    ("9" * 28, numbers(RANGE, "1e+28", "9" * 28)),
    ("9" * 29, numbers(RANGE, "1e+29", RANGE)),
    ("1.7976931348623157e308", numbers(RANGE, RANGE, RANGE)),
    ("0.1", numbers(TYPE, "0.1", "0.1")),
    ("nan", numbers("null", "null", "null")),
    *[
        (given, numbers(TYPE, TYPE, TYPE))
        for given in (
            "1_0",
            "1,5",
            "1,000",
            "0x10",
            "five",
            "\N{FULLWIDTH DIGIT ONE}",
            "--5",
            "1e",
            "e5",
            ".",
            "-",
            "+",
            "inf",
            "-Infinity",
        )
    ],
    *[(given, numbers("5", "5.0", "5")) for given in (" 5", "5 ", "\t5\n", "\xa05")],
    *[(given, (*[TYPE] * 3, "true", TYPE, TYPE)) for given in ("true", "True", "TRUE", " true ")],
    *[(given, (*[TYPE] * 3, "false", TYPE, TYPE)) for given in ("false", "False", "FALSE")],
    ("1", ("1", "1.0", "1", "true", TYPE, TYPE)),
    ("0", ("0", "0.0", "0", "false", TYPE, TYPE)),
    *[(given, boolean(TYPE)) for given in ("yes", "t", "none", "null")],
]


@pytest.mark.parametrize(
    ("given", "data_type", "expected"),
    [
        pytest.param(given, data_type, expected, id=f"{given} in {data_type}")
        for given, outcomes in PARSED
        for data_type, expected in zip(TYPES[:4], outcomes[:4], strict=True)
    ],
)
def test_text_becomes_numbers_and_booleans_exactly_or_not_at_all(given: str, data_type: str, expected: str) -> None:
    assert outcome(data_type, given, convert=True) == expected
    assert outcome(data_type, given) == TYPE


@pytest.mark.parametrize("given", [given for given, _ in PARSED])
def test_text_in_string_columns_is_never_converted(given: str) -> None:
    assert outcome("String", given, convert=True) == outcome("String", given)


@pytest.mark.parametrize("data_type", TYPES)
@pytest.mark.parametrize("given", ["", " ", "\t\n"])
def test_empty_text_is_a_missing_value_outside_string_columns(given: str, data_type: str) -> None:
    assert outcome(data_type, given, convert=True) == (outcome("String", given) if data_type == "String" else "null")


def test_subclasses_and_enums_of_text_are_converted_too() -> None:
    assert outcome("Int64", Text("5"), convert=True) == "5"
    assert outcome("String", Word.TEA, convert=True) == '"tea"'
    assert outcome("Int64", Word.TEA, convert=True) == TYPE


def test_nan_in_text_obeys_the_option_for_nan() -> None:
    assert outcome("Double", "nan", convert=True, nan="error") == FINITE


WORDS = {
    "naive_datetimes": ("keep", "utc", "local", "error"),
    "too_long": ("error", "truncate"),
    "nan": ("null", "error"),
    "unknown_columns": ("error", "ignore"),
    "aware_datetimes": ("utc", "wall"),
    "decimals": ("error", "round"),
    "on_invalid": ("raise", "skip"),
    "check": ("all", "batch"),
    "on_doubt": ("resend", "raise"),
}


@pytest.mark.parametrize("wrong", ["wrong", "", None, True, 5])
@pytest.mark.parametrize("option", WORDS)
def test_a_wrong_word_is_an_error_that_lists_the_words(powerbi: Emulator, option: str, wrong: object) -> None:
    options: dict[str, Any] = {option: wrong}
    table = schemaless(powerbi)
    requests = len(powerbi.requests)
    with pytest.raises(ConfigurationError) as refused:
        table.push([{"Int64": 1}], **options)
    assert f"`{option}`" in str(refused.value)
    assert all(f'"{word}"' in str(refused.value) for word in WORDS[option])
    assert len(powerbi.requests) == requests


def test_an_unknown_option_is_a_type_error(powerbi: Emulator) -> None:
    options: dict[str, Any] = {"nann": "null"}
    table = schemaless(powerbi)
    requests = len(powerbi.requests)
    for verb in (table.push, TABLES["Int64"].payloads, TABLES["Int64"].validate):
        with pytest.raises(TypeError, match="'nann'"):
            verb([{"v": 1}], **options)
    assert len(powerbi.requests) == requests
