"""Where Spark runs a task again, nothing is sent that must not be, and the account says what may be there twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from powerbi_push.emulator import Emulator

#: More than an Int64 of Power BI holds.
TOO_LARGE = 2**63 - 1


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The file of results."""
    return tmp_path / "results.ndjson"


def ids(spark: Any, count: int, partitions: int = 1) -> Any:
    """A frame of numbers."""
    return spark.range(0, count, 1, partitions).select(f.col("id").alias("Id"))


def dying_once(frame: Any, marker: Path, row: int) -> Any:
    """The same frame, the first computation of which dies at a row."""
    flag = str(marker)

    def rows(batches: Iterator[Any]) -> Iterator[Any]:
        from pathlib import Path  # noqa: PLC0415 - it runs in a process of Spark

        for batch in batches:
            if (batch["Id"] >= row).any() and not Path(flag).exists():
                Path(flag).touch()
                msg = "the first attempt dies"
                raise RuntimeError(msg)
            yield batch

    return frame.mapInPandas(rows, "Id long")


def write(frame: Any, told: Path, **options: str) -> None:
    """Write a frame to `Sales/Orders`."""
    writer = frame.write.format("powerbi_push").mode("append")
    writer.options(target="Sales/Orders", results=str(told), **options).save()


def the_line(told: Path) -> dict[str, Any]:
    """The only line of the file of results."""
    (line,) = told.read_text().splitlines()
    known: dict[str, Any] = json.loads(line)
    return known


def arrived(powerbi: Emulator) -> Counter[int]:
    """How often each `Id` is there."""
    return Counter(row["Id"] for row in powerbi.rows("Sales/Orders"))


def test_rows_in_doubt_fail_the_job_and_are_sent_once(spark: Any, powerbi: Emulator, told: Path) -> None:
    powerbi.drop_response()
    with pytest.raises(PySparkException, match="InDoubtError"):
        write(ids(spark, 10), told, on_doubt="raise", timeout="20")
    assert arrived(powerbi) == Counter(range(10))
    line = the_line(told)
    assert (line["failed"], line["error"], line["read"], line["in_doubt"]) == (True, "InDoubtError", 10, 10)


def test_a_wrong_row_has_nothing_before_it_sent_again(spark: Any, powerbi: Emulator, told: Path) -> None:
    wrong = f.when(f.col("Id") == 24_000, f.lit(TOO_LARGE)).otherwise(f.col("Id"))
    with pytest.raises(PySparkException, match="ValidationError"):
        write(ids(spark, 25_000).select(wrong.alias("Id")), told)
    assert arrived(powerbi) == Counter(range(20_000))
    line = the_line(told)
    assert (line["failed"], line["error"]) == (True, "ValidationError")
    counts = ("read", "confirmed", "rejected", "unsent", "maybe_twice")
    assert [line[name] for name in counts] == [25_000, 20_000, 1, 4_999, 0]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_has_nothing_before_it_sent_again(spark: Any, powerbi: Emulator, told: Path, status: int) -> None:
    powerbi.fail_next(status, route="Datasets_PostRows")
    with pytest.raises(PySparkException, match=f"{status}"):
        write(ids(spark, 10), told)
    # A second attempt would have come through.
    assert arrived(powerbi) == Counter()
    assert the_line(told)["failed"]


def test_other_tasks_of_a_failed_write_are_in_its_account(spark: Any, powerbi: Emulator, told: Path) -> None:
    wrong = f.when(f.col("Id") == 7, f.lit(TOO_LARGE)).otherwise(f.col("Id"))
    with pytest.raises(PySparkException, match="ValidationError"):
        write(ids(spark, 10, partitions=2).select(wrong.alias("Id")), told, share="1/2")
    assert arrived(powerbi) == Counter(range(5))
    line = the_line(told)
    assert [line[name] for name in ("read", "confirmed", "rejected", "unsent")] == [10, 5, 1, 4]


def test_rows_of_a_task_that_ran_again_are_maybe_twice(
    spark: Any, powerbi: Emulator, told: Path, tmp_path: Path
) -> None:
    write(dying_once(ids(spark, 40_000), tmp_path / "died", 35_000), told)
    there = arrived(powerbi)
    assert set(there) == set(range(40_000))
    line = the_line(told)
    assert (line["failed"], line["confirmed"], line["maybe_twice"]) == (False, 40_000, 40_000)


def test_a_task_that_may_send_once_sends_nothing_when_it_runs_again(
    spark: Any, powerbi: Emulator, told: Path, tmp_path: Path
) -> None:
    with pytest.raises(PySparkException, match="InDoubtError: an attempt before this one"):
        write(dying_once(ids(spark, 40_000), tmp_path / "died", 35_000), told, on_doubt="raise")
    assert set(arrived(powerbi).values()) <= {1}
    # What the tasks met that Spark ended is not known where the line is written.
    assert (the_line(told)["failed"], the_line(told)["error"]) == (True, None)
