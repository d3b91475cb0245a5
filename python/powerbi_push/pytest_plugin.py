"""The pytest plugin: a local Power BI as a fixture. pytest loads it by itself where the package is installed."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator, MicroStrategy

_MARKER = (
    "powerbi(limits=True, clock='real', tls=False, assumptions=None): give the fixture `powerbi` of the test a server "
    "of its own, made with these options"
)


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def _powerbi_server() -> Iterator[Emulator]:
    # Imported here, so that suites which do not use it pay nothing.
    from powerbi_push.emulator import Emulator  # noqa: PLC0415

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def powerbi(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A local Power BI that is empty at the start of each test.

    It sets ``POWERBI_PUSH_EMULATOR``, so that the clients which the code under test makes talk to it, unchanged. What
    leads anywhere else is refused before anything is sent: no test reaches production by mistake. The requests are made
    in Rust, where libraries that patch Python's HTTP, such as responses, cannot see them.

    Tests share one server, unless ``@pytest.mark.powerbi(limits=False, clock="virtual")`` asks for another: it takes
    the options of `Emulator`.

    ```python
    def test_orders_arrive(powerbi):
        powerbi.client().create_dataset(SCHEMA)
        my_job()  # in production: pbi.push(rows, "Sales/Orders")
        powerbi.assert_pushed("Sales/Orders", [{"Id": 1}])

    def test_a_busy_service_is_asked_again(powerbi):
        powerbi.fail_next(429, retry_after=1)
        my_job()
    ```
    """
    marker = request.node.get_closest_marker("powerbi")
    if marker is None:
        shared: Emulator = request.getfixturevalue("_powerbi_server")
        shared.reset()
        with _everybody_told(monkeypatch, shared.url):
            yield shared
        return
    from powerbi_push.emulator import Emulator  # noqa: PLC0415

    with Emulator(*marker.args, **marker.kwargs) as own, _everybody_told(monkeypatch, own.url):
        yield own


@contextmanager
def _everybody_told(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[None]:
    """Let this process, and the sessions of Spark that it has, know where the emulator is."""
    from powerbi_push.environment import VARIABLE  # noqa: PLC0415

    before = os.environ.get(VARIABLE)
    monkeypatch.setenv(VARIABLE, url)
    _tell_spark()
    yield
    if before is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, before)
    _tell_spark()


def _tell_spark() -> None:
    """Have sessions that were made before the fixture go where it says: their processes have an environment of old."""
    emulated = sys.modules.get("powerbi_push.spark.emulated")
    if emulated is not None:
        emulated.follow_environment()


@pytest.fixture
def powerbi_push_url(powerbi: Emulator) -> str:
    """The push URL of a fresh streaming dataset, `pushed`, that takes rows with any columns.

    ```python
    def test_readings_arrive(powerbi, powerbi_push_url):
        send_readings(powerbi_push_url)
        powerbi.assert_pushed("pushed/RealTimeData", [{"celsius": 21.5}])
    ```
    """
    return powerbi.streaming_dataset("pushed")


@pytest.fixture
def microstrategy(powerbi: Emulator) -> MicroStrategy:
    """The MicroStrategy of `powerbi`, empty at the start of each test."""
    return powerbi.microstrategy
