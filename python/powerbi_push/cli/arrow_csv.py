"""CSV by pyarrow, where that is installed: a file that is well is read about three times as fast.

What is not well is read again as `csv_rows` reads it, which says where that is: rows that fit cost nobody their lines.
"""

from __future__ import annotations

import io
from collections import deque
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from powerbi_push.cli.csv_rows import csv_header, delimiter_of, not_utf8
from powerbi_push.cli.files import BrokenFileError, Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.cli.readings import Reading

#: Bytes that are parsed at once: some 10,000 rows.
_BLOCK = 1 << 19


def can_read(opened: Opened) -> bool:
    """Whether this reads it: a plain file of UTF-8, as nearly all are."""
    asked = opened.asked
    is_odd = asked.is_stdin or opened.is_packed or asked.encoding or opened.head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return opened.format == "csv" and not is_odd and find_spec("pyarrow") is not None


class _Counted(io.RawIOBase):
    """A file that counts the quotes in it: pyarrow takes one that is never closed for a very long cell."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.quotes = 0
        self.is_read = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.quotes += piece.count(b'"')
        self.is_read = not piece or size < 0 or len(piece) < size
        return piece


class ArrowRows:
    """The rows of a file, every cell a text."""

    def __init__(self, opened: Opened, again: Callable[[], Reading]) -> None:
        """Judge the header; rows are read later.

        Args:
            opened: The file.
            again: Reads it anew, line by line.
        """
        self._opened, self._again = opened, again
        self._header = csv_header(Opened(opened.asked))
        self._places: dict[int, int | None] = {}
        self.count = 0

    def batches(self) -> Iterator[Any]:
        """Read batches."""
        arrow, csv = import_module("pyarrow"), import_module("pyarrow.csv")
        parse = csv.ParseOptions(delimiter=delimiter_of(self._opened.asked), newlines_in_values=True)
        types = dict.fromkeys(self._header, arrow.string())
        convert = csv.ConvertOptions(column_types=types, strings_can_be_null=False)
        try:
            file = _Counted(self._opened.bytes)
            for batch in csv.open_csv(file, csv.ReadOptions(block_size=_BLOCK), parse, convert):
                if file.is_read and file.quotes % 2:
                    self._read_again()
                self.count += batch.num_rows
                yield batch
        except arrow.ArrowInvalid as error:
            raise self._explained(error) from None

    def _read_again(self) -> None:
        """Read line by line to the end, or to the line that is broken."""
        reading = self._again()
        try:
            deque(reading.chunks, maxlen=0)
        finally:
            reading.close()

    def _explained(self, error: Exception) -> BrokenFileError:
        """Say which line it is that pyarrow did not take."""
        try:
            self._read_again()
        except BrokenFileError as found:
            return found
        with Path(self._opened.asked.path).open("rb") as file:
            for line, content in enumerate(file, 1):
                try:
                    content.decode()
                except UnicodeDecodeError:
                    return not_utf8(line)
        return BrokenFileError(str(error).splitlines()[0])

    def line_of(self, row: int) -> int | None:
        """Read up to a row, and say where it stands; what was asked for is remembered."""
        if row not in self._places:
            reading = self._again()
            deque(islice(reading.rows(), row + 1), maxlen=0)
            self._places[row] = reading.line_of(row)
            reading.close()
        return self._places[row]
