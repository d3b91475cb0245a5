"""A session that was made before the fixture `powerbi` writes to where the fixture says; secrets are not in its log."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

from conftest import SCHEMA
from powerbi_push.emulator import Emulator
from powerbi_push.environment import VARIABLE
from powerbi_push.spark.emulated import follow_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = Path(__file__).with_name("suite_of_a_user.py")


@pytest.fixture
def other(spark: Any, powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Another local Power BI than the processes of Spark know of, as the fixture `powerbi` makes it."""
    assert spark.version != powerbi.url
    with Emulator(limits=False) as emulator:
        monkeypatch.setenv(VARIABLE, emulator.url)
        emulator.client().create_dataset(SCHEMA)
        follow_environment()
        yield emulator
    monkeypatch.undo()
    follow_environment()


def write(spark: Any, mode: str = "append", **options: str) -> None:
    """Write ten rows."""
    frame = spark.range(0, 10, 1, 1).select(f.col("id").alias("Id"))
    frame.write.format("powerbi_push").mode(mode).options(**{"target": "Sales/Orders", **options}).save()


def arrived(powerbi: Emulator) -> Counter[int]:
    """How often each `Id` is there."""
    return Counter(row["Id"] for row in powerbi.rows("Sales/Orders"))


def test_what_the_driver_says_holds_on_the_executors(spark: Any, powerbi: Emulator, other: Emulator) -> None:
    write(spark)
    write(spark, mode="overwrite")
    assert (arrived(other), arrived(powerbi)) == (Counter(range(10)), Counter())
    before = len(powerbi.requests)
    with pytest.raises(PySparkException, match="leads elsewhere"):
        write(spark, base_url=powerbi.url)
    assert powerbi.requests[before:] == []


def test_what_was_said_is_over_with_its_test(spark: Any, powerbi: Emulator) -> None:
    write(spark)
    assert arrived(powerbi) == Counter(range(10))


def test_a_suite_with_a_session_of_its_own_reaches_the_fixture_alone(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    # In a folder of its own: the tests here have another fixture of this name.
    logs = tmp_path / "logs"
    logs.mkdir()
    suite = shutil.copyfile(SUITE, tmp_path / SUITE.name)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "powerbi_push.pytest_plugin", "-p", "no:cacheprovider", suite],
        env={**environment, "LOGS": str(logs)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr
    told = "".join(part.read_text() for part in logs.rglob("*") if part.is_file())
    for name in ("spark.executorEnv.PUSH_URL_SECRET", "spark.executorEnv.POWERBI_PUSH_TOKEN"):
        assert f'"{name}":"*********(redacted)"' in told
    assert [word for word in ("canary5e2f", "canary7d1c") if word in told] == []
