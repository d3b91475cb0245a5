"""One value in a column of some type: how it is judged, and values that are not what they seem."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import DatasetSchema, TableSchema, ValidationError

if TYPE_CHECKING:
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


def outcome(data_type: str, value: object, **options: Any) -> str:
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


def each(cases: list[tuple[str, Any, tuple[str, ...]]]) -> pytest.MarkDecorator:
    """Each case with each type of column."""
    expanded = [
        pytest.param(data_type, value, expected, id=f"{label} in {data_type}")
        for label, value, outcomes in cases
        for data_type, expected in zip(TYPES, outcomes, strict=True)
    ]
    return pytest.mark.parametrize(("data_type", "value", "expected"), expanded)


def schemaless(powerbi: Emulator) -> Table:
    """A table with a column of each type, of which the client knows only the name."""
    client = powerbi.client()
    columns = {data_type: data_type for data_type in TYPES}
    created = client.create_dataset(DatasetSchema("d", [TableSchema("t", columns)]))
    table = client.dataset(created.id).table("t")
    assert table.schema is None
    return table
