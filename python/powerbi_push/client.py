"""The Power BI REST API as objects: client, workspaces, datasets, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.credentials import sign_in_of_environment
from powerbi_push.dataset_schema import DatasetSchema
from powerbi_push.environment import EmulatorSignIn, emulator_url
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.hidden import Hidden
from powerbi_push.retirement import tell_of_retirement
from powerbi_push.schema import TableSchema, specification
from powerbi_push.sender import Sender
from powerbi_push.verbs import awaited, run

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self, TypeAlias, Unpack

    from powerbi_push.options import PushOptions, Rows, SenderOptions
    from powerbi_push.results import PushResult
    from powerbi_push.retry import Retry
    from powerbi_push.schema import DataType
    from powerbi_push.verbs import Verb

    IfExists: TypeAlias = Literal["fail", "reuse", "recreate"]


class Client:
    """A sign-in to Power BI. Cheap to make: nothing is sent, and no token fetched, before the first call.

    Args:
        credential: A token string (used until its ``exp``); a callable that returns a token or
            ``(token, expires_on)``; any object with ``get_token(scope)``, such as those of azure-identity; the dict
            that msal returns; or one of this package's own, such as `ClientSecretCredential`. Callables and objects
            are called on a thread of this package, one call at a time. Default is what `EnvironmentCredential` finds.
        cloud: ``public``, ``usgov``, ``usgovhigh``, ``usgovdod`` or ``china``.
        base_url: Scheme and host; default is the cloud's, ``https://api.powerbi.com``. http is for loopback only.
        timeout: Seconds without progress in one exchange that count as a failure; connecting takes at most 10.
        retry: ``"default"``, a `Retry`, or None for one attempt.
        proxy: A proxy's URL; default is the environment's (``HTTPS_PROXY``, ``NO_PROXY``).
        ca_bundle: A PEM file of further authorities; default is the machine's store and ``REQUESTS_CA_BUNDLE``.

    Each verb that asks the service has a twin to await, whose name ends in ``_async``; it takes, answers and raises the
    same. A client may be used by several threads and event loops at once.

    Verbs other than pushes are tried again where that does no harm, and wait where the service asks to be left alone,
    for 120 seconds at most in one request: a longer wait is a `RateLimitedError` at once, whose `retry_after` says how
    long. A service principal has no My workspace: what it asks there is a `PermissionDeniedError` before anything is
    sent (source: "Embed Power BI content with service principal").

    Where the environment variable ``POWERBI_PUSH_EMULATOR`` holds the address of an emulator on this machine, a client
    without `base_url` talks to that one, with its credential, so that production code is tested unchanged.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        credential: object = None,
        *,
        cloud: str = "public",
        base_url: str | None = None,
        timeout: float = 30.0,
        retry: Literal["default"] | Retry | None = "default",
        proxy: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
    ) -> None:
        """Make a client; nothing is sent."""
        emulator = emulator_url() if base_url is None else None
        if emulator:
            # The credential of production code stays out of it: the emulator has its own.
            credential, base_url = EmulatorSignIn(emulator), emulator
        if credential is None:
            credential = sign_in_of_environment()
        # From here on no traceback that shows local variables shows the token.
        hidden, credential = Hidden(credential), None
        self._core = _core.Client(hidden.value, cloud, base_url, timeout, retry, proxy, ca_bundle)
        self._my_workspace = Workspace(self._core, None, "My workspace")

    @property
    def my_workspace(self) -> Workspace:
        """The signed-in user's own workspace. Service principals have none."""
        return self._my_workspace

    def workspaces(self, filter: str | None = None) -> list[Workspace]:  # noqa: A002 - the service's own word
        """List the workspaces that you may see, My workspace apart; all of them, however many requests that takes.

        Args:
            filter: Which ones, in the language of OData: ``"contains(name,'marketing')"`` or ``"name eq 'contoso'"``; a
                quote in a name is written twice. It goes out as it is. None (default) lists all.

        Raises:
            ServiceError: The service refuses, the filter for example.
            TransportError: The service cannot be reached.

        Mirrors Get Groups (source: its page in the Power BI REST reference).

        >>> from powerbi_push.emulator import Emulator
        >>> with Emulator() as emulator:
        ...     for name in ("Sales", "Marketing"):
        ...         _ = emulator.add_workspace(name)
        ...     emulator.client().workspaces("contains(name,'Sa')")
        [Workspace('Sales')]
        """
        return run(self._workspaces(filter))

    async def workspaces_async(self, filter: str | None = None) -> list[Workspace]:  # noqa: A002 - as above
        """Await `workspaces`."""
        return await awaited(self._workspaces(filter))

    def _workspaces(self, condition: str | None) -> Verb[list[Workspace]]:
        infos = yield self._core.workspaces(condition)
        return [Workspace(self._core, info["id"], info["name"]) for info in infos]

    def workspace(self, name_or_id: str) -> Workspace:
        """Find a workspace by its name, or take the one with that id; for an id nothing is sent.

        Args:
            name_or_id: A name, case counting, or an id such as ``f089354e-8366-4e18-aea3-4cb4a3a50b48``.

        Raises:
            NotFoundError: There is none of this name that you may see; the message lists those there are.
            ConfigurationError: Several have this name; the message lists their ids.
        """
        return run(self._workspace(name_or_id))

    async def workspace_async(self, name_or_id: str) -> Workspace:
        """Await `workspace`."""
        return await awaited(self._workspace(name_or_id))

    def _workspace(self, name_or_id: str) -> Verb[Workspace]:
        if _core.Client.is_id(name_or_id):
            return Workspace(self._core, name_or_id, None)
        info = yield self._core.workspace(name_or_id)
        return Workspace(self._core, info["id"], info["name"])

    def datasets(self) -> list[Dataset]:
        """List the datasets of My workspace; see `Workspace.datasets`."""
        return self._my_workspace.datasets()

    async def datasets_async(self) -> list[Dataset]:
        """Await `datasets`."""
        return await self._my_workspace.datasets_async()

    def dataset(self, name_or_id: str) -> Dataset:
        """Find a dataset of My workspace; see `Workspace.dataset`."""
        return self._my_workspace.dataset(name_or_id)

    async def dataset_async(self, name_or_id: str) -> Dataset:
        """Await `dataset`."""
        return await self._my_workspace.dataset_async(name_or_id)

    def create_dataset(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Create a dataset in My workspace; see `Workspace.create_dataset`."""
        return self._my_workspace.create_dataset(schema, if_exists=if_exists)

    async def create_dataset_async(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Await `create_dataset`."""
        return await self._my_workspace.create_dataset_async(schema, if_exists=if_exists)

    @property
    def base_url(self) -> str:
        """Scheme and host of the service."""
        return self._core.base_url

    def close(self) -> None:
        """Refuse further calls with `ClosedError`; calls under way are not disturbed."""
        self._core.close()

    async def close_async(self) -> None:
        """Do as `close` does; there is nothing to wait for."""
        self.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    async def __aenter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Show where it goes, never as whom."""
        core = getattr(self, "_core", None)
        return f"Client(base_url={core.base_url!r})" if core else "Client(unfinished)"

    def __reduce__(self) -> Any:
        """Refuse: a client holds a sign-in."""
        msg = "a client holds a sign-in and cannot be pickled; make one in each process"
        raise TypeError(msg)


class Workspace:
    """A workspace ("group" in the REST API), or the user's own.

    Attributes:
        id: The service's id; None for My workspace.
    """

    def __init__(self, core: _core.Client, workspace_id: str | None, name: str | None) -> None:
        """Made by `Client.workspace` and `Client.my_workspace`."""
        self._core = core
        self.id = workspace_id
        self._name = name

    @property
    def name(self) -> str:
        """Its name, looked up once where only the id is known so far (Get Group).

        Raises:
            NotFoundError: There is no such workspace that you may see; the message lists those there are.
        """
        return run(self._named())

    async def name_async(self) -> str:
        """Await `name`."""
        return await awaited(self._named())

    def _named(self) -> Verb[str]:
        if self._name is None:
            info = yield self._core.workspace(str(self.id))
            self._name = info["name"]
        return self._name

    def datasets(self) -> list[Dataset]:
        """List the datasets that you may see here, of any kind.

        Raises:
            ServiceError: The service refuses.
            TransportError: The service cannot be reached.
        """
        return run(self._datasets())

    async def datasets_async(self) -> list[Dataset]:
        """Await `datasets`."""
        return await awaited(self._datasets())

    def _datasets(self) -> Verb[list[Dataset]]:
        infos = yield self._core.datasets(self.id)
        return [Dataset(self._core, self, info, None) for info in infos]

    def dataset(self, name_or_id: str) -> Dataset:
        """Find a dataset by its id, or by its name.

        Raises:
            NotFoundError: There is none; the message lists those there are.
            ConfigurationError: Several have this name; the message lists their ids.
        """
        return run(self._dataset(name_or_id))

    async def dataset_async(self, name_or_id: str) -> Dataset:
        """Await `dataset`."""
        return await awaited(self._dataset(name_or_id))

    def _dataset(self, name_or_id: str) -> Verb[Dataset]:
        info = yield self._core.dataset(self.id, name_or_id)
        return Dataset(self._core, self, info, None)

    def create_dataset(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Create a dataset.

        The service would make a second one of the same name, so this looks first. One that the service takes its time
        to make (202) is waited for, up to 120 seconds. A request without an answer is never repeated: the new dataset
        is looked for, for 15 seconds, and taken where it is there.

        Args:
            schema: What to create, with its mode and its retention policy.
            if_exists: What to do where a dataset of this name exists: ``"fail"`` (default), ``"reuse"`` takes it as it
                is, ``"recreate"`` deletes it first, which detaches its tiles.

        Raises:
            ConfigurationError: One exists already, or it takes no rows, or several have the name; the message holds
                their ids.
            TypeError: `schema` is no DatasetSchema.
            FeatureRetiredError: The service no longer creates such datasets.
            ServiceError: The service refuses. Where it failed (5xx) the message says whether the dataset is there.
            TransportError: There was no answer, and no new dataset is to be seen.
            DeadlineError: The service is still making it; the message holds its name and its id.

        Mirrors Post Dataset and Post Dataset In Group (source: their pages in the Power BI REST reference).
        """
        return run(self._create_dataset(schema, if_exists))

    async def create_dataset_async(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Await `create_dataset`."""
        return await awaited(self._create_dataset(schema, if_exists))

    def _create_dataset(self, schema: DatasetSchema, if_exists: IfExists) -> Verb[Dataset]:
        schema = _dataset_schema(schema)
        tell_of_retirement(self._core.base_url)
        info = yield self._core.create_dataset(self.id, specification(schema), if_exists)
        return Dataset(self._core, self, info, schema)

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Workspace({self._name or self.id!r})"


class Dataset:
    """A dataset of the service.

    Attributes:
        id: The service's id.
        name: Not unique.
        accepts_rows: Whether rows can be pushed into it.
        web_url: Where a person can look at it; None where the service did not say.
        workspace: Where it is.
    """

    def __init__(
        self, core: _core.Client, workspace: Workspace, info: dict[str, Any], schema: DatasetSchema | None
    ) -> None:
        """Made by `Workspace.dataset` and `Workspace.create_dataset`."""
        self._core = core
        self.workspace = workspace
        self.id: str = info["id"]
        self.name: str = info["name"]
        self.accepts_rows: bool = info["accepts_rows"]
        self.web_url: str | None = info["web_url"]
        self._known = {table.name: table for table in schema.tables} if schema else {}

    def tables(self) -> list[Table]:
        """List the tables; the service tells their names and promises no more.

        Raises:
            NotFoundError: It is no push dataset, or not there.

        Mirrors Get Tables and Get Tables In Group (source: their pages in the Power BI REST reference).
        """
        return run(self._tables())

    async def tables_async(self) -> list[Table]:
        """Await `tables`."""
        return await awaited(self._tables())

    def _tables(self) -> Verb[list[Table]]:
        names = yield self._core.tables(self.workspace.id, self.id)
        return [self.table(name) for name in names]

    def table(
        self,
        name: str | None = None,
        schema: TableSchema | Mapping[str, DataType] | None = None,
        *,
        ordered: bool | None = None,
    ) -> Table:
        """Take a table; nothing is sent.

        Args:
            name: The table's name, case counting; without it the only table of the schema.
            schema: What its rows look like; known already where you created the dataset. Without one each value is
                checked by its own type only.
            ordered: Send one request at a time, so that rows arrive in your order. None (default) is no.

        Raises:
            ConfigurationError: No table can have this name, the schema lacks it, or it is not clear which is meant.
        """
        known = self._known
        if isinstance(schema, TableSchema) and name is None:
            name = schema.name
        if name is None:
            if len(known) != 1:
                msg = f"dataset `{self.name}`: which table is meant is not clear"
                raise ConfigurationError(msg, hint=f"name one: {', '.join(known) or 'dataset.tables() lists them'}")
            (name,) = known
        if known and name not in known:
            msg = f"dataset `{self.name}` has no table `{name}`"
            raise ConfigurationError(msg, hint=f"its tables are {', '.join(known)}; case counts")
        _core.Client.check_table_name(name)
        if schema is None:
            schema = known.get(name)
        if isinstance(schema, Mapping):
            schema = TableSchema(name, schema)
        return Table(self, name, schema, ordered=bool(ordered))

    def delete(self) -> None:
        """Delete the dataset with all its rows, reports and tiles.

        Raises:
            NotFoundError: It is not there.
        """
        run(self._delete())

    async def delete_async(self) -> None:
        """Await `delete`."""
        await awaited(self._delete())

    def _delete(self) -> Verb[None]:
        yield self._core.delete_dataset(self.workspace.id, self.id)

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Dataset({self.name!r}, id={self.id!r})"


class Table:
    """A table of a push dataset.

    Attributes:
        name: Its name.
        schema: What its rows look like; None where that is not known.
        dataset: Where it is.
    """

    def __init__(self, dataset: Dataset, name: str, schema: TableSchema | None, *, ordered: bool) -> None:
        """Made by `Dataset.table`."""
        self.dataset = dataset
        self.name = name
        self.schema = schema
        self._ordered = ordered

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
            DeadlineError: `timeout` has passed.
            RateLimitedError: The service asks for a wait that reaches past `timeout`.
            TypeError: `rows` is a single row, text or no iterable.

            Each but TypeError carries `result`, and so does the KeyboardInterrupt of a push that was interrupted.
        """
        return run(self._push(rows, options))

    async def push_async(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Await `push`.

        Rows may also come from an async iterable. They are read on this event loop's thread, at most 10,000 of them or
        5 ms between two turns of other tasks. Cancelled, a push begins no further request, waits for those that are on
        the wire, and raises CancelledError with its `result`; cancelled a second time it waits for nothing.

        >>> import asyncio
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
        return await awaited(self._push(rows, options))

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
        return run(self._push(rows, options, replace=True))

    async def replace_async(self, rows: Rows, **options: Unpack[PushOptions]) -> PushResult:
        """Await `replace`; rows are read as by `push_async`."""
        return await awaited(self._push(rows, options, replace=True))

    def _push(self, rows: Rows, options: PushOptions, *, replace: bool = False) -> Verb[PushResult]:
        core = self.dataset._core  # noqa: SLF001 - the same package
        schema = self.schema._core if self.schema else None  # noqa: SLF001 - the same package
        place = (self.dataset.workspace.id, self.dataset.id, self.name)
        result: PushResult = yield core.push_rows(*place, schema, self._ordered, rows, dict(options), replace)
        return result

    def sender(self, **options: Unpack[SenderOptions]) -> Sender:
        """Make a sender, which delivers in the background what it is given; nothing is sent yet.

        Args:
            **options: See `SenderOptions`.

        Raises:
            ConfigurationError: An option is wrong.
        """
        core = self.dataset._core  # noqa: SLF001 - the same package
        schema = self.schema._core if self.schema else None  # noqa: SLF001 - the same package
        place = (self.dataset.workspace.id, self.dataset.id, self.name)
        return Sender(core.sender(*place, schema, self._ordered, dict(options)), repr(self))

    def delete_rows(self) -> None:
        """Delete all rows of the table; the service knows no other way.

        Raises:
            NotFoundError: The table is not there; the message lists those there are.
        """
        run(self._delete_rows())

    async def delete_rows_async(self) -> None:
        """Await `delete_rows`."""
        await awaited(self._delete_rows())

    def _delete_rows(self) -> Verb[None]:
        core = self.dataset._core  # noqa: SLF001 - the same package
        yield core.delete_rows(self.dataset.workspace.id, self.dataset.id, self.name)

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
        await awaited(self._update_schema(schema, may_lose_rows=may_lose_rows))

    def _update_schema(self, schema: TableSchema | Mapping[str, DataType], *, may_lose_rows: bool) -> Verb[None]:
        schema = _table_schema(self.name, schema)
        core = self.dataset._core  # noqa: SLF001 - the same package
        place = (self.dataset.workspace.id, self.dataset.id, self.name)
        yield core.update_schema(*place, specification(schema), bool(may_lose_rows))
        self.schema = schema
        known = self.dataset._known  # noqa: SLF001 - the same package
        if self.name in known:
            known[self.name] = schema

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
        return await awaited(self._sequence_numbers())

    def _sequence_numbers(self) -> Verb[dict[int, int]]:
        core = self.dataset._core  # noqa: SLF001 - the same package
        numbers: dict[int, int] = yield core.sequence_numbers(self.dataset.workspace.id, self.dataset.id, self.name)
        return numbers

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Table({self.dataset.name!r}, {self.name!r})"


def _dataset_schema(schema: object) -> DatasetSchema:
    if isinstance(schema, DatasetSchema):
        return schema
    advice = (
        "wrap it: DatasetSchema(name, [table])" if isinstance(schema, TableSchema) else "see DatasetSchema.from_json"
    )
    msg = f"schema must be a DatasetSchema, not {type(schema).__name__}; {advice}"
    raise TypeError(msg)


def _table_schema(name: str, schema: object) -> TableSchema:
    if isinstance(schema, TableSchema):
        return schema
    if isinstance(schema, Mapping):
        return TableSchema(name, schema)
    msg = f"schema must be a TableSchema or a mapping of columns, not {type(schema).__name__}"
    raise TypeError(msg)
