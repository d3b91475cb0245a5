"""Senders that send nothing by themselves, and rows that stay with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conftest import orders

if TYPE_CHECKING:
    from pathlib import Path

    import powerbi_push as pbi

SLOW: dict[str, Any] = {"max_delay": 3_600.0}
"""Only a full request, a flush or the end sends anything."""


def leave(table: pbi.Table, path: Path, rows: list[dict[str, Any]]) -> pbi.PushResult:
    """Accept rows that cannot be delivered."""
    sender = table.sender(outbox=path, on_error=lambda _: None, **SLOW)
    sender.send_many(rows)
    result = sender.close(timeout=0.01)
    assert result is not None
    return result


def send_each(sender: pbi.Sender, count: int, then: Exception | None = None) -> None:
    """Send rows one by one."""
    for row in orders(count):
        sender.send(row)
    if then is not None:
        raise then
