"""Schemas that nobody means: a million of anything, what has no end, and names of ten megabytes."""

from __future__ import annotations

import json
import time
from itertools import count, repeat
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import Column, ConfigurationError, DatasetSchema, Measure, Relationship, TableSchema

if TYPE_CHECKING:
    from collections.abc import Callable

WATCHDOG = 10.0
"""Ten times what any of these takes; a build that optimises nothing needs half of it."""
MILLION = 1_000_000
NAMES = [f"c{number}" for number in range(MILLION)]
TABLE = TableSchema("t", {"a": int})
NAMELESS = {"name": "d", "tables": [{"name": "t", "columns": [{}] * MILLION}]}
LONG = "x" * 10_000_000


def refusal(make: Callable[[], object]) -> str:
    """Make it, which is refused at once."""
    before = time.monotonic()
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert time.monotonic() - before < WATCHDOG
    return caught.value.message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TableSchema("t", dict.fromkeys(NAMES, int)), "table `t` has 1000000 columns; the service takes 75"),
        (lambda: TableSchema("t", [Column("a", int)] * MILLION), "table `t` has 1000000 columns; the service takes 75"),
        (
            lambda: TableSchema("t", (Column(f"c{number}", int) for number in count())),
            "table `t` has more than 10000 columns; the service takes 75",
        ),
        (
            lambda: TableSchema("t", {"a": int}, measures=[Measure("m", "1")] * MILLION),
            "table `t` has 1000000 measures; no more are taken than 10000",
        ),
        (lambda: DatasetSchema("d", [TABLE] * MILLION), "dataset `d` has 1000000 tables; the service takes 75"),
        (lambda: DatasetSchema("d", repeat(TABLE)), "dataset `d` has more than 10000 tables; the service takes 75"),
        (
            lambda: DatasetSchema("d", [TABLE], relationships=[Relationship("r", "t", "a", "t", "a")] * MILLION),
            "dataset `d` has 1000000 relationships; the service takes 75",
        ),
        (lambda: DatasetSchema.from_json(NAMELESS), "a table has 1000000 columns; the service takes 75"),
        (
            lambda: DatasetSchema.from_json(json.dumps(NAMELESS)),
            "table `t` has 1000000 columns; the service takes 75",
        ),
        (
            lambda: TableSchema.infer("t", [dict.fromkeys(NAMES, 1)]),
            "the table has more than 250 columns; the service takes 75",
        ),
        (
            lambda: TableSchema.infer("t", ({name: 1} for name in NAMES)),
            "the table has more than 250 columns; the service takes 75",
        ),
        (
            lambda: TableSchema.infer("t", [{"a": 1}], types=dict.fromkeys(NAMES, int)),
            "table `t` has 1000000 columns; the service takes 75",
        ),
        (
            lambda: DatasetSchema.infer("d", dict.fromkeys(NAMES, ({"a": 1},))),
            "dataset `d` has 1000000 tables; the service takes 75",
        ),
    ],
)
def test_far_too_many_of_anything_are_refused_by_their_number_alone(make: Callable[[], object], message: str) -> None:
    assert refusal(make) == message


def wide_pandas() -> Any:
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    return pandas.DataFrame(numpy.zeros((1, MILLION)), columns=NAMES)


def wide_table() -> Any:
    return pytest.importorskip("pyarrow").table({name: [1] for name in NAMES[:20_000]})


def wide_polars() -> Any:
    return pytest.importorskip("polars").DataFrame({name: [1] for name in NAMES[:20_000]})


@pytest.mark.parametrize("frame", [wide_pandas, wide_table, wide_polars])
def test_a_frame_that_is_wider_than_any_table_is_refused_before_it_is_read(frame: Callable[[], Any]) -> None:
    rows = frame()
    expected = f"the frame has {rows.shape[1]} columns; the service takes 75"
    assert refusal(lambda: TableSchema.infer("t", rows)) == expected
    assert refusal(lambda: TABLE.validate(rows)) == expected
    assert refusal(lambda: TABLE.payloads(rows)) == expected


def test_of_a_wide_frame_the_columns_of_the_schema_can_be_read_alone() -> None:
    frame = pytest.importorskip("pyarrow").table({name: [1] for name in ("a", *NAMES[:2_000])})
    assert list(TABLE.payloads(frame, unknown_columns="ignore")) == [b'{"rows":[{"a":1}]}']


@pytest.mark.parametrize(
    "make",
    [
        lambda: TableSchema(LONG, {"a": int}),
        lambda: TableSchema(LONG, {"a": "no such type"}),
        lambda: TableSchema("t", {LONG: "no such type"}),
        lambda: TableSchema("t", {"a": LONG}),
        lambda: TableSchema("t", {LONG + "\x01": int}),
        lambda: TableSchema("t", [Column("a", int, sort_by_column=LONG)]),
        lambda: TableSchema("t", [Column("a", int, summarize_by=LONG)]),
        lambda: TableSchema("t", {LONG: int}, measures=[Measure(LONG, "1")]),
        lambda: DatasetSchema("d", [TABLE], mode=LONG),  # type: ignore[arg-type]
        lambda: DatasetSchema("d", [TABLE], relationships=[Relationship(LONG, "t", "a", "t", "a")]),
        lambda: DatasetSchema("d", [TABLE], relationships=[Relationship("r", LONG, "a", "t", LONG)]),
        lambda: DatasetSchema.from_json({"name": "d", "tables": [], LONG: 1}),
        lambda: TableSchema.infer("t", [{LONG: 1}, {LONG: "x"}]),
    ],
)
def test_a_name_of_ten_megabytes_is_refused_at_once_and_told_in_short(make: Callable[[], object]) -> None:
    assert len(refusal(make)) < 1_000


def test_one_error_lists_a_thousand_problems_and_counts_the_rest() -> None:
    message = refusal(lambda: DatasetSchema.from_json({"name": "d", "tables": []} | dict.fromkeys(NAMES[:2_000], 1)))
    assert message.startswith("the dataset has 2001 problems:\n- ")
    assert message.endswith("\n- and 1001 more")
    assert message.count("\n- ") == 1_001
