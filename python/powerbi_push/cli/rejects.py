"""Bad rows, set aside in a file with their line and what is wrong with them, so that the others can go on."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.readings import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from powerbi_push.cli.readings import Broken
    from powerbi_push.delivery.results import RowError
    from powerbi_push.schema.table import TableSchema

#: Problems of one row at most: a table has no more columns, and a row may name others.
_PROBLEMS = 200


class Rejects:
    """A file of NDJSON: ``{"line": 3, "reason": ..., "row": ...}``, one object for each bad row."""

    def __init__(self, path: str, source: str) -> None:
        """Make the file, or empty it; nobody else may read it."""
        if source != "-" and Path(path).exists() and Path(path).samefile(source):
            msg = "--rejects names the file that is read"
            raise click.UsageError(msg)
        self.path = path
        self.count = 0
        self._is_full = False
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")

    def broken(self, broken: Broken) -> None:
        """Set a line aside that is no row at all."""
        self.write([{"line": broken.line, "reason": broken.reason, "text": broken.text}])

    def sift(self, chunks: Iterable[Chunk], schema: TableSchema, options: dict[str, Any]) -> Iterator[Chunk]:
        """Take out the rows that do not fit."""
        for chunk in chunks:
            report = schema.validate(chunk.rows, max_errors=_PROBLEMS * max(len(chunk.lines), 1), **options)
            if report.ok:
                yield chunk
                continue
            bad = {error.row for error in report.errors}
            self.write(map(self._entry, report.errors, *_places(chunk, report.errors)), rows=len(bad))
            yield _without(chunk, bad)

    def set_aside(self, errors: Iterable[RowError], lines: list[int], rows: list[Any], count: int) -> None:
        """Set rows aside that do not fit; `count` is how many rows the errors are about."""
        self.write([self._entry(error, lines[error.row], rows[error.row]) for error in errors], rows=count)

    def _entry(self, error: RowError, line: int | None, row: Any = None) -> dict[str, Any]:
        entry = {"line": line, "column": error.column, "code": error.code, "reason": error.message}
        return entry if row is None else {**entry, "row": row}

    def refused(self, errors: Iterable[tuple[int | None, RowError]]) -> None:
        """Note rows that the service refused; they are counted elsewhere."""
        self.write([self._entry(error, line) for line, error in errors], rows=0)

    def write(self, entries: Iterable[dict[str, Any]], rows: int | None = None) -> None:
        """Write entries, so that they are in the file when this returns.

        Args:
            entries: One for each problem.
            rows: How many rows that are; default is one each.
        """
        written = 0
        try:
            for entry in entries:
                self._file.write(json.dumps(entry, ensure_ascii=True, default=str) + "\n")
                written += 1
            self._file.flush()
        except OSError as error:
            self._is_full = True
            raise OSError(error.errno, error.strerror, self.path) from None
        self.count += written if rows is None else rows

    def close(self) -> None:
        """Let go of the file."""
        # What could not be written has been said already.
        with suppress(OSError) if self._is_full else nullcontext():
            self._file.close()


def _places(chunk: Chunk, errors: Iterable[RowError]) -> tuple[list[int], list[Any]]:
    rows = (
        chunk.rows
        if isinstance(chunk.rows, list)
        else chunk.rows.to_pylist()
        if hasattr(chunk.rows, "to_pylist")
        else chunk.rows.rows(named=True)
    )
    return [chunk.lines[error.row] for error in errors], [rows[error.row] for error in errors]


def _without(chunk: Chunk, bad: set[int]) -> Chunk:
    from powerbi_push.cli.lines import packed  # noqa: PLC0415 - only where something is wrong

    good = [row not in bad for row in range(len(chunk.lines))]
    lines = packed(line for line, kept in zip(chunk.lines, good, strict=True) if kept)
    if isinstance(chunk.rows, list):
        return Chunk(lines, [row for row, kept in zip(chunk.rows, good, strict=True) if kept])
    if hasattr(chunk.rows, "to_pylist"):
        from pyarrow import array  # noqa: PLC0415 - the batch is one of its own

        return Chunk(lines, chunk.rows.filter(array(good)))
    return Chunk(lines, chunk.rows.filter(good))
