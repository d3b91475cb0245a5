"""A suite as users have it: its session is older than the fixture, and its executors know of production."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

import powerbi_push as pbi
from powerbi_push.emulator import Emulator
from powerbi_push.spark import register

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator as Server

os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
SCHEMA = pbi.DatasetSchema("Sales", {"Orders": {"Id": int}})
PRODUCTION = Emulator()
PRODUCTION.client().create_dataset(SCHEMA)
SPARK = (
    SparkSession.builder.master("local[1]")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.eventLog.enabled", "true")
    .config("spark.eventLog.compress", "false")
    .config("spark.eventLog.dir", f"file://{os.environ['LOGS']}")
    .config("spark.executorEnv.PUSH_URL_SECRET", f"{PRODUCTION.url}/beta/t/datasets/d/rows?key=canary5e2f")
    .config("spark.executorEnv.POWERBI_PUSH_TOKEN", "canary7d1c")
    .getOrCreate()
)
register(SPARK)
FRAME = SPARK.range(0, 3, 1, 1).withColumnRenamed("id", "Id")


@pytest.mark.parametrize("time", [1, 2])
def test_rows_reach_the_fixture_alone(powerbi: Server, time: int) -> None:
    assert time > 0
    powerbi.client().create_dataset(SCHEMA)
    before = len(PRODUCTION.requests)
    writer = FRAME.write.format("powerbi_push").mode("append")
    writer.option("target", "Sales/Orders").save()
    assert sorted(row["Id"] for row in powerbi.rows("Sales/Orders")) == [0, 1, 2]
    for options in ({"base_url": PRODUCTION.url}, {"target": "variable:PUSH_URL_SECRET"}):
        with pytest.raises(PySparkException, match="leads elsewhere: nothing is sent"):
            writer.options(**{"target": "Sales/Orders", "base_url": powerbi.url, **options}).save()
    assert PRODUCTION.requests[before:] == []
