"""Streams of Spark reach the local Power BI at least once, and the ids say what came twice."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from powerbi_push import DatasetSchema, PushResult
from powerbi_push.spark import foreach_batch
from powerbi_push.spark.source import PowerBISource, PowerBIStreamWriter

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator
    from powerbi_push.spark.settings import Settings

SCHEMA = DatasetSchema("Live", {"Readings": {"Id": int, "RowId": str}})
BATCHES, ROWS = 20, 500


class PowerBISourceThatFails(PowerBISource):
    """Makes writers that fail."""

    @classmethod
    def name(cls) -> str:
        """Say what this test calls it."""
        return "power_bi_that_fails"

    def streamWriter(self, schema: Any, overwrite: bool) -> PowerBIStreamWriter:  # noqa: FBT001, N802
        """Make a writer that looks for the file."""
        marker = Path(self.options.pop("marker"))
        return WriterThatFails(super().streamWriter(schema, overwrite)._settings, marker)


class WriterThatFails(PowerBIStreamWriter):
    """Fails a commit as long as a file is there; the rows are sent."""

    def __init__(self, settings: Settings, marker: Path) -> None:
        """Take the file."""
        super().__init__(settings)
        self._marker = marker

    def commit(self, messages: Any, batchId: int) -> None:  # noqa: N803
        """Commit, or fail."""
        if self._marker.exists():
            msg = "the commit failed"
            raise OSError(msg)
        super().commit(messages, batchId)


def readings(spark: Any, folder: Path, batches: int) -> Any:
    """A stream of so many files, each of which is a batch."""
    for number in range(batches):
        rows = "".join(f'{{"Id": {at}}}\n' for at in range(number * ROWS, (number + 1) * ROWS))
        file = folder / f"{number:03}.json"
        file.write_text(rows)
        os.utime(file, (number, number))  # the older one goes first
    return spark.readStream.schema("Id long").option("maxFilesPerTrigger", 1).json(str(folder))


def start(stream: Any, folder: Path, name: str = "powerbi_push", **options: str) -> None:
    """Write a stream to its end."""
    told = {"target": "Live/Readings", "id_column": "RowId", "checkpointLocation": str(folder), **options}
    stream.writeStream.format(name).trigger(availableNow=True).options(**told).start().awaitTermination()


@pytest.fixture
def live(powerbi: Emulator) -> Emulator:
    """The local Power BI with an empty table `Live/Readings`."""
    powerbi.client().create_dataset(SCHEMA)
    return powerbi


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The folder of a stream."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def test_a_stream_of_batches_arrives(spark: Any, live: Emulator, files: Path, tmp_path: Path) -> None:
    told = tmp_path / "results.ndjson"
    start(readings(spark, files, BATCHES).coalesce(1), tmp_path / "checkpoint", results=str(told))
    rows = live.rows("Live/Readings")
    assert Counter(row["Id"] for row in rows) == Counter(range(BATCHES * ROWS))
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert [line["batch"] for line in lines] == list(range(BATCHES))
    assert [line["confirmed"] for line in lines] == [ROWS] * BATCHES
    (query,) = {line["query"] for line in lines}
    ids = {at: f"{query}/{at // ROWS}/0/{at % ROWS}" for at in range(BATCHES * ROWS)}
    assert {row["Id"]: row["RowId"] for row in rows} == ids


def test_after_a_failed_commit_the_ids_say_what_came_twice(
    spark: Any, live: Emulator, files: Path, tmp_path: Path
) -> None:
    spark.dataSource.register(PowerBISourceThatFails)
    marker = tmp_path / "marker"
    marker.touch()
    stream = readings(spark, files, 3).coalesce(1)
    told = tmp_path / "results.ndjson"
    way = {"name": "power_bi_that_fails", "marker": str(marker), "results": str(told)}
    with pytest.raises(PySparkException, match="the commit failed"):
        start(stream, tmp_path / "checkpoint", **way)
    assert Counter(row["Id"] for row in live.rows("Live/Readings")) == Counter(range(ROWS))
    marker.unlink()
    start(stream, tmp_path / "checkpoint", **way)
    rows = live.rows("Live/Readings")
    assert Counter(row["Id"] for row in rows) == Counter([*range(ROWS), *range(3 * ROWS)])
    once = {row["RowId"]: row["Id"] for row in rows}
    assert Counter(once.values()) == Counter(range(3 * ROWS))
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert [(line["batch"], line["failed"], line["confirmed"]) for line in lines] == [
        (0, True, ROWS),
        (0, False, ROWS),
        (1, False, ROWS),
        (2, False, ROWS),
    ]
    assert len({line["query"] for line in lines}) == 1


def test_a_batch_in_doubt_ends_the_stream_and_is_sent_once(
    spark: Any, live: Emulator, files: Path, tmp_path: Path
) -> None:
    told = tmp_path / "results.ndjson"
    live.drop_response()
    with pytest.raises(PySparkException, match="InDoubtError"):
        start(
            readings(spark, files, 2).coalesce(1),
            tmp_path / "checkpoint",
            results=str(told),
            on_doubt="raise",
            timeout="20",
        )
    assert Counter(row["Id"] for row in live.rows("Live/Readings")) == Counter(range(ROWS))
    (line,) = [json.loads(text) for text in told.read_text().splitlines()]
    assert (line["batch"], line["failed"], line["error"], line["in_doubt"]) == (0, True, "InDoubtError", ROWS)


def test_a_stream_that_would_overwrite_is_refused(spark: Any, live: Emulator, files: Path, tmp_path: Path) -> None:
    counts = readings(spark, files, 1).groupBy("Id").count().select("Id")
    options = {"target": "Live/Readings", "checkpointLocation": str(tmp_path / "checkpoint")}
    writer = counts.writeStream.format("powerbi_push").outputMode("complete").options(**options)
    with pytest.raises(PySparkException, match="output mode `append` only"):
        writer.trigger(availableNow=True).start().awaitTermination()
    assert live.rows("Live/Readings") == []


def test_for_each_batch_pushes_from_the_driver(spark: Any, live: Emulator, files: Path, tmp_path: Path) -> None:
    results: list[tuple[int, PushResult]] = []
    push_batch = foreach_batch("Live/Readings", on_result=lambda *result: results.append(result))
    writer = readings(spark, files, 3).writeStream.foreachBatch(push_batch).trigger(availableNow=True)
    writer.option("checkpointLocation", str(tmp_path / "checkpoint")).start().awaitTermination()
    assert [(batch, result.confirmed) for batch, result in results] == [(number, ROWS) for number in range(3)]
    assert Counter(row["Id"] for row in live.rows("Live/Readings")) == Counter(range(3 * ROWS))
