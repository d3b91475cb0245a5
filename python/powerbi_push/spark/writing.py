"""What a task of Spark does: its rows, with ids, to the target, and an account of them."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from powerbi_push.delivery.results import PushResult
from powerbi_push.exceptions import (
    AuthenticationError,
    ConfigurationError,
    InDoubtError,
    PowerBIPushError,
    RateLimitedError,
    ServiceError,
    ValidationError,
)
from powerbi_push.powerbi.client import Client
from powerbi_push.powerbi.streaming import StreamingDataset
from powerbi_push.powerbi.targets import place
from powerbi_push.spark.emulated import held_to
from powerbi_push.spark.sign_in import is_place, push_url, sign_in
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from powerbi_push.spark.settings import Settings

#: What a commit message says of a push; the first problems are enough.
COUNTS = ("read", "confirmed", "rejected", "in_doubt", "unsent", "maybe_twice", "requests", "retries")
_FIRST = 5
#: Statuses of refusals that another attempt may not meet: a request that came too slowly, or one too many.
_PASSING = (408, 429)
_REFUSALS = range(400, 500)


@dataclass(frozen=True)
class Part:
    """Which rows a task has. The same rows have the same part when Spark gives them again.

    Attributes:
        query: The id of the query, or of the write.
        batch: The number of the batch of a stream; 0 for what is no stream.
        partition: The number of the partition.
        attempt: How often Spark has begun with them before, in this run of their stage.
    """

    query: str
    batch: str
    partition: int
    attempt: int = 0

    def first_id(self) -> str:
        """What the ids of its rows begin with."""
        return f"{self.query}/{self.batch}/{self.partition}/"


def written(settings: Settings, part: Part, batches: Iterator[Any]) -> dict[str, Any]:
    """Push the rows of a task.

    Args:
        settings: What the writer was told.
        part: Which rows they are.
        batches: Record batches of Arrow.

    Returns:
        The account of them, for the commit message. A failure that another attempt would meet again stands in it as
        ``failure``: raised here it would have Spark repeat the task, and send again what was sent before it.

    Raises:
        ConfigurationError: It is not the only task, and none was given a share of the quotas.
        InDoubtError: Nothing is to be sent twice, and an attempt before this one may have sent rows.
        PowerBIPushError: As for `Table.push`, where another attempt may do better; Spark fails the task.
    """
    first = next((batch for batch in batches if batch.num_rows), None)
    if first is None:
        return account(PushResult())
    if part.partition and settings.share is None:
        msg = f"the frame has more than one partition with rows (one is number {part.partition}, counted from 0), "
        msg += "and all share one quota"
        hint = (
            'df.coalesce(1) has one task write, which can fill the quota; .option("share", "1/4") lets 4 write at once'
        )
        raise ConfigurationError(msg, hint=f"{hint}; rows of the first partition may have been sent")
    once = settings.pushes.get("on_doubt") == "raise"
    if once and part.attempt:
        msg = f"an attempt before this one ({part.attempt} so far) ended when it may have sent rows of the task"
        hint = 'nothing was sent now. Look which rows arrived and write the others; on_doubt="resend" sends all again'
        raise InDoubtError(msg, hint=f"{hint}, and id_column says which came twice")
    try:
        with held_to(settings.emulator):
            result = _pushed(settings, part, chain([first], batches))
    except PowerBIPushError as error:
        if once or is_lasting(error):
            known = PushResult() if error.result is None else error.result
            return {**account(known, part.attempt), "failure": error}
        raise
    return account(result, part.attempt)


def is_lasting(error: PowerBIPushError) -> bool:
    """Whether another attempt with the same rows would end in the same way."""
    if isinstance(error, AuthenticationError | RateLimitedError):
        return False
    refused = isinstance(error, ServiceError) and error.status in _REFUSALS and error.status not in _PASSING
    return refused or isinstance(error, ValidationError)


def _pushed(settings: Settings, part: Part, batches: Iterator[Any]) -> PushResult:
    """Push batches of which the first has rows."""
    from pyarrow import RecordBatchReader  # noqa: PLC0415 - who hands in batches has it

    rows = _with_ids(batches, part, settings.id_column)
    head = next(rows)
    reader = RecordBatchReader.from_batches(head.schema, chain([head], rows))
    client, sink = opened(settings)
    with client:
        result: PushResult = sink.push(reader, progress=False, **settings.pushes)
    return result


def _with_ids(batches: Iterator[Any], part: Part, column: str | None) -> Iterator[Any]:
    """Add the id of each row: who finds one twice knows that it came twice."""
    if column is None:
        yield from batches
        return
    import pyarrow as pa  # noqa: PLC0415 - who hands in batches has it

    begin, count = part.first_id(), 0
    for batch in batches:
        ids = pa.array([f"{begin}{number}" for number in range(count, count + batch.num_rows)], pa.string())
        yield batch.append_column(column, ids)
        count += batch.num_rows


def opened(settings: Settings) -> tuple[AbstractContextManager[Any], Any]:
    """Open the target, and what is to be closed after it."""
    if is_place(settings.target):
        url = push_url(settings.target)
        return nullcontext(), StreamingDataset(
            url.value, settings.schema, history=settings.history, quotas=settings.kept
        )
    credential = Hidden(sign_in(settings.credential, settings.client_id))
    client = Client(credential.value, cloud=settings.cloud, base_url=settings.base_url, quotas=settings.kept)
    workspace_name, dataset_name, table_name = place(Hidden(settings.target), client.base_url)
    workspace = client.workspace(workspace_name) if workspace_name else client.my_workspace
    schema = settings.schema
    columns = None if schema is None else {column.name: column.data_type for column in schema.columns}
    return closing(client), workspace.dataset(dataset_name).table(table_name, columns)


def clear(settings: Settings) -> None:
    """Delete the rows of the target, as overwriting does.

    Raises:
        ConfigurationError: It is a push URL, which cannot be emptied.
    """
    if is_place(settings.target):
        msg = 'a push URL takes rows and nothing else: what is behind it cannot be overwritten, only .mode("append")'
        raise ConfigurationError(msg)
    client, table = opened(settings)
    with client:
        table.delete_rows()


def account(result: PushResult, attempt: int = 0) -> dict[str, Any]:
    """Say in a commit message what became of the rows, each of which an earlier attempt may have sent too."""
    if attempt:
        result = replace(result, maybe_twice=result.confirmed)
    counts = {name: getattr(result, name) for name in COUNTS}
    return {**counts, "errors": [error.message for error in result.errors[:_FIRST]]}


def added(accounts: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what the tasks of a write say."""
    counts = {name: sum(one[name] for one in accounts) for name in COUNTS}
    return {**counts, "errors": [error for one in accounts for error in one["errors"]][:_FIRST]}
