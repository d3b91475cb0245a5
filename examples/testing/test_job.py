"""How to test code that pushes: against a local Power BI, with the code as it is.

pytest finds the fixtures by itself where the package is installed: `cd examples/testing; python -m pytest`. The
requests are made in Rust, so `responses`, `requests-mock` and the like cannot see them; this is what to use instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import job
import pytest

import powerbi_push as pbi

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

READINGS: list[dict[str, Any]] = [{"sensor": "attic", "celsius": 20.46}, {"sensor": "cellar", "celsius": None}]


@pytest.fixture(autouse=True)
def _house(powerbi: Emulator) -> None:
    """The dataset of production, empty."""
    table = pbi.TableSchema("Readings", {"sensor": str, "celsius": float})
    powerbi.client().create_dataset(pbi.DatasetSchema("House", [table]))


def test_readings_are_rounded_and_gaps_left_out(powerbi: Emulator) -> None:
    job.load(READINGS)
    powerbi.assert_pushed("House/Readings", [{"sensor": "attic", "celsius": 20.5}])


def test_a_busy_service_is_asked_again(powerbi: Emulator) -> None:
    powerbi.fail_next(503, route="Datasets_PostRows")
    assert job.load(READINGS) == 1
    assert [request.status for request in powerbi.requests if request.method == "POST"][-2:] == [503, 200]


@pytest.mark.powerbi(clock="virtual")
def test_a_limit_is_waited_for_without_waiting(powerbi: Emulator) -> None:
    powerbi.fail_next(429, retry_after=3_600, route="Datasets_PostRows")
    assert job.load(READINGS) == 1
    assert powerbi.now >= 3_600


def test_a_live_tile_gets_the_same(powerbi: Emulator, powerbi_push_url: str) -> None:
    job.stream(READINGS, powerbi_push_url)
    powerbi.assert_pushed("pushed/RealTimeData", [{"sensor": "attic", "celsius": 20.5}])
