"""Schemas: what the rows of a table look like, checked against the service's rules when they are made.

Names, counts and properties are checked as the service's swagger and "Push semantic model limitations"
(learn.microsoft.com/power-bi/developer/embedded/push-datasets-limitations) state them; one error lists all problems.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from powerbi_push import _core
from powerbi_push.calls.arguments import items, listed, look_at, owned_by, shown
from powerbi_push.calls.options import CheckOptions, RowOptions, given, takes
from powerbi_push.delivery.results import ValidationReport, validation_report
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.schema.data_types import is_date, type_name
from powerbi_push.tracebacks import Hidden, frameless, shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self, Unpack

    from powerbi_push.calls.options import Rows

#: A data type: its name in any case, an alias such as ``"int"``, one of Python's own types, or a type of numpy, pandas,
#: polars or Arrow, such as ``frame.dtypes["Price"]``.
DataType: TypeAlias = object

#: Whom a schema is for.
Target: TypeAlias = Literal["powerbi", "microstrategy"]
TARGETS = ["powerbi", "microstrategy"]

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
        names = [one.name for one in fields(value) if one.compare and one.name != "target"]
        return {_SERVICE_NAMES.get(name, name): specification(getattr(value, name)) for name in names}
    if isinstance(value, tuple | list):
        return [specification(one) for one in value]
    return value


@shown_unfinished
@dataclass(frozen=True, slots=True, repr=False)
class Column:
    """A column of a table.

    Args:
        name: Any text without control characters. Case counts when rows are sent.
        data_type: ``"Int64" "Double" "Boolean" "DateTime" "String" "Decimal"`` in any case, an alias
            (``int bool number text`` ...), Python's ``int float bool datetime date str Decimal``, or a data type of
            numpy, pandas, polars or Arrow.
        format_string: How a number is shown, such as ``"0.00"``.
        sort_by_column: The name of a column of the same table to sort by.
        data_category: Such as ``"City"`` or ``"WebUrl"``.
        is_hidden: Whether reports hide the column.
        summarize_by: ``default none sum min max count average distinctCount``.

    Raises:
        ConfigurationError: There is no such data type.
        TypeError: An argument is of a wrong type.

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
    #: Whether a date without a time of day was meant, for targets that have such columns.
    _is_date: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Judge what is given, and spell the data type as the documentation does."""
        _texts(self, "name", optional=("format_string", "sort_by_column", "data_category", "summarize_by"))
        known = type_name(self.name, self.data_type)
        object.__setattr__(self, "_is_date", is_date(self.data_type))
        object.__setattr__(self, "data_type", known)

    def __repr__(self) -> str:
        """Short: what is set."""
        return _short_repr(self, positional=2)


@shown_unfinished
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

    def __post_init__(self) -> None:
        """Judge what is given."""
        _texts(self, "name", "expression", optional=("format_string", "description"))

    def __repr__(self) -> str:
        """Short: what is set."""
        return _short_repr(self, positional=2)


@shown_unfinished
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

    def __post_init__(self) -> None:
        """Judge what is given."""
        _texts(self, *(one.name for one in fields(self)))

    def __repr__(self) -> str:
        """Short: what is set."""
        return _short_repr(self, positional=5)


@shown_unfinished
@dataclass(frozen=True, init=False, repr=False)
class TableSchema:
    """A table: its name and its columns.

    Args:
        name: At most 100 characters, without ``. / & ( ) "`` and the like.
        columns: A mapping of names to data types, such as ``{"Price": float}`` or ``dict(frame.dtypes)``, or a list of
            `Column` or of pairs; at most 75.
        measures: `Measure` objects.
        description: For people.
        is_hidden: Whether reports hide the table.
        target: Whom it is for: ``"powerbi"`` (default), or ``"microstrategy"``, which has the types Date and Time, text
            of any length, Decimals of 38 digits, and rules of its own for names.

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
    target: str
    _core: _core.TableSchema = field(compare=False)
    _hints: dict[str, str] = field(compare=False)

    def __init__(
        self,
        name: str,
        columns: Mapping[str, DataType] | Iterable[Column | tuple[str, DataType]],
        *,
        measures: Iterable[Measure] = (),
        description: str | None = None,
        is_hidden: bool | None = None,
        target: Target = "powerbi",
    ) -> None:
        """Check the table against the service's rules."""
        set_ = object.__setattr__
        set_(self, "name", _core.check_text("name", name))
        owner = owned_by("table", self.name)
        set_(self, "target", _core.check_word("target", target, TARGETS))
        set_(self, "columns", _for_target(columns_of(owner, "columns", columns, self.target), self.target))
        set_(self, "_hints", {})
        set_(self, "measures", items(owner, "measures", measures, Measure, self.target))
        set_(self, "description", _core.check_optional_text("description", description))
        set_(self, "is_hidden", _core.check_optional_flag("is_hidden", is_hidden))
        set_(self, "_core", _core.TableSchema(specification(self), self.target))
        canonical = tuple(Column(**column) for column in self._core.canonical["columns"])
        set_(self, "columns", _for_target(canonical, self.target))

    @classmethod
    def infer(
        cls,
        name: str,
        rows: Rows,
        *,
        types: Mapping[str, DataType] | None = None,
        convert: bool = False,
        target: Target = "powerbi",
    ) -> Self:
        """Read the columns off rows: all of them are looked at, in the order in which names first appear.

        Whole and other numbers in one column widen to Double. Any other mixture is an error with an example of each
        kind; nothing ever turns into text by itself. NaN among whole numbers makes them Double, as a frame has them; in
        nullable and Arrow integers nothing is NaN, and they stay Int64 whatever is missing. NaN among text, Booleans,
        Decimals or dates is a missing value. A column of a frame that has no values has the type that the frame gives
        it.

        Text stays text. What reads as numbers, Booleans or dates is in `hints`, and one warning of the logger says so.

        Args:
            name: The table's name.
            rows: Rows, read to their end.
            types: Data types of columns that need no guess, such as those that hold nothing but None.
            convert: Take text for what it reads as without a loss; rows are then pushed with ``convert=True``. Numbers
                with zeros in front stay text.
            target: Whom it is for; ``"microstrategy"`` makes Date of a column of dates and Time of one of times.

        Raises:
            ConfigurationError: A column is mixed or has no values, `types` names a column that no row has, there are no
                rows, or a frame's columns have types or labels that cannot be pushed.
            SourceError: Reading the rows raised.

        >>> TableSchema.infer("t", [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}])
        TableSchema('t', {'a': 'Double', 'b': 'String'})
        >>> TableSchema.infer("t", [{"a": "1", "b": "2014-07-30"}], convert=True)
        TableSchema('t', {'a': 'Int64', 'b': 'DateTime'})
        """
        name = _core.check_text("name", name)
        convert = _core.check_flag("convert", convert)
        target = cast("Target", _core.check_word("target", target, TARGETS))
        known = [
            (column.name, str(column.data_type))
            for column in _for_target(
                columns_of(owned_by("table", name), "types", () if types is None else types, target), target
            )
        ]
        columns, hints = _core.infer_columns(rows, known, convert, target)
        table = cls(name, dict(columns), target=target)
        if hints:
            object.__setattr__(table, "_hints", dict(hints))
            _tell(name, hints)
        return table

    @property
    def hints(self) -> dict[str, str]:
        """What columns of text read as: names and data types that ``infer(convert=True)`` would give them.

        >>> TableSchema.infer("t", [{"Id": "1", "Name": "x"}]).hints
        {'Id': 'Int64'}
        """
        return dict(self._hints)

    @takes(RowOptions)
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
        told = given("TableSchema.validate", RowOptions, options)
        return validation_report(self._core.validate(rows, {"max_errors": max_errors, **told}))

    @takes(CheckOptions)
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
        told = given("TableSchema.payloads", CheckOptions, options)
        return self._core.payloads(rows, max_rows, max_bytes, told)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by what it was made from."""
        rest = (self.measures, self.description, self.is_hidden, self.target)
        return _restore_table, (self.name, self.columns, self._hints, *rest)

    def __repr__(self) -> str:
        """Short: the columns by name and type, and what else is set."""
        columns = {column.name: column.data_type for column in self.columns}
        set_ = {"measures": self.measures, "description": self.description, "is_hidden": self.is_hidden}
        if self.target != "powerbi":
            set_["target"] = self.target
        rest = "".join(f", {name}={value!r}" for name, value in set_.items() if value not in ((), None))
        return f"TableSchema({self.name!r}, {columns!r}{rest})"

    def _repr_html_(self) -> str:
        """Show the columns as a table in a notebook."""
        rows = "".join(
            f"<tr><td>{html.escape(column.name)}</td><td>{column.data_type}</td></tr>" for column in self.columns
        )
        head = "<tr><th>column</th><th>data type</th></tr>"
        return f"<table><caption>{html.escape(self.name)}</caption>{head}{rows}</table>"


def _tell(name: str, hints: list[tuple[str, str]]) -> None:
    from powerbi_push.delivery.notices import log  # noqa: PLC0415 - only where there is something to say

    listed = ", ".join(f"`{column}` ({data_type})" for column, data_type in hints)
    log(f"table `{name}`: columns of text read as something else: {listed}; infer(convert=True) takes them as that")


def _texts(schema: Any, *names: str, optional: tuple[str, ...] = ()) -> None:
    """Judge what a part of a schema was given: texts, texts that may be missing, and whether it is hidden."""
    for name in names:
        object.__setattr__(schema, name, _core.check_text(name, getattr(schema, name)))
    for name in optional:
        object.__setattr__(schema, name, _core.check_optional_text(name, getattr(schema, name)))
    if hasattr(schema, "is_hidden"):
        _core.check_optional_flag("is_hidden", schema.is_hidden)


@frameless
def as_table_schema(name: str, schema: Hidden[Any]) -> TableSchema | None:
    """Take what describes the rows of the table `name`: a schema, a mapping of columns, or nothing."""
    look_at("schema", schema.value)
    if schema.value is None or isinstance(schema.value, TableSchema):
        return schema.value
    if isinstance(schema.value, Mapping):
        try:
            return TableSchema(name, schema.value)
        except ConfigurationError as error:
            msg = f"`schema`: {error.message}"
            raise ConfigurationError(msg, hint=error.hint) from None
    kind = type(schema.value).__name__
    advice = "pass one of its tables" if kind == "DatasetSchema" else 'give a mapping such as {"Price": float}'
    msg = f"`schema` must be a TableSchema or a mapping of columns, not {kind}; {advice}"
    raise TypeError(msg)


@frameless
def columns_of(owner: str, argument: str, columns: Any, target: str) -> tuple[Column, ...]:
    """The columns that an argument says: a mapping, columns, or pairs."""
    how = 'give a mapping such as {"Price": float}, or a list of Column or of pairs'
    if argument == "columns":
        how += "; TableSchema.infer(name, rows) reads them off rows or a frame"
    look_at(argument, columns)
    if hasattr(type(columns), "__dataframe__") or isinstance(columns, str | bytes) or not isinstance(columns, Iterable):
        msg = f"`{argument}` of {owner} takes names with data types, not {type(columns).__name__}"
        raise ConfigurationError(msg, hint=how)
    found = []
    # What has `items()` as a mapping has them, such as ``frame.dtypes``, is taken as one.
    pairs: Any = getattr(columns, "items", None) if hasattr(type(columns), "items") else None
    for column in listed(owner, "columns", pairs() if pairs else columns, argument, target=target):
        match column:
            case Column():
                found.append(column)
            case (str(name), data_type) if not isinstance(column, str):
                found.append(Column(name, data_type))
            case object(name=name, type=data_type):  # a field of Arrow
                found.append(Column(name, data_type))
            case _:
                msg = f"`{argument}` of {owner} has {shown(column)} without a data type"
                raise ConfigurationError(msg, hint=how)
    return tuple(found)


def _restore_table(name: str, columns: tuple[Column, ...], hints: dict[str, str], *rest: Any) -> TableSchema:
    measures, description, is_hidden, *target = rest
    table = TableSchema(
        name, columns, measures=measures, description=description, is_hidden=is_hidden, target=(*target, "powerbi")[0]
    )
    object.__setattr__(table, "_hints", hints)
    return table


def _for_target(columns: tuple[Column, ...], target: str) -> tuple[Column, ...]:
    """Say Date of a column that means one, where the target has such columns."""
    name = "DateTime" if target == "powerbi" else "Date"
    found = []
    for column in columns:
        if column._is_date and column.data_type != name:  # noqa: SLF001 - the same module
            column = copy(column)  # noqa: PLW2901 - columns do not change
            object.__setattr__(column, "data_type", name)
        found.append(column)
    return tuple(found)


def _short_repr(value: Any, *, positional: int) -> str:
    parts = [
        repr(getattr(value, one.name)) if place < positional else f"{one.name}={getattr(value, one.name)!r}"
        for place, one in enumerate(fields(value))
        if one.repr and (place < positional or getattr(value, one.name) != one.default)
    ]
    return f"{type(value).__name__}({', '.join(parts)})"
