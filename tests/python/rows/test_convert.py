"""`convert`, `aware_datetimes`, `decimals`, and what is refused without them: on both roads."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from powerbi_push import DatasetSchema, TableSchema, ValidationError
from values_by_type import BERLIN_SUMMER, DATE, FINITE, LONG, RANGE, TABLES, TYPE, TYPES, Colour, Text, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push import Table
    from powerbi_push.emulator import Emulator

SAME = "as without"
BERLIN = ZoneInfo("Europe/Berlin")
NAIVE = datetime(2014, 7, 30, 1, 2, 3, 500_000)
AWARE = datetime(2014, 7, 30, 1, 2, 3, tzinfo=BERLIN_SUMMER)
IDENTITY = uuid.UUID("12345678-1234-5678-1234-567812345678")

# Int64, Double, Decimal, Boolean, String, DateTime: with convert=True; the same as without it; or the refusal.
CONVERTED: list[tuple[object, tuple[str, ...]]] = [
    (True, ("1", "1", "1", SAME, '"true"', TYPE)),
    (False, ("0", "0", "0", SAME, '"false"', TYPE)),
    (np.True_, ("1", "1", "1", SAME, '"true"', TYPE)),
    (0, (SAME, SAME, SAME, "false", '"0"', TYPE)),
    (1, (SAME, SAME, SAME, "true", '"1"', TYPE)),
    (2, (SAME, SAME, SAME, TYPE, '"2"', TYPE)),
    (-1, (SAME, SAME, SAME, TYPE, '"-1"', TYPE)),
    (2**53 + 1, (SAME, "9007199254740992.0", SAME, TYPE, '"9007199254740993"', TYPE)),
    (2**63, (RANGE, SAME, SAME, TYPE, f'"{2**63}"', TYPE)),
    (2**63 - 1, (RANGE, "9.223372036854776e+18", SAME, TYPE, f'"{2**63 - 1}"', TYPE)),
    (np.uint64(2**64 - 1), (RANGE, "1.8446744073709552e+19", SAME, TYPE, f'"{2**64 - 1}"', TYPE)),
    (10**23, (RANGE, "1e+23", SAME, TYPE, f'"{10**23}"', TYPE)),
    (10**309, (RANGE, RANGE, RANGE, TYPE, f'"{10**309}"', TYPE)),
    (10**5000, (RANGE, RANGE, RANGE, TYPE, RANGE, TYPE)),
    (0.0, (SAME, SAME, SAME, "false", '"0.0"', TYPE)),
    (1.0, (SAME, SAME, SAME, "true", '"1.0"', TYPE)),
    (1.5, (TYPE, SAME, SAME, TYPE, '"1.5"', TYPE)),
    (1e22, (RANGE, SAME, SAME, TYPE, '"1e+22"', TYPE)),
    (1e-7, (TYPE, SAME, RANGE, TYPE, '"1e-7"', TYPE)),
    (math.nan, ("null",) * 6),
    (math.inf, (FINITE,) * 6),
    (None, ("null",) * 6),
    (Decimal(1), ("1", SAME, SAME, "true", '"1"', TYPE)),
    (Decimal("0.00"), ("0", SAME, SAME, "false", '"0.00"', TYPE)),
    (Decimal("5.0"), ("5", SAME, SAME, TYPE, '"5.0"', TYPE)),
    (Decimal("1E+3"), ("1000", SAME, SAME, TYPE, '"1000"', TYPE)),
    (Decimal("1.50"), (TYPE, SAME, SAME, TYPE, '"1.50"', TYPE)),
    (Decimal("0.1"), (TYPE, SAME, SAME, TYPE, '"0.1"', TYPE)),
    (Decimal(2**53 + 1), (str(2**53 + 1), "9007199254740992.0", SAME, TYPE, f'"{2**53 + 1}"', TYPE)),
    (Decimal("0.10000000000000000555"), (TYPE, "0.1", RANGE, TYPE, '"0.10000000000000000555"', TYPE)),
    (Decimal(10**28), (RANGE, SAME, RANGE, TYPE, f'"{10**28}"', TYPE)),
    (Decimal("NaN"), ("null",) * 6),
    (NAIVE, (TYPE, TYPE, TYPE, TYPE, '"2014-07-30T01:02:03.500"', SAME)),
    (AWARE, (TYPE, TYPE, TYPE, TYPE, '"2014-07-29T23:02:03Z"', SAME)),
    (date(2014, 7, 30), (TYPE, TYPE, TYPE, TYPE, '"2014-07-30"', SAME)),
    (pd.Timestamp("2014-07-30"), (TYPE, TYPE, TYPE, TYPE, '"2014-07-30T00:00:00"', SAME)),
    (time(1, 2, 3), (TYPE, TYPE, TYPE, TYPE, '"01:02:03"', TYPE)),
    (time(1, 2, 3, 500_000), (TYPE, TYPE, TYPE, TYPE, '"01:02:03.500000"', TYPE)),
    (time(1, tzinfo=BERLIN_SUMMER), (TYPE, TYPE, TYPE, TYPE, '"01:00:00+02:00"', TYPE)),
    (IDENTITY, (TYPE, TYPE, TYPE, TYPE, SAME, TYPE)),
    ("x", (TYPE, TYPE, TYPE, TYPE, SAME, DATE)),
    ("", ("null", "null", "null", "null", SAME, "null")),
    (" \t", ("null", "null", "null", "null", SAME, "null")),
    ("nan", ("null", "null", "null", TYPE, SAME, DATE)),
    (" NaN ", ("null", "null", "null", TYPE, SAME, DATE)),
    ("inf", (TYPE, TYPE, TYPE, TYPE, SAME, DATE)),
    ("1,000", (TYPE, TYPE, TYPE, TYPE, SAME, DATE)),
    (" 5 ", ("5", "5.0", "5", TYPE, SAME, DATE)),
    ("0.1", (TYPE, "0.1", "0.1", TYPE, SAME, DATE)),
    ("1.00005", (TYPE, "1.00005", RANGE, TYPE, SAME, DATE)),
    ("1", ("1", "1.0", "1", "true", SAME, DATE)),
    (" TRUE ", (TYPE, TYPE, TYPE, "true", SAME, DATE)),
    ("fAlse", (TYPE, TYPE, TYPE, "false", SAME, DATE)),
    (Text("5"), ("5", "5.0", "5", TYPE, SAME, DATE)),
    (Colour.ONE, (SAME, SAME, SAME, "true", '"1"', TYPE)),
    ("2014-07-30", (TYPE, TYPE, TYPE, TYPE, SAME, SAME)),
    (" 2014-07-30 ", (TYPE, TYPE, TYPE, TYPE, SAME, '"2014-07-30T00:00:00"')),
    ("07/30/2014 10:11 ", (TYPE, TYPE, TYPE, TYPE, SAME, '"2014-07-30T10:11:00"')),
    ("2014-02-30", (TYPE, TYPE, TYPE, TYPE, SAME, DATE)),
    ("x" * 4_001, (TYPE, TYPE, TYPE, TYPE, LONG, DATE)),
    (b"5", (TYPE,) * 6),
    ([5], (TYPE,) * 6),
    ({"a": 5}, (TYPE,) * 6),
    (timedelta(1), (TYPE,) * 6),
]
CASES = [
    pytest.param(data_type, value, expected, id=f"{type(value).__name__} {place} in {data_type}")
    for place, (value, outcomes) in enumerate(CONVERTED)
    for data_type, expected in zip(TYPES, outcomes, strict=True)
]


def frames(value: object) -> Iterator[Any]:
    """The value as a column of each library's frames, where they can hold it as what it is."""
    yield pd.DataFrame({"v": pd.Series([value, None], dtype=object)})
    plain = isinstance(value, bool | int | float | Decimal | str | date | time)
    if not plain or isinstance(value, pd.Timestamp | Text) or (isinstance(value, int) and abs(value) >= 2**63):
        return
    if isinstance(value, time) and value.tzinfo is not None:
        return
    if isinstance(value, Decimal) and (not value.is_finite() or int(value.as_tuple().exponent) > 0):
        return
    column = pa.array([value, None], from_pandas=False)
    yield pa.table({"v": column})
    yield pa.table({"v": column.dictionary_encode()}) if pa.types.is_string(column.type) else pa.table({"v": column})
    if not isinstance(value, Decimal):
        yield pl.DataFrame({"v": pl.Series([value, None], strict=True)})
    if isinstance(value, bool | int | float | str):
        yield pd.DataFrame({"v": [value]})


def on_frames(data_type: str, value: object, **options: Any) -> set[str]:
    """What becomes of the value in each of the frames."""
    found = set()
    for frame in frames(value):
        try:
            (body,) = TABLES[data_type].payloads(frame, **options)
        except ValidationError as refused:
            found.add("".join(f"!{error.code}" for error in refused.errors))
        else:
            found.add(body.decode().removeprefix('{"rows":[{"v":').removesuffix("}]}").removesuffix('},{"v":null'))
    return found


@pytest.mark.parametrize(("data_type", "value", "expected"), CASES)
def test_convert_takes_what_means_the_type_on_both_roads(data_type: str, value: object, expected: str) -> None:
    if expected == SAME:
        expected = outcome(data_type, value)
        assert not expected.startswith("!")
    assert outcome(data_type, value, convert=True) == expected
    assert on_frames(data_type, value, convert=True) == {expected}
    if isinstance(value, pd.Timestamp | datetime | date | time) and not isinstance(value, datetime):
        assert TABLES[data_type].validate([{"v": value}], convert=True).ok == (not expected.startswith("!"))


@pytest.mark.parametrize(("data_type", "value", "expected"), CASES)
def test_a_refusal_names_convert_where_that_would_mend_it_and_nowhere_else(
    data_type: str, value: object, expected: str
) -> None:
    for error in TABLES[data_type].validate([{"v": value}]).errors:
        mends = not outcome(data_type, value, convert=True).startswith("!")
        rounds = data_type == "Decimal" and value == "1.00005"
        assert ("convert=True" in error.message) == (mends or rounds)
    assert expected == SAME or "convert" not in str(TABLES[data_type].validate([{"v": value}], convert=True).errors)


@pytest.mark.parametrize("value", [0, 5, 2**53, 2.5, 1e300, True, NAIVE, AWARE, date(2014, 7, 30), "x", IDENTITY, None])
def test_what_fits_is_the_same_with_convert(value: object) -> None:
    fits = 0
    for data_type in TYPES:
        plain = outcome(data_type, value)
        if not plain.startswith("!"):
            fits += 1
            assert outcome(data_type, value, convert=True) == plain
    assert fits > 0


def test_a_whole_number_that_a_double_cannot_hold_is_refused_and_the_nearest_where_asked() -> None:
    for value, nearest in [(2**53 + 1, "9007199254740992.0"), (-(2**63) + 1, "-9.223372036854776e+18")]:
        for rows in ([{"v": value}], pa.table({"v": [value]}), pd.DataFrame({"v": [value]})):
            (error,) = TABLES["Double"].validate(rows).errors
            assert (error.code, error.value) == ("out_of_range", value)
            assert "2^53" in error.message
            assert "convert=True" in error.message
            assert list(TABLES["Double"].payloads(rows, convert=True)) == [b'{"rows":[{"v":%s}]}' % nearest.encode()]


ROUNDED = [
    (Decimal("1.00005"), "1.0000"),
    (Decimal("1.00015"), "1.0002"),
    (Decimal("-1.00015"), "-1.0002"),
    (Decimal("1.000050001"), "1.0001"),
    (Decimal("0.99995"), "1.0000"),
    (Decimal("1E-30"), "0.0000"),
    (Decimal("1.5"), "1.5"),
    (Decimal("9" * 24 + ".99994"), "9" * 24 + ".9999"),
    (Decimal("9" * 24 + ".99995"), RANGE),
    (Decimal("9" * 29), RANGE),
    (0.1 + 0.2, "0.3000"),
    (1.00005, "1.0000"),
    (2.5, "2.5"),
    (7, "7"),
]


@pytest.mark.parametrize(("value", "expected"), ROUNDED, ids=[str(value) for value, _ in ROUNDED])
def test_decimals_are_rounded_where_asked_halves_to_the_even_one(value: object, expected: str) -> None:
    assert outcome("Decimal", value, decimals="round") == expected
    assert on_frames("Decimal", value, decimals="round") == {expected}
    assert outcome("Decimal", value, decimals="error") == outcome("Decimal", value)
    for error in TABLES["Decimal"].validate([{"v": value}]).errors:
        assert ('decimals="round"' in error.message) == (expected != RANGE)


def test_two_options_that_mend_together_are_both_named() -> None:
    (error,) = TABLES["Decimal"].validate([{"v": "1.00005"}]).errors
    assert "convert=True" in error.message
    assert 'decimals="round"' in error.message
    assert outcome("Decimal", "1.00005", convert=True, decimals="round") == "1.0000"


@pytest.mark.parametrize(
    ("data_type", "value", "options", "named"),
    [
        ("DateTime", "", {}, "convert=True"),
        ("DateTime", " 2014-07-30", {}, "convert=True"),
        ("DateTime", NAIVE, {"naive_datetimes": "error"}, "naive_datetimes="),
        ("DateTime", datetime(1, 1, 1, tzinfo=BERLIN_SUMMER), {}, 'aware_datetimes="wall"'),
        ("String", "x" * 4_001, {}, 'too_long="truncate"'),
        ("Double", math.nan, {"nan": "error"}, 'nan="null"'),
        ("Int64", "nan", {"nan": "error", "convert": True}, 'nan="null"'),
    ],
)
def test_a_refusal_names_the_option_that_would_mend_it(
    data_type: str, value: object, options: dict[str, Any], named: str
) -> None:
    (error,) = TABLES[data_type].validate([{"v": value}], **options).errors
    assert named in error.message


SHIFTS = [
    datetime(2024, 7, 1, 12, tzinfo=BERLIN),
    datetime(2024, 1, 1, tzinfo=BERLIN),
    datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN),
    datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2024, 3, 31, 3, 0, tzinfo=BERLIN),
    datetime(1920, 5, 1, 8, 9, 10, 11, tzinfo=BERLIN),
]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC", "+05:30", "-08:00"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_wall_sends_what_the_own_clock_shows_on_both_roads(zone: str, unit: str) -> None:
    instants = [moment.astimezone(UTC) for moment in SHIFTS]
    sign = -1 if zone[0] == "-" else 1
    fixed = (
        timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))) if zone[0] in "+-" else ZoneInfo(zone)
    )
    rows = [{"v": instant.astimezone(fixed).replace(microsecond=0)} for instant in instants]
    expected = [f'{{"v":"{row["v"].strftime("%Y-%m-%dT%H:%M:%S")}"}}' for row in rows]
    table = pa.table({"v": pa.array([row["v"] for row in rows], pa.timestamp(unit, zone))})
    kinds = [rows, table, table.to_pandas(), table.to_pandas().to_dict("records"), table.to_pandas().astype(object)]
    kinds += [pl.DataFrame(table)] if unit != "s" and zone[0] not in "+-" else []
    for kind in kinds:
        (body,) = TABLES["DateTime"].payloads(kind, aware_datetimes="wall")
        assert body.decode() == '{"rows":[' + ",".join(expected) + "]}"
        (body,) = TABLES["String"].payloads(kind, aware_datetimes="wall", convert=True)
        assert body.decode() == '{"rows":[' + ",".join(expected) + "]}"
        (body,) = TABLES["DateTime"].payloads(kind, aware_datetimes="utc")
        assert body.count(b'Z"}') == len(rows)


def test_wall_reads_text_and_leaves_what_has_no_zone_alone() -> None:
    assert outcome("DateTime", "2014-07-30T10:11:12Z", aware_datetimes="wall") == '"2014-07-30T10:11:12"'
    assert outcome("DateTime", "2014-07-30T10:11:12+02:00", aware_datetimes="wall") == '"2014-07-30T10:11:12"'
    assert outcome("DateTime", NAIVE, aware_datetimes="wall") == outcome("DateTime", NAIVE)
    assert outcome("DateTime", NAIVE, aware_datetimes="wall", naive_datetimes="utc") == '"2014-07-30T01:02:03.500Z"'
    assert outcome("DateTime", AWARE, aware_datetimes="wall", naive_datetimes="error") == '"2014-07-30T01:02:03"'


def test_a_zone_that_nobody_knows_is_said() -> None:
    table = pa.table({"v": pa.array([0], pa.timestamp("s", "Mars/Olympus"))})
    with pytest.raises(ValueError, match="Mars/Olympus"):
        TABLES["DateTime"].validate(table, aware_datetimes="wall")


def test_times_of_day_become_text_where_asked_on_both_roads() -> None:
    times = [time(1, 2, 3), None, time(23, 59, 59, 999_999), time(0)]
    rows = [{"v": value} for value in times]
    expected = b'{"rows":[{"v":"01:02:03"},{"v":null},{"v":"23:59:59.999999"},{"v":"00:00:00"}]}'
    for kind in (rows, pa.table({"v": times}), pl.DataFrame({"v": times}), pd.DataFrame({"v": times})):
        assert list(TABLES["String"].payloads(kind, convert=True)) == [expected]
        assert TableSchema.infer("t", kind, convert=True) == TableSchema("t", {"v": str})
    coarse = pa.table({"v": pa.array([1, None], pa.time32("s"))})
    assert list(TABLES["String"].payloads(coarse, convert=True)) == [b'{"rows":[{"v":"00:00:01"},{"v":null}]}']
    with pytest.raises(ValueError, match="convert=True"):
        TABLES["String"].validate(coarse)


def created(powerbi: Emulator, data_type: str) -> Table:
    """A table with a column of that type."""
    return powerbi.client().create_dataset(DatasetSchema("d", {"t": {"Id": data_type}})).table("t")


def test_a_decimal_without_a_schema_goes_as_it_is_written(powerbi: Emulator) -> None:
    dataset = created(powerbi, "Double").dataset
    written = ["1.50", "0.0000001", "123456789012345678901234567890.5"]
    blind = powerbi.client().dataset(dataset.id).table("t")
    assert blind.schema is None
    assert blind.push([{"Id": Decimal(text)} for text in written]).ok
    assert powerbi.requests[-1].body.decode() == '{"rows":[' + ",".join(f'{{"Id":{text}}}' for text in written) + "]}"


OLD = date(1899, 12, 31)


@pytest.mark.parametrize(
    "value",
    [OLD, datetime(1, 1, 1), datetime(1850, 1, 1, tzinfo=UTC), "1899-12-31", "1899-12-31T10:11:12", "12/31/1899"],
)
def test_a_year_before_1900_is_said_once(value: object, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"v": date(1900, 1, 1)}, *[{"v": value}] * 1_000, {"v": OLD}]
    assert len(b"".join(TABLES["DateTime"].payloads(rows)).split(b"},{")) == 1_002
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "column `v` has dates before 1900, first in row 1" in record.message
    caplog.clear()
    assert TABLES["DateTime"].validate(rows).ok
    assert len(caplog.records) == 1
    caplog.clear()
    assert TABLES["String"].validate([{"v": "1899-12-31"}]).ok
    assert TABLES["String"].validate([{"v": OLD}], convert=True).ok
    # What is told is about DAX.
    elsewhere = TableSchema("T", {"v": "DateTime"}, target="microstrategy")
    assert elsewhere.validate([{"v": OLD}]).ok
    assert caplog.records == []


def test_a_push_and_a_sender_say_it_once_too(powerbi: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    table = created(powerbi, "DateTime")
    assert table.push([{"Id": OLD}] * 3).ok
    assert len(caplog.records) == 1
    caplog.clear()
    frame = pa.table({"Id": [date(1900, 1, 1)] * 5_000 + [OLD] * 5_000})
    assert table.push(frame).ok
    (record,) = caplog.records
    assert "first in row 5000" in record.message
    caplog.clear()
    with table.sender() as sender:
        for _ in range(3):
            sender.send({"Id": OLD})
        sender.send_many([{"Id": OLD}] * 3)
    assert len(caplog.records) == 1


def test_what_took_the_place_of_strings_is_named() -> None:
    options: dict[str, Any] = {"strings": "parse"}
    with pytest.raises(TypeError, match="convert=True"):
        TABLES["Int64"].validate([{"v": "5"}], **options)
    for wrong in ("yes", 1, None):
        options = {"convert": wrong}
        with pytest.raises(ValueError, match="`convert` takes True or False"):
            TABLES["Int64"].validate([{"v": "5"}], **options)
