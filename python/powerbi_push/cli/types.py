"""The types of a file's columns: from a schema file, or read off the rows and shown before anything is sent."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.failures import CommandError
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.fitting import Fitting, inferred
from powerbi_push.cli.readings import Reading, batches
from powerbi_push.cli.session import table_lines
from powerbi_push.exceptions import SourceError
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.schema.table import TableSchema

if TYPE_CHECKING:
    from powerbi_push.cli.files import Asked, Format
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


def infer(
    asked: Asked, reading: Reading, table: str, *, convert: bool, passes_over: bool
) -> tuple[TableSchema | None, int | None]:
    """Read the types off rows: those of a whole file, or the first of stdin.

    Args:
        asked: The file.
        reading: The pass that rows are pushed from later; of stdin its first rows are looked at and put back.
        table: The table's name.
        convert: Whether text is taken for what it reads as.
        passes_over: Whether a row that no types take is passed over, since it is told of later; else it is the end.

    Returns:
        The schema, None where there are no rows, and how many there are, where all were looked at.

    Raises:
        BrokenFileError: The file cannot be read on. A line that is no row is passed over: the push says what is wrong
            with it, or sets it aside.
    """
    fitting = Fitting(asked, convert=convert, passes_over=passes_over)
    if asked.is_stdin:
        first = _first(reading)
        rows = _looked_at(first, reading.format)
        reading.put_back(first.copy())
        if not sum(len(chunk.lines) for chunk in first):
            return None, 0
        try:
            return inferred(asked, table, rows, convert=convert), None
        except (CommandError, SourceError):
            if reading.format == "parquet":
                raise
        return fitting.schema(table, iter(first)), None
    try:
        try:
            return _whole(asked, Reading(asked), table, convert=convert)
        except BrokenFileError:
            return _whole(asked, Reading(asked, _pass_over), table, convert=convert)
    except (CommandError, SourceError):
        if reading.format == "parquet":
            raise
    again = Reading(asked, _pass_over)
    try:
        schema = fitting.schema(table, again.chunks)
    finally:
        again.close()
    return schema, fitting.count


def _whole(asked: Asked, reading: Reading, table: str, *, convert: bool) -> tuple[TableSchema | None, int]:
    try:
        return inferred(asked, table, reading.rows(), convert=convert), reading.count
    except SourceError as error:
        raise (reading.failure or error) from None
    except CommandError:
        if reading.count:
            raise
        return None, 0
    finally:
        reading.close()


def _pass_over(_broken: Broken) -> None:
    """A broken line has no types."""


def _first(reading: Reading) -> list[Chunk]:
    taken: list[Chunk] = []
    count = 0
    while count < _FIRST and (some := list(islice(reading.chunks, 1))):
        taken += some
        count += len(some[0].lines)
    return taken


def _looked_at(chunks: list[Chunk], kind: Format) -> Any:
    """The rows that types are read off: no more than are told of."""
    if kind in {"ndjson", "json"}:
        return list(islice((row for chunk in chunks for row in chunk.rows), _FIRST))
    parts = [chunk.rows for chunk in chunks]
    if kind == "csv" and (more := sum(map(len, parts)) - _FIRST) > 0:
        parts[-1] = parts[-1].first(len(parts[-1]) - more)
    return batches(iter(parts))


def preview(session: Session, asked: Asked, schema: TableSchema, *, looked_at: int | None) -> None:
    """Show which types were read off the rows."""
    of = f"the first {_FIRST:,} rows" if looked_at is None else f"all {looked_at:,} rows"
    session.say(
        f"types read off {'the one row' if looked_at == 1 else of} of {asked.name} (--schema FILE says others):"
    )
    for line in table_lines([[column.name, str(column.data_type)] for column in schema.columns]):
        session.say(f"  {line}")
