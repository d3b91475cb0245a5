"""The one-liner: `push` finds what is meant by a target, makes what is missing, and keeps one client for next time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from powerbi_push import _core
from powerbi_push.async_rows import ReadAhead
from powerbi_push.client import Client
from powerbi_push.credentials import mark_of_environment
from powerbi_push.dataset_schema import DatasetSchema
from powerbi_push.environment import emulator_url
from powerbi_push.exceptions import ConfigurationError, DeadlineError, NotFoundError
from powerbi_push.hidden import Hidden
from powerbi_push.schema import TableSchema
from powerbi_push.streaming import StreamingDataset
from powerbi_push.table import Table
from powerbi_push.verbs import awaited, run, within

if TYPE_CHECKING:
    from typing import TypeAlias, Unpack

    from powerbi_push.dataset import Dataset
    from powerbi_push.options import PushOptions, Rows
    from powerbi_push.results import PushResult
    from powerbi_push.schema import DataType
    from powerbi_push.verbs import Verb
    from powerbi_push.workspace import Workspace

    Target: TypeAlias = "str | Table | StreamingDataset | tuple[str | None, str, str]"

#: Rows that `create=True` looks at where no schema is given.
_INFERRED_ROWS = 10_000
_ROWS_ADDRESS = re.compile(
    r"/v1\.0/myorg(?:/groups/(?P<workspace>[^/]+))?/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)/rows/?"
)
_clients: dict[tuple[Any, ...], Client] = {}


def push(
    rows: Rows,
    target: Target,
    *,
    schema: TableSchema | Mapping[str, DataType] | None = None,
    credential: object = None,
    cloud: str = "public",
    base_url: str | None = None,
    if_exists: Literal["append", "replace"] = "append",
    create: bool = False,
    **options: Unpack[PushOptions],
) -> PushResult:
    """Push rows to wherever `target` says.

    Args:
        rows: An iterable of mappings, of objects with fields, or a frame.
        target: A push URL; the rows address of a table (``https://.../datasets/{id}/tables/T/rows``); a `Table` or
            `StreamingDataset`; ``"Dataset/Table"`` or ``"Workspace/Dataset/Table"``; or the tuple ``(workspace or None,
            dataset, table)``, which takes names with slashes. Names or ids.
        schema: What the rows look like.
        credential: As for `Client`; not for push URLs.
        cloud: As for `Client`.
        base_url: As for `Client`.
        if_exists: ``"append"``, or ``"replace"``: delete the table's rows first, never the dataset.
        create: Make the dataset where it is missing, its columns read off the first 10,000 rows unless `schema` says.
        **options: See `PushOptions`.

    Raises:
        ConfigurationError: The target is not one, or the dataset lacks the table, which the service cannot add.
        PowerBIPushError: As for `Table.push`.

    One client per credential, cloud and base URL is kept for the life of the process.

    >>> from powerbi_push.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     sign_in = {"credential": emulator.credential, "base_url": emulator.url}
    ...     push([{"Id": 1}], "Sales/Orders", create=True, **sign_in).confirmed
    1
    """
    hidden, credential = Hidden((target, credential)), None
    del target
    where = {"cloud": cloud, "base_url": base_url}
    return run(_push(rows, hidden, schema, where, _begun(options), if_exists=if_exists, create=create))


async def push_async(
    rows: Rows,
    target: Target,
    *,
    schema: TableSchema | Mapping[str, DataType] | None = None,
    credential: object = None,
    cloud: str = "public",
    base_url: str | None = None,
    if_exists: Literal["append", "replace"] = "append",
    create: bool = False,
    **options: Unpack[PushOptions],
) -> PushResult:
    """Await `push`; rows may come from an async iterable, and a cancelled push ends as `Table.push_async` says."""
    hidden, credential = Hidden((target, credential)), None
    del target
    where, begun = {"cloud": cloud, "base_url": base_url}, _begun(options)
    if create and schema is None and hasattr(rows, "__aiter__"):
        rows = await _read_ahead(rows, begun.get("timeout"))
    return await awaited(_push(rows, hidden, schema, where, begun, if_exists=if_exists, create=create))


def _begun(options: PushOptions) -> dict[str, Any]:
    """Have the time limit of a push begin: it is for everything that is asked of the service."""
    begun: dict[str, Any] = dict(options)
    if begun.get("timeout") is not None:
        begun["timeout"] = _core.Deadline(begun["timeout"])
    return begun


async def _read_ahead(rows: Any, limit: _core.Deadline | None) -> ReadAhead:
    import asyncio  # noqa: PLC0415 - costs a script that never awaits 30 ms

    try:
        async with asyncio.timeout(None if limit is None else limit.left) as patience:
            return await ReadAhead.of(rows, _INFERRED_ROWS)
    except TimeoutError:
        if not patience.expired():
            raise
        msg = "the time limit of this call has passed while rows were read"
        raise DeadlineError(msg, hint="give a longer timeout=, or pass schema=: no row was sent") from None


def _push(
    rows: Rows,
    hidden: Hidden[tuple[Target, object]],
    schema: TableSchema | Mapping[str, DataType] | None,
    where: dict[str, Any],
    options: dict[str, Any],
    *,
    if_exists: str,
    create: bool,
) -> Verb[PushResult]:
    """Find the target and push to it. A push URL and a credential are secrets: no traceback shows them.

    Args:
        rows: As for `push`.
        hidden: The target and the credential.
        schema: As for `push`.
        where: What else the client is made with.
        options: Those of `push`, the time limit begun.
        if_exists: As for `push`.
        create: As for `push`.
    """
    if if_exists not in {"append", "replace"}:
        msg = f'`if_exists` takes "append" or "replace", not {if_exists!r}'
        raise ConfigurationError(msg)
    pushes = stream(hidden, schema)
    if pushes is not None:
        if if_exists == "replace" or create:
            msg = "a push URL takes rows and nothing else: its dataset cannot be made or emptied through it"
            raise ConfigurationError(msg)
        return (yield from pushes._push(rows, options))  # noqa: SLF001 - the same package
    if isinstance(hidden.value[0], Table):
        table = hidden.value[0]
        table = table if schema is None else table.dataset.table(table.name, schema)
    else:
        client = _client(Hidden(hidden.value[1]), **where)
        finding = _table(client, place(hidden.value[0], client.base_url), schema, rows, create=create)
        table, rows = yield from within(options.get("timeout"), finding)
    return (yield from table._push(rows, options, replace=if_exists == "replace"))  # noqa: SLF001


def _is_push_url(target: str) -> bool:
    return target.lstrip().lower().startswith(("https:", "http:")) and not _ROWS_ADDRESS.fullmatch(
        urlsplit(target.strip()).path
    )


def stream(
    hidden: Hidden[tuple[Target, object]], schema: TableSchema | Mapping[str, DataType] | None
) -> StreamingDataset | None:
    """Take the target as a streaming dataset, if it is one."""
    if isinstance(hidden.value[0], StreamingDataset):
        return hidden.value[0]
    if isinstance(hidden.value[0], str) and _is_push_url(hidden.value[0]):
        return StreamingDataset(hidden.value[0], schema)
    return None


def _client(credential: Hidden[object], cloud: str, base_url: str | None) -> Client:
    # Without a credential the environment signs in: another one means another client.
    where = (cloud, base_url, emulator_url(), credential.value is None and mark_of_environment())
    key = (credential.value, *where)
    try:
        known = _clients.get(key)
    except TypeError:  # a credential that has no hash is told by what it is
        key = (id(credential.value), *where)
        known = _clients.get(key)
    if known is None:
        known = _clients[key] = Client(credential.value, cloud=cloud, base_url=base_url)
    return known


def place(target: object, base_url: str) -> tuple[str | None, str, str]:
    """Read a target: workspace, dataset, table."""
    parts: tuple[Any, ...] = ()
    if isinstance(target, str) and target.lstrip().lower().startswith(("https:", "http:")):
        url = urlsplit(target.strip())
        if f"{url.scheme}://{url.netloc}".lower() != base_url.lower():
            msg = f"the rows address is on another host than this client's, {base_url}"
            raise ConfigurationError(msg, hint="no token is sent elsewhere; pass base_url= or cloud= to mean that host")
        found = _ROWS_ADDRESS.fullmatch(url.path)
        parts = tuple(part and unquote(part) for part in found.groups()) if found else ()
    elif isinstance(target, str):
        parts = tuple(target.split("/"))
    elif isinstance(target, tuple):
        parts = target
    match parts:
        case (str(dataset), str(table)) if dataset and table:
            return None, dataset, table
        case (None | str() as workspace, str(dataset), str(table)) if dataset and table:
            return workspace or None, dataset, table
        case _:
            shown = repr(target) if isinstance(target, str | tuple) else type(target).__name__
            msg = f"{shown} is no target"
            hint = 'give "Dataset/Table", "Workspace/Dataset/Table", (workspace or None, dataset, table), or a URL'
            raise ConfigurationError(msg, hint=hint)


def _table(
    client: Client,
    place: tuple[str | None, str, str],
    schema: TableSchema | Mapping[str, DataType] | None,
    rows: Rows,
    *,
    create: bool,
) -> Verb[tuple[Table, Rows]]:
    """Find the table, or make it; answers the rows too, since looking at some of a generator's takes them out."""
    workspace_name, dataset_name, table_name = place
    workspace = client.my_workspace
    if workspace_name:
        workspace = yield from client._workspace(workspace_name)  # noqa: SLF001 - the same package
    try:
        dataset = yield from workspace._dataset(dataset_name)  # noqa: SLF001
    except NotFoundError:
        if not create:
            raise
        return (yield from _make(workspace, dataset_name, table_name, schema, rows))
    if create:
        yield from _check_table(dataset, table_name)
    return dataset.table(table_name, schema), rows


def _make(
    workspace: Workspace,
    dataset_name: str,
    table_name: str,
    schema: TableSchema | Mapping[str, DataType] | None,
    rows: Rows,
) -> Verb[tuple[Table, Rows]]:
    if isinstance(schema, Mapping):
        schema = TableSchema(table_name, schema)
    if schema is None:
        first, rows = _first(rows)
        schema = TableSchema.infer(table_name, first)
    dataset = yield from workspace._create_dataset(DatasetSchema(dataset_name, [schema]), "fail")  # noqa: SLF001
    return dataset.table(table_name), rows


def _first(rows: Rows) -> tuple[Rows, Rows]:
    """Take the first rows to look at, and give all of them back."""
    if isinstance(rows, ReadAhead):
        return rows.first, rows
    if hasattr(rows, "head") and hasattr(rows, "__arrow_c_stream__"):
        return rows.head(_INFERRED_ROWS), rows
    if isinstance(rows, list | tuple):
        return rows[:_INFERRED_ROWS], rows
    if hasattr(rows, "__arrow_c_stream__") or isinstance(rows, Mapping | str | bytes):
        return rows, rows
    iterator = iter(rows)
    first = list(islice(iterator, _INFERRED_ROWS))
    return first, chain(first, iterator)


def _check_table(dataset: Dataset, table_name: str) -> Verb[None]:
    tables = yield from dataset._tables()  # noqa: SLF001 - the same package
    names = [table.name for table in tables]
    if table_name not in names:
        msg = f"dataset `{dataset.name}` has no table `{table_name}`, and the service cannot add one: it has {names}"
        raise ConfigurationError(msg, hint="push to a table that is there, or to a dataset of another name")
