"""The format ``"powerbi_push"`` of Spark. Only this module imports pyspark; its objects travel to the executors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pyspark import TaskContext
from pyspark.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceStreamArrowWriter,
    WriterCommitMessage,
)

from powerbi_push.delivery.notices import log, log_result
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.spark.judging import check_schema
from powerbi_push.spark.settings import read_settings
from powerbi_push.spark.writing import Part, added, clear, written
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.spark.settings import Settings

#: Where Spark tells a task of a stream which batch it writes; undocumented, the same from run to run.
_BATCH, _QUERY = "streaming.sql.batchId", "sql.streaming.queryId"


# pyspark is not installed where types are checked, so that its classes are unknown there.
@dataclass
class Written(WriterCommitMessage):  # type: ignore[misc]
    """What a task says of its rows.

    Attributes:
        account: The counts and the first problems.
    """

    account: dict[str, Any]


class PowerBISource(DataSource):  # type: ignore[misc]
    """Writes to Power BI; it reads nothing."""

    @classmethod
    def name(cls) -> str:
        """Say what users call it."""
        return "powerbi_push"

    def writer(self, schema: Any, overwrite: bool) -> PowerBIWriter:  # noqa: FBT001 - Spark's own signature
        """Judge the options and the columns at the driver; empty the table where it is to be overwritten."""
        settings = self._judged(schema)
        if overwrite:
            clear(settings)
        return PowerBIWriter(settings)

    def streamWriter(self, schema: Any, overwrite: bool) -> PowerBIStreamWriter:  # noqa: FBT001, N802 - as above
        """Judge the options and the columns at the driver. Spark asks twice for each batch."""
        if overwrite:
            msg = "the format powerbi_push takes streams of the output mode `append` only"
            hint = 'push each whole result instead: foreachBatch(foreach_batch(target, if_exists="replace"))'
            raise ConfigurationError(msg, hint=hint)
        return PowerBIStreamWriter(self._judged(schema))

    def _judged(self, schema: Any) -> Settings:
        settings = read_settings(self.options)
        check_schema(schema, Hidden(settings.schema), settings.pushes, settings.id_column)
        return settings


class PowerBIWriter(DataSourceArrowWriter):  # type: ignore[misc]
    """Writes a frame. A task that Spark runs again sends its rows again, under the same ids."""

    def __init__(self, settings: Settings) -> None:
        """Take what the driver has judged."""
        self._settings = settings
        self._write = str(uuid4())

    def write(self, iterator: Iterator[Any]) -> Written:
        """Push the rows of a task, on an executor."""
        part = Part(self._write, "0", TaskContext.get().partitionId())
        return Written(written(self._settings, part, iterator))

    def commit(self, messages: list[Written | None]) -> None:
        """Tell the result, in a process at the driver."""
        _tell(self._settings, {"query": self._write, "batch": 0}, messages)

    def abort(self, messages: list[Written | None]) -> None:
        """Say that a write has failed; what was sent stays sent."""
        _tell_abort(f"write {self._write}", messages)


class PowerBIStreamWriter(DataSourceStreamArrowWriter):  # type: ignore[misc]
    """Writes the batches of a stream. One that Spark gives again is sent again, under the same ids."""

    def __init__(self, settings: Settings) -> None:
        """Take what the driver has judged."""
        self._settings = settings

    def write(self, iterator: Iterator[Any]) -> Written:
        """Push the rows of a task, on an executor."""
        task = TaskContext.get()
        query, batch = (task.getLocalProperty(name) for name in (_QUERY, _BATCH))
        part = Part(query, batch, task.partitionId())
        return Written({**written(self._settings, part, iterator), "query": query})

    def commit(self, messages: list[Written | None], batchId: int) -> None:  # noqa: N803 - Spark's own signature
        """Tell the result of a batch, in a process at the driver."""
        query = next((one.account["query"] for one in messages if one is not None), None)
        _tell(self._settings, {"query": query, "batch": batchId}, messages)

    def abort(self, messages: list[Written | None], batchId: int) -> None:  # noqa: N803 - Spark's own signature
        """Say that a batch has failed; what was sent stays sent."""
        _tell_abort(f"batch {batchId}", messages)


def _tell(settings: Settings, what: dict[str, Any], messages: list[Written | None]) -> None:
    """Log what became of the rows, and add a line to the file of results."""
    result = json.dumps({**what, **added([one.account for one in messages if one is not None])})
    log_result(result)
    if settings.results is None:
        return
    try:
        with Path(settings.results).open("a", encoding="utf-8") as file:
            file.write(f"{result}\n")
    except OSError as error:
        # A commit that fails has Spark send the rows again.
        log(f"`{settings.results}` could not be written: {error.strerror}; it lacks {result}")


def _tell_abort(what: str, messages: list[Written | None]) -> None:
    known = added([one.account for one in messages if one is not None])
    log(f"{what} has failed; at least {known['confirmed']:,} rows were sent, and come again when it is repeated")
