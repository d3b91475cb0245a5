"""A client of the emulator's MicroStrategy Library, and rows for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import powerbi_push as pbi

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator, MicroStrategy

ORDERS = pbi.DatasetSchema("Sales", {"Orders": {"Id": int, "City": str, "Price": float}}, target="microstrategy")
ROWS = [{"Id": 1, "City": "Rome", "Price": 1.5}, {"Id": 2, "City": "Oslo", "Price": 0.1 + 0.2}]
FAST = pbi.Retry(attempts=3, first_delay=0.01, max_delay=0.02)


def client_of(microstrategy: MicroStrategy, **options: Any) -> pbi.microstrategy.Client:
    who = {"username": microstrategy.username, "password": microstrategy.password}
    return pbi.microstrategy.Client(microstrategy.base_url, **(who | {"retry": FAST} | options))


def result_of(error: pbi.PowerBIPushError) -> pbi.PushResult:
    assert error.result is not None
    return error.result


def calls(emulator: Emulator) -> list[str]:
    """Method and the last parts of each path."""
    return [
        f"{one.method} {one.path.rpartition('/api/')[2].split('?')[0]}"
        for one in emulator.requests
        if "/api/" in one.path
    ]
