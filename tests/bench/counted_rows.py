"""What callgrind runs: rows of one kind become bodies, by the module of `counted` alone.

python tests/bench/counted_rows.py <the module's file> <kind of rows>
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from dataclasses import make_dataclass
from typing import TYPE_CHECKING, Any

import data

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push import TableSchema

ROWS = 3_000
BODY = 1_000


def _dataclasses(*, slots: bool) -> list[Any]:
    rows = data.sales(ROWS)
    sale = make_dataclass("Sale", list(rows[0]), slots=slots)
    return [sale(**row) for row in rows]


def _table() -> Any:
    # Imports take valgrind longest: only this kind of rows has pyarrow, and pyarrow has none of the two it looks for.
    for name in ("numpy", "pandas"):
        sys.modules[name] = None  # type: ignore[assignment]
    import pyarrow as pa  # noqa: PLC0415

    return pa.Table.from_pylist(data.sales(ROWS))


# The pyarrow table first: it takes longest.
KINDS: dict[str, tuple[TableSchema, Callable[[], Any]]] = {
    "pyarrow table": (data.SALES, _table),
    "dict rows: 6 columns": (data.SALES, lambda: data.sales(ROWS)),
    "dict rows: 25 columns": (data.WIDE, lambda: data.wide(ROWS)),
    "dict rows: missing keys": (data.SALES, lambda: data.gaps(ROWS)),
    "dict rows: non-ASCII": (data.TEXTS, lambda: data.texts(ROWS)),
    "dict rows: new keys": (data.SALES, lambda: data.parsed(data.sales(ROWS))),
    "dict rows: 25 columns, new keys": (data.WIDE, lambda: data.parsed(data.wide(ROWS))),
    "dict rows: floats of all digits": (data.FULL, lambda: data.full(ROWS)),
    "dataclasses": (data.SALES, lambda: _dataclasses(slots=False)),
    "dataclasses with slots": (data.SALES, lambda: _dataclasses(slots=True)),
}


def main(module: str, kind: str) -> None:
    """Encode the rows of that kind."""
    # Rows of a frame are encoded on as many threads as there are cores, and callgrind counts the first thread alone.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    schema, make = KINDS[kind]
    columns = [{"name": column.name, "dataType": column.data_type} for column in schema.columns]
    rows = make()
    # Encoded before: Python then keeps each text as UTF-8, and where it finds memory for that differs from run to run.
    bodies = list(schema.payloads(rows, max_rows=BODY))
    if load(module).bodies(rows, {"name": schema.name, "columns": columns}) != bodies:
        message = "the bodies differ from those of the package"
        raise AssertionError(message)


def load(file: str) -> Any:
    """Import the module that cargo built there."""
    loader = importlib.machinery.ExtensionFileLoader("counted", file)
    spec = importlib.util.spec_from_file_location("counted", file, loader=loader)
    if spec is None:
        raise ImportError(file)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(*sys.argv[1:])
