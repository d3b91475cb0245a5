"""How far a push has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from powerbi_push.tracebacks import shown_unfinished


@shown_unfinished
@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a push has come.

    Attributes:
        read: Rows taken from your input, checked ones that are not sent yet among them.
        confirmed: Rows that the service itself has confirmed.
        total: Rows that there are; None where that is not known, as with a generator.
        requests: Requests sent, resends included.
        retries: Resends.
        waiting: What the push waits for, such as ``"waiting for the quota of 1,000,000 rows an hour"`` or what keeps
            the service from being reached; None while all is well.
        until: When it goes on, with this machine's time zone; None where nobody knows.
    """

    read: int
    confirmed: int
    total: int | None
    requests: int
    retries: int
    waiting: str | None
    until: datetime | None


def progress(*, until: float | None, **counts: Any) -> Progress:
    """Make it from what the core knows."""
    return Progress(until=None if until is None else datetime.fromtimestamp(until, UTC).astimezone(), **counts)
