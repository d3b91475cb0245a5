"""What a local Power BI begins with: a JSON file of datasets and their rows; a mistake in it is told with its line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined] # what `json` itself reads names with
from pathlib import Path
from typing import TYPE_CHECKING, Any

from powerbi_push.cli.failures import CommandError
from powerbi_push.exceptions import ConfigurationError, SourceError, ValidationError
from powerbi_push.schema.dataset import DatasetSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

_FORM = '[{"name": "Sales", "tables": [{"name": "Orders", "columns": [...], "rows": [...]}]}]'
_TEXT_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity')
_decoder = json.JSONDecoder()
Place = tuple[str | int, ...]


@dataclass
class Seed:
    """Datasets that can be made, with rows that fit."""

    datasets: list[tuple[DatasetSchema, dict[str, list[Any]]]]

    def sow(self, running: Emulator) -> None:
        """Make the datasets, and push their rows."""
        for schema, rows in self.datasets:
            dataset = running.client().create_dataset(schema)
            for table, some in rows.items():
                dataset.table(table).push(some, convert=True)


def read_seed(path: str) -> Seed:
    """Read a file of datasets, and check all that is in it.

    Raises:
        CommandError: Something in it is wrong; the message names the line.
    """
    text, found = _read(path)
    place: Place = ("datasets",) if isinstance(found, dict) and "datasets" in found else ()
    if place:
        found = found["datasets"]
    elif isinstance(found, dict):
        found, place = [found], (-1,)
    if not isinstance(found, list):
        raise _wrong(path, text, place, "is no array of datasets")
    # A file that holds one dataset has no array around it.
    at: list[Place] = [()] if place == (-1,) else [(*place, number) for number in range(len(found))]
    datasets = [_dataset(path, text, one, where) for one, where in zip(found, at, strict=True)]
    names = [schema.name for schema, _ in datasets]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise _wrong(path, text, at[number], f"there is a dataset `{name}` already", hint="each has its own name")
    return Seed(datasets)


def _read(path: str) -> tuple[str, Any]:
    """Give the text of a file and what it says as JSON."""
    written = Path(path).read_bytes()
    try:
        text = written.decode("utf-8-sig")
        return text, json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        line, reason = written.count(b"\n", 0, error.start) + 1, "is not UTF-8"
    except json.JSONDecodeError as error:
        line, reason = error.lineno, f"is not JSON: {error.msg}"
    except _ConstantError as error:
        at = next(found.start() for found in _TEXT_OR_CONSTANT.finditer(text) if found[0] == str(error))
        line, reason = text.count("\n", 0, at) + 1, f"is not JSON, which has no {error}"
    except RecursionError:
        line, reason = 1, "is nested too deeply"
    msg = f"{path}, line {line}: {reason}"
    raise CommandError(msg) from None


class _ConstantError(Exception):
    """NaN or Infinity, which Python reads in JSON and JSON has not."""


def _refuse_constant(name: str) -> Any:
    raise _ConstantError(name)


def _dataset(path: str, text: str, told: Any, place: Place) -> tuple[DatasetSchema, dict[str, list[Any]]]:
    """Read a dataset apart from its rows, and hold the rows against their columns."""
    if not isinstance(told, dict):
        raise _wrong(path, text, place, "is no dataset")
    tables = told.get("tables", [])
    if not isinstance(tables, list):
        raise _wrong(path, text, (*place, "tables"), "`tables` is no array")
    bare = []
    for number, table in enumerate(tables):
        if not isinstance(table, dict):
            raise _wrong(path, text, (*place, "tables", number), "is no table")
        bare.append({name: value for name, value in table.items() if name != "rows"})
    try:
        schema = DatasetSchema.from_json({**told, "tables": bare})
    except ConfigurationError as error:
        raise _wrong(path, text, place, error.message, hint=error.hint) from error
    rows = {table.name: tables[number].get("rows", []) for number, table in enumerate(schema.tables)}
    for number, table in enumerate(schema.tables):
        where = (*place, "tables", number, "rows")
        some = rows[table.name]
        if not isinstance(some, list):
            raise _wrong(path, text, where, "`rows` is no array")
        try:
            table.payloads(some, convert=True)
        except ValidationError as error:
            first, more = error.errors[0], error.error_count - 1
            reason = f"row {first.row}: {first.message}" + (f"; {more} more are wrong" if more else "")
            raise _wrong(path, text, (*where, first.row), reason) from error
        except SourceError as error:
            raise _wrong(path, text, where, error.message, hint=error.hint) from error
    return schema, rows


def _wrong(path: str, text: str, place: Place, reason: str, *, hint: str | None = None) -> CommandError:
    return CommandError(f"{path}, line {line_of(text, place)}: {reason}", hint=hint or _FORM)


def line_of(text: str, place: Place) -> int:
    """Say on which line of a JSON text a value begins, or what is around it if there is none."""
    at = _start(text, 0)
    for step in place:
        found = next((start for name, start in _members(text, at) if name == step), None)
        if found is None:
            break
        at = found
    return text.count("\n", 0, at) + 1


def _members(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """Give the names or numbers of what is in an object or array, and where each begins."""
    is_object, number = text[at] == "{", 0
    if text[at] not in "{[":
        return
    at = _start(text, at + 1)
    while text[at] not in "}]":
        name: str | int = number
        if is_object:
            name, at = scanstring(text, at + 1)
            at = _start(text, _start(text, at) + 1)
        yield name, at
        _, at = _decoder.raw_decode(text, at)
        at, number = _start(text, at), number + 1
        if text[at] == ",":
            at = _start(text, at + 1)


def _start(text: str, at: int) -> int:
    """Skip blanks."""
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
