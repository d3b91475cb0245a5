"""The quotas of the local Power BI, as a client in Python meets them."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import make_table, orders
from powerbi_push.emulator import Emulator
from raw_http import ask

if TYPE_CHECKING:
    from raw_http import Reply


def burst(emulator: Emulator, times: int) -> list[Reply]:
    """Post a row so often, as fast as it goes; the time is virtual, so it does not pass."""
    token = emulator.credential.get_token().token
    path = f"/datasets/{make_table(emulator).dataset.id}/tables/Orders/rows"
    return [ask(emulator, path, {"rows": orders(1)}, token=token) for _ in range(times)]


def test_a_minute_has_room_for_120_requests(virtual: Emulator) -> None:
    replies = burst(virtual, 121)
    assert [reply.status for reply in replies] == [200] * 120 + [429]
    assert replies[-1].headers["retry-after"] == "60"
    assert replies[-1].json["message"].endswith("Retry in 60 seconds.")
    assert len(virtual.rows("Sales/Orders")) == 120


@pytest.mark.parametrize("phase", [0, 12.5, 59])
def test_the_phase_of_fixed_windows_is_a_switch(phase: float) -> None:
    with Emulator(clock="virtual", assumptions={"windows": "fixed", "phase": phase}) as emulator:
        refused = burst(emulator, 121)[-1]
        assert refused.headers["retry-after"] == str(-int(-(60 - phase) // 1))


def test_the_form_of_retry_after_is_a_switch() -> None:
    with Emulator(clock="virtual", assumptions={"retry_after": "date"}) as emulator:
        headers = burst(emulator, 121)[-1].headers
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
        assert wait.total_seconds() in {60, 61}
    with Emulator(clock="virtual", assumptions={"retry_after": "absent"}) as emulator:
        assert "retry-after" not in burst(emulator, 121)[-1].headers


def test_a_push_waits_for_the_quota_and_all_rows_arrive(virtual: Emulator) -> None:
    table = make_table(virtual)
    for number in range(130):
        assert table.push(orders(1, start=number)).ok
    assert [row["Id"] for row in virtual.rows(table)] == list(range(130))
    assert virtual.now >= 60


def test_a_free_licence_has_ten_thousand_rows_an_hour() -> None:
    with Emulator(clock="virtual", assumptions={"licence": "free"}) as emulator:
        table = make_table(emulator, retry=None)
        assert table.push(orders(10_000)).ok
        with pytest.raises(pbi.RateLimitedError, match="over your rows per hour limit"):
            table.push(orders(1))


def test_without_limits_nothing_is_counted() -> None:
    with Emulator(clock="virtual", limits=False) as emulator:
        assert {reply.status for reply in burst(emulator, 130)} == {200}
