"""CSV as the core reads it: whatever a file holds, it is what Python's `csv` reads strictly, with the same lines."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from powerbi_push import _core

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Records with their lines, and perhaps with what is wrong with them and where, the header without; what ended the
#: reading, and where.
Read = tuple[list[Any], tuple[int, str] | None]
#: What matters to a reader, and some of what does not.
TEXTS = st.text(st.sampled_from('",;\t\n\r§€a \0'), max_size=60)
#: What is often well: cells in quotes or without, and ends of lines.
WELL = ['"a ""b"""', '"1,\r\n2"', "3", "", '5"', ",", ",", "\n", "\r\n", "\r", '"']
CELLS = st.lists(st.sampled_from(WELL), max_size=30)
BYTES = st.binary(max_size=3)
OPEN = "a quote is opened that is never closed"


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
                line, cells, wrong = found
                read.append((line, cells) if wrong is None else (line, wrong))
    return read, reader.failure


def by_python(whole: bytes, delimiter: str) -> Read:
    text = io.TextIOWrapper(io.BytesIO(whole), "utf-8-sig", "surrogateescape", newline="")
    lines, read, line = list(text), list[Any](), 1
    while line <= len(lines):
        reader = csv.reader(lines[line - 1 :], delimiter=delimiter, strict=True)
        first = line
        try:
            for record in reader:
                if record:
                    read.append((line, record) if read else record)
                line = first + reader.line_num
        except csv.Error as error:
            end = first + reader.line_num - 1
            if "unexpected end" in str(error):
                return read, (line + breaks_before_the_last_cell(lines[line - 1 :], delimiter), OPEN)
            wrong = (end, f"a quote stands where none may: {error}")
            if not read:
                return read, wrong
            # The line with the quote is none, and Python goes on behind it.
            read.append((line, wrong))
            line = end + 1
    return read, None


def breaks_before_the_last_cell(lines: list[str], delimiter: str) -> int:
    """In a record whose last cell is never closed."""
    (*cells, _) = next(csv.reader(lines, delimiter=delimiter))
    return sum(len(re.findall("\r\n|\r|\n", cell)) for cell in cells)


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
