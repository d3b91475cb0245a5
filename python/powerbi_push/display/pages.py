"""Small tables of HTML: how results, plans and the like show themselves in a notebook.

Everything that comes from rows, names or the service is escaped here, and nowhere else.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from powerbi_push.delivery.results import RowError

#: Rows of a table that are shown; the others are counted.
MOST = 10
_CAPTION = "text-align:left;white-space:nowrap"
_LEFT = "text-align:left"
_BAD = "background:#c0392b33;text-align:left"


class Bad(str):
    """The text of a cell that is wrong: it is marked."""

    __slots__ = ()


def page(*parts: str) -> str:
    """Put parts one below the other."""
    return f"<div>{''.join(parts)}</div>"


def line(text: object, tag: str = "p") -> str:
    """A line of text."""
    return f"<{tag}>{html.escape(str(text))}</{tag}>"


def facts(caption: str, given: Iterable[tuple[str, object]]) -> str:
    """A table of names with values; what is None, zero or empty is left out.

    Args:
        caption: What it is about.
        given: The names and values. Numbers get separators of thousands.
    """
    rows = "".join(
        f"<tr><th style='{_LEFT}'>{html.escape(name)}</th><td style='{_LEFT}'>{_shown(value)}</td></tr>"
        for name, value in given
        if value
    )
    return f"<table><caption style='{_CAPTION}'>{html.escape(caption)}</caption>{rows}</table>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, more: int = 0) -> str:
    """A table with a head.

    Args:
        head: Names of the columns.
        rows: Cells; a `Bad` one is marked.
        more: How many rows are not shown.
    """
    titles = "".join(f"<th style='{_LEFT}'>{html.escape(title)}</th>" for title in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    rest = f"<tr><td colspan='{len(head)}' style='{_LEFT}'>and {more:,} more</td></tr>" if more > 0 else ""
    return f"<table><tr>{titles}</tr>{body}{rest}</table>"


def problems(errors: Sequence[RowError], count: int) -> str:
    """A table of what is wrong with rows, the cells at fault marked; nothing where all are well."""
    if not count:
        return ""
    rows = ((error.row, error.column or "", Bad(_value(error)), error.message) for error in errors[:MOST])
    return table(("row", "column", "value", "what is wrong"), rows, more=count - min(len(errors), MOST))


def _value(error: RowError) -> str:
    if error.value is None:
        return error.value_type
    text = repr(error.value)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - what fits beside a message


def _cell(value: object) -> str:
    return f"<td style='{_BAD if isinstance(value, Bad) else _LEFT}'>{_shown(value)}</td>"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return html.escape(str(value))


def link(address: str | None) -> str | None:
    """A link to a page of the service; None where there is none that one can follow."""
    if not address or not address.startswith(("https://", "http://")):
        return None
    return f"<a href='{html.escape(address)}' target='_blank' rel='noopener'>open in Power BI</a>"


def seconds(length: float) -> str:
    """A length of time with its unit: two units at most, and tenths below a minute."""
    whole = round(length)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{length:.1f} s"
    return next(_in_units(whole))


def _in_units(whole: int) -> Iterator[str]:
    for size, unit, next_size, next_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // next_size
            yield f"{whole // size} {unit} {rest} {next_unit}" if rest else f"{whole // size} {unit}"
