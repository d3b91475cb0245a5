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
from powerbi_push.dataset import Dataset
from powerbi_push.dataset_schema import DatasetSchema
from powerbi_push.environment import emulator_url
from powerbi_push.exceptions import ConfigurationError, DeadlineError, NotFoundError, PowerBIPushError
from powerbi_push.hidden import Hidden
from powerbi_push.options import PushOptions, given, takes
from powerbi_push.schema import TableSchema
from powerbi_push.streaming import StreamingDataset
from powerbi_push.table import Table
from powerbi_push.verbs import awaited, run, settled, within

if TYPE_CHECKING:
    from typing import TypeAlias, Unpack

    from powerbi_push.options import Rows
    from powerbi_push.results import PushResult
    from powerbi_push.schema import DataType
    from powerbi_push.verbs import Verb
    from powerbi_push.workspace import Workspace

    Target: TypeAlias = "str | Table | StreamingDataset | tuple[str | None, str, str]"

#: Rows that `create=True` looks at where no schema is given and they can be read only once.
_INFERRED_ROWS = 10_000
_ROWS_ADDRESS = re.compile(
    r"/v1\.0/myorg(?:/groups/(?P<workspace>[^/]+))?/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)/rows/?"
)
#: Between a workspace, a dataset and a table.
_MOST_SLASHES = 2
_clients: dict[tuple[Any, ...], Client] = {}


@takes(PushOptions)
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
        create: Make the dataset where it is missing. Unless `schema` says, its columns are read off all rows of a list,
            tuple or frame, and off the first 10,000 of a generator. Rows that can be read twice are checked before the
            dataset is made. Where it was made and something fails then, the error says so, and with which columns.
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
    begun = _begun(given("push", PushOptions, options))
    return run(_push(rows, hidden, schema, where, begun, if_exists=if_exists, create=create))


@takes(PushOptions)
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
    where = {"cloud": cloud, "base_url": base_url}
    begun = _begun(given("push_async", PushOptions, options))
    if create and schema is None and hasattr(rows, "__aiter__"):
        rows = await _read_ahead(rows, begun.get("timeout"))
    return settled(await awaited(_push(rows, hidden, schema, where, begun, if_exists=if_exists, create=create)))


def _begun(options: dict[str, Any]) -> dict[str, Any]:
    """Have the time limit of a push begin: it is for everything that is asked of the service."""
    if options.get("timeout") is not None:
        options["timeout"] = _core.Deadline(options["timeout"])
    return options


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
        spot, limit = place(hidden.value[0], client.base_url), options.get("timeout")
        try:
            if create:
                making = _create_and_push(client, spot, schema, rows, options=options, if_exists=if_exists)
                return (yield from within(limit, making))
            table = yield from within(limit, _table(client, spot, schema))
        except NotFoundError as error:
            if error.result is None and isinstance(hidden.value[0], str) and "://" not in hidden.value[0]:
                error.hint = _joined(error.hint, _with_slash(hidden.value[0]))
            raise
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
        case _ if isinstance(target, Dataset):
            msg = f"dataset `{target.name}` is no target: rows go into one of its tables"
            raise ConfigurationError(msg, hint='dataset.table("Name").push(rows), or dataset.table() for the only one')
        case _:
            raise _no_target(target)


def _no_target(target: object) -> ConfigurationError:
    shown = repr(target) if isinstance(target, str | tuple) else type(target).__name__
    hint = 'give "Dataset/Table", "Workspace/Dataset/Table", (workspace or None, dataset, table), or a URL'
    if isinstance(target, str) and target.count("/") > _MOST_SLASHES:
        hint = _with_slash(target)
    elif isinstance(target, str) and "/" not in target and target:
        hint = f'name the table too: "{target}/Table"'
    return ConfigurationError(f"{shown} is no target", hint=hint)


def _with_slash(target: str) -> str:
    dataset, _, table = target.rpartition("/")
    return f"a name that holds a slash goes into a tuple: (workspace or None, {dataset!r}, {table!r})"


def _workspace(client: Client, name: str | None) -> Verb[Workspace]:
    if not name:
        return client.my_workspace
    return (yield from client._workspace(name))  # noqa: SLF001 - the same package


def _table(
    client: Client, spot: tuple[str | None, str, str], schema: TableSchema | Mapping[str, DataType] | None
) -> Verb[Table]:
    workspace_name, dataset_name, table_name = spot
    workspace = yield from _workspace(client, workspace_name)
    dataset = yield from workspace._dataset(dataset_name)  # noqa: SLF001 - the same package
    return dataset.table(table_name, schema)


def _create_and_push(
    client: Client,
    spot: tuple[str | None, str, str],
    schema: TableSchema | Mapping[str, DataType] | None,
    rows: Rows,
    *,
    options: dict[str, Any],
    if_exists: str,
) -> Verb[PushResult]:
    """Push to a table whose dataset is made where it is missing."""
    workspace_name, dataset_name, table_name = spot
    workspace = yield from _workspace(client, workspace_name)
    made = None
    try:
        dataset = yield from workspace._dataset(dataset_name)  # noqa: SLF001 - the same package
        yield from _check_table(dataset, table_name)
        table = dataset.table(table_name, schema)
    except NotFoundError:
        known, rows = _known(schema, table_name, rows, convert=bool(options.get("convert")))
        known._core.check(rows, options)  # noqa: SLF001 - nothing is made for rows that do not fit
        whole = DatasetSchema(dataset_name, [known])
        # Another thread may have been faster: then its dataset is taken, which may have other columns.
        dataset, was_made = yield from workspace._take_or_create(whole, "reuse")  # noqa: SLF001
        if was_made:
            made = known
        else:
            dataset = Dataset(dataset._core, workspace, dataset._info, None)  # noqa: SLF001
            yield from _check_table(dataset, table_name)
        table = dataset.table(table_name, known if was_made else schema)
    try:
        return (yield from table._push(rows, options, replace=if_exists == "replace"))  # noqa: SLF001
    except PowerBIPushError as error:
        if made is not None:
            error.hint = _and_made(error.hint, dataset_name, made)
        raise


def _known(
    schema: TableSchema | Mapping[str, DataType] | None, table_name: str, rows: Rows, *, convert: bool
) -> tuple[TableSchema, Rows]:
    """Say what a new table is to look like; answers the rows too, since looking at a generator takes some out."""
    if isinstance(schema, Mapping):
        return TableSchema(table_name, schema), rows
    if schema is None:
        first, rows = _first(rows)
        return TableSchema.infer(table_name, first, convert=convert), rows
    if schema.name != table_name:
        msg = f"the schema is that of a table `{schema.name}`, and the target names the table `{table_name}`"
        raise ConfigurationError(msg, hint="give both the same name, or pass the columns as a mapping")
    return schema, rows


def _and_made(hint: str | None, dataset_name: str, made: TableSchema) -> str:
    columns = ", ".join(f"{column.name} {column.data_type}" for column in made.columns)
    return _joined(
        hint, f"the dataset `{dataset_name}` has been made all the same, its table `{made.name}` with {columns}"
    )


def _joined(hint: str | None, more: str) -> str:
    return f"{hint}; {more}" if hint else more


def _first(rows: Rows) -> tuple[Rows, Rows]:
    """Take the rows to look at, and give all of them back: all that can be read twice, the first of the others."""
    if isinstance(rows, ReadAhead):
        return rows.first, rows
    if hasattr(rows, "read_next_batch"):
        return _first_batches(rows)
    if hasattr(rows, "__len__") or hasattr(rows, "__arrow_c_stream__"):
        return rows, rows
    iterator = iter(rows)
    first = list(islice(iterator, _INFERRED_ROWS))
    return first, chain(first, iterator)


def _first_batches(reader: Any) -> tuple[Rows, Rows]:
    """Take the first batches of a reader of Arrow, and give a reader of all of them back."""
    batches, count = [], 0
    while count < _INFERRED_ROWS:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            break
        batches.append(batch)
        count += batch.num_rows
    kind = type(reader)
    first = kind.from_batches(reader.schema, batches)
    return first, kind.from_batches(reader.schema, chain(batches, reader))


def _check_table(dataset: Dataset, table_name: str) -> Verb[None]:
    tables = yield from dataset._tables()  # noqa: SLF001 - the same package
    names = [table.name for table in tables]
    if table_name not in names:
        msg = f"dataset `{dataset.name}` has no table `{table_name}`, and the service cannot add one: it has {names}"
        raise ConfigurationError(msg, hint="push to a table that is there, or to a dataset of another name")
