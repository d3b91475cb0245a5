"""Text in DateTime columns: what is a date, and the form in which it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from values_by_type import BERLIN_SUMMER, DATE, RANGE, TABLES, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    assert outcome("DateTime", given) == f'"{sent}"'


@pytest.mark.parametrize("given", NO_DATES)
def test_text_that_is_no_date_is_refused_in_datetime_columns(given: str) -> None:
    assert outcome("DateTime", given) == DATE


@pytest.mark.parametrize("given", ["0001-01-01T00:00+00:01", "9999-12-31T23:59-00:01"])
def test_text_that_leaves_the_calendar_at_utc_is_out_of_range(given: str) -> None:
    assert outcome("DateTime", given) == RANGE


def isoformats() -> Iterator[tuple[str, datetime]]:
    for zone in (None, UTC, BERLIN_SUMMER, timezone(-timedelta(minutes=90))):
        for spec in ("auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"):
            for separator in "T ":
                moment = datetime(2014, 7, 30, 10, tzinfo=zone)
                yield moment.isoformat(separator, spec), moment


@pytest.mark.parametrize(("given", "meant"), list(isoformats()))
def test_what_isoformat_writes_is_sent_as_the_datetime_itself(given: str, meant: datetime) -> None:
    assert outcome("DateTime", given) == outcome("DateTime", meant)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("2014-02-30", "is no such day"),
        ("02/30/2014", "is no such day in MM/DD/YYYY"),
        ("30/07/2014", "is no such day in MM/DD/YYYY"),
        ("2014-07-30T25:00", "is no such time of day"),
        ("2014-07-30T24:00:00", "is at 24:00, which is unsupported"),
        ("2016-12-31T23:59:60Z", "is in a leap second, which is unsupported"),
        ("2014-W31-3", "is a week date, which is unsupported"),
        ("2014-211", "is a day of a year, which is unsupported"),
        ("2014-07", "has no day, which is unsupported"),
        ("2014-07-30T10.5", "has a fraction of an hour or minute, which is unsupported"),
        ("now", "is not ISO 8601 or MM/DD/YYYY[ HH:MM[:SS]]"),
        ("7/30/2014", "is not ISO 8601 or MM/DD/YYYY[ HH:MM[:SS]]"),
    ],
)
def test_what_is_said_of_text_that_is_no_date_is_true(given: str, why: str) -> None:
    (error,) = TABLES["DateTime"].validate([{"v": given}]).errors
    other = "datetime.strptime(text, format) reads other forms, and None is a missing value"
    says = f"column `v` takes DateTime, and the text {why}"
    assert error.message == f"{says}: `{given!r}`; {other}" or (
        error.message.startswith(f"{says}: write ") and other not in error.message
    )
    assert error.value == given
