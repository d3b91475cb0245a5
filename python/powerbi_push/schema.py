"""Schemas: what the rows of a table look like, checked against the service's rules when they are made.

Names, counts and properties are checked as the service's swagger and "Push semantic model limitations"
(learn.microsoft.com/power-bi/developer/embedded/push-datasets-limitations) state them; one error lists all problems.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from powerbi_push import _core
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.results import ValidationReport, validation_report

if TYPE_CHECKING:
    from typing import Self, Unpack

    from powerbi_push.options import CheckOptions, RowOptions, Rows

#: A data type: its name in any case, an alias such as ``"int"``, or one of Python's own types.
DataType: TypeAlias = str | type

#: Nobody means so many of anything, and what has no end is not read to it.
_FAR_TOO_MANY = 10_001
_Item = TypeVar("_Item")

_PYTHON_TYPES: dict[type, str] = {
    int: "Int64",
    float: "Double",
    bool: "Boolean",
    datetime: "DateTime",
    date: "DateTime",
    str: "String",
    Decimal: "Decimal",
}
_TYPES = "Int64, Double, Boolean, DateTime, String, Decimal"
_SERVICE_NAMES = {
    "data_type": "dataType",
    "format_string": "formatString",
    "sort_by_column": "sortByColumn",
    "data_category": "dataCategory",
    "is_hidden": "isHidden",
    "summarize_by": "summarizeBy",
    "from_table": "fromTable",
    "from_column": "fromColumn",
    "to_table": "toTable",
    "to_column": "toColumn",
    "cross_filtering": "crossFilteringBehavior",
    "mode": "defaultMode",
    "retention": "defaultRetentionPolicy",
}


def specification(value: object) -> Any:
    """Turn a schema object into the service's spelling, which the core reads and checks."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [one.name for one in fields(value) if one.compare]
        return {_SERVICE_NAMES.get(name, name): specification(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [specification(one) for one in value]
    return value


def _type_name(name: object, data_type: object) -> str:
    text = _PYTHON_TYPES.get(data_type) if isinstance(data_type, type) else data_type
    known = _core.data_type_name(text) if isinstance(text, str) else None
    if known is None:
        msg = f"column `{name!s:.100}` has the data type {data_type!r:.100}; the types are {_TYPES}"
        raise ConfigurationError(msg, hint="Python's int, float, bool, datetime, date, str and Decimal are taken too")
    return known


@dataclass(frozen=True, slots=True, repr=False)
class Column:
    """A column of a table.

    Args:
        name: Any text without control characters. Case counts when rows are sent.
        data_type: ``"Int64" "Double" "Boolean" "DateTime" "String" "Decimal"`` in any case, an alias
            (``int bool number text`` ...), or Python's ``int float bool datetime date str Decimal``.
        format_string: How a number is shown, such as ``"0.00"``.
        sort_by_column: The name of a column of the same table to sort by.
        data_category: Such as ``"City"`` or ``"WebUrl"``.
        is_hidden: Whether reports hide the column.
        summarize_by: ``default none sum min max count average distinctCount``.

    Raises:
        ConfigurationError: There is no such data type.

    >>> Column("Price", float)
    Column('Price', 'Double')
    """

    name: str
    data_type: DataType
    format_string: str | None = field(default=None, kw_only=True)
    sort_by_column: str | None = field(default=None, kw_only=True)
    data_category: str | None = field(default=None, kw_only=True)
    is_hidden: bool | None = field(default=None, kw_only=True)
    summarize_by: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Spell the data type as the documentation does."""
        object.__setattr__(self, "data_type", _type_name(self.name, self.data_type))

    def __repr__(self) -> str:
        """Short: what is set."""
        return _short_repr(self, positional=2)


@dataclass(frozen=True, slots=True, repr=False)
class Measure:
    """A measure: a DAX expression with a name.

    Args:
        name: Unique among the columns and measures of the table.
        expression: DAX.
        format_string: How the number is shown.
        description: For people.
        is_hidden: Whether reports hide it.
    """

    name: str
    expression: str
    format_string: str | None = field(default=None, kw_only=True)
    description: str | None = field(default=None, kw_only=True)
    is_hidden: bool | None = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        """Short: what is set."""
        return _short_repr(self, positional=2)


@dataclass(frozen=True, slots=True, repr=False)
class Relationship:
    """A many-to-one relationship: each row of `from_table` points to one of `to_table`.

    Args:
        name: Unique in the dataset.
        from_table: The table on the many side.
        from_column: Its column that points.
        to_table: The table on the one side.
        to_column: Its column that is pointed to.
        cross_filtering: ``OneDirection`` (default), ``BothDirections`` or ``Automatic``.
    """

    name: str
    from_table: str
    from_column: str
    to_table: str
    to_column: str
    cross_filtering: str = field(default="OneDirection", kw_only=True)

    def __repr__(self) -> str:
        """Short: what is set."""
        return _short_repr(self, positional=5)


@dataclass(frozen=True, init=False, repr=False)
class TableSchema:
    """A table: its name and its columns.

    Args:
        name: At most 100 characters, without ``. / & ( ) "`` and the like.
        columns: A mapping of names to data types, or a list of `Column`; at most 75.
        measures: `Measure` objects.
        description: For people.
        is_hidden: Whether reports hide the table.

    Raises:
        ConfigurationError: The service would refuse the table; the message lists every reason.

    >>> TableSchema("Product", {"ProductID": int, "Name": "string"})
    TableSchema('Product', {'ProductID': 'Int64', 'Name': 'String'})
    """

    name: str
    columns: tuple[Column, ...]
    measures: tuple[Measure, ...]
    description: str | None
    is_hidden: bool | None
    _core: _core.TableSchema = field(compare=False)

    def __init__(
        self,
        name: str,
        columns: Mapping[str, DataType] | Iterable[Column],
        *,
        measures: Iterable[Measure] = (),
        description: str | None = None,
        is_hidden: bool | None = None,
    ) -> None:
        """Check the table against the service's rules."""
        set_ = object.__setattr__
        set_(self, "name", name)
        owner = owned_by("table", name)
        set_(self, "columns", _columns(owner, columns))
        set_(self, "measures", few(owner, "measures", measures))
        set_(self, "description", description)
        set_(self, "is_hidden", is_hidden)
        set_(self, "_core", _core.TableSchema(specification(self)))
        set_(self, "columns", tuple(Column(**column) for column in self._core.canonical["columns"]))

    @classmethod
    def infer(cls, name: str, rows: Rows, *, types: Mapping[str, DataType] | None = None) -> Self:
        """Read the columns off rows: all of them are looked at, in the order in which names first appear.

        Whole and other numbers in one column widen to Double. Any other mixture is an error with an example of each
        kind; nothing ever turns into text by itself. NaN is a float, so that whole numbers with NaN are Double; in
        nullable and Arrow integers nothing is NaN, and they stay Int64 whatever is missing.

        Args:
            name: The table's name.
            rows: Rows, read to their end.
            types: Data types of columns that need no guess, such as those that hold nothing but None.

        Raises:
            ConfigurationError: A column is mixed or has no values, there are no rows, or a frame's columns have types
                or labels that cannot be pushed.
            SourceError: Reading the rows raised.

        >>> TableSchema.infer("t", [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}])
        TableSchema('t', {'a': 'Double', 'b': 'String'})
        """
        given = few(owned_by("table", name), "columns", (types or {}).items())
        known = [(column, _type_name(column, data_type)) for column, data_type in given]
        return cls(name, dict(_core.infer_columns(rows, known)))

    def validate(self, rows: Rows, *, max_errors: int = 1000, **options: Unpack[RowOptions]) -> ValidationReport:
        """Judge rows without sending or raising anything about them.

        Args:
            rows: Rows, read to their end.
            max_errors: How many problems are kept in full.
            **options: See `RowOptions`.

        Raises:
            ConfigurationError: A frame has columns whose types or labels cannot be pushed.
            TypeError: `rows` is a single row, text or no iterable.
            SourceError: Reading the rows raised.

        >>> TableSchema("t", {"Price": float}).validate([{"Prise": 1}]).errors[0].message
        'column `Prise` is not in table `t`; did you mean `Price`?'
        """
        return validation_report(self._core.validate(rows, {"max_errors": max_errors, **options}))

    def payloads(
        self,
        rows: Rows,
        *,
        max_rows: int = 10_000,
        max_bytes: int = 16_000_000,
        **options: Unpack[CheckOptions],
    ) -> Iterator[bytes]:
        """Make the request bodies that a push would send, checked in the same way, and send nothing.

        Args:
            rows: Rows. A list, tuple or frame is checked whole before this returns.
            max_rows: Rows of one body, at most 10,000.
            max_bytes: Bytes of one body, at most 16,000,000.
            **options: See `CheckOptions`.

        Returns:
            An iterator of ``{"rows":[...]}``.

        Raises:
            ValidationError: Rows do not fit, unless ``on_invalid="skip"``.
            ConfigurationError: A frame has columns whose types or labels cannot be pushed.
            TypeError: `rows` is a single row, text or no iterable.
            SourceError: Reading the rows raised.

        >>> list(TableSchema("t", {"a": int}).payloads([{"a": 1}, {"a": None}]))
        [b'{"rows":[{"a":1},{"a":null}]}']
        """
        return self._core.payloads(rows, max_rows, max_bytes, options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by what it was made from."""
        return _restore_table, (self.name, self.columns, self.measures, self.description, self.is_hidden)

    def __repr__(self) -> str:
        """Short: the columns by name and type, and what else is set."""
        columns = {column.name: column.data_type for column in self.columns}
        set_ = {"measures": self.measures, "description": self.description, "is_hidden": self.is_hidden}
        rest = "".join(f", {name}={value!r}" for name, value in set_.items() if value not in ((), None))
        return f"TableSchema({self.name!r}, {columns!r}{rest})"

    def _repr_html_(self) -> str:
        """Show the columns as a table in a notebook."""
        rows = "".join(
            f"<tr><td>{html.escape(column.name)}</td><td>{column.data_type}</td></tr>" for column in self.columns
        )
        head = "<tr><th>column</th><th>data type</th></tr>"
        return f"<table><caption>{html.escape(self.name)}</caption>{head}{rows}</table>"


def owned_by(what: str, name: object) -> str:
    """Say whose something is, in a message that any name fits into."""
    return f"{what} `{str(name)[:100]}`".encode(errors="backslashreplace").decode()


def few(owner: str, what: str, items: Iterable[_Item]) -> tuple[_Item, ...]:
    """Take what a schema is made of; of far too many, or of what has no end, none is looked at.

    Raises:
        ConfigurationError: They are far more than the service takes.
    """
    if isinstance(items, Sized):
        _core.check_count(owner, what, len(items), False)  # noqa: FBT003 - a door of the core
        return tuple(items)
    taken = tuple(islice(items, _FAR_TOO_MANY))
    if len(taken) == _FAR_TOO_MANY:
        _core.check_count(owner, what, len(taken) - 1, True)  # noqa: FBT003
    return taken


def _columns(owner: str, columns: Mapping[str, DataType] | Iterable[Column]) -> tuple[Column, ...]:
    if isinstance(columns, Mapping):
        return tuple(Column(name, data_type) for name, data_type in few(owner, "columns", columns.items()))
    return few(owner, "columns", columns)


def _restore_table(
    name: str,
    columns: tuple[Column, ...],
    measures: tuple[Measure, ...],
    description: str | None,
    is_hidden: bool | None,  # noqa: FBT001 - called by pickle, in the order of `__reduce__`
) -> TableSchema:
    return TableSchema(name, columns, measures=measures, description=description, is_hidden=is_hidden)


def _short_repr(value: Any, *, positional: int) -> str:
    parts = [
        repr(getattr(value, one.name)) if place < positional else f"{one.name}={getattr(value, one.name)!r}"
        for place, one in enumerate(fields(value))
        if place < positional or getattr(value, one.name) != one.default
    ]
    return f"{type(value).__name__}({', '.join(parts)})"
