"""What rows are, when they are checked, and what happens where they are wrong, change or raise."""

from __future__ import annotations

import copy
import csv
import pickle
import sqlite3
import subprocess
import sys
from collections import ChainMap, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import (
    DatasetSchema,
    PushResult,
    RowError,
    SourceError,
    Table,
    TableSchema,
    ValidationError,
    ValidationReport,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator

ORDERS = TableSchema("Orders", {"Id": int, "Item": str, "At": datetime})
TWO = [{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]
TWO_SENT = [b'{"rows":[{"Id":1,"Item":"tea"},{"Id":2,"Item":"milk"}]}']


def sent(rows: Any, **options: Any) -> list[bytes]:
    return list(ORDERS.payloads(rows, **options))


def found(report: ValidationReport | ValidationError) -> list[tuple[int, str | None, str]]:
    return [(error.row, error.column, error.code) for error in report.errors]


def orders(powerbi: Emulator) -> Table:
    return powerbi.client().create_dataset(DatasetSchema("Sales", [ORDERS])).table("Orders")


def rows_sent(powerbi: Emulator) -> list[int]:
    """How many rows each request that sent rows was accepted with."""
    return sorted(request.rows for request in powerbi.requests if request.operation == "Datasets_PostRows")


class Record:
    """The least that is a mapping: `keys` and `[]`."""

    def __init__(self, **values: object) -> None:
        """Take the values."""
        self._values = values

    def keys(self) -> list[str]:
        """Names."""
        return list(self._values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]


class Own(dict[str, object]):
    """A subclass that changes nothing."""


class Zone(tzinfo):
    """A zone that does something when it is asked for its offset."""

    def __init__(self, action: Callable[[], object]) -> None:
        """Take what to do."""
        self._action = action

    def utcoffset(self, _when: datetime | None) -> timedelta:
        """Do it, and be UTC."""
        self._action()
        return timedelta(0)

    def dst(self, _when: datetime | None) -> None:
        """Not known."""

    def tzname(self, _when: datetime | None) -> None:
        """Not known."""


def when_read(action: Callable[[], object]) -> datetime:
    """A datetime that runs `action` when it is read."""
    return datetime(2014, 7, 30, tzinfo=Zone(action))


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
    assert sent(csv.DictReader(lines), strings="parse", max_rows=1) == [
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
    ids=repr,
)
@pytest.mark.parametrize("verb", [ORDERS.payloads, ORDERS.validate, lambda rows: TableSchema.infer("t", rows)])
def test_a_single_row_or_text_is_a_type_error_that_says_wrap_it(verb: Callable[[Any], object], row: object) -> None:
    with pytest.raises(TypeError, match=r"wrap it in a list: push\(\[row\]\)") as refused:
        verb(row)
    assert type(row).__name__ in str(refused.value)


@pytest.mark.parametrize("rows", [None, 5, 2.5, True, object(), int, len], ids=repr)
def test_what_cannot_be_iterated_is_a_type_error_that_names_it(rows: object) -> None:
    with pytest.raises(TypeError, match=f"iterable of mappings, not {type(rows).__name__}"):
        sent(rows)


@pytest.mark.parametrize("rows", [{"Id": 1}, "Id", b"Id", bytearray(b"Id"), None, 5, Record(Id=1)], ids=repr)
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


@pytest.mark.parametrize("item", [1, None, "Id", b"Id", [("Id", 1)], ("Id", 1), {"Id"}, object()], ids=repr)
def test_an_item_that_is_no_mapping_is_a_problem_of_its_row(item: object) -> None:
    report = ORDERS.validate([{"Id": 1}, item])
    assert found(report) == [(1, None, "not_a_mapping")]
    assert report.errors[0].value_type == type(item).__name__
    assert type(item).__name__ in report.errors[0].message


@pytest.mark.parametrize("key", [1, None, b"Id", ("Id",), 2.5, True], ids=repr)
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
        0, "id", "unknown_column", "column `id` is not in table `Orders`; did you mean `Id`?", "int"
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


def test_the_message_shows_ten_problems_and_counts_the_others() -> None:
    with pytest.raises(ValidationError) as refused:
        sent([{"Id": "x"}] * 12)
    assert str(refused.value).count("row ") == 10
    assert "12 problems" in str(refused.value)
    assert "and 2 more" in str(refused.value)


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
def test_no_message_holds_a_value(row: object) -> None:
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


# --- when rows are checked -------------------------------------------------------------------------------------------


def numbered(count: int, bad: int | None = None) -> Iterator[dict[str, object]]:
    for number in range(count):
        yield {"Id": "x" if number == bad else number}


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("bad", [0, 4_999, 9_999, 10_000, 24_999])
def test_a_list_is_checked_whole_before_the_first_request(
    powerbi: Emulator, kind: Callable[[Any], Any], bad: int
) -> None:
    with pytest.raises(ValidationError) as refused:
        orders(powerbi).push(kind(numbered(25_000, bad)))
    assert found(refused.value) == [(bad, "Id", "wrong_type")]
    assert rows_sent(powerbi) == []
    result = refused.value.result
    assert result is not None
    assert (result.read, result.rejected, result.unsent, result.confirmed) == (25_000, 1, 24_999, 0)


@pytest.mark.parametrize(("bad", "confirmed"), [(0, 0), (9_999, 0), (10_000, 10_000), (20_500, 20_000)])
@pytest.mark.parametrize("batch", [False, True], ids=["generator", "check=batch"])
def test_a_generator_is_checked_request_by_request(powerbi: Emulator, bad: int, confirmed: int, *, batch: bool) -> None:
    table = orders(powerbi)
    options: Any = {"check": "batch"} if batch else {}
    rows = list(numbered(25_000, bad)) if batch else numbered(25_000, bad)
    with pytest.raises(ValidationError) as refused:
        table.push(rows, **options)
    assert found(refused.value) == [(bad, "Id", "wrong_type")]
    assert sum(rows_sent(powerbi)) == confirmed
    assert sorted(row["Id"] for row in powerbi.rows("Sales/Orders")) == list(range(confirmed))
    result = refused.value.result
    assert result is not None
    assert (result.confirmed, result.rejected, result.in_doubt) == (confirmed, 1, 0)
    assert result.read == result.confirmed + result.rejected + result.unsent


def test_payloads_are_checked_in_the_same_way() -> None:
    with pytest.raises(ValidationError):
        ORDERS.payloads(list(numbered(30, 25)), max_rows=10)
    for bodies in (
        ORDERS.payloads(numbered(30, 25), max_rows=10),
        ORDERS.payloads(list(numbered(30, 25)), max_rows=10, check="batch"),
    ):
        assert [next(bodies).count(b"Id"), next(bodies).count(b"Id")] == [10, 10]
        with pytest.raises(ValidationError) as refused:
            next(bodies)
        assert found(refused.value) == [(25, "Id", "wrong_type")]
        assert list(bodies) == []


@pytest.mark.parametrize("kind", [list, iter])
@pytest.mark.parametrize("bad", [{0}, {4_999}, {9_999}, {0, 4_999, 9_999, 10_000}, set(range(9_990, 10_010))])
def test_skip_sends_the_others_and_says_exactly_which_were_left_out(
    powerbi: Emulator, kind: Callable[[Any], Any], bad: set[int]
) -> None:
    rows = [{"Id": "x" if number in bad else number} for number in range(10_100)]
    result = orders(powerbi).push(kind(rows), on_invalid="skip")
    assert not result.ok
    assert found(ValidationReport(0, 0, result.errors)) == [(row, "Id", "wrong_type") for row in sorted(bad)]
    assert (result.read, result.rejected, result.confirmed) == (10_100, len(bad), 10_100 - len(bad))
    rejected = {row for start, stop, state in result.ranges if state == "rejected" for row in range(start, stop)}
    assert rejected == bad
    assert {row["Id"] for row in powerbi.rows("Sales/Orders")} == set(range(10_100)) - bad


def test_skip_sends_nothing_where_no_row_fits(powerbi: Emulator) -> None:
    result = orders(powerbi).push([{"Id": "x"}, None], on_invalid="skip")
    assert (result.rejected, result.confirmed, result.requests) == (2, 0, 0)
    assert result.ranges == [(0, 2, "rejected")]
    assert rows_sent(powerbi) == []


def test_rows_are_numbered_after_skips_too() -> None:
    rows = ({"Id": value} for value in ("x", 1, "x", 2, "x"))
    assert list(ORDERS.payloads(rows, on_invalid="skip", max_rows=1)) == [
        b'{"rows":[{"Id":1}]}',
        b'{"rows":[{"Id":2}]}',
    ]
    report = ORDERS.validate({"Id": value} for value in ("x", 1, "x", 2, "x"))
    assert found(report) == [(row, "Id", "wrong_type") for row in (0, 2, 4)]


# --- rows that raise, change or come back ----------------------------------------------------------------------------


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
