"""What a query gave: names and values as Python has them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.schema.table import TableSchema

#: How the service writes a DateTime. Power BI keeps no zone.
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z?")


def named_rows(text: str) -> list[dict[str, Any]]:
    """Read the rows of any query: names as they are, but that a column of the query's own loses its brackets."""
    return [{_own_name(name): value for name, value in row.items()} for row in json.loads(text)]


def _own_name(name: str) -> str:
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def table_rows(text: str, table: str, schema: TableSchema | None) -> list[dict[str, Any]]:
    """Read rows of one table, under the plain names of their columns, with values of their columns' types."""
    types = {column.name: str(column.data_type) for column in schema.columns} if schema else {}
    rows = json.loads(text, parse_float=Decimal if "Decimal" in types.values() else None)
    return [
        {name: _value(value, types.get(name)) for name, value in ((_plain(table, name), row[name]) for name in row)}
        for row in rows
    ]


def _plain(table: str, name: str) -> str:
    inner = name.removeprefix(table) if name.endswith("]") else name
    return _own_name(inner)


def _value(value: Any, data_type: str | None) -> Any:
    if isinstance(value, Decimal) and data_type is None:
        return float(value)
    if value is None:
        return None
    convert = _CONVERSIONS.get(data_type)
    return convert(value) if convert else value


def _moment(value: Any) -> Any:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return value
    return datetime.fromisoformat(value.removesuffix("Z"))


#: By data type; without a schema what looks like a moment is one.
_CONVERSIONS: dict[str | None, Callable[[Any], Any]] = {
    "DateTime": _moment,
    None: _moment,
    "Decimal": Decimal,
    "Double": float,
}
