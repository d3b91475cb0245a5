"""The pytest plugin: a local Power BI as a fixture. pytest loads it by itself where the package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator, MicroStrategy


@pytest.fixture(scope="session")
def _powerbi_server() -> Iterator[Emulator]:
    # Imported here, so that suites which do not use it pay nothing.
    from powerbi_push.emulator import Emulator  # noqa: PLC0415

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def powerbi(_powerbi_server: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A local Power BI that is empty at the start of each test.

    It sets ``POWERBI_PUSH_EMULATOR``, so that the clients which the code under test makes talk to it, unchanged. What
    leads anywhere else is refused before anything is sent: no test reaches production by mistake.

    ```python
    def test_orders_arrive(powerbi):
        powerbi.client().create_dataset(SCHEMA)
        my_job()  # in production: pbi.push(rows, "Sales/Orders")
        assert powerbi.rows("Sales/Orders") == [{"Id": 1}]
    ```
    """
    _powerbi_server.reset()
    monkeypatch.setenv("POWERBI_PUSH_EMULATOR", _powerbi_server.url)
    return _powerbi_server


@pytest.fixture
def microstrategy(powerbi: Emulator) -> MicroStrategy:
    """The MicroStrategy of `powerbi`, empty at the start of each test."""
    return powerbi.microstrategy
