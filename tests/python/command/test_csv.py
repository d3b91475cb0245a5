"""CSV as the core reads it: whatever a file holds, it is what Python's `csv` reads strictly, with the same lines."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from powerbi_push import _core

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Records with their lines, the header without one; what ended the reading, and where.
Read = tuple[list[Any], tuple[int, str | None] | None]
#: What matters to a reader, and some of what does not.
TEXTS = st.text(st.sampled_from('",;\t\n\r§€a \0'), max_size=60)
#: What is often well: cells in quotes or without, and ends of lines.
WELL = ['"a ""b"""', '"1,\r\n2"', "3", "", '5"', ",", ",", "\n", "\r\n", "\r", '"']
CELLS = st.lists(st.sampled_from(WELL), max_size=30)
BYTES = st.binary(max_size=3)


def by_the_core(pieces: Iterable[bytes], delimiter: str) -> Read:
    reader, read = _core.CsvReader(delimiter), list[Any]()
    for piece in [*pieces, None]:
        if piece is None:
            reader.end()
        else:
            reader.feed(piece)
        if not read and (header := reader.record()):
            read.append(header)
        for found in reader.take([str(number) for number in range(len(read[0]))]) if read else []:
            if isinstance(found, _core.CsvBatch):
                rows = [[*row.values()] for row in found.dicts()]
                read += zip(found.lines, rows, strict=True)
            else:
                read.append(found)
    return read, reader.failure


def by_python(whole: bytes, delimiter: str) -> Read:
    text = io.TextIOWrapper(io.BytesIO(whole), "utf-8-sig", "surrogateescape", newline="")
    reader, read, line = csv.reader(text, delimiter=delimiter, strict=True), list[Any](), 1
    try:
        for record in reader:
            if record:
                read.append((line, record) if read else record)
            line = reader.line_num + 1
    except csv.Error as error:
        return read, (reader.line_num, None if "unexpected end" in str(error) else str(error))
    return read, None


@settings(max_examples=500, deadline=None)
@given(
    TEXTS.map(str.encode) | CELLS.map("".join).map(str.encode),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    BYTES,
    st.lists(st.integers(0, 60), max_size=5).map(sorted),
    st.sampled_from(",;\t§€a"),
)
def test_files_are_read_as_python_reads_them(
    content: bytes, mark: bytes, behind: bytes, cuts: list[int], delimiter: str
) -> None:
    whole = mark + content + behind
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    assert by_the_core(pieces, delimiter) == by_python(whole, delimiter)


def test_a_batch_gives_up_rows_and_keeps_the_lines_of_the_others() -> None:
    reader = _core.CsvReader(",")
    reader.feed(b'1,\xff\n\n"3\n",4\n5,6\n7')
    (batch,) = reader.take(["A", "B"])
    assert isinstance(batch, _core.CsvBatch)
    assert (len(batch), batch.lines, reader.held, reader.lines) == (3, [1, 3, 5], 1, 5)
    assert batch.dicts() == [{"A": "1", "B": "\udcff"}, {"A": "3\n", "B": "4"}, {"A": "5", "B": "6"}]
    rest = batch.without([0])
    assert (rest.lines, rest.dicts()) == ([3, 5], batch.dicts()[1:])
    assert (batch.first(1).lines, batch.first(1).dicts()) == (range(1, 2), batch.dicts()[:1])
    assert (batch.first(0).lines, len(batch.first(0))) == ((), 0)
