"""What rows are, and how those are reported that do not fit."""

from __future__ import annotations

import copy
import csv
import pickle
import sqlite3
from collections import ChainMap, OrderedDict, UserDict, UserList, defaultdict, deque
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from conftest import named
from order_rows import ORDERS, TWO, TWO_SENT, Record, found, orders, rows_sent, sent
from powerbi_push import RowError, TableSchema, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator


class Own(dict[str, object]):
    """A subclass that changes nothing."""


# --- what rows are ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows",
    [
        TWO,
        tuple(TWO),
        (row for row in TWO),
        iter(TWO),
        map(dict, TWO),
        filter(None, TWO),
        deque(TWO),
        UserList(TWO),
        dict(enumerate(TWO)).values(),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_any_iterable_of_mappings_is_rows(rows: object) -> None:
    assert sent(rows) == TWO_SENT


def test_an_iterable_may_have_nothing_but_getitem() -> None:
    class Sequence:
        def __getitem__(self, position: int) -> dict[str, object]:
            return TWO[position]

    assert sent(Sequence()) == TWO_SENT


@pytest.mark.parametrize(
    "make",
    [
        dict,
        OrderedDict,
        MappingProxyType,
        UserDict,
        ChainMap,
        lambda row: defaultdict(int, row),
        Own,
        lambda row: Record(**row),
    ],
    ids=["dict", "OrderedDict", "MappingProxyType", "UserDict", "ChainMap", "defaultdict", "subclass", "keys and []"],
)
def test_any_mapping_is_a_row(make: Callable[[dict[str, object]], object]) -> None:
    assert sent([make(row) for row in TWO]) == TWO_SENT


def test_a_cursor_of_sqlite_rows_is_rows() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT 1 AS Id, 'tea' AS Item UNION ALL SELECT 2, 'milk'")
    assert sent(rows) == TWO_SENT
    connection.close()


def test_a_csv_reader_is_rows_where_strings_are_parsed() -> None:
    lines = ["Id,Item,At", "1,tea,2014-07-30", "2,,", "9007199254740993,007,07/30/2014 10:11"]
    assert sent(csv.DictReader(lines), convert=True, max_rows=1) == [
        b'{"rows":[{"Id":1,"Item":"tea","At":"2014-07-30T00:00:00"}]}',
        b'{"rows":[{"Id":2,"Item":"","At":null}]}',
        b'{"rows":[{"Id":9007199254740993,"Item":"007","At":"2014-07-30T10:11:00"}]}',
    ]


def test_a_mapping_is_read_as_it_shows_itself() -> None:
    row = OrderedDict(Id=1, Item="tea")
    row.move_to_end("Id")
    assert list(row) == ["Item", "Id"]
    assert sent([row]) == [b'{"rows":[{"Item":"tea","Id":1}]}']


def test_a_list_that_shows_other_rows_than_it_holds_is_checked_and_sent_as_it_shows_itself(powerbi: Emulator) -> None:
    class Cleaned(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            return (row for row in super().__iter__() if row)

    rows = Cleaned([None, {"Id": 1}])
    assert ORDERS.validate(rows).ok
    assert sent(rows) == [b'{"rows":[{"Id":1}]}']
    orders(powerbi).push(rows)
    assert powerbi.rows("Sales/Orders") == [{"Id": 1}]


def test_two_values_for_one_column_never_reach_the_service_in_one_row() -> None:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT 1 AS Id, 2 AS Id").fetchall()
    connection.close()
    assert [error.row for error in ORDERS.validate(rows).errors] == [0]


@pytest.mark.parametrize(
    "row",
    [{"Id": 1}, OrderedDict(Id=1), MappingProxyType({"Id": 1}), UserDict(Id=1), Record(Id=1), {}, "Id", b"Id", ""],
    ids=named,
)
@pytest.mark.parametrize("verb", [ORDERS.payloads, ORDERS.validate, lambda rows: TableSchema.infer("t", rows)])
def test_a_single_row_or_text_is_a_type_error_that_says_wrap_it(verb: Callable[[Any], object], row: object) -> None:
    with pytest.raises(TypeError, match=r"wrap it in a list: push\(\[row\]\)") as refused:
        verb(row)
    assert type(row).__name__ in str(refused.value)


@pytest.mark.parametrize("rows", [None, 5, 2.5, True, object(), int, len], ids=named)
def test_what_cannot_be_iterated_is_a_type_error_that_names_it(rows: object) -> None:
    with pytest.raises(TypeError, match=f"iterable of mappings, not {type(rows).__name__}"):
        sent(rows)


@pytest.mark.parametrize("rows", [{"Id": 1}, "Id", b"Id", bytearray(b"Id"), None, 5, Record(Id=1)], ids=named)
def test_a_push_of_what_is_no_rows_sends_no_request(powerbi: Emulator, rows: object) -> None:
    table = orders(powerbi)
    with pytest.raises(TypeError):
        table.push(rows)
    assert rows_sent(powerbi) == []


@pytest.mark.parametrize("rows", [[], (), iter(()), {}.values(), deque()], ids=lambda rows: type(rows).__name__)
def test_no_rows_is_no_error_and_no_request(powerbi: Emulator, rows: Any) -> None:
    result = orders(powerbi).push(rows)
    assert (result.ok, result.read, result.requests, result.ranges) == (True, 0, 0, [])
    assert rows_sent(powerbi) == []
    assert sent(rows) == []


@pytest.mark.parametrize("item", [1, None, "Id", b"Id", [("Id", 1)], ("Id", 1), {"Id"}, object()], ids=named)
def test_an_item_that_is_no_mapping_is_a_problem_of_its_row(item: object) -> None:
    report = ORDERS.validate([{"Id": 1}, item])
    assert found(report) == [(1, None, "not_a_mapping")]
    assert report.errors[0].value_type == type(item).__name__
    assert type(item).__name__ in report.errors[0].message


@pytest.mark.parametrize("key", [1, None, b"Id", ("Id",), 2.5, True], ids=named)
@pytest.mark.parametrize("unknown_columns", ["error", "ignore"])
def test_a_key_that_is_no_str_is_a_problem_that_names_its_type(key: object, unknown_columns: Any) -> None:
    report = ORDERS.validate([{"Id": 1}, {"Id": 1, key: 1}], unknown_columns=unknown_columns)
    assert found(report) == [(1, None, "unknown_column")]
    assert type(key).__name__ in report.errors[0].message


def test_a_key_that_is_a_subclass_of_str_is_a_name() -> None:
    class Name(str):
        __slots__ = ()

    assert sent([{Name("Id"): 1}]) == [b'{"rows":[{"Id":1}]}']


def test_a_missing_key_is_an_omitted_value() -> None:
    assert sent([{"Item": "tea"}, {}, {"Id": 1}]) == [b'{"rows":[{"Item":"tea"},{},{"Id":1}]}']


def test_keys_are_sent_in_the_order_of_each_row() -> None:
    rows = [{"Item": "tea", "Id": 1}, {"Id": 2, "Item": "milk"}, {"At": None, "Id": 3}]
    assert sent(rows) == [b'{"rows":[{"Item":"tea","Id":1},{"Id":2,"Item":"milk"},{"At":null,"Id":3}]}']


def test_names_are_escaped_as_json() -> None:
    table = TableSchema("t", {'a"b\\c\n': int, "é": int})
    assert list(table.payloads([{'a"b\\c\n': 1, "é": 2}])) == ['{"rows":[{"a\\"b\\\\c\\n":1,"é":2}]}'.encode()]


# --- problems --------------------------------------------------------------------------------------------------------


def test_case_counts_in_names_and_the_nearest_one_is_offered() -> None:
    (error,) = ORDERS.validate([{"id": 1}]).errors
    assert error == RowError(
        0, "id", "unknown_column", "column `id` is not in table `Orders`; did you mean `Id`?", "int", 1
    )


def test_no_name_is_offered_where_none_is_near() -> None:
    (error,) = ORDERS.validate([{"Warehouse": 1}]).errors
    assert error.message == "column `Warehouse` is not in table `Orders`"


def test_every_problem_of_every_row_is_reported_together() -> None:
    rows = [
        {"Id": "x", "Item": 5, "At": "y", "Is": None},
        {"Id": 1},
        None,
        {"Id": 2**63, "Item": "\ud800"},
    ]
    with pytest.raises(ValidationError) as refused:
        sent(rows)
    assert found(refused.value) == [
        (0, "Id", "wrong_type"),
        (0, "Item", "wrong_type"),
        (0, "At", "bad_datetime"),
        (0, "Is", "unknown_column"),
        (2, None, "not_a_mapping"),
        (3, "Id", "out_of_range"),
        (3, "Item", "not_utf8"),
    ]
    assert refused.value.error_count == 7
    assert all(f"row {row}: " in str(refused.value) for row in (0, 2, 3))


@pytest.mark.parametrize(("max_errors", "kept"), [(1, 1), (3, 3), (5, 5), (100, 5)])
def test_max_errors_says_how_many_problems_are_kept_and_all_are_counted(
    powerbi: Emulator, max_errors: int, kept: int
) -> None:
    rows = [{"Id": "x"}] * 5
    report = ORDERS.validate(rows, max_errors=max_errors)
    assert (len(report.errors), report.error_count, report.row_count, report.ok) == (kept, 5, 5, False)
    with pytest.raises(ValidationError) as refused:
        orders(powerbi).push(rows, max_errors=max_errors)
    assert (len(refused.value.errors), refused.value.error_count) == (kept, 5)
    assert refused.value.result is not None
    assert (len(refused.value.result.errors), refused.value.result.error_count) == (kept, 5)


def test_a_thousand_problems_are_kept_unless_told_otherwise() -> None:
    report = ORDERS.validate([{"Id": "x"}] * 1_001)
    assert (len(report.errors), report.error_count) == (1_000, 1_001)


SECRET = "s3cret-4711"  # never shown


HIDING = "POWERBI_PUSH_HIDE_VALUES"
MOMENT = datetime(2014, 7, 30, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "shown", "value"),
    [
        ({"Id": "five"}, "takes Int64, not str: `'five'`", "five"),
        ({"Id": "a`b\n\x1b[2J"}, r"takes Int64, not str: `'a\u{60}b\n\u{1b}[2J'`", "a`b\n\x1b[2J"),
        ({"Id": "x" * 51}, f"takes Int64, not str: `'{'x' * 50}…'`", "x" * 51),
        ({"Id": "x" * 10_001}, f"takes Int64, not str: `'{'x' * 50}…'`", "x" * 10_000 + "…"),
        ({"Id": 2.5}, "takes Int64, not a float with a fraction: `2.5`", 2.5),
        ({"Id": Decimal("2.50")}, "takes Int64, not Decimal: `2.50`", Decimal("2.50")),
        ({"Id": 2**70}, f": `{2**70}`", 2**70),
        ({"Id": date(2014, 7, 30)}, "not date: `2014-07-30`", date(2014, 7, 30)),
        (
            {"Id": datetime(2014, 7, 30, 1, tzinfo=UTC)},
            "`2014-07-30T01:00:00+00:00`",
            datetime(2014, 7, 30, 1, tzinfo=UTC),
        ),
        ({"Id": time(1, 2, 3, 4)}, "not time: `01:02:03.000004`", time(1, 2, 3, 4)),
        ({"Id": UUID(int=1)}, f"not UUID: `{UUID(int=1)}`", UUID(int=1)),
        ({"Item": True}, "takes String, not bool: `True`; convert=True converts it", True),
        ({"At": "x"}, ": `'x'`", "x"),
        ({"Id": b"x"}, "takes Int64, not bytes", None),
        ({"Unknown": 5}, "is not in table", 5),
        (5, "not int", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_message_shows_the_value_cut_short_and_the_error_has_it(
    row: object, shown: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (error,) = ORDERS.validate([row]).errors
    assert shown in error.message
    assert (error.value, type(error.value)) == (value, type(value))
    for switch, hides in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv(HIDING, switch)
        (hidden,) = ORDERS.validate([row]).errors
        assert hidden.value == (None if hides else value)
        assert (hidden.message == error.message) == (not hides or value is None or "Unknown" in str(row))


@pytest.mark.parametrize(
    "row",
    [
        {"Id": SECRET},
        {"At": SECRET},
        {"Item": SECRET * 1_000},
        {"Item": SECRET.encode()},
        {"Item": [SECRET]},
        {"Item": "\ud800" + SECRET},
        {"Item": 4711},
        {"Id": 47112**63},
        [SECRET],
        SECRET,
    ],
    ids=lambda row: type(row).__name__,
)
def test_no_message_holds_a_value_where_values_are_hidden(row: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HIDING, "1")
    with pytest.raises(ValidationError) as refused:
        sent([row])
    (error,) = refused.value.errors
    assert "4711" not in str(refused.value) + error.message + repr(error) + repr(refused.value)


def test_what_rows_raise_can_be_pickled_and_copied(powerbi: Emulator) -> None:
    with pytest.raises(ValidationError) as refused:
        orders(powerbi).push([{"Id": "x"}, {"Id": 1}])
    for error in (pickle.loads(pickle.dumps(refused.value)), copy.deepcopy(refused.value)):  # noqa: S301 - our own
        assert type(error) is ValidationError
        assert str(error) == str(refused.value)
        assert error.errors == refused.value.errors
        assert error.error_count == 1
        assert error.result == refused.value.result
        assert error.hint == refused.value.hint
