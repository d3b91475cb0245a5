"""The pytest plugin: a local Power BI as a fixture. pytest loads it by itself where the package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator


@pytest.fixture(scope="session")
def _powerbi_server() -> Iterator[Emulator]:
    # Imported here, so that suites which do not use it pay nothing.
    from powerbi_push.emulator import Emulator  # noqa: PLC0415

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def powerbi(_powerbi_server: Emulator) -> Emulator:
    """A local Power BI that is empty at the start of each test.

    ```python
    def test_orders_arrive(powerbi):
        dataset = powerbi.client().create_dataset(SCHEMA)
        my_job(dataset.table("Orders"))
        assert powerbi.rows("Sales/Orders") == [{"Id": 1}]
    ```
    """
    _powerbi_server.reset()
    return _powerbi_server
