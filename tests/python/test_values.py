"""Every kind of value in every type of column: the exact bytes, or the exact refusal."""

from __future__ import annotations

import enum
import math
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from powerbi_push import ConfigurationError, DatasetSchema, NotFoundError, TableSchema, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push import Table
    from powerbi_push.emulator import Emulator

TYPES = ("Int64", "Double", "Decimal", "Boolean", "String", "DateTime")
TABLES = {data_type: TableSchema("t", {"v": data_type}) for data_type in TYPES}

TYPE = "!wrong_type"
RANGE = "!out_of_range"
FINITE = "!not_finite"
LONG = "!too_long"
DATE = "!bad_datetime"
UTF8 = "!not_utf8"

BERLIN_SUMMER = timezone(timedelta(hours=2))
SMILE = "\N{GRINNING FACE}"


def judged(data_type: str, value: object, **options: Any) -> str:
    """The JSON of `value` in a column of that type; or ``!`` and the code of its only problem."""
    try:
        (body,) = TABLES[data_type].payloads([{"v": value}], **options)
    except ValidationError as refused:
        return "".join(f"!{error.code}" for error in refused.errors)
    assert body.startswith(b'{"rows":[{"v":')
    assert body.endswith(b"}]}")
    return body[14:-3].decode()


class Colour(enum.Enum):
    """Values of several kinds."""

    RED = "red"
    ONE = 1
    HALF = 0.5
    NOTHING = None
    PAIR = (1, 2)


class Flag(enum.Enum):
    """A bool, apart from `Colour`, where it would be an alias of 1."""

    ON = True


class Outer(enum.Enum):
    """An Enum of an Enum."""

    INNER = Colour.RED


class Level(enum.IntEnum):
    """Also an int."""

    HIGH = 7


class Word(enum.StrEnum):
    """Also a str."""

    TEA = "tea"


class Text(str):
    """A str that lies about itself."""

    __slots__ = ()

    def __str__(self) -> str:
        return "lie"


class Whole(int):
    """An int that lies about itself."""

    def __repr__(self) -> str:
        return "lie"

    def __index__(self) -> int:
        return -1


class Number(float):
    """A float that lies about itself."""

    def __float__(self) -> float:
        return -1.0


class Moment(datetime):
    """A datetime that is not one of the standard library's own."""


class Day(date):
    """A date that is not one of the standard library's own."""


class FloatLike:
    """Something that could be made a float, but is none."""

    def __float__(self) -> float:
        return 1.0


class Timeless(tzinfo):
    """A zone that does not know its offset, which makes a datetime naive."""

    def utcoffset(self, _when: datetime | None) -> None:
        """Not known."""

    def dst(self, _when: datetime | None) -> None:
        """Not known."""

    def tzname(self, _when: datetime | None) -> None:
        """Not known."""


def numbers(int64: str, double: str, decimal: str) -> tuple[str, ...]:
    return (int64, double, decimal, TYPE, TYPE, TYPE)


def boolean(expected: str) -> tuple[str, ...]:
    return (TYPE, TYPE, TYPE, expected, TYPE, TYPE)


def text(expected: str, as_datetime: str = DATE) -> tuple[str, ...]:
    return (TYPE, TYPE, TYPE, TYPE, expected, as_datetime)


def moment(expected: str) -> tuple[str, ...]:
    return (TYPE, TYPE, TYPE, TYPE, TYPE, expected if expected.startswith("!") else f'"{expected}"')


def everywhere(expected: str) -> tuple[str, ...]:
    return (expected,) * 6


INT_CASES = [
    ("0", 0, numbers("0", "0", "0")),
    ("-1", -1, numbers("-1", "-1", "-1")),
    ("2**53+1", 2**53 + 1, numbers("9007199254740993", "9007199254740993", "9007199254740993")),
    ("2**63-2", 2**63 - 2, numbers("9223372036854775806", "9223372036854775806", "9223372036854775806")),
    ("2**63-1", 2**63 - 1, numbers(RANGE, "9223372036854775807", "9223372036854775807")),
    ("2**63", 2**63, numbers(RANGE, "9223372036854775808", "9223372036854775808")),
    ("-2**63+1", -(2**63) + 1, numbers("-9223372036854775807", "-9223372036854775807", "-9223372036854775807")),
    ("-2**63", -(2**63), numbers(RANGE, "-9223372036854775808", "-9223372036854775808")),
    ("-2**63-1", -(2**63) - 1, numbers(RANGE, "-9223372036854775809", "-9223372036854775809")),
    ("28 digits", 10**28 - 1, numbers(RANGE, "9" * 28, "9" * 28)),
    ("-28 digits", 1 - 10**28, numbers(RANGE, "-" + "9" * 28, "-" + "9" * 28)),
    ("29 digits", 10**28, numbers(RANGE, "1" + "0" * 28, RANGE)),
    ("10**308", 10**308, numbers(RANGE, "1" + "0" * 308, RANGE)),
    ("10**309", 10**309, numbers(RANGE, RANGE, RANGE)),
    ("10**5000", 10**5000, numbers(RANGE, RANGE, RANGE)),
    ("-10**5000", -(10**5000), numbers(RANGE, RANGE, RANGE)),
    ("int8", np.int8(-128), numbers("-128", "-128", "-128")),
    ("uint8", np.uint8(255), numbers("255", "255", "255")),
    ("int16", np.int16(5), numbers("5", "5", "5")),
    ("uint32", np.uint32(5), numbers("5", "5", "5")),
    ("int64", np.int64(2**63 - 2), numbers("9223372036854775806", "9223372036854775806", "9223372036854775806")),
    ("int64 max", np.int64(2**63 - 1), numbers(RANGE, "9223372036854775807", "9223372036854775807")),
    ("uint64", np.uint64(2**64 - 1), numbers(RANGE, "18446744073709551615", "18446744073709551615")),
    ("subclass of int", Whole(5), numbers("5", "5", "5")),
    ("subclass of int, wide", Whole(2**70), numbers(RANGE, str(2**70), str(2**70))),
]

BOOL_CASES = [
    ("True", True, boolean("true")),
    ("False", False, boolean("false")),
    ("numpy True", np.True_, boolean("true")),
    ("numpy False", np.bool_(0), boolean("false")),
]

FLOAT_CASES = [
    ("0.0", 0.0, numbers("0", "0.0", "0.0")),
    ("-0.0", -0.0, numbers("0", "-0.0", "-0.0")),
    ("1.0", 1.0, numbers("1", "1.0", "1.0")),
    ("-2.5", -2.5, numbers(TYPE, "-2.5", "-2.5")),
    ("0.1", 0.1, numbers(TYPE, "0.1", "0.1")),
    ("0.1+0.2", 0.1 + 0.2, numbers(TYPE, "0.30000000000000004", RANGE)),
    ("1.2345", 1.2345, numbers(TYPE, "1.2345", "1.2345")),
    ("1.23456", 1.23456, numbers(TYPE, "1.23456", RANGE)),
    ("0.0001", 0.0001, numbers(TYPE, "0.0001", "0.0001")),
    ("0.00001", 0.00001, numbers(TYPE, "0.00001", RANGE)),
    ("1e-7", 1e-7, numbers(TYPE, "1e-7", RANGE)),
    ("1e15", 1e15, numbers("1000000000000000", "1000000000000000.0", "1000000000000000.0")),
    ("2.0**53", 2.0**53, numbers("9007199254740992", "9007199254740992.0", "9007199254740992.0")),
    ("1e16", 1e16, numbers("10000000000000000", "1e+16", "10000000000000000")),
    ("1e22", 1e22, numbers(RANGE, "1e+22", "1" + "0" * 22)),
    ("1e27", 1e27, numbers(RANGE, "1e+27", "1" + "0" * 27)),
    ("1e28", 1e28, numbers(RANGE, "1e+28", RANGE)),
    ("2.0**63", 2.0**63, numbers(RANGE, "9.223372036854776e+18", "9223372036854776000")),
    ("-2.0**63", -(2.0**63), numbers(RANGE, "-9.223372036854776e+18", "-9223372036854776000")),
    (
        "below 2.0**63",
        math.nextafter(2.0**63, 0),
        numbers("9223372036854774784", "9.223372036854775e+18", "9223372036854775000"),
    ),
    ("5e-324", 5e-324, numbers(TYPE, "5e-324", RANGE)),
    ("largest", 1.7976931348623157e308, numbers(RANGE, RANGE, RANGE)),
    ("smallest", -1.7976931348623157e308, numbers(RANGE, RANGE, RANGE)),
    ("below the largest", 1.7976931348623155e308, numbers(RANGE, "1.7976931348623155e+308", RANGE)),
    ("float64", np.float64(0.1), numbers(TYPE, "0.1", "0.1")),
    ("float32", np.float32(0.5), numbers(TYPE, "0.5", "0.5")),
    ("float32 0.1", np.float32(0.1), numbers(TYPE, "0.10000000149011612", RANGE)),
    ("float16", np.float16(1.5), numbers(TYPE, "1.5", "1.5")),
    ("longdouble", np.longdouble(0.25), numbers(TYPE, "0.25", "0.25")),
    ("subclass of float", Number(1.5), numbers(TYPE, "1.5", "1.5")),
    ("inf", math.inf, everywhere(FINITE)),
    ("-inf", -math.inf, everywhere(FINITE)),
    ("float32 inf", np.float32(math.inf), everywhere(FINITE)),
]

DECIMAL_CASES = [
    ("1.50", Decimal("1.50"), numbers(TYPE, "1.50", "1.50")),
    ("-0.0001", Decimal("-0.0001"), numbers(TYPE, "-0.0001", "-0.0001")),
    ("5", Decimal(5), numbers(TYPE, "5", "5")),
    ("1E+3", Decimal("1E+3"), numbers(TYPE, "1000", "1000")),
    ("12.5E1", Decimal("12.5E1"), numbers(TYPE, "125", "125")),
    ("1E-7", Decimal("1E-7"), numbers(TYPE, "0.0000001", RANGE)),
    ("4 places", Decimal("1.0001"), numbers(TYPE, "1.0001", "1.0001")),
    ("5 places", Decimal("1.00001"), numbers(TYPE, "1.00001", RANGE)),
    ("28 digits", Decimal("9" * 28), numbers(TYPE, "9" * 28, "9" * 28)),
    ("29 digits", Decimal("9" * 29), numbers(TYPE, "9" * 29, RANGE)),
    ("24+4 digits", Decimal("9" * 24 + ".9999"), numbers(TYPE, "9" * 24 + ".9999", "9" * 24 + ".9999")),
    ("25+4 digits", Decimal("9" * 25 + ".9999"), numbers(TYPE, "9" * 25 + ".9999", RANGE)),
    ("24+5 digits", Decimal("9" * 24 + ".99999"), numbers(TYPE, "9" * 24 + ".99999", RANGE)),
    ("1E+27", Decimal("1E+27"), numbers(TYPE, "1" + "0" * 27, "1" + "0" * 27)),
    ("1E+28", Decimal("1E+28"), numbers(TYPE, "1" + "0" * 28, RANGE)),
    ("1E+400", Decimal("1E+400"), numbers(TYPE, RANGE, RANGE)),
    ("huge exponent", Decimal("1E+999999"), numbers(TYPE, RANGE, RANGE)),
    ("largest double", Decimal("1.7976931348623157E+308"), numbers(TYPE, RANGE, RANGE)),
    ("NaN", Decimal("NaN"), everywhere("null")),
    ("-NaN", Decimal("-NaN"), everywhere("null")),
    ("sNaN", Decimal("sNaN"), everywhere("null")),
    ("NaN with a payload", Decimal("NaN123"), everywhere("null")),
    ("Infinity", Decimal("Infinity"), everywhere(FINITE)),
    ("-Infinity", Decimal("-Infinity"), everywhere(FINITE)),
]

DATETIME_CASES = [
    ("naive", datetime(2014, 7, 30, 1, 2, 3), moment("2014-07-30T01:02:03")),
    ("midnight", datetime(2014, 7, 30), moment("2014-07-30T00:00:00")),
    ("milliseconds", datetime(2014, 7, 30, 1, 2, 3, 4000), moment("2014-07-30T01:02:03.004")),
    ("microseconds", datetime(2014, 7, 30, 1, 2, 3, 4), moment("2014-07-30T01:02:03.000004")),
    ("tenths", datetime(2014, 7, 30, 1, 2, 3, 500_000), moment("2014-07-30T01:02:03.500")),
    ("UTC", datetime(2014, 7, 30, 1, tzinfo=UTC), moment("2014-07-30T01:00:00Z")),
    ("UTC with microseconds", datetime(2014, 7, 30, 1, 2, 3, 4, UTC), moment("2014-07-30T01:02:03.000004Z")),
    ("a zero offset", datetime(2014, 7, 30, tzinfo=ZoneInfo("UTC")), moment("2014-07-30T00:00:00Z")),
    ("+02:00", datetime(2014, 7, 30, 1, tzinfo=BERLIN_SUMMER), moment("2014-07-29T23:00:00Z")),
    ("-01:30", datetime(2014, 12, 31, 23, tzinfo=timezone(-timedelta(minutes=90))), moment("2015-01-01T00:30:00Z")),
    (
        "an offset to the microsecond",
        datetime(2014, 7, 30, tzinfo=timezone(timedelta(hours=2, seconds=3, microseconds=5))),
        moment("2014-07-29T21:59:56.999995Z"),
    ),
    ("summer", datetime(2014, 7, 30, 12, tzinfo=ZoneInfo("Europe/Berlin")), moment("2014-07-30T10:00:00Z")),
    ("fold=0", datetime(2014, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), moment("2014-10-26T00:30:00Z")),
    ("fold=1", datetime(2014, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1), moment("2014-10-26T01:30:00Z")),
    ("a zone without an offset", datetime(2014, 7, 30, tzinfo=Timeless()), moment("2014-07-30T00:00:00")),
    ("year 1", datetime(1, 1, 1), moment("0001-01-01T00:00:00")),
    ("year 9999", datetime(9999, 12, 31, 23, 59, 59, 999_999), moment("9999-12-31T23:59:59.999999")),
    ("year 1 at UTC", datetime(1, 1, 1, 2, tzinfo=BERLIN_SUMMER), moment("0001-01-01T00:00:00Z")),
    ("before year 1 at UTC", datetime(1, 1, 1, 1, tzinfo=BERLIN_SUMMER), moment(RANGE)),
    ("after year 9999 at UTC", datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))), moment(RANGE)),
    ("subclass of datetime", Moment(2014, 7, 30, 1), moment("2014-07-30T01:00:00")),
    ("date", date(2014, 7, 30), moment("2014-07-30T00:00:00")),
    ("first date", date.min, moment("0001-01-01T00:00:00")),
    ("last date", date.max, moment("9999-12-31T00:00:00")),
    ("subclass of date", Day(2014, 7, 30), moment("2014-07-30T00:00:00")),
    ("Timestamp", pd.Timestamp("2014-07-30 01:02:03"), moment("2014-07-30T01:02:03")),
    ("Timestamp, finer", pd.Timestamp("2014-07-30 01:02:03.123456789"), moment("2014-07-30T01:02:03.123456")),
    ("Timestamp at UTC", pd.Timestamp("2014-07-30", tz="UTC"), moment("2014-07-30T00:00:00Z")),
    ("Timestamp in a zone", pd.Timestamp("2014-07-30", tz="Europe/Berlin"), moment("2014-07-29T22:00:00Z")),
    ("Timestamp in seconds", pd.Timestamp("2014-07-30").as_unit("s"), moment("2014-07-30T00:00:00")),
    ("Timestamp after year 9999", pd.Timestamp(np.datetime64("20000-01-01", "s")), moment(RANGE)),
    ("Timestamp before year 1", pd.Timestamp(np.datetime64("-0500-01-01", "s")), moment(RANGE)),
    ("datetime64[Y]", np.datetime64("2014"), moment("2014-01-01T00:00:00")),
    ("datetime64[M]", np.datetime64("2014-07"), moment("2014-07-01T00:00:00")),
    ("datetime64[W]", np.datetime64("2014-07-31", "W"), moment("2014-07-31T00:00:00")),
    ("datetime64[D]", np.datetime64("2014-07-30"), moment("2014-07-30T00:00:00")),
    ("datetime64[h]", np.datetime64("2014-07-30T10"), moment("2014-07-30T10:00:00")),
    ("datetime64[s]", np.datetime64("2014-07-30T10:11:12"), moment("2014-07-30T10:11:12")),
    ("datetime64[ms]", np.datetime64("2014-07-30T10:11:12.5", "ms"), moment("2014-07-30T10:11:12.500")),
    ("datetime64[us]", np.datetime64("2014-07-30T10:11:12.000005", "us"), moment("2014-07-30T10:11:12.000005")),
    ("datetime64[ns]", np.datetime64("2014-07-30T10:11:12.123456789", "ns"), moment("2014-07-30T10:11:12.123456")),
    ("datetime64[ps]", np.datetime64(1_500_000, "ps"), moment("1970-01-01T00:00:00.000001")),
    ("datetime64[ns] before 1970", np.datetime64(-1, "ns"), moment("1969-12-31T23:59:59.999999")),
    ("datetime64 in year 1", np.datetime64("0001"), moment("0001-01-01T00:00:00")),
    ("datetime64 in year 0", np.datetime64("0000"), moment(RANGE)),
    ("datetime64 in year 10000", np.datetime64("10000"), moment(RANGE)),
    ("datetime64 in year 301970", np.datetime64(300_000, "Y"), moment(RANGE)),
    ("datetime64 beyond microseconds", np.datetime64(9_223_372_036_854_775_000, "D"), moment(RANGE)),
]

TEXT_CASES = [
    ("empty", "", text('""')),
    ("plain", "abc", text('"abc"')),
    ("not ASCII", "é€" + SMILE, text(f'"é€{SMILE}"')),
    ("NUL", "\0", text('"\\u0000"')),
    ("escapes", '"\\/\b\t\n\v\f\r\x1f\x7f', text('"\\"\\\\/\\u0008\\t\\n\\u000b\\u000c\\r\\u001f\x7f"')),
    ("line separators", "\u2028\u2029", text('"\u2028\u2029"')),
    ("a noncharacter", "\uffff", text('"\uffff"')),
    ("4,000 units", "x" * 4_000, text('"' + "x" * 4_000 + '"')),
    ("4,001 units", "x" * 4_001, text(LONG)),
    ("4,000 characters of 3 bytes", "€" * 4_000, text('"' + "€" * 4_000 + '"')),
    ("4,000 units of 2,000 characters", SMILE * 2_000, text('"' + SMILE * 2_000 + '"')),
    ("4,001 units of 2,001 characters", SMILE * 2_000 + "x", text(LONG)),
    ("a number", "5", text('"5"')),
    ("a boolean", "true", text('"true"')),
    ("high surrogate", "\ud800", everywhere(UTF8)),
    ("low surrogate", "a\udfffb", everywhere(UTF8)),
    ("a pair of surrogates", "\ud83d\ude00", everywhere(UTF8)),
    ("subclass of str", Text("truth"), text('"truth"')),
    ("numpy str", np.str_("tea"), text('"tea"')),
    ("UUID", uuid.UUID(int=5), text('"00000000-0000-0000-0000-000000000005"', as_datetime="!wrong_type")),
]

ENUM_CASES = [
    ("Enum of a str", Colour.RED, text('"red"')),
    ("Enum of an int", Colour.ONE, numbers("1", "1", "1")),
    ("Enum of a bool", Flag.ON, boolean("true")),
    ("Enum of a float", Colour.HALF, numbers(TYPE, "0.5", "0.5")),
    ("Enum of None", Colour.NOTHING, everywhere("null")),
    ("Enum of a tuple", Colour.PAIR, everywhere(TYPE)),
    ("Enum of an Enum", Outer.INNER, text('"red"')),
    ("IntEnum", Level.HIGH, numbers("7", "7", "7")),
    ("StrEnum", Word.TEA, text('"tea"')),
]

MISSING_CASES = [
    ("None", None, everywhere("null")),
    ("nan", math.nan, everywhere("null")),
    ("float32 nan", np.float32(math.nan), everywhere("null")),
    ("pandas NA", pd.NA, everywhere("null")),
    ("pandas NaT", pd.NaT, everywhere("null")),
    ("datetime64 NaT", np.datetime64("NaT"), everywhere("null")),
    ("datetime64[ns] NaT", np.datetime64("NaT", "ns"), everywhere("null")),
    ("masked", np.ma.masked, everywhere("null")),
    ("an element of a masked array", np.ma.array([1, 2], mask=[False, True])[1], everywhere("null")),
]

REFUSED_CASES = [
    (type(value).__name__, value, everywhere(TYPE))
    for value in (
        b"x",
        bytearray(b"x"),
        memoryview(b"x"),
        [1],
        (1,),
        {"a": 1},
        {1},
        frozenset({1}),
        range(1),
        time(1),
        timedelta(1),
        1j,
        Fraction(1, 2),
        FloatLike(),
        object(),
        int,
        len,
        ...,
        NotImplemented,
        iter(()),
        np.timedelta64(5, "s"),
        np.timedelta64("NaT"),
        np.complex128(1),
        np.bytes_(b"x"),
        np.void(b"x"),
        np.array(5),
        np.array([5]),
        pd.Timedelta(1),
        pd.Period("2014"),
        pd.Interval(1, 2),
        pd.Series([1]),
        ZoneInfo("UTC"),
    )
]


def each(cases: list[tuple[str, Any, tuple[str, ...]]]) -> pytest.MarkDecorator:
    """Each case with each type of column."""
    expanded = [
        pytest.param(data_type, value, expected, id=f"{label} in {data_type}")
        for label, value, outcomes in cases
        for data_type, expected in zip(TYPES, outcomes, strict=True)
    ]
    return pytest.mark.parametrize(("data_type", "value", "expected"), expanded)


@each(BOOL_CASES)
def test_a_bool_fits_boolean_columns_only(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(INT_CASES)
def test_an_int_fits_numeric_columns_within_their_limits(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(FLOAT_CASES)
def test_a_float_is_sent_in_its_shortest_form_and_never_rounded(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(DECIMAL_CASES)
def test_a_decimal_is_sent_in_plain_notation_and_never_rounded(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(DATETIME_CASES)
def test_a_date_or_time_is_sent_in_one_form(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(TEXT_CASES)
def test_text_is_sent_as_a_json_string_of_at_most_4000_units(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(ENUM_CASES)
def test_an_enum_is_judged_as_its_value(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(MISSING_CASES)
def test_a_missing_value_is_null_in_every_column(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@each(REFUSED_CASES)
def test_what_no_column_takes_is_refused_everywhere(data_type: str, value: object, expected: str) -> None:
    assert judged(data_type, value) == expected


@pytest.mark.parametrize("digits", range(1, 18))
def test_the_shortest_form_of_a_float_reads_back_as_the_same_float(digits: int) -> None:
    for exponent in range(-30, 31, 3):
        value = float(f"{'1234567890123456789'[:digits]}e{exponent}")
        assert float(judged("Double", value)) == value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"x", "bytes"),
        ([1], "list"),
        ({}, "dict"),
        (time(1), "datetime.time"),
        (np.timedelta64(1, "s"), "numpy.timedelta64"),
        (1j, "complex"),
        (5, "int"),
        (True, "bool"),
        ("5", "str"),
        (2.5, "float"),
        (Decimal(5), "Decimal"),
        (math.inf, "float"),
    ],
)
def test_the_error_names_the_type_and_the_column(value: object, named: str) -> None:
    data_type = "Boolean" if not isinstance(value, bool) else "Int64"
    (error,) = TABLES[data_type].validate([{"v": value}]).errors
    assert error.value_type == named
    assert error.message.startswith("column `v` ")
    if error.code == "wrong_type":
        assert f"takes {data_type}, not {named}" in error.message


ISO_TEXTS = [
    ("2014-07-30", "2014-07-30T00:00:00"),
    ("20140730", "2014-07-30T00:00:00"),
    ("2014-07-30T10", "2014-07-30T10:00:00"),
    ("2014-07-30T10+02:00", "2014-07-30T08:00:00Z"),
    ("2014-07-30T10:11", "2014-07-30T10:11:00"),
    ("2014-07-30T10:11:12", "2014-07-30T10:11:12"),
    ("2014-07-30 10:11:12", "2014-07-30T10:11:12"),
    ("2014-07-30T10:11:12.5", "2014-07-30T10:11:12.500"),
    ("2014-07-30T10:11:12,5", "2014-07-30T10:11:12.500"),
    ("2014-07-30T10:11:12.000", "2014-07-30T10:11:12"),
    ("2014-07-30T10:11:12.123456", "2014-07-30T10:11:12.123456"),
    ("2014-07-30T10:11:12.1234569", "2014-07-30T10:11:12.123456"),
    ("2014-07-30T10:11:12Z", "2014-07-30T10:11:12Z"),
    ("2014-07-30T10:11:12.1234567Z", "2014-07-30T10:11:12.123456Z"),
    ("2014-07-30T10:11:12+00:00", "2014-07-30T10:11:12Z"),
    ("2014-07-30T00:11:12+02:00", "2014-07-29T22:11:12Z"),
    ("2014-07-30T23:11:12-0130", "2014-07-31T00:41:12Z"),
    ("2014-07-30T10:11:12+02", "2014-07-30T08:11:12Z"),
    ("20140730T101112Z", "2014-07-30T10:11:12Z"),
    ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
    ("9999-12-31T23:59:59", "9999-12-31T23:59:59"),
    ("2016-02-29", "2016-02-29T00:00:00"),
    ("07/30/2014", "2014-07-30T00:00:00"),
    ("07/30/2014 10:11", "2014-07-30T10:11:00"),
    ("07/30/2014 10:11:12", "2014-07-30T10:11:12"),
    ("02/29/2016", "2016-02-29T00:00:00"),
]
NO_DATES = [
    "",
    " ",
    "now",
    "2014",
    "2014-7-30",
    "2014-02-30",
    "2015-02-29",
    "2014-13-01",
    "2014-00-01",
    "0000-01-01",
    "10000-01-01",
    " 2014-07-30",
    "2014-07-30 ",
    "2014-07-30T",
    "2014-07-30T25:00",
    "2014-07-30T10:60",
    "2014-07-30T10:11:60",
    "2014-07-30T10:11:12.",
    "2014-07-30T10:11:12 Z",
    "2014-07-30x10:11",
    "2014-07-30T10:11:12+25:00",
    "30/07/2014",
    "7/30/2014",
    "07/30/14",
    "07-30-2014",
    "02/29/2014",
    "07/30/2014T10:11",
    "07/30/2014 10:11Z",
    "\N{FULLWIDTH DIGIT TWO}014-07-30",
    "1406714400",
    "Wed, 30 Jul 2014 10:11:12 GMT",
]


@pytest.mark.parametrize(("given", "sent"), ISO_TEXTS)
def test_text_that_is_a_date_is_sent_in_the_form_of_dates(given: str, sent: str) -> None:
    assert judged("DateTime", given) == f'"{sent}"'


@pytest.mark.parametrize("given", NO_DATES)
def test_text_that_is_no_date_is_refused_in_datetime_columns(given: str) -> None:
    assert judged("DateTime", given) == DATE


@pytest.mark.parametrize("given", ["0001-01-01T00:00+00:01", "9999-12-31T23:59-00:01"])
def test_text_that_leaves_the_calendar_at_utc_is_out_of_range(given: str) -> None:
    assert judged("DateTime", given) == RANGE


def isoformats() -> Iterator[tuple[str, datetime]]:
    for zone in (None, UTC, BERLIN_SUMMER, timezone(-timedelta(minutes=90))):
        for spec in ("auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"):
            for separator in "T ":
                moment = datetime(2014, 7, 30, 10, tzinfo=zone)
                yield moment.isoformat(separator, spec), moment


@pytest.mark.parametrize(("given", "meant"), list(isoformats()))
def test_what_isoformat_writes_is_sent_as_the_datetime_itself(given: str, meant: datetime) -> None:
    assert judged("DateTime", given) == judged("DateTime", meant)


# --- options ---------------------------------------------------------------------------------------------------------


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
    assert judged("DateTime", value, naive_datetimes=option) == expected


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
    assert judged("String", given, too_long="truncate") == f'"{sent}"'


@pytest.mark.parametrize(
    "value",
    [math.nan, np.float32(math.nan), Decimal("NaN"), Number(math.nan)],
    ids=["float", "numpy", "Decimal", "sub"],
)
@pytest.mark.parametrize("data_type", TYPES)
def test_nan_can_be_an_error(data_type: str, value: object) -> None:
    assert judged(data_type, value, nan="error") == FINITE
    assert judged(data_type, value, nan="null") == "null"


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT, np.datetime64("NaT"), np.ma.masked], ids=repr)
def test_other_missing_values_stay_null_where_nan_is_an_error(value: object) -> None:
    assert judged("Double", value, nan="error") == "null"


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
            " 5",
            "5 ",
            "1_0",
            "1,5",
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
    *[(given, boolean("true")) for given in ("true", "True", "TRUE")],
    *[(given, boolean("false")) for given in ("false", "False", "FALSE")],
    *[(given, boolean(TYPE)) for given in ("yes", "t", " true", "none", "null")],
]


@pytest.mark.parametrize(
    ("given", "data_type", "expected"),
    [
        pytest.param(given, data_type, expected, id=f"{given} in {data_type}")
        for given, outcomes in PARSED
        for data_type, expected in zip(TYPES[:4], outcomes[:4], strict=True)
    ],
)
def test_parse_reads_numbers_and_booleans_exactly_or_not_at_all(given: str, data_type: str, expected: str) -> None:
    assert judged(data_type, given, strings="parse") == expected
    assert judged(data_type, given) == TYPE


@pytest.mark.parametrize("given", [given for given, _ in PARSED])
def test_parse_leaves_text_in_string_columns_as_it_is(given: str) -> None:
    assert judged("String", given, strings="parse") == f'"{given}"'


@pytest.mark.parametrize("data_type", TYPES)
def test_parse_takes_empty_text_for_a_missing_value_outside_string_columns(data_type: str) -> None:
    assert judged(data_type, "", strings="parse") == ('""' if data_type == "String" else "null")


def test_parse_reads_subclasses_and_enums_of_text_too() -> None:
    assert judged("Int64", Text("5"), strings="parse") == "5"
    assert judged("String", Word.TEA, strings="parse") == '"tea"'
    assert judged("Int64", Word.TEA, strings="parse") == TYPE


def test_parsed_nan_obeys_the_option_for_nan() -> None:
    assert judged("Double", "nan", strings="parse", nan="error") == FINITE


@pytest.mark.parametrize("data_type", ["Int64", "Double", "Decimal", "Boolean"])
def test_the_strict_error_names_the_option_that_parses(data_type: str) -> None:
    (error,) = TABLES[data_type].validate([{"v": "5"}]).errors
    assert 'strings="parse"' in error.message


@pytest.mark.parametrize("value", [5, 2.5, True, NAIVE])
def test_parse_changes_nothing_for_values_that_are_no_text(value: object) -> None:
    for data_type in TYPES:
        assert judged(data_type, value, strings="parse") == judged(data_type, value)


WORDS = {
    "naive_datetimes": ("keep", "utc", "local", "error"),
    "too_long": ("error", "truncate"),
    "nan": ("null", "error"),
    "unknown_columns": ("error", "ignore"),
    "strings": ("strict", "parse"),
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


# --- without a schema ------------------------------------------------------------------------------------------------


def schemaless(powerbi: Emulator) -> Table:
    """A table with a column of each type, of which the client knows only the name."""
    client = powerbi.client()
    columns = {data_type: data_type for data_type in TYPES}
    created = client.create_dataset(DatasetSchema("d", [TableSchema("t", columns)]))
    table = client.dataset(created.id).table("t")
    assert table.schema is None
    return table


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


def test_without_a_schema_an_unknown_column_is_a_404_that_lists_the_keys(powerbi: Emulator) -> None:
    with pytest.raises(NotFoundError) as refused:
        schemaless(powerbi).push([{"Int64": 1}, {"Int65": 1, "String": "x"}])
    assert "Int64, Int65, String" in str(refused.value)
    assert "pass schema=" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (2**63 - 1, RANGE),
        (-(2**63), RANGE),
        (10**5000, RANGE),
        (1.7976931348623157e308, RANGE),
        (math.inf, FINITE),
        (Decimal("-Infinity"), FINITE),
        (Decimal("1.00001"), RANGE),
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
