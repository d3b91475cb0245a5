"""Rows that have types, picked out of those of a file of which some have none."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.cli.failures import CommandError, in_flags
from powerbi_push.cli.lines import Lines
from powerbi_push.cli.readings import dicts_of
from powerbi_push.cli.texts import not_utf8
from powerbi_push.exceptions import ConfigurationError, SourceError
from powerbi_push.schema.table import TableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.cli.files import Asked
    from powerbi_push.cli.readings import Chunk

#: What a byte that is no UTF-8 is read as.
_NO_UTF8 = re.compile("[\udc80-\udcff]")
#: Where an example is, as the package says it: a type, and a row from 0.
_ROW = re.compile(r"\b(\w+) in row (\d+)(?= \(`|[,;]|$)")
#: What is said of a row that is alone.
_ALONE = "the types cannot be inferred: "


def inferred(asked: Asked, table: str, rows: Any, *, convert: bool) -> TableSchema:
    """Read the types off rows."""
    try:
        return TableSchema.infer(table, rows, convert=convert)
    except ConfigurationError as error:
        msg = f"{asked.name}: {in_flags(error.message)}"
        raise CommandError(msg, hint=error.hint and in_flags(error.hint)) from error


class Fitting:
    """Picks rows.

    Attributes:
        count: Rows that were looked at.
    """

    def __init__(self, asked: Asked, *, convert: bool, passes_over: bool) -> None:
        """Nothing was read yet.

        Args:
            asked: The file.
            convert: Whether text is taken for what it reads as.
            passes_over: Whether a row without types is passed over; else it is the end.
        """
        self.count = 0
        self._asked, self._convert, self._passes_over = asked, convert, passes_over
        self._first: Exception | None = None
        self._failure: Exception | None = None
        self._lines = Lines()

    def schema(self, table: str, chunks: Iterator[Chunk]) -> TableSchema:
        """Read the types off the rows that have some."""
        fitting = self._watched(self._fitting(chunks))
        one = next(fitting, None)
        if one is None and self._first is not None:
            raise self._first
        try:
            return inferred(self._asked, table, chain([] if one is None else [one], fitting), convert=self._convert)
        except SourceError as error:
            raise (self._failure or error) from None
        except CommandError as error:
            told = _ROW.sub(lambda found: f"{found[1]} on line {self._lines.of(int(found[2]))}", str(error))
            raise CommandError(told, hint=error.hint) from error.__cause__

    def _watched(self, rows: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from rows
        except Exception as error:
            self._failure = error
            raise

    def _fitting(self, chunks: Iterator[Chunk]) -> Iterator[Any]:
        for chunk in chunks:
            self.count += len(chunk.lines)
            rows = dicts_of(chunk.rows)
            if self._why_not(rows) is None:
                self._lines.add(chunk.lines)
                yield from rows
                continue
            for line, row in zip(chunk.lines, rows, strict=True):
                reason = self._why_not([row])
                if reason is None:
                    self._lines.add(range(line, line + 1))
                    yield row
                else:
                    self._refuse(line, row, reason)

    def _refuse(self, line: int, row: Any, reason: str) -> None:
        if self._first is None:
            self._first = self._told(line, row, reason)
        if not self._passes_over:
            raise self._first

    def _told(self, line: int, row: Any, reason: str) -> Exception:
        texts = [text for text in row.values() if isinstance(text, str)] if isinstance(row, dict) else []
        if any(map(_NO_UTF8.search, texts)):
            return not_utf8(line)
        msg = f"{self._asked.name}:{line}: {in_flags(reason)}"
        return CommandError(msg, hint="--rejects FILE sets such lines aside and goes on")

    def _why_not(self, rows: list[Any]) -> str | None:
        """Why some rows have no types, whatever stands in the others; None where they may have some."""
        if other := [row for row in rows if type(row) is not dict]:
            return f"is no object, but {type(other[0]).__name__}"
        said = [{name: value for name, value in row.items() if value is not None} for row in rows]
        if not any(said):
            return None
        try:
            _core.infer_columns(said, [], self._convert, "powerbi")
        except ConfigurationError as error:
            return _ROW.sub(r"\1", error.message.removeprefix(_ALONE))
        return None
