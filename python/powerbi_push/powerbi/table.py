"""Tables: where rows go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from powerbi_push import _core
from powerbi_push.calls.arguments import refuse
from powerbi_push.calls.options import PushOptions, SenderOptions, given, takes
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.delivery.sender import Sender
from powerbi_push.display import pages
from powerbi_push.powerbi.queries import table_rows
from powerbi_push.powerbi.quotas import Plan
from powerbi_push.schema.table import TableSchema, as_table_schema, specification
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Unpack

    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.results import PushResult
    from powerbi_push.powerbi.dataset import Dataset
    from powerbi_push.schema.table import DataType


@shown_unfinished
class Table:
    """A table of a push dataset.

    Attributes:
        name: Its name.
        schema: What its rows look like; None where that is not known.
        dataset: Where it is.
    """

    def __init__(
        self, dataset: Dataset, name: str, schema: TableSchema | None, *, ordered: bool, sequence: bool = False
    ) -> None:
        """Made by `Dataset.table`."""
        self.dataset = dataset
        self.name = name
        self._ordered = ordered
        self._sequence = sequence
        self._know(schema)

    def _know(self, schema: TableSchema | None) -> None:
        """Take what its rows look like from here on."""
        self.schema = schema
        place = (self.dataset.workspace.id, self.dataset.id, self.name)
        known = schema._core if schema else None  # noqa: SLF001 - the same package
        self._core = _core.Table(self.dataset._core, place, known, self._ordered, self._sequence)  # noqa: SLF001

    @takes(PushOptions)
    def push(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Check rows, send them, and wait until each has an answer.

        A list, tuple or frame is checked whole before the first request, and every problem is reported together. A
        one-shot source (a generator, ``csv.DictReader``, ``RecordBatchReader``) is checked request by request in
        constant memory: earlier requests stand, the bad one is not sent. One request holds up to 10,000 rows and
        16 MB, up to 4 are out at once (source: "Push semantic model limitations"; 5 are allowed, one place is kept for
        a lost answer).

        Delivery is at least once: a request whose answer was lost is sent again, and `PushResult.maybe_twice` counts
        those rows. ``on_doubt="raise"`` stops instead.

        Args:
            rows: A DataFrame or another frame, or an iterable of mappings, dataclass instances and the like.
            **options: See `PushOptions`.

        Returns:
            What became of each row.

        Raises:
            ValidationError: Rows do not fit, unless ``on_invalid="skip"``.
            ConfigurationError: A frame has columns whose types or labels cannot be pushed.
            SourceError: Reading the rows raised.
            ServiceError: The service refuses; the subclasses say why.
            TransportError: The service could not be reached.
            InDoubtError: Rows were sent and never answered for.
            SequenceConflictError: Somebody else adds numbered rows to the table (``sequence=True``).
            DeadlineError: `timeout` has passed.
            RateLimitedError: The service asks for a wait that reaches past `timeout`.
            TypeError: `rows` is a single row, text or no iterable.

        Each of these but TypeError carries `result`, and so does the KeyboardInterrupt of a push that was interrupted.
        """
        return run(self._push(rows, given("Table.push", PushOptions, options)))

    @takes(PushOptions)
    async def push_async(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Await `push`.

        Rows may also come from an async iterable. They are read on this event loop's thread, at most 10,000 of them or
        5 ms between two turns of other tasks. Cancelled, a push begins no further request, waits for those that are on
        the wire, and raises CancelledError with its `result`; cancelled a second time it waits for nothing.

        >>> import asyncio
        >>> from powerbi_push import DatasetSchema
        >>> from powerbi_push.emulator import Emulator
        >>> async def main() -> int:
        ...     with Emulator() as emulator:
        ...         schema = DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})])
        ...         async with emulator.client() as client:
        ...             dataset = await client.create_dataset_async(schema)
        ...             result = await dataset.table("Orders").push_async([{"Id": 1}, {"Id": 2}])
        ...             return result.confirmed
        >>> asyncio.run(main())
        2
        """
        return settled(await awaited(self._push(rows, given("Table.push_async", PushOptions, options))))

    @takes(PushOptions)
    def replace(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Delete all rows of the table, then push these.

        Everything is read and checked before the delete, a generator too, so that rows which do not fit leave the
        table as it was. A failure after the delete says so: ``error.result.deleted`` is true.

        Args:
            rows: As for `push`.
            **options: See `PushOptions`.

        Raises:
            PowerBIPushError: As for `push`.
        """
        return run(self._push(rows, given("Table.replace", PushOptions, options), replace=True))

    @takes(PushOptions)
    async def replace_async(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Await `replace`; rows are read as by `push_async`."""
        return settled(
            await awaited(self._push(rows, given("Table.replace_async", PushOptions, options), replace=True))
        )

    def _push(self, rows: Rows, options: dict[str, Any], *, replace: bool = False) -> Verb[PushResult]:
        result: PushResult = yield self._core.push(rows, options, replace)
        return result

    def plan(self, rows_or_count: Rows | int, *, rows_in_table: int | None = None) -> Plan:
        """Say what a push would take under the client's quotas; nothing is sent.

        What this process has sent to the dataset in the last hour counts, and so does what it knows of the table.

        Args:
            rows_or_count: How many rows; or the rows themselves, which are checked and measured. They must be ones that
                can be read twice: a list, a tuple or a frame.
            rows_in_table: Rows that the table holds; default is what this process has counted, and else none.

        Raises:
            TypeError: The rows can be read only once, such as those of a generator.
            ValidationError: Rows do not fit.
            ConfigurationError: The number is below 0.

        >>> from powerbi_push import DatasetSchema
        >>> from powerbi_push.emulator import Emulator
        >>> with Emulator() as emulator:
        ...     schema = DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})])
        ...     plan = emulator.client().create_dataset(schema).table().plan(2_000_000)
        >>> plan.requests, round(plan.eta / 3600), plan.bound_by
        (200, 1, '1,000,000 rows an hour')
        """
        plan = self._core.plan(rows_or_count, rows_in_table)
        return Plan(**{**plan, "assumes": tuple(plan["assumes"])})

    @takes(SenderOptions)
    def sender(self, **options: Unpack[SenderOptions]) -> Sender:
        """Make a sender, which delivers in the background what it is given; nothing is sent yet.

        Args:
            **options: See `SenderOptions`.

        Raises:
            ConfigurationError: An option is wrong.
            OutboxError: The outbox cannot be opened, is in use, or holds rows for another destination.
        """
        told = given("Table.sender", SenderOptions, options)
        return Sender(self._core.sender(told), repr(self))

    def delete_rows(self) -> None:
        """Delete all rows of the table; the service knows no other way.

        Raises:
            NotFoundError: The table is not there; the message lists those there are.
        """
        run(self._delete_rows())

    async def delete_rows_async(self) -> None:
        """Await `delete_rows`."""
        settled(await awaited(self._delete_rows()))

    def _delete_rows(self) -> Verb[None]:
        yield self._core.delete_rows()

    def update_schema(self, schema: TableSchema | Mapping[str, DataType], *, may_lose_rows: bool = False) -> None:
        """Give the table other columns and measures.

        Microsoft does not say whether the rows are kept ("Put Table" in the Power BI REST reference), and users report
        that all of them are deleted. No operation counts rows, so that you have to say that they may go.

        Args:
            schema: What the table is to look like, whole: what it leaves out is gone. Its name must be the table's; a
                mapping of columns takes it over. From then on rows are checked against it.
            may_lose_rows: True says that the table is empty, or that its rows can be pushed again. False (default)
                sends nothing and raises.

        Raises:
            ConfigurationError: `may_lose_rows` is false, or the schema has another name; nothing was sent.
            NotFoundError: The dataset has no such table, and the service cannot add one; the message lists those there
                are.
            ServiceError: The service refuses.

        >>> from powerbi_push import DatasetSchema
        >>> from powerbi_push.emulator import Emulator
        >>> with Emulator() as emulator:
        ...     schema = DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})])
        ...     table = emulator.client().create_dataset(schema).table("Orders")
        ...     table.update_schema({"Id": int, "Item": str}, may_lose_rows=True)
        ...     table.push([{"Id": 1, "Item": "tea"}]).confirmed
        1
        """
        run(self._update_schema(schema, may_lose_rows=may_lose_rows))

    async def update_schema_async(
        self, schema: TableSchema | Mapping[str, DataType], *, may_lose_rows: bool = False
    ) -> None:
        """Await `update_schema`."""
        settled(await awaited(self._update_schema(schema, may_lose_rows=may_lose_rows)))

    def _update_schema(self, schema: TableSchema | Mapping[str, DataType], *, may_lose_rows: bool) -> Verb[None]:
        new = as_table_schema(self.name, Hidden(schema))
        if new is None:
            refuse("schema", "a TableSchema or a mapping of columns", None)
        may_lose_rows = _core.check_flag("may_lose_rows", may_lose_rows)
        yield self._core.update_schema(specification(new), may_lose_rows)
        self._know(new)
        known = self.dataset._known  # noqa: SLF001 - the same package
        if self.name in known:
            known[self.name] = new

    def count(self) -> int:
        """Ask how many rows have arrived; an empty table has 0.

        How soon the service counts a row that was pushed just now is not written down.

        Raises:
            NotFoundError: The dataset has no such table; the message lists those there are.
            PermissionDeniedError: You may not query the dataset, or the tenant setting "Dataset Execute Queries REST
                API" is off.
            ConfigurationError: The dataset is of mode Streaming, which keeps no rows.
            RateLimitedError: The service asks for a wait of more than 120 seconds.
            ServiceError: The service refuses.

        Mirrors Execute Queries and Execute Queries In Group (source: their pages in the Power BI REST reference), which
        take 120 requests a minute and user: this process keeps to that, and waits.

        >>> from powerbi_push import DatasetSchema
        >>> from powerbi_push.emulator import Emulator
        >>> with Emulator() as emulator:
        ...     schema = DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})])
        ...     table = emulator.client().create_dataset(schema).table()
        ...     _ = table.push([{"Id": 7}])
        ...     table.count(), table.head()
        (1, [{'Id': 7}])
        """
        return run(self._count())

    async def count_async(self) -> int:
        """Await `count`."""
        return settled(await awaited(self._count()))

    def _count(self) -> Verb[int]:
        count: int = yield self._core.count()
        return count

    def head(self, n: int = 10) -> list[dict[str, Any]]:
        """Show some of the rows that have arrived, in no promised order.

        Args:
            n: How many rows at most, up to 100,000.

        Returns:
            One dict a row, under the plain names of the columns: int, float, bool, str, None, and
            `datetime.datetime` without a zone. Where the table's `schema` is known, it says what is a DateTime and
            what a `decimal.Decimal`; without one a text that looks like a DateTime is one.

        Raises:
            ConfigurationError: `n` is no number of rows, or the dataset is of mode Streaming.
            PowerBIPushError: As for `count`.
        """
        return run(self._head(n))

    async def head_async(self, n: int = 10) -> list[dict[str, Any]]:
        """Await `head`."""
        return settled(await awaited(self._head(n)))

    def _head(self, n: int) -> Verb[list[dict[str, Any]]]:
        rows = yield self._core.head(n)
        return table_rows(rows, self.name, self.schema)

    def sequence_numbers(self) -> dict[int, int]:
        """Ask which sequence number the service has last taken from each writer.

        Returns:
            The number of each client id; empty where nobody has numbered requests.

        Raises:
            NotFoundError: There is no such table, or the service does not offer this: Microsoft announced it once ("New
                features for the Power BI Dataset API"), and its reference does not have it.
            ServiceError: The service refuses.
        """
        return run(self._sequence_numbers())

    async def sequence_numbers_async(self) -> dict[int, int]:
        """Await `sequence_numbers`."""
        return settled(await awaited(self._sequence_numbers()))

    def _sequence_numbers(self) -> Verb[dict[int, int]]:
        numbers: dict[int, int] = yield self._core.sequence_numbers()
        return numbers

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Table({self.dataset.name!r}, {self.name!r})"

    def _repr_html_(self) -> str:
        """Show it in a notebook, with its columns where they are known; nothing is asked."""
        shown = pages.facts(f"table {self.name}", [("dataset", self.dataset.name), ("dataset id", self.dataset.id)])
        return pages.page(shown, self.schema._repr_html_() if self.schema else "")
