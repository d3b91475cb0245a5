"""What `powerbi_push.pandas` and `powerbi_push.polars` give to frames: ``df.powerbi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push.powerbi.targets import push
from powerbi_push.schema.table import TableSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powerbi_push.delivery.results import PushResult, ValidationReport
    from powerbi_push.powerbi.quotas import Plan
    from powerbi_push.powerbi.targets import Target
    from powerbi_push.schema.table import DataType

#: The name of a table that nobody named.
_TABLE = "rows"


class Accessor:
    """A frame's verbs: ``df.powerbi.push("Sales/Orders")``, `validate`, `schema` and `plan`."""

    def __init__(self, frame: Any) -> None:
        """Made by the frame's library."""
        self._frame = frame

    def push(self, target: Target, **options: Any) -> PushResult:
        """Push the frame.

        Args:
            target: As for `powerbi_push.push`.
            **options: As for `powerbi_push.push`.

        Raises:
            PowerBIPushError: As for `powerbi_push.push`.
        """
        return push(self._frame, target, **options)

    def schema(self, name: str = _TABLE, *, types: Mapping[str, DataType] | None = None) -> TableSchema:
        """Read the columns off the frame.

        Args:
            name: The table's name.
            types: As for `TableSchema.infer`.

        Raises:
            ConfigurationError: As for `TableSchema.infer`.
        """
        return TableSchema.infer(name, self._frame, types=types)

    def validate(self, schema: TableSchema | Mapping[str, DataType] | None = None, **options: Any) -> ValidationReport:
        """Judge each row; nothing is sent.

        Args:
            schema: What rows are to look like: a `TableSchema` or a mapping of columns; None (default) reads it off the
                frame, which finds what no column of Power BI takes, such as text that is too long.
            **options: As for `TableSchema.validate`.

        Raises:
            ConfigurationError: As for `TableSchema.validate`.
        """
        table = schema if isinstance(schema, TableSchema) else TableSchema(_TABLE, schema) if schema else self.schema()
        return table.validate(self._frame, **options)

    def plan(self, *, rows_in_table: int | None = None) -> Plan:
        """Say how many requests and seconds a push into a new table would take, under a paid licence.

        Args:
            rows_in_table: As for `Table.plan`.

        Raises:
            ConfigurationError: As for `TableSchema.infer`.
        """
        from powerbi_push.powerbi.planning import planned_table  # noqa: PLC0415 - beside its one use

        return planned_table(self.schema()).plan(self._frame, rows_in_table=rows_in_table)
