"""CSV as rows: batches of them, so that no code of Python runs for a row that is well."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from powerbi_push import _core
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.lines import packed
from powerbi_push.cli.readings import Broken, Chunk
from powerbi_push.cli.texts import in_utf8, not_utf8, undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.cli.files import Asked, Opened

#: Bytes of one row at most: no request is longer.
_LONGEST = 16_000_000
#: How objects begin, or an array of them.
_JSON = re.compile(r"\s*(\{|\[\s*(\{|$))")
_MARKUP = re.compile(r"\s*<[!?a-z]", re.IGNORECASE)
_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def csv_chunks(opened: Opened, on_broken: Callable[[Broken], None]) -> Iterator[Chunk]:
    """Read CSV with a header."""
    table = CsvTable(opened.asked, on_broken)
    for piece in _pieces(opened, table):
        yield from table.read(piece)
    yield from table.end()
    if not table.has_header:
        msg = "is empty: there is no header"
        raise BrokenFileError(msg)


def _pieces(opened: Opened, table: CsvTable) -> Iterator[bytes]:
    pieces = in_utf8(opened)
    try:
        yield from pieces
    except UnicodeError as error:
        raise undecodable(table.lines, error) from None
    except BrokenFileError as error:
        raise BrokenFileError(str(error), line=table.lines + 1, hint=error.hint) from None


class CsvTable:
    """A header, and rows behind it, as their bytes come."""

    def __init__(self, asked: Asked, on_broken: Callable[[Broken], None]) -> None:
        """Nothing has come yet."""
        self._given, self._on_broken, self._judge = asked.delimiter, on_broken, asked.judge
        self._reader = _core.CsvReader(asked.delimiter or ("\t" if asked.ending() in {".tsv", ".tab"} else ","))
        self._header: list[str] | None = None

    @property
    def lines(self) -> int:
        """How many lines have ended so far."""
        return self._reader.lines

    @property
    def held(self) -> int:
        """How many bytes wait for the end of their row."""
        return self._reader.held

    @property
    def has_header(self) -> bool:
        """Whether a line has come that is not empty."""
        return self._header is not None

    def read(self, piece: bytes) -> Iterator[Chunk]:
        """Give the rows that end in a piece of UTF-8; what is in front of a broken one goes first."""
        text, zero, _ = piece.partition(b"\0")
        self._reader.feed(text)
        yield from self._whole()
        if zero:
            msg = "holds zero bytes and is no text, not CSV"
            raise BrokenFileError(msg, line=self.lines + 1)
        if self.held > _LONGEST:
            msg = "a row has no end within 16 MB"
            raise BrokenFileError(msg, line=self.lines + 1)

    def end(self) -> Iterator[Chunk]:
        """Give the last row, whose line has no end."""
        self._reader.end()
        yield from self._whole()

    def _whole(self) -> Iterator[Chunk]:
        if self._header is None and (names := self._reader.record()):
            self._header = _judged(names, self._given)
            if self._judge is not None:
                self._judge.check_names(names, 1)
        if self._header is not None:
            yield from self._behind(self._header)
        if failure := self._reader.failure:
            line, reason = failure
            raise BrokenFileError(reason, line=line, hint="close the quote; one may be missing above it, too")

    def _behind(self, header: list[str]) -> Iterator[Chunk]:
        for found in self._reader.take(header):
            if isinstance(found, _core.CsvBatch):
                lines = found.lines
                yield Chunk(lines if isinstance(lines, range) else packed(lines), found)
            else:
                line, record, wrong = found
                self._on_broken(Broken(line, _told(line, len(record), len(header), wrong), record))


def _told(line: int, width: int, wanted: int, wrong: tuple[int, str] | None) -> str:
    """Say what is wrong with a record that begins on a line."""
    if wrong is None:
        cells = "1 cell" if width == 1 else f"{width} cells"
        return f"{cells} where the header has {wanted}"
    where, reason = wrong
    return reason if where == line else f"{reason}, on line {where}"


def _judged(names: list[str], delimiter: str | None) -> list[str]:
    """Judge the names of the columns."""
    if _JSON.match(names[0]):
        msg = "is JSON, not CSV"
        raise BrokenFileError(msg, hint=f"--format {'json' if names[0].lstrip().startswith('[') else 'ndjson'}")
    if _MARKUP.match(names[0]):
        msg = "is HTML or XML, not CSV"
        raise BrokenFileError(msg, line=1, hint="a server may have answered with a page instead of the file")
    if any(not name.strip() for name in names):
        msg = f"column {next(i for i, name in enumerate(names, 1) if not name.strip())} of the header has no name"
        raise BrokenFileError(msg, line=1, hint="the first line has to name every column")
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        msg = f"the header has `{twice[0]}` twice"
        raise BrokenFileError(msg, line=1, hint="give each column a name of its own")
    if len(names) == 1 and delimiter is None:
        for mark, word in _OTHERS.items():
            if mark in names[0]:
                msg = f"the header is one single name that holds {word}"
                raise BrokenFileError(msg, line=1, hint=f"--delimiter '{mark}' splits there")
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        raise not_utf8(1) from None
    return names
