"""Whether the rows of a table are those that were to be pushed, and how they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from powerbi_push.delivery.results import amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from powerbi_push.calls.options import Rows

    Row = tuple[Any, ...]

#: Rows of a kind that are shown; the others are counted.
_SHOWN = 10


def difference(
    columns: Sequence[str], wanted: list[dict[str, Any]], arrived: list[dict[str, Any]], *, ordered: bool
) -> str | None:
    """Say how rows differ; None if they do not. A cell that is missing is a cell with None.

    Args:
        columns: The columns of the table.
        wanted: The rows that were to be pushed.
        arrived: The rows that are there.
        ordered: Whether they must be there in this order.
    """
    should, there = _cells(columns, wanted), _cells(columns, arrived)
    if should == there or (not ordered and Counter(map(_key, should)) == Counter(map(_key, there))):
        return None
    missing, unexpected = _lacking(should, there), _lacking(there, should)
    if not missing and not unexpected:
        at = next(at for at, pair in enumerate(zip(should, there, strict=True)) if _key(pair[0]) != _key(pair[1]))
        return f"the rows are there, in another order from row {at} on: {_shown(columns, there[at])} came first"
    changed = list(_pairs(missing, unexpected))
    parts = [
        _part("changed", [_changes(columns, *pair) for pair in changed]),
        _part("missing", [_shown(columns, row) for row in missing]),
        _part("unexpected", [_shown(columns, row) for row in unexpected]),
    ]
    return "\n".join([f"{amount(len(there), 'row')} arrived of {len(should):,}", *(part for part in parts if part)])


def apart(rows: Rows, columns: Sequence[str]) -> tuple[Rows, list[dict[str, Any]]]:
    """Take out of rows the cells of columns that no row has brought; None is a missing cell."""
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        return rows, []
    known = set(columns)
    beside = [{name: row[name] for name in row if name not in known and row[name] is not None} for row in rows]
    return [{name: row[name] for name in row if name in known} for row in rows], beside


def together(
    columns: list[str], rows: list[dict[str, Any]], beside: list[dict[str, Any]]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Give columns and rows with the cells that were taken apart."""
    more = dict.fromkeys(name for cells in beside for name in cells)
    return [*columns, *more], [row | cells for row, cells in zip(rows, beside or [{}] * len(rows), strict=True)]


def _cells(columns: Sequence[str], rows: list[dict[str, Any]]) -> list[Row]:
    return [tuple(row.get(name) for name in columns) for row in rows]


def _key(row: Row) -> tuple[tuple[str, Any], ...]:
    """What makes a row the same as another: True is not 1."""
    return tuple((type(cell).__name__, cell) for cell in row)


def _lacking(rows: list[Row], others: list[Row]) -> list[Row]:
    """Give the rows that are not among the others, in their order."""
    left, lacking = Counter(map(_key, others)), []
    for row in rows:
        if left[_key(row)]:
            left[_key(row)] -= 1
        else:
            lacking.append(row)
    return lacking


def _pairs(missing: list[Row], unexpected: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Take out of both lists the rows that are alike: at least half of their cells are the same."""
    for row in missing[: 10 * _SHOWN]:
        alike = [(sum(map(_same, row, other)), -at) for at, other in enumerate(unexpected)]
        same, at = max(alike, default=(0, 0))
        if same and 2 * same >= len(row):
            missing.remove(row)
            yield row, unexpected.pop(-at)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _shown(columns: Sequence[str], row: Row) -> str:
    return repr({name: cell for name, cell in zip(columns, row, strict=True) if cell is not None})


def _changes(columns: Sequence[str], wanted: Row, arrived: Row) -> str:
    cells = zip(columns, wanted, arrived, strict=True)
    changes = [f"{name}: {one!r} arrived as {other!r}" for name, one, other in cells if not _same(one, other)]
    return f"{', '.join(changes)} in {_shown(columns, wanted)}"


def _part(what: str, rows: list[str]) -> str:
    if not rows:
        return ""
    more = [f"  ... and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    count = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    return "\n".join([f"{what}, {count}:", *(f"  {row}" for row in rows[:_SHOWN]), *more])
