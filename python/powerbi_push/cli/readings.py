"""A file as rows: chunks of them with their lines, once or, where it is a file, as often as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

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
        rows: Dicts, or one RecordBatch.
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
    """One pass over a file."""

    def __init__(self, asked: Asked, on_broken: Callable[[Broken], None] = refuse) -> None:
        """Open the file and see what it is; nothing is read yet."""
        self.opened = Opened(asked)
        self.lines = Lines()
        self.schema: Any = None
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

    def rows(self) -> Any:
        """Give the rows as a push takes them, and note their lines."""
        if self.format == "parquet":
            return import_module("powerbi_push.cli.parquet_rows").batches(self._noted())
        return _flat(self._noted())

    def _noted(self) -> Iterator[Any]:
        for chunk in self.chunks:
            self.lines.add(chunk.lines)
            yield chunk.rows

    def put_back(self, first: list[Chunk]) -> None:
        """Have chunks that were taken come once more."""
        rest = self.chunks
        self.chunks = _joined(first, rest)

    def close(self) -> None:
        """Let go of the file."""
        self.opened.close()


def _flat(chunks: Iterator[list[Any]]) -> Iterator[Any]:
    from itertools import chain  # noqa: PLC0415 - beside its one use

    return chain.from_iterable(chunks)


def _joined(first: list[Chunk], rest: Iterator[Chunk]) -> Iterator[Chunk]:
    while first:
        yield first.pop(0)
    yield from rest
