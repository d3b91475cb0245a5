"""A file as rows: chunks of them with their lines, once or, where it is a file, as often as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

from powerbi_push import _core
from powerbi_push.cli.files import BrokenFileError, Opened
from powerbi_push.cli.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from powerbi_push.cli.files import Asked, Format

_READERS = {"csv": "csv_rows", "ndjson": "json_rows", "json": "json_rows", "parquet": "parquet_rows"}


@dataclass(slots=True)
class Chunk:
    """Some rows, and the lines that they stand on (rows of Parquet have no lines, but numbers from 1).

    Attributes:
        lines: As many as rows.
        rows: Dicts, or one batch of CSV or of Arrow.
    """

    lines: Sequence[int]
    rows: Any


@dataclass(slots=True)
class Broken:
    """A line that is no row at all.

    Attributes:
        line: Where, from 1.
        reason: What is wrong.
        text: What stands there: cells, or the line itself.
    """

    line: int
    reason: str
    text: Any


def refuse(broken: Broken) -> NoReturn:
    """End the reading at a broken line."""
    raise BrokenFileError(broken.reason, line=broken.line, hint="--rejects FILE sets such lines aside and goes on")


class Reading:
    """One pass over a file.

    Attributes:
        failure: What ended it; Arrow hands on no more than the words of that.
        on_taken: Is called when somebody takes the first rows, and not where no more is done than to open them.
    """

    def __init__(self, asked: Asked, on_broken: Callable[[Broken], None] = refuse) -> None:
        """Open the file and see what it is; nothing is read yet.

        Args:
            asked: The file.
            on_broken: Takes lines that are no rows; without it the first of them is the end.
        """
        self.opened = Opened(asked)
        self.failure: Exception | None = None
        self.on_taken: Callable[[], None] | None = None
        self._lines = Lines()
        home = import_module(f"powerbi_push.cli.{_READERS[self.format]}")
        self.chunks: Iterator[Chunk] = getattr(home, f"{self.format}_chunks")(self.opened, on_broken)

    @property
    def format(self) -> Format:
        """What it holds."""
        return self.opened.format

    @property
    def unit(self) -> str:
        """What rows are counted by: lines, or in Parquet rows."""
        return "row" if self.format == "parquet" else "line"

    @property
    def count(self) -> int:
        """Rows that were read so far."""
        return self._lines.rows

    def line_of(self, row: int) -> int | None:
        """The line of a row; None where that was too long ago to be remembered."""
        return self._lines.of(row)

    def rows(self) -> Any:
        """Give the rows as a push takes them, and note their lines."""
        noted = self._watched(self._noted())
        if self.format in {"csv", "parquet"}:
            return batches(noted, self.on_taken)
        return chain.from_iterable(_told(self.on_taken, noted))

    def _watched(self, parts: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from parts
        except Exception as error:
            self.failure = error
            raise

    def _noted(self) -> Iterator[Any]:
        for chunk in self.chunks:
            self._lines.add(chunk.lines)
            yield chunk.rows

    def has_rows(self) -> bool:
        """Read on to the first row; it comes all the same."""
        first = next((chunk for chunk in self.chunks if len(chunk.lines)), None)
        if first is not None:
            self.put_back([first])
        return first is not None

    def put_back(self, first: list[Chunk]) -> None:
        """Have chunks that were taken come once more."""
        rest = self.chunks
        self.chunks = _joined(first, rest)

    def close(self) -> None:
        """Let go of the file."""
        self.opened.close()


def batches(parts: Iterator[Any], on_taken: Callable[[], None] | None = None) -> Any:
    """Make rows of batches, which are looked at without Python; `on_taken` is called when the first are taken."""
    try:
        first = next(parts, None)
    except Exception as error:  # noqa: BLE001 - who reads the rows is told, as of those behind the first
        return map(_raise, [error])
    if first is None:
        return []
    if isinstance(first, _core.CsvBatch):
        # The core takes the first batch at once: one without rows says the columns as well.
        return _core.CsvRows(first.first(0), _told(on_taken, chain([first], parts)))
    return import_module("powerbi_push.cli.parquet_rows").batches(first, _told(on_taken, chain([first], parts)))


def _told(on_taken: Callable[[], None] | None, parts: Iterator[Any]) -> Iterator[Any]:
    if on_taken is not None:
        on_taken()
    yield from parts


def _raise(error: Exception) -> NoReturn:
    raise error


def dicts_of(rows: Any) -> list[Any]:
    """Make dicts of the rows of a chunk."""
    if isinstance(rows, list):
        return rows
    if isinstance(rows, _core.CsvBatch):
        return rows.dicts()
    found: list[Any] = rows.to_pylist() if hasattr(rows, "to_pylist") else rows.rows(named=True)
    return found


def _joined(first: list[Chunk], rest: Iterator[Chunk]) -> Iterator[Chunk]:
    while first:
        yield first.pop(0)
    yield from rest
