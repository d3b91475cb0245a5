"""A table of orders, what is sent of rows for it, and rows that do something while they are read."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from powerbi_push import DatasetSchema, TableSchema, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push import Table, ValidationReport
    from powerbi_push.emulator import Emulator

ORDERS = TableSchema("Orders", {"Id": int, "Item": str, "At": datetime})
TWO = [{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]
TWO_SENT = [b'{"rows":[{"Id":1,"Item":"tea"},{"Id":2,"Item":"milk"}]}']


def sent(rows: Any, **options: Any) -> list[bytes]:
    return list(ORDERS.payloads(rows, **options))


def found(report: ValidationReport | ValidationError) -> list[tuple[int, str | None, str]]:
    return [(error.row, error.column, error.code) for error in report.errors]


def orders(powerbi: Emulator) -> Table:
    return powerbi.client().create_dataset(DatasetSchema("Sales", [ORDERS])).table("Orders")


def rows_sent(powerbi: Emulator) -> list[int]:
    """How many rows each request that sent rows was accepted with."""
    return sorted(request.rows for request in powerbi.requests if request.operation == "Datasets_PostRows")


class Record:
    """The least that is a mapping: `keys` and `[]`."""

    def __init__(self, **values: object) -> None:
        """Take the values."""
        self._values = values

    def keys(self) -> list[str]:
        """Names."""
        return list(self._values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]


class Zone(tzinfo):
    """A zone that does something when it is asked for its offset."""

    def __init__(self, action: Callable[[], object]) -> None:
        """Take what to do."""
        self._action = action

    def utcoffset(self, _when: datetime | None) -> timedelta:
        """Do it, and be UTC."""
        self._action()
        return timedelta(0)

    def dst(self, _when: datetime | None) -> None:
        """Not known."""

    def tzname(self, _when: datetime | None) -> None:
        """Not known."""


def when_read(action: Callable[[], object]) -> datetime:
    """A datetime that runs `action` when it is read."""
    return datetime(2014, 7, 30, tzinfo=Zone(action))
