"""The format ``"powerbi_push"`` of Spark. Only this module imports pyspark; its objects travel to the executors."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
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
from powerbi_push.environment import emulator_url
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.spark.emulated import held_to
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
    """Writes to Power BI; it reads nothing.

    Attributes:
        emulator: Where writes go, and nowhere else; None where the environment of Spark's own processes says that.
    """

    emulator: str | None = None

    @classmethod
    def name(cls) -> str:
        """Say what users call it."""
        return "powerbi_push"

    def writer(self, schema: Any, overwrite: bool) -> PowerBIWriter:  # noqa: FBT001 - Spark's own signature
        """Judge the options and the columns at the driver; empty the table where it is to be overwritten."""
        settings = self._judged(schema)
        if overwrite:
            with held_to(settings.emulator):
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
        with held_to(self.emulator):
            settings = replace(read_settings(self.options), emulator=emulator_url())
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
        task = TaskContext.get()
        part = Part(self._write, "0", task.partitionId(), task.attemptNumber())
        return Written(written(self._settings, part, iterator))

    def commit(self, messages: list[Written | None]) -> None:
        """Tell the result, in a process at the driver; fail the write where a task has said that it failed."""
        _fail(messages)
        _tell(self._settings, {"query": self._write, "batch": 0}, messages)

    def abort(self, messages: list[Written | None]) -> None:
        """Say that a write has failed; what was sent stays sent."""
        _tell(self._settings, {"query": self._write, "batch": 0}, messages, failed=True)


class PowerBIStreamWriter(DataSourceStreamArrowWriter):  # type: ignore[misc]
    """Writes the batches of a stream. One that Spark gives again is sent again, under the same ids."""

    def __init__(self, settings: Settings) -> None:
        """Take what the driver has judged."""
        self._settings = settings

    def write(self, iterator: Iterator[Any]) -> Written:
        """Push the rows of a task, on an executor."""
        task = TaskContext.get()
        query, batch = (task.getLocalProperty(name) for name in (_QUERY, _BATCH))
        part = Part(query, batch, task.partitionId(), task.attemptNumber())
        return Written({**written(self._settings, part, iterator), "query": query})

    def commit(self, messages: list[Written | None], batchId: int) -> None:  # noqa: N803 - Spark's own signature
        """Tell the result of a batch, in a process at the driver; fail it where a task has said that it failed."""
        _fail(messages)
        _tell(self._settings, {"query": _query(messages), "batch": batchId}, messages)

    def abort(self, messages: list[Written | None], batchId: int) -> None:  # noqa: N803 - Spark's own signature
        """Say that a batch has failed; what was sent stays sent."""
        _tell(self._settings, {"query": _query(messages), "batch": batchId}, messages, failed=True)


def for_environment() -> type[PowerBISource]:
    """Make the source that a session is to have, as this process's environment is now."""
    address = emulator_url()
    if address is None:
        return PowerBISource

    class HeldToEmulator(PowerBISource):
        # A class inside a function travels whole, so that the address is in it on the other side.
        emulator = address

    return HeldToEmulator


def _accounts(messages: list[Written | None]) -> list[dict[str, Any]]:
    return [one.account for one in messages if one is not None]


def _failures(messages: list[Written | None]) -> list[Exception]:
    return [one["failure"] for one in _accounts(messages) if "failure" in one]


def _query(messages: list[Written | None]) -> str | None:
    return next((one["query"] for one in _accounts(messages)), None)


def _fail(messages: list[Written | None]) -> None:
    """Raise what a task has met. A task that raised it itself would be repeated; Spark calls `abort` after this."""
    failures = _failures(messages)
    if failures:
        raise failures[0]


def _tell(settings: Settings, what: dict[str, Any], messages: list[Written | None], *, failed: bool = False) -> None:
    """Log what became of the rows, and add a line to the file of results.

    Of a write that has failed, Spark tells only what the tasks said that came to an end.
    """
    error = next((type(failure).__name__ for failure in _failures(messages)), None)
    result = json.dumps({**what, "failed": failed, "error": error, **added(_accounts(messages))})
    (log if failed else log_result)(result)
    if settings.results is None:
        return
    try:
        with Path(settings.results).open("a", encoding="utf-8") as file:
            file.write(f"{result}\n")
    except OSError as wrong:
        # A commit that fails has Spark send the rows again.
        log(f"`{settings.results}` could not be written: {wrong.strerror}; it lacks {result}")
