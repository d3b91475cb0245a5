"""What the tests of Spark share: one session of two cores and 1 GB, and one local Power BI that its executors know."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from powerbi_push import DatasetSchema
from powerbi_push.emulator import Emulator
from powerbi_push.spark import register

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = DatasetSchema("Sales", {"Orders": {"Id": int, "Item": str, "Price": "Decimal", "At": "DateTime"}})


@pytest.fixture(scope="session")
def server() -> Iterator[Emulator]:
    """The local Power BI; the machine of Java inherits where it is, and so do the executors."""
    with Emulator(limits=False) as emulator:
        os.environ["POWERBI_PUSH_EMULATOR"] = emulator.url
        yield emulator


@pytest.fixture(scope="session")
def spark(server: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session with the format."""
    assert server.url
    # Driver and executors must be of one version of Python.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession  # noqa: PLC0415 - after the environment is set

    session = (
        SparkSession.builder.master("local[2,4]")  # as on a cluster, a task that fails is run four times
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "Europe/Berlin")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.local.dir", str(tmp_path_factory.mktemp("local")))
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    register(session)
    yield session
    session.stop()


@pytest.fixture
def powerbi(server: Emulator) -> Emulator:
    """The local Power BI with an empty table `Sales/Orders`."""
    server.reset()
    server.client().create_dataset(SCHEMA)
    return server
