"""Datasets as schemas: tables, how they hang together, and the service's own JSON."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.schema import Column, Measure, Relationship, TableSchema, few, owned_by, specification

if TYPE_CHECKING:
    from typing import Self

    from powerbi_push.options import Rows


#: The tables of a dataset that are looked into before it is read; of more the number is enough.
_MOST = 1_000


@dataclass(frozen=True, init=False, repr=False)
class DatasetSchema:
    """A dataset: its tables and how they hang together.

    Args:
        name: The service allows several datasets of one name; this package does not create a second one unasked.
        tables: `TableSchema` objects, at most 75.
        relationships: `Relationship` objects, at most 75.
        mode: ``Push`` (default), ``PushStreaming`` or ``Streaming``; the last two take only names and types of columns.
        retention: None (default: up to 5,000,000 rows a table) or ``basicFIFO`` (the newest 200,000 rows).

    Raises:
        ConfigurationError: The service would refuse the dataset; the message lists every reason.
    """

    name: str
    tables: tuple[TableSchema, ...]
    relationships: tuple[Relationship, ...]
    mode: str
    retention: str | None

    def __init__(
        self,
        name: str,
        tables: Iterable[TableSchema],
        *,
        relationships: Iterable[Relationship] = (),
        mode: Literal["Push", "PushStreaming", "Streaming"] = "Push",
        retention: Literal["basicFIFO"] | None = None,
    ) -> None:
        """Check the dataset against the service's rules."""
        set_ = object.__setattr__
        set_(self, "name", name)
        owner = owned_by("dataset", name)
        set_(self, "tables", (tables,) if isinstance(tables, TableSchema) else few(owner, "tables", tables))
        set_(self, "relationships", few(owner, "relationships", relationships))
        set_(self, "mode", mode)
        set_(self, "retention", retention)
        canonical = _core.read_dataset(specification(self))
        set_(self, "mode", canonical["mode"])
        set_(self, "retention", canonical["retention"])
        set_(self, "relationships", tuple(Relationship(**one) for one in canonical["relationships"]))

    @classmethod
    def infer(cls, name: str, tables: Mapping[str, Rows]) -> Self:
        """Read every table's columns off its rows, as `TableSchema.infer` does.

        Args:
            name: The dataset's name.
            tables: Rows under each table's name.
        """
        given = few(owned_by("dataset", name), "tables", tables.items())
        return cls(name, [TableSchema.infer(table, rows) for table, rows in given])

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any]) -> Self:
        """Read the service's own JSON.

        Args:
            source: JSON text, what it parses to, or the path of a file that holds it.

        Raises:
            ConfigurationError: It is not JSON, or the service would refuse it; the message lists every reason.
            OSError: The file cannot be read.

        >>> DatasetSchema.from_json('{"name": "d", "tables": [{"name": "t", "columns": '
        ...                         '[{"name": "a", "dataType": "int"}]}]}')
        DatasetSchema('d', [TableSchema('t', {'a': 'Int64'})])
        """
        if isinstance(source, Mapping):
            _check_counts(source)
            return cls._read(_core.read_dataset(dict(source)))
        is_text = isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith(("{", "["))
        text = str(source).lstrip("\ufeff") if is_text else Path(source).read_text(encoding="utf-8-sig")
        return cls._read(_core.read_dataset_json(text))

    @classmethod
    def _read(cls, spec: dict[str, Any]) -> Self:
        relationships = [Relationship(**one) for one in spec["relationships"]]
        tables = [_table(one) for one in spec["tables"]]
        return cls(spec["name"], tables, relationships=relationships, mode=spec["mode"], retention=spec["retention"])

    def to_json(self, *, indent: bool = False) -> str:
        """Write the service's own JSON: the body that creates the dataset.

        Retention is not in it, since the service takes that in the query.

        Args:
            indent: Whether to spread it over lines.
        """
        return _core.dataset_json(specification(self), indent)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by what it was made from."""
        return _restore_dataset, (self.name, self.tables, self.relationships, self.mode, self.retention)

    def __repr__(self) -> str:
        """Short: the tables, and what else is set."""
        set_ = {"relationships": self.relationships, "retention": self.retention}
        rest = "".join(f", {name}={value!r}" for name, value in set_.items() if value)
        mode = "" if self.mode == "Push" else f", mode={self.mode!r}"
        return f"DatasetSchema({self.name!r}, {list(self.tables)!r}{mode}{rest})"

    def _repr_html_(self) -> str:
        """Show the tables one after another in a notebook."""
        tables = "".join(table._repr_html_() for table in self.tables)
        return f"<h4>{html.escape(self.name)}</h4>{tables}"


def _check_counts(source: Mapping[str, Any]) -> None:
    """Refuse far too many of anything before it is read; whatever else is wrong the core says."""
    tables = source.get("tables")
    owners = [("the dataset", source, ("tables", "relationships"))]
    if isinstance(tables, list) and len(tables) <= _MOST:
        owners += [("a table", table, ("columns", "measures")) for table in tables if isinstance(table, Mapping)]
    for owner, holder, lists in owners:
        for what in lists:
            if isinstance(holder.get(what), list):
                _core.check_count(owner, what, len(holder[what]), False)  # noqa: FBT003 - a door of the core


def _table(spec: dict[str, Any]) -> TableSchema:
    columns = [Column(**one) for one in spec["columns"]]
    measures = [Measure(**one) for one in spec["measures"]]
    return TableSchema(
        spec["name"], columns, measures=measures, description=spec["description"], is_hidden=spec["is_hidden"]
    )


def _restore_dataset(
    name: str, tables: tuple[TableSchema, ...], relationships: tuple[Relationship, ...], mode: Any, retention: Any
) -> DatasetSchema:
    return DatasetSchema(name, tables, relationships=relationships, mode=mode, retention=retention)
