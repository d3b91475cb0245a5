"""Rows are read in place and say what Python would: a dict's items in order, attributes as `getattr` gives them."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from order_rows import Zone
from powerbi_push import SourceError, TableSchema, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDE = TableSchema("Wide", {f"C{place}": "Double" for place in range(20)})
POINTS = TableSchema("Points", {"X": int, "Y": int, "Z": int})


def rows_of(schema: TableSchema, rows: Any) -> list[dict[str, Any]]:
    """The rows as they would be sent."""
    return [row for body in schema.payloads(rows) for row in json.loads(body)["rows"]]


@pytest.mark.parametrize("length", range(21))
def test_rarer_values_may_stand_anywhere_in_a_row(length: int) -> None:
    plain = {f"C{place}": place + 1_000 for place in range(length)}
    rows = [
        {name: Decimal(row[name]) if step and place % step == 0 else row[name] for place, name in enumerate(row)}
        for step in range(12)
        for row in [plain, dict(reversed(plain.items()))]
    ]
    sent = [list(row.items()) for row in rows_of(WIDE, rows)]
    assert sent == [[(name, int(value)) for name, value in row.items()] for row in rows]


@pytest.mark.parametrize("place", range(20))
def test_values_replaced_while_their_row_is_read_are_those_that_it_holds_by_then(place: int) -> None:
    schema = TableSchema("Wide", {f"C{at}": "DateTime" if at == place else "String" for at in range(20)})
    row: dict[str, object] = {f"C{at}": f"old {at} " * 9 for at in range(20)}

    def replace() -> None:
        for at in {*range(20)} - {place}:
            row[f"C{at}"] = f"new {at} " * 9

    row[f"C{place}"] = datetime(2024, 1, 1, tzinfo=Zone(replace))
    (sent,) = rows_of(schema, iter([row]))
    words = [str(sent.pop(f"C{at}")).split()[0] if at != place else sent.pop(f"C{at}") for at in range(20)]
    assert words == ["old"] * place + ["2024-01-01T00:00:00Z"] + ["new"] * (19 - place)


def test_a_row_may_be_emptied_by_what_python_cleans_up_while_it_is_read() -> None:
    row: dict[str, object] = {}

    class Cleans:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            row.clear()

    schema = TableSchema("Wide", {f"C{at}": "String" for at in range(20)})
    before, refused = gc.get_threshold(), 0
    # What other tests left is not looked through each time.
    gc.collect()
    gc.freeze()
    try:
        for threshold in (*range(1, 40), 10_000):
            gc.disable()
            row.update({f"C{at}": f"\ud800 {at}" if at == 0 else f"value {at}" * 9 for at in range(20)})
            gc.set_threshold(threshold)
            Cleans()
            gc.enable()
            try:
                list(schema.payloads([row]))
            except (SourceError, ValidationError):
                refused += 1
            gc.collect()
    finally:
        gc.set_threshold(*before)
        gc.enable()
        gc.unfreeze()
    # Otherwise it was emptied before it was read.
    assert refused > 0


@dataclass
class Point:
    """Three attributes, of which one has a default of its class."""

    X: int
    Y: int
    Z: int = 3


@dataclass
class Late:
    """Its attributes are not set in the order of its fields, and there are others."""

    X: int = field(init=False)
    Y: int
    Z: int

    def __post_init__(self) -> None:
        self.extra = "no column"
        self.X = self.Y + self.Z


@dataclass
class Computed(Point):
    """What it answers is not what it holds."""

    @property  # type: ignore[misc]
    def Y(self) -> int:  # noqa: N802 -- a column's name
        """Another number."""
        return 70

    @Y.setter
    def Y(self, value: int) -> None:  # noqa: N802
        pass


@dataclass
class Answers(Point):
    """It answers for its attributes itself."""

    def __getattribute__(self, name: str) -> Any:
        return 50 if name == "X" else super().__getattribute__(name)


@dataclass
class Replaces(Point):
    """It answers for what it lacks."""

    def __getattr__(self, name: str) -> Any:
        if name == "X":
            return 60
        raise AttributeError(name)


def lacking(point: Point, name: str) -> Point:
    """The same without an attribute of its own."""
    del point.__dict__[name]
    return point


def held(point: Point, name: str, value: int) -> Point:
    """The same with another value in its `__dict__`."""
    point.__dict__[name] = value
    return point


@pytest.mark.parametrize(
    "make",
    [
        lambda: Point(1, 2, 4),
        lambda: lacking(Point(1, 2, 4), "Z"),
        lambda: held(lacking(Point(1, 2, 4), "X"), "X", 9),
        lambda: Late(1, 2),
        lambda: Computed(1, 2),
        lambda: held(Computed(1, 2), "Y", 9),
        lambda: Answers(1, 2),
        lambda: lacking(Replaces(1, 2), "X"),
    ],
)
def test_an_attribute_is_what_getattr_gives(make: Callable[[], Any]) -> None:
    rows = [Point(0, 0), make(), make()]
    expected = [[(one.name, getattr(row, one.name)) for one in fields(row)] for row in rows]
    assert [list(row.items()) for row in rows_of(POINTS, rows)] == expected


def test_an_attribute_that_is_missing_is_an_error() -> None:
    with pytest.raises(SourceError, match="AttributeError"):
        list(POINTS.payloads([Point(0, 0), lacking(Point(1, 2), "Y")]))


def test_a_class_that_changes_between_two_rows_is_asked_again() -> None:
    @dataclass
    class Changing:
        X: int
        Y: int

    def rows() -> Iterator[Changing]:
        yield Changing(1, 2)
        yield Changing(3, 4)
        changed: Any = Changing
        row = Changing(5, 6)
        changed.Y = property(lambda _: 7)
        yield row

    assert rows_of(POINTS, rows()) == [{"X": 1, "Y": 2}, {"X": 3, "Y": 4}, {"X": 5, "Y": 7}]


ALPHABETS = "abcdefghijklmnopqrstuvwxyz" * 3
#: Names of every length up to 20 and of others, some that differ in one place only, and some that are not ASCII.
NAMES = [
    *(ALPHABETS[:length] for length in (*range(1, 21), *range(26, 35), *range(58, 68))),
    *(ALPHABETS[:place] + "Z" + ALPHABETS[place + 1 : length] for place, length in [(20, 40), (12, 26), (15, 32)]),
    *("b", "ab1", "axc", "abce", "abcdefZh", "abcdefghiX", "abcdefXhijklmnop"),
    *("abcdefghXXklmnopqrst", "abcdefghYYklmnopqrst", "Größe", "Grösse", "Grüße", "尺寸", "尺存", "a'b", 'a"b'),
]


def test_names_are_known_by_their_text_whatever_objects_they_are() -> None:
    schema = TableSchema("T", dict.fromkeys(NAMES, int))
    rows = [
        {name: number for number, name in enumerate(NAMES) if step == 1 or (number + row) % step}
        for step in (1, 2, 3, 5)
        for row in range(10)
    ]
    rows += [dict(reversed(row.items())) for row in rows]
    parsed = [json.loads(json.dumps(row)) for row in rows]
    assert not {id(name) for name in parsed[0]} & {id(name) for name in parsed[1] if len(name) > 1}
    assert [list(row.items()) for row in rows_of(schema, parsed)] == [list(row.items()) for row in rows]


def test_whole_numbers_of_every_size_are_what_python_says() -> None:
    sizes = [0, *(2**bits + step for bits in range(65) for step in (-1, 0, 1))]
    numbers = [*sizes, *(-size for size in sizes)]
    fitting = {
        "Int64": [number for number in numbers if abs(number) < 2**63 - 1 or number == 1 - 2**63],
        "Double": [number for number in numbers if int(float(number)) == number],
    }
    for column, expected in fitting.items():
        schema = TableSchema("T", {"X": column})
        bodies = list(schema.payloads([{"X": number} for number in numbers], on_invalid="skip"))
        assert [row["X"] for body in bodies for row in json.loads(body)["rows"]] == expected
        assert b"".join(bodies).count(b".") == 0
