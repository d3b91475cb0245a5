"""Every kind of rows behaves as a list of dicts does."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections import Counter, UserDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import attrs
import numpy as np
import pandas as pd
import pydantic
import pytest

import kinds
from conftest import arrived, check_account, make_table, orders, posts
from powerbi_push import SourceError, TableSchema, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

    Make = Callable[[list[dict[str, Any]]], Any]

TYPES = {"Id": int, "Price": float, "Ok": bool, "Name": str, "At": datetime, "Day": datetime, "Cost": Decimal}
SCHEMA = TableSchema("Orders", TYPES)


def row(number: int) -> dict[str, Any]:
    """A value of each type that every kind has; no two rows alike."""
    return {
        "Id": number - 5,
        "Price": number / 8 + 0.0625,
        "Ok": number % 2 == 0,
        "Name": f'naïve "{number}" \\ 😀',
        "At": datetime(2024, 2, 28, 23, 59, 50) + timedelta(seconds=number, microseconds=number * 1_001),
    }


ROWS = [row(number) for number in range(20)]
WITH_DAYS = [{**one, "Day": date(2024, 2, 20) + timedelta(days=place)} for place, one in enumerate(ROWS)]
WITH_DECIMALS = [{**one, "Cost": Decimal(place).scaleb(-2)} for place, one in enumerate(ROWS)]
IN_UTC = [{**one, "At": one["At"].replace(tzinfo=UTC)} for one in ROWS]
WITH_GAPS = [
    {name: None if (place + offset) % 4 == 0 else value for offset, (name, value) in enumerate(one.items())}
    for place, one in enumerate(ROWS)
]
SAMPLES = {"typed": ROWS, "days": WITH_DAYS, "decimals": WITH_DECIMALS, "UTC": IN_UTC, "gaps": WITH_GAPS}


@pytest.fixture(params=kinds.ALL)
def make(request: pytest.FixtureRequest) -> Make:
    """What turns a list of dicts into the kind of rows under test."""
    return kinds.ALL[request.param]


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Rows that all fit `SCHEMA`."""
    return SAMPLES[request.param]


def problems(rows: Any, **options: Any) -> list[tuple[int, str | None, str]]:
    """Where rows do not fit, and why."""
    return [(one.row, one.column, one.code) for one in SCHEMA.validate(rows, **options).errors]


def test_the_bytes_are_those_of_a_list_of_dicts(make: Make, sample: list[dict[str, Any]]) -> None:
    expected = list(SCHEMA.payloads(sample, max_rows=7))
    assert len(expected) == 3
    assert list(SCHEMA.payloads(make(sample), max_rows=7)) == expected


def test_bodies_are_cut_at_the_same_bytes(make: Make) -> None:
    expected = list(SCHEMA.payloads(ROWS, max_bytes=500))
    assert len(expected) > 3
    assert list(SCHEMA.payloads(make(ROWS), max_bytes=500)) == expected


def test_the_inferred_columns_are_the_same(make: Make) -> None:
    assert TableSchema.infer("Orders", make(ROWS)) == TableSchema.infer("Orders", ROWS)


def test_the_options_say_the_same(make: Make) -> None:
    choices: list[dict[str, Any]] = [{"naive_datetimes": "utc"}, {"naive_datetimes": "local"}, {"convert": True}]
    for options in choices:
        assert list(SCHEMA.payloads(make(ROWS), **options)) == list(SCHEMA.payloads(ROWS, **options))


BAD: dict[str, tuple[int, str, Any]] = {
    "too_long": (3, "Name", "x" * 4_001),
    "not_finite": (5, "Price", float("inf")),
    "out_of_range": (7, "Id", 2**63 - 1),
}


@pytest.mark.parametrize("code", BAD)
def test_one_bad_value_is_found_in_its_row_and_column(make: Make, code: str) -> None:
    place, column, value = BAD[code]
    rows: list[dict[str, Any]] = [dict(one) for one in ROWS]
    rows[place][column] = value
    assert problems(rows) == [(place, column, code)]
    assert problems(make(rows)) == [(place, column, code)]


def test_a_decimal_that_would_be_rounded_is_refused(make: Make) -> None:
    rows = [*WITH_DECIMALS, {**WITH_DECIMALS[0], "Cost": Decimal("0.00001")}]
    assert problems(make(rows)) == [(20, "Cost", "out_of_range")]


def test_a_column_of_the_wrong_type_is_wrong_in_every_row(make: Make) -> None:
    rows = [{**one, "Id": one["Name"]} for one in ROWS]
    assert problems(make(rows)) == [(place, "Id", "wrong_type") for place in range(20)]


def test_an_unknown_column_is_refused_or_ignored(make: Make) -> None:
    rows = [{**one, "Nmae": 1} for one in ROWS]
    assert problems(make(rows)) == [(place, "Nmae", "unknown_column") for place in range(20)]
    assert list(SCHEMA.payloads(make(rows), unknown_columns="ignore")) == list(SCHEMA.payloads(ROWS))


def test_nan_is_null_or_an_error_and_missing_is_always_null(make: Make) -> None:
    rows: list[dict[str, Any]] = [{"Price": 1.5, "Name": "a"}, {"Price": float("nan"), "Name": None}]
    assert list(SCHEMA.payloads(make(rows))) == [b'{"rows":[{"Price":1.5,"Name":"a"},{"Price":null,"Name":null}]}']
    assert problems(make(rows), nan="error") == [(1, "Price", "not_finite")]


def test_naive_datetimes_are_refused_where_asked(make: Make) -> None:
    assert problems(make(ROWS), naive_datetimes="error") == [(place, "At", "bad_datetime") for place in range(20)]
    assert problems(make(IN_UTC), naive_datetimes="error") == []


def test_invalid_rows_are_skipped_and_numbers_still_count_in_the_input(make: Make) -> None:
    rows = [{**one, "Name": "x" * 4_001 if place % 6 == 1 else "fine"} for place, one in enumerate(ROWS)]
    expected = list(SCHEMA.payloads(rows, on_invalid="skip", max_rows=5))
    assert list(SCHEMA.payloads(make(rows), on_invalid="skip", max_rows=5)) == expected
    assert [place for place, _, _ in problems(make(rows))] == [1, 7, 13, 19]


def test_bad_rows_raise_before_anything_is_sent_where_rows_can_be_read_twice(powerbi: Emulator) -> None:
    rows = [*orders(10_500), {"Id": -(2**63)}]
    for name, make in kinds.ALL.items():
        powerbi.reset()
        with pytest.raises(ValidationError) as caught:
            make_table(powerbi).push(make(rows))
        (error,) = caught.value.errors
        assert (error.row, error.column, error.code) == (10_500, "Id", "out_of_range"), name
        assert len(posts(powerbi)) == (1 if name in kinds.ONCE else 0), name


def test_all_rows_arrive_each_once(powerbi: Emulator, make: Make) -> None:
    result = make_table(powerbi).push(make(orders(25_001)))
    assert sorted(post.rows for post in posts(powerbi)) == [5_001, 10_000, 10_000]
    assert check_account(result, arrived(powerbi)).confirmed == 25_001
    assert arrived(powerbi) == Counter(range(25_001))


def test_skipped_rows_are_not_sent(powerbi: Emulator, make: Make) -> None:
    rows = [{"Id": number, "Item": "x" * 4_001 if number == 1 else "fine"} for number in range(3)]
    result = make_table(powerbi).push(make(rows), on_invalid="skip")
    assert (result.confirmed, result.rejected, result.ranges[1]) == (2, 1, (1, 2, "rejected"))
    assert arrived(powerbi) == Counter([0, 2])


# Objects with fields.


@dataclass
class Order:
    """With a class variable, which is no field, and one that is not an argument."""

    origin: ClassVar[str] = "here"
    Id: int
    Item: str = field(init=False, default="tea")


@dataclass
class RushOrder(Order):
    """Inherits fields."""

    Price: float = 1.5


class Pair(NamedTuple):
    """As `typing` makes them."""

    Id: int
    Item: str | None = None


class Model(pydantic.BaseModel):
    """Takes what it does not declare."""

    model_config = pydantic.ConfigDict(extra="allow")
    Id: int


@attrs.define
class Attrs:
    """As `attrs` makes them today."""

    Id: int
    _hidden: int = 0


def sent(rows: Any, **options: Any) -> str:
    """The rows of the one body."""
    schema = TableSchema("t", {"Id": int, "Item": str, "Price": float, "_hidden": int, "Ok": bool})
    (body,) = schema.payloads(rows, **options)
    return body.decode().removeprefix('{"rows":[').removesuffix("]}")


def test_fields_are_columns_in_their_order() -> None:
    assert sent([Order(1)]) == '{"Id":1,"Item":"tea"}'
    assert sent([RushOrder(1)]) == '{"Id":1,"Item":"tea","Price":1.5}'
    assert sent([Pair(1), Pair(2, "x")]) == '{"Id":1,"Item":null},{"Id":2,"Item":"x"}'
    assert sent([Attrs(1)]) == '{"Id":1,"_hidden":0}'
    assert sent([Model(Id=1)]) == '{"Id":1}'


def test_a_model_brings_what_it_was_given_beyond_its_fields() -> None:
    assert sent([Model.model_validate({"Id": 1, "Item": "x"})]) == '{"Id":1,"Item":"x"}'


def test_kinds_may_change_from_row_to_row() -> None:
    rows = [{"Id": 1}, Order(2), Pair(3), UserDict({"Id": 4}), Order(5), MappingProxyType({"Id": 6}), Attrs(7)]
    numbers = [part.partition(",")[0].partition("}")[0] for part in sent(rows).split('{"Id":')[1:]]
    assert numbers == list("1234567")


def test_a_row_of_sqlite_is_a_mapping() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    assert sent(connection.execute("select 1 as Id, 'x' as Item, null as Price")) == '{"Id":1,"Item":"x","Price":null}'
    connection.close()


def test_a_csv_is_converted_where_asked() -> None:
    reader = csv.DictReader(io.StringIO("Id,Item,Price,Ok\n1,x,2.5,true\n,,,\n"))
    assert sent(reader, convert=True) == (
        '{"Id":1,"Item":"x","Price":2.5,"Ok":true},{"Id":null,"Item":"","Price":null,"Ok":null}'
    )


def test_tuples_of_a_frame_come_without_its_index() -> None:
    frame = pd.DataFrame({"Id": [1, 2]}, index=["a", "b"])
    assert sent(frame.itertuples(index=False)) == '{"Id":1},{"Id":2}'
    with pytest.raises(TypeError, match=r"itertuples\(index=False\)"):
        sent(frame.itertuples())
    with pytest.raises(TypeError, match=r"itertuples\(index=False\)"):
        sent(list(frame.itertuples()))


def test_a_push_of_tuples_with_an_index_says_so_and_sends_nothing(powerbi: Emulator) -> None:
    with pytest.raises(TypeError, match=r"itertuples\(index=False\)"):
        make_table(powerbi).push(pd.DataFrame({"Id": [1]}).itertuples())
    assert posts(powerbi) == []


@pytest.mark.parametrize(
    "single",
    [Order(1), Pair(1), Model(Id=1), Attrs(1), {"Id": 1}, UserDict({"Id": 1}), pd.Series({"Id": 1}), "Id", b"Id"],
    ids=lambda single: type(single).__name__,
)
def test_a_single_row_is_told_to_be_wrapped_in_a_list(single: Any) -> None:
    with pytest.raises(TypeError, match=r"wrap it in a list: push\(\[row\]\)"):
        sent(single)


@pytest.mark.parametrize("single", [Order(1), Pair(1), Model(Id=1), Attrs(1)], ids=lambda single: type(single).__name__)
def test_a_single_object_in_a_list_is_a_row(single: Any) -> None:
    assert sent([single]).startswith('{"Id":1')


@pytest.mark.parametrize("nothing", [(1, 2), 3, "x", [1], None, Order])
def test_what_has_no_fields_is_no_row(nothing: Any) -> None:
    report = SCHEMA.validate([nothing])
    assert [(error.row, error.code) for error in report.errors] == [(0, "not_a_mapping")]


def test_a_field_that_raises_is_a_source_error_with_its_cause() -> None:
    @dataclass
    class Broken:
        Id: int

        def __getattribute__(self, name: str) -> Any:
            if name == "Id":
                raise LookupError("not loaded")
            return super().__getattribute__(name)

    with pytest.raises(SourceError, match="row 1: LookupError: not loaded") as caught:
        sent([Order(1), Broken(2)])
    assert isinstance(caught.value.__cause__, LookupError)


def test_numpy_scalars_in_objects_are_values() -> None:
    rows = [Pair(np.int8(1), np.str_("x")), Pair(np.uint16(2)), Pair(np.int64(3))]  # type: ignore[arg-type]
    assert sent(rows) == '{"Id":1,"Item":"x"},{"Id":2,"Item":null},{"Id":3,"Item":null}'
