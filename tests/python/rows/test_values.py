"""Every kind of value in every type of column: the exact bytes, or the exact refusal."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from values_by_type import (
    BERLIN_SUMMER,
    FINITE,
    LONG,
    RANGE,
    SMILE,
    TABLES,
    TYPE,
    UTF8,
    Colour,
    Day,
    Flag,
    FloatLike,
    Level,
    Moment,
    Number,
    Outer,
    Text,
    Timeless,
    Whole,
    Word,
    boolean,
    each,
    everywhere,
    moment,
    numbers,
    outcome,
    text,
)

INT_CASES = [
    ("0", 0, numbers("0", "0", "0")),
    ("-1", -1, numbers("-1", "-1", "-1")),
    ("2**53+1", 2**53 + 1, numbers("9007199254740993", RANGE, "9007199254740993")),
    ("2**53", 2**53, numbers("9007199254740992", "9007199254740992", "9007199254740992")),
    ("2**53+2", 2**53 + 2, numbers("9007199254740994", "9007199254740994", "9007199254740994")),
    ("2**62+2**10", 2**62 + 2**10, numbers("4611686018427388928", "4611686018427388928", "4611686018427388928")),
    ("10**22", 10**22, numbers(RANGE, "1" + "0" * 22, "1" + "0" * 22)),
    ("10**23", 10**23, numbers(RANGE, RANGE, "1" + "0" * 23)),
    ("2**63-2", 2**63 - 2, numbers("9223372036854775806", RANGE, "9223372036854775806")),
    ("2**63-1", 2**63 - 1, numbers(RANGE, RANGE, "9223372036854775807")),
    ("2**63", 2**63, numbers(RANGE, "9223372036854775808", "9223372036854775808")),
    ("-2**63+1", -(2**63) + 1, numbers("-9223372036854775807", RANGE, "-9223372036854775807")),
    ("-2**63", -(2**63), numbers(RANGE, "-9223372036854775808", "-9223372036854775808")),
    ("-2**63-1", -(2**63) - 1, numbers(RANGE, RANGE, "-9223372036854775809")),
    ("28 digits", 10**28 - 1, numbers(RANGE, RANGE, "9" * 28)),
    ("-28 digits", 1 - 10**28, numbers(RANGE, RANGE, "-" + "9" * 28)),
    ("29 digits", 10**28, numbers(RANGE, RANGE, RANGE)),
    ("10**308", 10**308, numbers(RANGE, RANGE, RANGE)),
    ("10**309", 10**309, numbers(RANGE, RANGE, RANGE)),
    ("10**5000", 10**5000, numbers(RANGE, RANGE, RANGE)),
    ("-10**5000", -(10**5000), numbers(RANGE, RANGE, RANGE)),
    ("int8", np.int8(-128), numbers("-128", "-128", "-128")),
    ("uint8", np.uint8(255), numbers("255", "255", "255")),
    ("int16", np.int16(5), numbers("5", "5", "5")),
    ("uint32", np.uint32(5), numbers("5", "5", "5")),
    ("int64", np.int64(2**63 - 2), numbers("9223372036854775806", RANGE, "9223372036854775806")),
    ("int64 max", np.int64(2**63 - 1), numbers(RANGE, RANGE, "9223372036854775807")),
    ("uint64", np.uint64(2**64 - 1), numbers(RANGE, RANGE, "18446744073709551615")),
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


@each(BOOL_CASES)
def test_a_bool_fits_boolean_columns_only(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(INT_CASES)
def test_an_int_fits_numeric_columns_within_their_limits(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(FLOAT_CASES)
def test_a_float_is_sent_in_its_shortest_form_and_never_rounded(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(DECIMAL_CASES)
def test_a_decimal_is_sent_in_plain_notation_and_never_rounded(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(DATETIME_CASES)
def test_a_date_or_time_is_sent_in_one_form(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(TEXT_CASES)
def test_text_is_sent_as_a_json_string_of_at_most_4000_units(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(ENUM_CASES)
def test_an_enum_is_judged_as_its_value(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(MISSING_CASES)
def test_a_missing_value_is_null_in_every_column(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@each(REFUSED_CASES)
def test_what_no_column_takes_is_refused_everywhere(data_type: str, value: object, expected: str) -> None:
    assert outcome(data_type, value) == expected


@pytest.mark.parametrize("digits", range(1, 18))
def test_the_shortest_form_of_a_float_reads_back_as_the_same_float(digits: int) -> None:
    for exponent in range(-30, 31, 3):
        value = float(f"{'1234567890123456789'[:digits]}e{exponent}")
        assert float(outcome("Double", value)) == value


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b"x", "bytes"),
        ([1], "list"),
        ({}, "dict"),
        (time(1), "time"),
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
