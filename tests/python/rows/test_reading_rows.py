"""Rows that raise, change or come back while they are read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from order_rows import ORDERS, Record, orders, rows_sent, sent, when_read
from powerbi_push import PushResult, SourceError, TableSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator


@pytest.mark.parametrize(("after", "confirmed"), [(0, 0), (1, 0), (9_999, 0), (10_000, 10_000), (25_000, 20_000)])
def test_where_a_source_raises_full_requests_stand_and_the_rest_is_not_sent(
    powerbi: Emulator, after: int, confirmed: int
) -> None:
    boom = LookupError("boom")

    def source() -> Iterator[dict[str, int]]:
        for number in range(after):
            yield {"Id": number}
        raise boom

    with pytest.raises(SourceError, match=f"row {after}: LookupError: boom") as raised:
        orders(powerbi).push(source())
    assert raised.value.__cause__ is boom
    result = raised.value.result
    assert result is not None
    assert (result.read, result.confirmed, result.unsent) == (after, confirmed, after - confirmed)
    assert result.resume_from == confirmed
    assert sum(rows_sent(powerbi)) == confirmed


READERS: list[Callable[[Any], object]] = [
    lambda rows: list(ORDERS.payloads(rows)),
    ORDERS.validate,
    lambda rows: TableSchema.infer("t", rows),
]


@pytest.mark.parametrize("read", READERS, ids=["payloads", "validate", "infer"])
def test_what_a_source_raises_is_the_cause_of_a_source_error(read: Callable[[Any], object]) -> None:
    boom = LookupError("boom")

    def source() -> Iterator[dict[str, int]]:
        yield {"Id": 1}
        raise boom

    with pytest.raises(SourceError, match="row 1: LookupError: boom") as raised:
        read(source())
    assert raised.value.__cause__ is boom


@pytest.mark.parametrize("leaves", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("read", [*READERS, "push"], ids=["payloads", "validate", "infer", "push"])
def test_an_exception_that_is_to_end_the_program_stays_itself(
    powerbi: Emulator, read: Callable[[Any], object] | str, leaves: type[BaseException]
) -> None:
    verb = orders(powerbi).push if isinstance(read, str) else read

    def source() -> Iterator[dict[str, int]]:
        yield {"Id": 1}
        raise leaves

    with pytest.raises(leaves):
        verb(source())
    assert rows_sent(powerbi) == []


class BrokenKeys:
    """Its `keys` cannot be had."""

    @property
    def keys(self) -> object:
        """Raise."""
        raise LookupError("boom")

    def __getitem__(self, name: str) -> object:
        return name


class BrokenItems(Record):
    """Its values cannot be had."""

    def __getitem__(self, name: str) -> object:
        raise LookupError("boom")


def boom() -> None:
    raise LookupError("boom")


@pytest.mark.parametrize(
    "row", [BrokenKeys(), BrokenItems(Id=1), {"At": when_read(boom)}], ids=["keys", "[]", "utcoffset"]
)
def test_where_a_row_raises_nothing_is_sent_and_the_row_is_named(powerbi: Emulator, row: object) -> None:
    table = orders(powerbi)
    for rows in ([{"Id": 1}, row], iter([{"Id": 1}, row])):
        with pytest.raises(SourceError, match="row 1: LookupError: boom") as raised:
            table.push(rows)
        assert isinstance(raised.value.__cause__, LookupError)
        result = raised.value.result
        assert isinstance(result, PushResult)
        assert (result.read, result.unsent, result.requests, result.ranges) == (1, 1, 0, [(0, 1, "unsent")])
    assert rows_sent(powerbi) == []


def test_a_row_that_changes_while_it_is_read_is_an_error(powerbi: Emulator) -> None:
    table = orders(powerbi)
    growing: dict[str, object] = {}
    growing.update(At=when_read(lambda: growing.update(Id=1)))
    shrinking: dict[str, object] = {}
    shrinking.update(At=when_read(shrinking.clear), Id=1)
    for row in (growing, shrinking):
        with pytest.raises(SourceError, match="changed") as raised:
            table.push([row])
        assert isinstance(raised.value.__cause__, RuntimeError)
    assert rows_sent(powerbi) == []


@pytest.mark.parametrize("change", ["append", "clear", "pop"])
def test_a_list_that_changes_while_it_is_read_is_an_error(powerbi: Emulator, change: str) -> None:
    table = orders(powerbi)
    rows: list[dict[str, object]] = []
    arguments = [{"Id": 2}] if change == "append" else []
    rows += [{"At": when_read(lambda: getattr(rows, change)(*arguments))}, {"Id": 1}]
    with pytest.raises(SourceError, match="changed") as raised:
        table.push(rows)
    assert isinstance(raised.value.__cause__, RuntimeError)
    assert rows_sent(powerbi) == []


def test_values_removed_while_their_row_is_read_are_still_whole() -> None:
    class Shrinking(Mapping[str, object]):
        def __init__(self) -> None:
            self._values: dict[str, object] = {"Item": "tea" * 10, "Id": 1}

        def __iter__(self) -> Iterator[str]:
            return iter(list(self._values))

        def __len__(self) -> int:
            return len(self._values)

        def __getitem__(self, name: str) -> object:
            return self._values.pop(name)

    assert sent(iter([Shrinking()])) == [b'{"rows":[{"Item":"' + b"tea" * 10 + b'","Id":1}]}']


def test_rows_may_push_while_they_are_read(powerbi: Emulator) -> None:
    table = orders(powerbi)

    def source() -> Iterator[dict[str, object]]:
        for number in range(3):
            table.push([{"Id": 100 + number}])
            yield {"Id": number}

    assert table.push(source()).confirmed == 3
    assert table.push([{"At": when_read(lambda: table.push([{"Id": 200}]))}]).confirmed == 1
    ids = [row.get("Id") for row in powerbi.rows("Sales/Orders")]
    assert ids[:6] == [100, 101, 102, 0, 1, 2]
    assert set(ids[6:]) == {200, None}


def test_payloads_may_be_asked_while_they_are_read() -> None:
    inner: list[bytes] = []

    def source() -> Iterator[dict[str, int]]:
        inner.extend(bodies)
        yield {"Id": 1}

    bodies = ORDERS.payloads(source())
    assert list(bodies) == [b'{"rows":[{"Id":1}]}']
    assert inner == []


def test_a_table_of_another_zone_reads_the_offset_of_each_value() -> None:
    asked: list[int] = []
    rows = [{"At": when_read(lambda: asked.append(1))}, {"At": datetime(2014, 7, 30, tzinfo=UTC)}]
    assert sent(iter(rows)) == [b'{"rows":[{"At":"2014-07-30T00:00:00Z"},{"At":"2014-07-30T00:00:00Z"}]}']
    assert asked == [1]


DEEP = """
import sys
from powerbi_push import TableSchema
table = TableSchema("t", {"Id": int})
deep = []
for _ in range(1_000_000):
    deep = [deep]
nested = {}
for _ in range(1_000_000):
    nested = {"Id": nested}
cycle = {}
cycle["Id"] = cycle
endless = []
endless.append(endless)
for value in (deep, nested, cycle, endless):
    for report in (table.validate([{"Id": value}]), table.validate([value])):
        (error,) = report.errors
        sys.stdout.write(f"{error.code} {error.value_type}\\n")
"""


def test_deep_and_endless_values_are_refused_without_being_walked() -> None:
    ran = subprocess.run([sys.executable, "-c", DEEP], capture_output=True, text=True, check=False, timeout=50)
    kinds = ["list", "dict", "dict", "list"]
    whole = ["not_a_mapping list", "wrong_type dict", "wrong_type dict", "not_a_mapping list"]
    expected = [line for kind, row in zip(kinds, whole, strict=True) for line in (f"wrong_type {kind}", row)]
    assert (ran.stdout.splitlines(), ran.returncode) == (expected, 0)


def test_dicts_are_read_alike_however_python_keeps_them() -> None:
    class Own:
        def __init__(self) -> None:
            self.a, self.b = 1, "x"

    gap: dict[Any, Any] = {"z": 0, "a": 1, "y": 0, "b": "x", "x": 0}
    for key in ("z", "y", "x"):
        del gap[key]
    mixed: dict[Any, Any] = {1: 0, "a": 1, "b": "x"}
    del mixed[1]
    large: dict[Any, Any] = {str(number): number for number in range(70_000)} | {"a": 1, "b": "x"}
    for number in range(70_000):
        del large[str(number)]
    shared = [vars(Own()), vars(Own())]
    rows = [{"a": 1, "b": "x"}, gap, mixed, large, *shared, json.loads('{"a":1,"b":"x"}')]
    table = TableSchema("T", {"a": "Int64", "b": "String"})
    bodies = list(table.payloads(rows + rows[::-1]))
    assert bodies == [b'{"rows":[' + b",".join([b'{"a":1,"b":"x"}'] * 14) + b"]}"]
