"""The types of a file's columns: from a schema file, or read off the rows and shown before anything is sent."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.csv_rows import not_utf8, text_of
from powerbi_push.cli.failures import CommandError
from powerbi_push.cli.files import BrokenFileError, Opened
from powerbi_push.cli.readings import Reading
from powerbi_push.cli.session import table_lines
from powerbi_push.exceptions import ConfigurationError, SourceError
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.schema.table import TableSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from powerbi_push.cli.files import Asked
    from powerbi_push.cli.readings import Broken, Chunk
    from powerbi_push.cli.session import Session

#: Rows of stdin that types are read off, since it can be read only once.
_FIRST = 10_000


def schema_of(path: str, table: str | None) -> TableSchema:
    """Read a schema file: a dataset or a table as the service writes them, or names with data types.

    Args:
        path: The file.
        table: The table that is meant; None where the file has only one.
    """
    found = _read(path)
    if isinstance(found, dict) and "tables" not in found:
        columns = found.get("columns")
        name = table or (str(found["name"]) if columns is not None and "name" in found else "rows")
        if isinstance(columns, list):
            found = {"name": "file", "tables": [{**found, "name": name}]}
        else:
            return TableSchema(name, found)
    tables = DatasetSchema.from_json(found).tables
    if len(tables) == 1:
        return tables[0] if table is None else _renamed(tables[0], table)
    names = ", ".join(one.name for one in tables)
    if chosen := [one for one in tables if one.name == table]:
        return chosen[0]
    msg = f"`{path}` has several tables, {names}, and none is called `{table}`" if table else f"`{path}` has {names}"
    raise click.UsageError(f"{msg}: name one with --table")


def _renamed(schema: TableSchema, name: str) -> TableSchema:
    """The rows of one table may go into one of another name."""
    if schema.name == name:
        return schema
    return TableSchema(name, schema.columns, measures=schema.measures, description=schema.description)


def _read(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        msg = f"{path}: is no schema: {error}"
        raise CommandError(msg, hint="`powerbi-push schema FILE` makes one of a file of rows") from None


def infer(asked: Asked, reading: Reading, table: str, *, convert: bool) -> tuple[TableSchema | None, int | None]:
    """Read the types off rows: those of a whole file, or the first of stdin.

    Args:
        asked: The file.
        reading: The pass that rows are pushed from later; of stdin its first rows are looked at and put back.
        table: The table's name.
        convert: Whether text is taken for what it reads as.

    Returns:
        The schema, None where there are no rows, and how many there are, where all were looked at.

    Raises:
        BrokenFileError: The file cannot be read on, or is in another encoding. A line that is no row is passed over:
            the push says what is wrong with it, or sets it aside.
    """
    if asked.is_stdin:
        first = _first(reading)
        rows = reading.rows() if reading.format == "parquet" else [row for chunk in first for row in chunk.rows]
        if reading.format == "parquet":
            rows = _batches(first)
        reading.put_back(first.copy())
        if not sum(len(chunk.lines) for chunk in first):
            return None, 0
        try:
            return _inferred(asked, table, rows, convert=convert), None
        except CommandError:
            _refuse_other_encodings((line, json.dumps(row, ensure_ascii=False)) for line, row in _numbered(first))
            raise
    try:
        try:
            return _whole(asked, Reading(asked), table, convert=convert)
        except BrokenFileError:
            return _whole(asked, Reading(asked, _pass_over), table, convert=convert)
    except CommandError:
        if reading.format != "parquet":
            again = Opened(asked)
            _refuse_other_encodings(enumerate(text_of(again), 1))
            again.close()
        raise


def _whole(asked: Asked, reading: Reading, table: str, *, convert: bool) -> tuple[TableSchema | None, int]:
    try:
        return _inferred(asked, table, reading.rows(), convert=convert), reading.count
    except SourceError as error:
        raise (reading.failure or error) from None
    except CommandError:
        if reading.count:
            raise
        return None, 0
    finally:
        reading.close()


def _refuse_other_encodings(lines: Iterable[tuple[int, str]]) -> None:
    """Say on which line a text is no UTF-8, where one is."""
    for line, text in lines:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise not_utf8(line) from None


def _numbered(chunks: list[Chunk]) -> Iterator[tuple[int, Any]]:
    """Rows with their lines; batches of Parquet have none."""
    for chunk in chunks:
        yield from zip(chunk.lines, chunk.rows, strict=True) if isinstance(chunk.rows, list) else ()


def _pass_over(_broken: Broken) -> None:
    """A broken line has no types."""


def _first(reading: Reading) -> list[Chunk]:
    taken: list[Chunk] = []
    count = 0
    while count < _FIRST and (some := list(islice(reading.chunks, 1))):
        taken += some
        count += len(some[0].lines)
    return taken


def _batches(chunks: list[Chunk]) -> Any:
    from powerbi_push.cli.parquet_rows import batches  # noqa: PLC0415 - only for Parquet

    return batches(iter([chunk.rows for chunk in chunks]))


def _inferred(asked: Asked, table: str, rows: Any, *, convert: bool) -> TableSchema:
    try:
        return TableSchema.infer(table, rows, convert=convert)
    except ConfigurationError as error:
        msg = f"{asked.name}: {error.message}"
        raise CommandError(msg, hint=error.hint) from error


def preview(session: Session, asked: Asked, schema: TableSchema, *, looked_at: int | None) -> None:
    """Show which types were read off the rows."""
    of = f"the first {_FIRST:,} rows" if looked_at is None else f"all {looked_at:,} rows"
    session.say(
        f"types read off {'the one row' if looked_at == 1 else of} of {asked.name} (--schema FILE says others):"
    )
    for line in table_lines([[column.name, str(column.data_type)] for column in schema.columns]):
        session.say(f"  {line}")
