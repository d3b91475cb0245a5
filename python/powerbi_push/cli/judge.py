"""What a target takes of rows: their types, and how large one may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from powerbi_push.delivery.results import validation_report

if TYPE_CHECKING:
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
