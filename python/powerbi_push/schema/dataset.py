"""Datasets as schemas: tables, how they hang together, and the service's own JSON."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.calls.arguments import items, keyless, listed, look_at, owned_by, refuse, shown
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.schema.table import TARGETS, Column, Measure, Relationship, TableSchema, specification
from powerbi_push.tracebacks import Hidden, frameless, shown_unfinished

if TYPE_CHECKING:
    from typing import Self

    from powerbi_push.calls.options import Rows
    from powerbi_push.schema.table import DataType, Target


#: The tables of a dataset that are looked into before it is read; of more the number is enough.
_MOST = 250


@shown_unfinished
@dataclass(frozen=True, init=False, repr=False)
class DatasetSchema:
    """A dataset: its tables and how they hang together.

    Args:
        name: The service allows several datasets of one name; this package does not create a second one unasked.
        tables: `TableSchema` objects, or columns by the names of tables, as in ``{"Orders": {"Id": int}}``; at most 75.
        relationships: `Relationship` objects, at most 75.
        mode: ``Push`` (default), ``PushStreaming`` or ``Streaming``; the last two take only names and types of columns.
        retention: None (default: up to 5,000,000 rows a table) or ``basicFIFO`` (the newest 200,000 rows).
        target: Whom it is for; see `TableSchema`. Its tables are made for the same.

    Raises:
        ConfigurationError: The service would refuse the dataset; the message lists every reason.
    """

    name: str
    tables: tuple[TableSchema, ...]
    relationships: tuple[Relationship, ...]
    mode: str
    retention: str | None
    target: str

    def __init__(
        self,
        name: str,
        tables: Iterable[TableSchema] | Mapping[str, TableSchema | Mapping[str, DataType] | Iterable[Column]],
        *,
        relationships: Iterable[Relationship] = (),
        mode: Literal["Push", "PushStreaming", "Streaming"] = "Push",
        retention: Literal["basicFIFO"] | None = None,
        target: Target = "powerbi",
    ) -> None:
        """Check the dataset against the service's rules."""
        set_ = object.__setattr__
        set_(self, "name", _core.check_text("name", name))
        owner = owned_by("dataset", self.name)
        set_(self, "target", _core.check_word("target", target, TARGETS))
        set_(self, "tables", _tables(owner, tables, target))
        set_(self, "relationships", items(owner, "relationships", relationships, Relationship, self.target))
        set_(self, "mode", _core.check_text("mode", mode))
        set_(self, "retention", _core.check_optional_text("retention", retention))
        canonical = _core.read_dataset(specification(self), self.target)
        set_(self, "mode", canonical["mode"])
        set_(self, "retention", canonical["retention"])
        set_(self, "relationships", tuple(Relationship(**one) for one in canonical["relationships"]))

    @classmethod
    def infer(
        cls,
        name: str,
        tables: Mapping[str, Rows],
        *,
        types: Mapping[str, Mapping[str, DataType]] | None = None,
        convert: bool = False,
        target: Target = "powerbi",
    ) -> Self:
        """Read every table's columns off its rows, as `TableSchema.infer` does.

        Args:
            name: The dataset's name.
            tables: Rows under each table's name.
            types: Data types of columns that need no guess, under each table's name.
            convert: See `TableSchema.infer`.
            target: See `TableSchema.infer`.

        Raises:
            ConfigurationError: See `TableSchema.infer`; or `types` names a table that is not there.

        >>> DatasetSchema.infer("d", {"Orders": [{"Id": 1, "Paid": None}]}, types={"Orders": {"Paid": bool}})
        DatasetSchema('d', [TableSchema('Orders', {'Id': 'Int64', 'Paid': 'Boolean'})])
        """
        look_at("tables", tables)
        look_at("types", types)
        if not isinstance(tables, Mapping):
            refuse("tables", 'a mapping of names to rows, such as {"Orders": rows}', tables)
        if types is not None and not isinstance(types, Mapping):
            refuse("types", "a mapping of table names to mappings of columns to data types, or None", types)
        known = types or {}
        if unknown := [table for table in known if table not in tables]:
            msg = f"types= names table `{unknown[0]}`, which is not among the tables"
            raise ConfigurationError(msg, hint='types are given by table: types={"Orders": {"Id": int}}')
        owner = owned_by("dataset", _core.check_text("name", name))
        _core.check_word("target", target, TARGETS)
        named = listed(owner, "tables", tables.items(), target=target)
        inferred = []
        for table, rows in named:
            inferred.append(_inferred(table, rows, known.get(table), convert, target))
        return cls(name, inferred, target=target)

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any], *, target: Target = "powerbi") -> Self:
        """Read the service's own JSON.

        Args:
            source: JSON text, what it parses to, or the path of a file that holds it.
            target: Whom it is for.

        Raises:
            ConfigurationError: It is not JSON, the file cannot be read, or the service would refuse it; the message
                lists every reason.

        >>> DatasetSchema.from_json('{"name": "d", "tables": [{"name": "t", "columns": '
        ...                         '[{"name": "a", "dataType": "int"}]}]}')
        DatasetSchema('d', [TableSchema('t', {'a': 'Int64'})])
        """
        _core.check_word("target", target, TARGETS)
        # From here on no traceback that shows local variables shows a key that stands here by mistake.
        asked, source = Hidden(source), ""
        look_at("source", asked.value)
        if isinstance(asked.value, Mapping):
            _check_counts(asked.value, target)
            return cls._read(_core.read_dataset(dict(asked.value), target), target)
        return cls._read(_core.read_dataset_json(_json_of(asked), target), target)

    @classmethod
    def _read(cls, spec: dict[str, Any], target: Target) -> Self:
        relationships = [Relationship(**one) for one in spec["relationships"]]
        tables = [_table(one, target) for one in spec["tables"]]
        mode, retention = spec["mode"], spec["retention"]
        return cls(spec["name"], tables, relationships=relationships, mode=mode, retention=retention, target=target)

    def to_json(self, *, indent: bool = False) -> str:
        """Write the service's own JSON: the body that creates the dataset.

        Retention is not in it, since the service takes that in the query.

        Args:
            indent: Whether to spread it over lines.
        """
        return _core.dataset_json(specification(self), _core.check_flag("indent", indent), self.target)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by what it was made from."""
        return _restore_dataset, (self.name, self.tables, self.relationships, self.mode, self.retention, self.target)

    def __repr__(self) -> str:
        """Short: the tables, and what else is set."""
        set_ = {"relationships": self.relationships, "retention": self.retention}
        rest = "".join(f", {name}={value!r}" for name, value in set_.items() if value)
        mode = "" if self.mode == "Push" else f", mode={self.mode!r}"
        if self.target != "powerbi":
            rest += f", target={self.target!r}"
        return f"DatasetSchema({self.name!r}, {list(self.tables)!r}{mode}{rest})"

    def _repr_html_(self) -> str:
        """Show the tables one after another in a notebook."""
        tables = "".join(table._repr_html_() for table in self.tables)
        return f"<h4>{html.escape(self.name)}</h4>{tables}"


@frameless
def _json_of(source: Hidden[Any]) -> str:
    if not isinstance(source.value, str | os.PathLike):
        refuse("source", "JSON text, a mapping, or the path of a file", source.value)
    text = _core.check_text("source", source.value) if isinstance(source.value, str) else ""
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        text = _text_of(Path(_core.check_path("source", source.value)))
    return text.lstrip("\ufeff")


@frameless
def _text_of(path: Path) -> str:
    cause = None
    try:
        return path.read_text(encoding="utf-8-sig")
    except ValueError as error:
        msg = f"`source` is neither JSON text nor a file of it: {error}"
    except OSError as error:
        msg = f"`source` is no JSON text, and no file that can be read: {shown(str(path))}: {error.strerror}"
        cause = keyless(error)
    raise ConfigurationError(msg) from cause


@frameless
def _inferred(table: str, rows: Rows, types: Any, convert: Any, target: Any) -> TableSchema:
    try:
        return TableSchema.infer(table, rows, types=types, convert=convert, target=target)
    except ConfigurationError as error:
        msg = f"table `{table}`: {error.message}"
        hint = f"types are given by table: types={{{table!r}: ...}}" if "types=" in msg else error.hint
        raise ConfigurationError(msg, hint=hint) from error.__cause__


@frameless
def _tables(owner: str, tables: Any, target: Target) -> tuple[TableSchema, ...]:
    how = 'give a list of TableSchema, or a mapping such as {"Orders": {"Id": int}}'
    look_at("tables", tables)
    if isinstance(tables, TableSchema):
        return (_made_for(target, tables),)
    if isinstance(tables, Mapping):
        named = listed(owner, "tables", tables.items(), target=target)
        return tuple(_named(name, columns, target) for name, columns in named)
    if isinstance(tables, str | bytes) or not isinstance(tables, Iterable):
        msg = f"`tables` takes tables, not {type(tables).__name__}"
        raise ConfigurationError(msg, hint=how)
    found = listed(owner, "tables", tables, target=target)
    for table in found:
        look_at("tables", table)
        if not isinstance(table, TableSchema):
            msg = f"`tables` has {shown(table)}, which is no TableSchema"
            raise ConfigurationError(msg, hint=how)
    return tuple(_made_for(target, table) for table in found)


def _made_for(target: Target, table: TableSchema) -> TableSchema:
    """Take the table as it is, or make it anew for another target."""
    if table.target == target:
        return table
    about: dict[str, Any] = {
        "measures": table.measures,
        "description": table.description,
        "is_hidden": table.is_hidden,
    }
    return TableSchema(table.name, table.columns, target=target, **about)


def _named(name: str, columns: Any, target: Target) -> TableSchema:
    if isinstance(columns, str | type):
        msg = f"`tables` has a data type under `{name}`, where the columns of a table belong"
        raise ConfigurationError(msg, hint='give a mapping such as {"Orders": {"Id": int}}, or a list of TableSchema')
    if not isinstance(columns, TableSchema):
        return TableSchema(name, columns, target=target)
    if columns.name != name:
        msg = f"table `{columns.name}` is given under the name `{name}`"
        raise ConfigurationError(msg)
    return _made_for(target, columns)


def _check_counts(source: Mapping[str, Any], target: Target) -> None:
    """Refuse far too many of anything before it is read; whatever else is wrong the core says."""
    tables = source.get("tables")
    owners = [("the dataset", source, ("tables", "relationships"))]
    if isinstance(tables, list) and len(tables) <= _MOST:
        owners += [("a table", table, ("columns", "measures")) for table in tables if isinstance(table, Mapping)]
    for owner, holder, lists in owners:
        for what in lists:
            if isinstance(holder.get(what), list):
                _core.check_count(target, owner, what, len(holder[what]), False)  # noqa: FBT003 - a door of the core


def _table(spec: dict[str, Any], target: Target) -> TableSchema:
    columns = [Column(**one) for one in spec["columns"]]
    measures = [Measure(**one) for one in spec["measures"]]
    about = {"measures": measures, "description": spec["description"], "is_hidden": spec["is_hidden"]}
    return TableSchema(spec["name"], columns, target=target, **about)


def _restore_dataset(  # noqa: PLR0917 - what it was made from
    name: str,
    tables: tuple[TableSchema, ...],
    relationships: tuple[Relationship, ...],
    mode: Any,
    retention: Any,
    target: Any = "powerbi",
) -> DatasetSchema:
    return DatasetSchema(name, tables, relationships=relationships, mode=mode, retention=retention, target=target)
