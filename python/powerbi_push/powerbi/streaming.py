"""Streaming datasets: rows to a push URL, which needs no sign-in because it is a secret itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.calls.options import PushOptions, SenderOptions, given, takes
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.delivery.sender import Sender
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.schema.table import as_table_schema
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self, Unpack

    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.results import PushResult
    from powerbi_push.delivery.retry import Retry
    from powerbi_push.powerbi.quotas import Quotas
    from powerbi_push.schema.table import DataType, TableSchema

#: The name that Power BI itself gives the only table of a streaming dataset.
TABLE_NAME = "RealTimeData"


@shown_unfinished
class StreamingDataset:
    """A streaming dataset behind its push URL ("API info" in Power BI). Nothing is sent before the first push.

    Args:
        push_url: Any https URL; it goes out untouched, and neither `repr`, errors nor logs show its query.
        schema: What the rows look like: a `TableSchema`, or a mapping of names to data types. Without one each value
            is checked by its own type only, and the service answers 404 to a name that it does not know.
        history: Whether "Historic data analysis" is on. Off, a request holds 15,000 bytes, and 5 go a second; on, it
            holds what a push dataset's does.
        live_tiles: With `history`: still cut at 15,000 bytes, above which live tiles stop moving.
        timeout: Seconds without progress in one exchange that count as a failure.
        retry: ``"default"``, a `Retry`, or None for one attempt.
        quotas: What is kept before anything is sent: ``"pro"`` (default), ``"free"``, a `Quotas`, or None for nothing.
        proxy: As for `Client`.
        ca_bundle: A PEM file of further authorities.

    Raises:
        ConfigurationError: An argument is wrong; or ``POWERBI_PUSH_EMULATOR`` is set, and the URL leads elsewhere.

    Source of the limits: "Real-time streaming in Power BI",
    learn.microsoft.com/power-bi/connect-data/service-real-time-streaming.

    >>> from powerbi_push.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     url = emulator.streaming_dataset("Sensors", {"at": "DateTime", "celsius": "Number"})
    ...     stream = StreamingDataset(url, {"at": "DateTime", "celsius": float})
    ...     stream.push([{"at": "2026-01-02T03:04:05", "celsius": 21.5}]).confirmed
    1
    """

    def __init__(
        self,
        push_url: str,
        schema: TableSchema | Mapping[str, DataType] | None = None,
        *,
        history: bool = False,
        live_tiles: bool = True,
        timeout: float = 30.0,
        retry: Literal["default"] | Retry | None = "default",
        quotas: Literal["pro", "free"] | Quotas | None = "pro",
        proxy: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
    ) -> None:
        """Check the arguments; nothing is sent."""
        # From here on no traceback that shows local variables shows the key.
        url, columns, way = Hidden(push_url), Hidden(schema), Hidden((proxy, ca_bundle))
        push_url, schema, proxy, ca_bundle = "", None, None, None
        self.schema = as_table_schema(TABLE_NAME, columns)
        self._core = _core.PushUrl(url.value, history, live_tiles, timeout, retry, quotas, *way.value)

    @classmethod
    def from_env(cls, schema: TableSchema | Mapping[str, DataType] | None = None, **options: Any) -> Self:
        """Take the push URL from the environment variable ``POWERBI_PUSH_URL``.

        Args:
            schema: As for the class.
            **options: As for the class.

        Raises:
            ConfigurationError: The variable is not set, or an argument is wrong.
        """
        if not os.environ.get("POWERBI_PUSH_URL"):
            msg = "POWERBI_PUSH_URL is not set"
            raise ConfigurationError(msg, hint='set it to the push URL of the dataset ("API info" in Power BI)')
        return cls(os.environ["POWERBI_PUSH_URL"], schema, **options)

    @takes(PushOptions)
    def push(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Check rows, send them, and wait until each has an answer; as `Table.push` does.

        Args:
            rows: An iterable of mappings.
            **options: See `PushOptions`.

        Raises:
            ValidationError: Rows do not fit, unless ``on_invalid="skip"``.
            NotFoundError: The dataset lacks a column, or is not there.
            PermissionDeniedError: The key is wrong, or the tenant blocks keys.
            PowerBIPushError: As for `Table.push`.
        """
        return run(self._push(rows, given("StreamingDataset.push", PushOptions, options)))

    @takes(PushOptions)
    async def push_async(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Await `push`; rows are read, and a cancelled push ends, as by `Table.push_async`."""
        return settled(await awaited(self._push(rows, given("StreamingDataset.push_async", PushOptions, options))))

    def _push(self, rows: Rows, options: dict[str, Any]) -> Verb[PushResult]:
        schema = self.schema._core if self.schema else None  # noqa: SLF001 - the same package
        result: PushResult = yield self._core.push_rows(schema, rows, options)
        return result

    @takes(SenderOptions)
    def sender(self, **options: Unpack[SenderOptions]) -> Sender:
        """Make a sender, which delivers in the background what it is given; nothing is sent yet.

        Args:
            **options: See `SenderOptions`.

        Raises:
            ConfigurationError: An option is wrong.
            OutboxError: The outbox cannot be opened, is in use, or holds rows for another destination.
        """
        schema = self.schema._core if self.schema else None  # noqa: SLF001 - the same package
        return Sender(self._core.sender(schema, given("StreamingDataset.sender", SenderOptions, options)), repr(self))

    def __repr__(self) -> str:
        """Show where it goes, without the key."""
        return f"StreamingDataset({self._core.shown!r})"

    def __reduce__(self) -> Any:
        """Refuse: the push URL is a secret."""
        msg = "a streaming dataset holds a secret URL and cannot be pickled; make one in each process"
        raise TypeError(msg)
