"""What a target takes of rows: their types, and how large one may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from powerbi_push.cli.failures import in_flags
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.delivery.results import validation_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from powerbi_push.delivery.results import ValidationReport
    from powerbi_push.schema.table import TableSchema


@dataclass(slots=True, frozen=True)
class Judge:
    """Judges rows as a push to the target does.

    Attributes:
        schema: Their types.
        options: How rows are judged.
        by_push_url: Whether they go through a push URL, whose requests are small.
    """

    schema: TableSchema
    options: dict[str, Any]
    by_push_url: bool = False

    def __call__(self, rows: Any, most: int) -> ValidationReport:
        """Judge rows; so many problems are kept in full."""
        told = {"max_errors": most, **self.options}
        core = self.schema._core  # noqa: SLF001 - the same package
        return validation_report(core.validate(rows, told, self.by_push_url))

    def check_names(self, names: Sequence[str], line: int | None = None) -> None:
        """Refuse a file whose columns no row could fit, also where it has no rows.

        Args:
            names: Its columns.
            line: Where they stand.
        """
        strict = Judge(self.schema, {**self.options, "unknown_columns": "error"})
        unknown = [one for one in strict([dict.fromkeys(names)], len(names)).errors if one.code == "unknown_column"]
        ignores = self.options.get("unknown_columns") == "ignore"
        if not unknown or (ignores and len(unknown) < len(names)):
            return
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        hint = f"--schema has {', '.join(column.name for column in self.schema.columns)}"
        if len(unknown) < len(names):
            hint += "; --unknown-columns ignore leaves others out"
        raise BrokenFileError(in_flags(unknown[0].message) + more, line=line, hint=hint)
