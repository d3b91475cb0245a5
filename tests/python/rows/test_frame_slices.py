"""Frames of many rows: whoever reads which of them, and on however many cores, the bodies are those of the rows."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

import kinds
from conftest import make_table
from kinds import EACH
from powerbi_push import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

COUNT = 7_654
START = datetime(1969, 12, 30, tzinfo=UTC)


def row(number: int) -> dict[str, Any]:
    """A row of every type, in which now and then something is missing."""
    row = {
        "i": number * 7_919,
        "f": number / 7,
        "b": number % 3 == 0,
        "s": ["Zürich", 'a "quote"', "", "plain", "東京 " * 9][number % 5] + f" {number}",
        "m": START + timedelta(seconds=number * 997, microseconds=number % 3 * 1_001),
        "d": Decimal(number * 25).scaleb(-2),
    }
    if number % 11 == 1:
        row["ifbsmd"[number % 6]] = None
    return row


ROWS = [row(number) for number in range(COUNT)]


@pytest.fixture(params=["one core", "all cores"])
def _cores(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep this thread, and those that it starts, to one core, or let them be."""
    if sys.platform != "linux":
        pytest.skip("only Linux keeps a thread to one core")
    cores = os.sched_getaffinity(0)
    if request.param == "one core":
        os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("limits", [{}, {"max_rows": 4_001}, {"max_bytes": 300_000}], ids=str)
@pytest.mark.parametrize("name", kinds.FRAMES)
def test_the_bodies_are_those_of_the_rows(name: str, limits: dict[str, Any]) -> None:
    if name == "pyarrow RecordBatchReader":
        frame: Any = kinds.table(ROWS).to_reader(max_chunksize=2_500)
    else:
        frame = kinds.FRAMES[name](ROWS)
    numbers = name == "pandas, numpy types"
    rows = [row | ({"i": row["i"] and float(row["i"])} if numbers else {}) for row in ROWS]
    assert list(EACH.payloads(frame, **limits)) == list(EACH.payloads(rows, **limits))


@pytest.mark.usefixtures("_cores")
def test_problems_are_those_of_the_rows_in_their_order() -> None:
    frame = pl.DataFrame(ROWS).with_columns(
        s=pl.when(pl.int_range(pl.len()).is_in([10, 3_100, 3_101, 7_653])).then(pl.lit("x" * 4_001)).otherwise("s")
    )
    rows = frame.to_dicts()
    choices: list[dict[str, Any]] = [{}, {"max_errors": 3}]
    for options in choices:
        report, expected = EACH.validate(frame, **options), EACH.validate(rows, **options)
        assert (report.errors, report.error_count, report.row_count) == (expected.errors, 4, COUNT)
        assert [error.row for error in report.errors] == [10, 3_100, 3_101, 7_653][: len(expected.errors)]
    skipping: dict[str, Any] = {"on_invalid": "skip", "max_bytes": 200_000}
    assert list(EACH.payloads(frame, **skipping)) == list(EACH.payloads(rows, **skipping))


@pytest.mark.usefixtures("_cores")
def test_requests_before_the_one_with_a_problem_stand(powerbi: Emulator) -> None:
    numbers = [{"Id": number if number != 17_000 else 2**63 - 1} for number in range(25_000)]
    with pytest.raises(ValidationError) as caught:
        make_table(powerbi).push(pl.DataFrame(numbers), check="batch")
    result = caught.value.result
    assert result is not None
    assert ([error.row for error in caught.value.errors], result.confirmed) == ([17_000], 10_000)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("kind", ["dictionary", "runs", "views", "chunks", "slice"])
def test_every_layout_of_text(kind: str) -> None:
    texts = [None if number % 13 == 5 else row["s"] for number, row in enumerate(ROWS)]
    plain = pa.array(texts)
    arrays: dict[str, Any] = {
        "dictionary": plain.dictionary_encode(),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array(range(1, COUNT + 1), pa.int32()), plain),
        "views": plain.cast(pa.string_view()),
        "chunks": pa.chunked_array([plain[:1], plain[1:5_000], plain[5_000:5_000], plain[5_000:]]),
        "slice": pa.concat_arrays([plain, plain])[COUNT:],
    }
    expected = list(EACH.payloads([{"s": text} for text in texts]))
    assert list(EACH.payloads(pa.table({"s": arrays[kind]}))) == expected


@pytest.mark.usefixtures("_cores")
def test_text_that_is_no_unicode_is_refused_in_its_row_wherever_it_stands() -> None:
    data = b"".join(b"\xc3" if number in {4, 2_047, 6_000} else b"n" for number in range(COUNT))
    offsets = pa.array(range(COUNT + 1), pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), COUNT, [None, offsets, pa.py_buffer(data)])
    report = EACH.validate(pa.table({"s": text}))
    assert [(error.row, error.code) for error in report.errors] == [(row, "not_utf8") for row in [4, 2_047, 6_000]]
