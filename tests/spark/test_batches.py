"""Batches of Spark reach the local Power BI: from the driver, and from the executors."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

from powerbi_push import ConfigurationError, DatasetSchema, ValidationError
from powerbi_push.spark import push_dataframe

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SCHEMA_WITH_IDS = DatasetSchema("Marked", {"Orders": {"Id": int, "RowId": str}})
COLUMNS = json.dumps({"Id": "Int64", "Item": "String", "Price": "Decimal", "At": "DateTime"})
#: When the orders were made, as the local Power BI has it.
NOON = datetime(2026, 7, 1, 10, tzinfo=UTC)


def orders(spark: Any, count: int, partitions: int = 1) -> Any:
    """A frame of orders; the price becomes a Decimal of Spark's own, the time one of the session's zone."""
    return spark.range(0, count, 1, partitions).select(
        f.col("id").alias("Id"),
        f.lit("tea").alias("Item"),
        (f.col("id") * f.expr("1.5")).alias("Price"),
        f.expr("timestamp '2026-07-01 12:00:00'").alias("At"),
    )


def to_orders(df: Any, **options: str) -> Any:
    """What writes a frame to `Sales/Orders`."""
    return df.write.format("powerbi_push").mode("append").options(target="Sales/Orders", **options)


def arrived(powerbi: Emulator) -> Counter[int]:
    """How often each `Id` is there."""
    return Counter(row["Id"] for row in powerbi.rows("Sales/Orders"))


def deletes(powerbi: Emulator) -> int:
    """How often rows were deleted."""
    return sum(request.method == "DELETE" for request in powerbi.requests)


def test_a_frame_is_pushed_from_the_driver_with_an_exact_result(spark: Any, powerbi: Emulator) -> None:
    result = push_dataframe(orders(spark, 10_001, partitions=3), "Sales/Orders")
    assert (result.read, result.confirmed, result.requests) == (10_001, 10_001, 2)
    assert arrived(powerbi) == Counter(range(10_001))
    row = next(row for row in powerbi.rows("Sales/Orders") if row["Id"] == 3)
    assert (row["Item"], str(row["Price"]), row["At"]) == ("tea", "4.5", NOON)


def test_the_driver_replaces_and_creates_as_push_does(spark: Any, powerbi: Emulator) -> None:
    push_dataframe(orders(spark, 5), "Sales/Orders")
    assert push_dataframe(orders(spark, 2), "Sales/Orders", if_exists="replace").deleted
    assert arrived(powerbi) == Counter(range(2))
    assert push_dataframe(orders(spark, 2), "New/Orders", create=True).confirmed == 2


def test_columns_are_judged_before_spark_computes(spark: Any, powerbi: Emulator) -> None:
    frame = orders(spark, 5).withColumn("Item", f.raise_error(f.lit("computed")).cast("binary"))
    with pytest.raises(ConfigurationError, match="`Item` is Binary"):
        push_dataframe(frame, "Sales/Orders")
    frame = orders(spark, 5).withColumn("Itm", f.raise_error(f.lit("computed")).cast("string"))
    with pytest.raises(ConfigurationError, match="did you mean `Item`"):
        push_dataframe(frame, "Sales/Orders", schema=json.loads(COLUMNS))
    assert arrived(powerbi) == Counter()


def test_a_stream_is_no_frame(spark: Any) -> None:
    with pytest.raises(TypeError, match="foreachBatch"):
        push_dataframe(spark.readStream.format("rate").load(), "Sales/Orders")


def test_the_format_writes_what_is_one_partition(spark: Any, powerbi: Emulator, tmp_path: Path) -> None:
    told = tmp_path / "results.ndjson"
    to_orders(orders(spark, 25_000), schema=COLUMNS, results=str(told)).save()
    assert arrived(powerbi) == Counter(range(25_000))
    (line,) = [json.loads(text) for text in told.read_text().splitlines()]
    assert (line["batch"], line["read"], line["confirmed"], line["requests"]) == (0, 25_000, 25_000, 3)
    row = next(row for row in powerbi.rows("Sales/Orders") if row["Id"] == 3)
    assert (str(row["Price"]), row["At"]) == ("4.5", NOON)


def test_results_that_cannot_be_written_fail_no_job(spark: Any, powerbi: Emulator, tmp_path: Path) -> None:
    told = tmp_path / "results.ndjson"
    told.symlink_to(tmp_path / "nowhere" / "results.ndjson")
    to_orders(orders(spark, 3), results=str(told)).save()
    assert arrived(powerbi) == Counter(range(3))


def test_partitions_without_a_share_are_refused(spark: Any, powerbi: Emulator) -> None:
    # The first partition is empty: a task that was begun may go on sending when the job has failed already.
    frame = orders(spark, 100, partitions=2).where("Id >= 50")
    with pytest.raises(PySparkException, match="more than one partition"):
        to_orders(frame).save()
    assert arrived(powerbi) == Counter()


def test_partitions_with_a_share_all_write(spark: Any, powerbi: Emulator, tmp_path: Path) -> None:
    told = tmp_path / "results.ndjson"
    to_orders(orders(spark, 30_000, partitions=3), share="1/2", results=str(told)).save()
    assert arrived(powerbi) == Counter(range(30_000))
    assert json.loads(told.read_text())["confirmed"] == 30_000


def test_overwriting_empties_the_table_once(spark: Any, powerbi: Emulator) -> None:
    to_orders(orders(spark, 50)).save()
    to_orders(orders(spark, 20, partitions=2), share="1/2").mode("overwrite").save()
    assert (arrived(powerbi), deletes(powerbi)) == (Counter(range(20)), 1)


def test_what_does_not_fit_is_refused_before_the_table_is_emptied(spark: Any, powerbi: Emulator) -> None:
    to_orders(orders(spark, 50)).save()
    wrong = orders(spark, 20).withColumn("Item", f.expr("map('a', 1)"))
    with pytest.raises(PySparkException, match="`Item` is Map"):
        to_orders(wrong).mode("overwrite").save()
    assert (arrived(powerbi), deletes(powerbi)) == (Counter(range(50)), 0)


def test_the_mode_that_spark_takes_by_itself_is_refused(spark: Any) -> None:
    with pytest.raises(PySparkException, match="ErrorIfExists"):
        orders(spark, 5).write.format("powerbi_push").options(target="Sales/Orders").save()


def test_ids_say_which_row_came(spark: Any, powerbi: Emulator) -> None:
    powerbi.client().create_dataset(SCHEMA_WITH_IDS)
    frame = spark.range(0, 4, 1, 2).select(f.col("id").alias("Id"))
    target = {"target": "Marked/Orders", "share": "1/2", "id_column": "RowId"}
    frame.write.format("powerbi_push").mode("append").options(**target).save()
    ids = {row["Id"]: row["RowId"].split("/") for row in powerbi.rows("Marked/Orders")}
    assert {number: parts[1:] for number, parts in ids.items()} == {
        0: ["0", "0", "0"],
        1: ["0", "0", "1"],
        2: ["0", "1", "0"],
        3: ["0", "1", "1"],
    }
    assert len({parts[0] for parts in ids.values()}) == 1


def test_a_wrong_row_fails_the_job(spark: Any, powerbi: Emulator) -> None:
    frame = orders(spark, 3).withColumn("Item", f.expr("repeat('x', 5000)"))
    with pytest.raises(PySparkException, match="ValidationError"):
        to_orders(frame).save()
    with pytest.raises(ValidationError):
        push_dataframe(frame, "Sales/Orders")
    assert arrived(powerbi) == Counter()


def test_a_push_url_is_found_by_its_variable_on_the_executors(spark: Any, powerbi: Emulator) -> None:
    url = powerbi.streaming_dataset("Live", {"Id": "Number"})
    frame = spark.range(0, 10, 1, 1).select(f.col("id").cast("double").alias("Id"))
    writer = frame.write.format("powerbi_push").mode("append")
    with pytest.raises(PySparkException, match="holds what looks like a key"):
        writer.options(target=url).save()
    with pytest.raises(PySparkException, match="`NOT_SET` is not set on the machine that sends"):
        writer.options(target="variable:NOT_SET").save()


def test_a_million_rows_arrive(spark: Any, powerbi: Emulator) -> None:
    to_orders(orders(spark, 1_000_000), schema=COLUMNS).save()
    assert len(powerbi.rows("Sales/Orders")) == 1_000_000
    assert sum(1 for count in arrived(powerbi).values() if count == 1) == 1_000_000


def test_a_time_without_a_zone_goes_as_it_stands(spark: Any, powerbi: Emulator) -> None:
    frame = spark.createDataFrame([(1, datetime(2026, 7, 1, 12))], "Id long, At timestamp_ntz")
    to_orders(frame.coalesce(1)).save()
    assert [row["At"] for row in powerbi.rows("Sales/Orders")] == [datetime(2026, 7, 1, 12)]


def test_the_clock_is_the_sessions_for_both_ways(spark: Any, powerbi: Emulator) -> None:
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        frame = spark.sql("select 1L as Id, timestamp '2026-03-08 01:59:59.5' as At").coalesce(1)
        to_orders(frame, aware_datetimes="wall").save()
        push_dataframe(frame, "Sales/Orders", aware_datetimes="wall")
        push_dataframe(frame, "Sales/Orders")
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)
    wall, utc = datetime(2026, 3, 8, 1, 59, 59, 500_000), datetime(2026, 3, 8, 6, 59, 59, 500_000, UTC)
    assert [row["At"] for row in powerbi.rows("Sales/Orders")] == [wall, wall, utc]


def test_a_column_of_nothing_is_pushed_as_nothing(spark: Any, powerbi: Emulator) -> None:
    frame = spark.sql("select 1L as Id, null as Item").coalesce(1)
    to_orders(frame).save()
    push_dataframe(frame, "Sales/Orders")
    assert [row["Id"] for row in powerbi.rows("Sales/Orders")] == [1, 1]
    with pytest.raises(ConfigurationError, match="the frame has no columns"):
        push_dataframe(frame.select(), "Sales/Orders")
