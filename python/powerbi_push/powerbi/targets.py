"""The one-liner: `push` finds what is meant by a target, makes what is missing, and keeps one client for next time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from powerbi_push import _core
from powerbi_push.calls.arguments import is_address, look_at
from powerbi_push.calls.async_rows import ReadAhead
from powerbi_push.calls.options import PushOptions, given, takes
from powerbi_push.calls.verbs import awaited, begin_time_limit, run, settled, within
from powerbi_push.credentials.variables import mark_of_environment
from powerbi_push.delivery.results import PushResult
from powerbi_push.environment import emulator_url
from powerbi_push.exceptions import ConfigurationError, DeadlineError, NotFoundError, PowerBIPushError, SourceError
from powerbi_push.powerbi.client import Client
from powerbi_push.powerbi.dataset import Dataset
from powerbi_push.powerbi.streaming import StreamingDataset
from powerbi_push.powerbi.table import Table
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.schema.table import TableSchema, as_table_schema
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias, Unpack

    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.powerbi.workspace import Workspace
    from powerbi_push.schema.table import DataType

    Target: TypeAlias = "str | Table | StreamingDataset | tuple[str | None, str, str]"

#: Rows that `create=True` looks at where no schema is given and they can be read only once.
_INFERRED_ROWS = 10_000
_ROWS_ADDRESS = re.compile(
    r"/v1\.0/myorg(?:/groups/(?P<workspace>[^/]+))?/datasets/(?P<dataset>[^/]+)/tables/(?P<table>[^/]+)/rows/?"
)
#: What `types=` in a message means to somebody who has called `push`.
_NO_TYPES = "push takes no types=: pass schema=TableSchema.infer({!r}, rows, types=...)"
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
    asked = Hidden(_Given(rows, target, schema, credential, cloud, base_url))
    # From here on no traceback that shows local variables shows a key, whichever argument it was put into.
    del rows, target, schema, credential, cloud, base_url
    begun = given("push", PushOptions, options)
    begin_time_limit(begun)
    return run(_push(asked, begun, if_exists=if_exists, create=create))


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
    asked = Hidden(_Given(rows, target, schema, credential, cloud, base_url))
    del rows, target, schema, credential, cloud, base_url
    begun = given("push_async", PushOptions, options)
    begin_time_limit(begun)
    create = _core.check_flag("create", create)
    if create and asked.value.schema is None and hasattr(type(asked.value.rows), "__aiter__"):
        asked.value.rows = await _read_ahead(asked.value.rows, begun.get("timeout"))
    return settled(await awaited(_push(asked, begun, if_exists=if_exists, create=create)))


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


@dataclass(slots=True)
class _Given:
    """What may be, or may hold by mistake, a push URL or another secret."""

    rows: Rows
    target: Any
    schema: Any
    credential: object
    cloud: Any
    base_url: Any


def _push(asked: Hidden[_Given], options: dict[str, Any], *, if_exists: str, create: bool) -> Verb[PushResult]:
    """Find the target and push to it. A push URL and a credential are secrets: no traceback shows them.

    Args:
        asked: What may be a secret.
        options: Those of `push`, the time limit begun.
        if_exists: As for `push`.
        create: As for `push`.
    """
    if_exists = _core.check_word("if_exists", if_exists, ["append", "replace"])
    create = _core.check_flag("create", create)
    target = plain(asked.value.target)
    # A table or a stream may know its columns already; what is made reads them off the rows.
    known = create or asked.value.schema is not None or isinstance(target.value, Table | StreamingDataset)
    _core.check_row_options(options, known)
    pushes = stream(target, Hidden(asked.value.schema))
    if pushes is not None:
        if if_exists == "replace" or create:
            msg = "a push URL takes rows and nothing else: its dataset cannot be made or emptied through it"
            raise ConfigurationError(msg, hint='leave create= and if_exists= out, or name a table: "Dataset/Table"')
        return (yield from pushes._push(asked.value.rows, options))  # noqa: SLF001 - the same package
    if isinstance(target.value, Table):
        table: Table = target.value
        schema = as_table_schema(table.name, Hidden(asked.value.schema))
        table = table if schema is None else table.dataset.table(table.name, schema)
    else:
        client = _client(asked)
        spot, limit = place(target, client.base_url), options.get("timeout")
        schema = as_table_schema(spot[2], Hidden(asked.value.schema))
        try:
            if create:
                making = _create_and_push(client, spot, schema, asked.value.rows, options=options, if_exists=if_exists)
                return (yield from within(limit, making))
            table = yield from within(limit, _table(client, spot, schema))
        except NotFoundError as error:
            if error.result is None and isinstance(target.value, str) and "://" not in target.value:
                error.hint = _joined(error.hint, _with_slash(target))
            raise
    return (yield from table._push(asked.value.rows, options, replace=if_exists == "replace"))  # noqa: SLF001


def plain(target: Any) -> Hidden[Any]:
    """Take a target; of a subclass of `str` only what it says."""
    look_at("target", target)
    return Hidden(str.__str__(target) if isinstance(target, str) else target)


def _in_rows_address(target: Hidden[Any]) -> re.Match[str] | None:
    try:
        return _ROWS_ADDRESS.fullmatch(urlsplit(target.value.strip()).path)
    except ValueError:  # it is no address at all
        return None


def stream(target: Hidden[Any], schema: Hidden[Any]) -> StreamingDataset | None:
    """Take the target as a streaming dataset, if it is one."""
    if isinstance(target.value, StreamingDataset):
        return target.value
    if is_address(target) and not _in_rows_address(target):
        return StreamingDataset(target.value, schema.value)
    return None


def _client(asked: Hidden[_Given]) -> Client:
    credential = Hidden(asked.value.credential)
    cloud = Hidden(_core.check_text("cloud", asked.value.cloud))
    base_url = Hidden(_core.check_optional_text("base_url", asked.value.base_url))
    # Without a credential the environment signs in: another one means another client.
    sign_in = credential.value is None and mark_of_environment()
    key = Hidden((_told_by(credential), cloud.value, base_url.value, emulator_url(), sign_in))
    known = _clients.get(key.value)
    if known is None:
        known = Client(credential.value, cloud=cloud.value, base_url=base_url.value)
        _clients[key.value] = known
    return known


def _told_by(credential: Hidden[object]) -> Any:
    """Give what tells one credential from another: itself, or where it has no hash, which object it is."""
    look_at("credential", credential.value)
    if isinstance(credential.value, str):
        return str.__str__(credential.value)
    try:
        hash(credential.value)
    except Exception:  # noqa: BLE001 - it is the user's, and raises what it likes
        return id(credential.value)
    return credential.value


def place(target: Hidden[Any], base_url: str) -> tuple[str | None, str, str]:
    """Read a target: workspace, dataset, table. None of it is shown that may hold a key."""
    match (parts := _parts(target, base_url)).value:
        case (str(), str()) if all(parts.value):
            dataset, table = parts.value
            return None, dataset, table
        case (None | str(), str(), str()) if all(parts.value[1:]):
            workspace, dataset, table = parts.value
            return workspace or None, dataset, table
        case _ if isinstance(target.value, Dataset):
            msg = f"dataset `{target.value.name}` is no target: rows go into one of its tables"
            raise ConfigurationError(msg, hint='dataset.table("Name").push(rows), or dataset.table() for the only one')
        case _:
            raise _no_target(target)


def _no_target(target: Hidden[Any]) -> ConfigurationError:
    hint = 'give "Dataset/Table", "Workspace/Dataset/Table", (workspace or None, dataset, table), or a URL'
    if isinstance(target.value, list | dict):
        hint += "; rows come first: push(rows, target)"
    if isinstance(target.value, str) and target.value.count("/") > _MOST_SLASHES:
        hint = _with_slash(target)
    elif isinstance(target.value, str) and "/" not in target.value and target.value:
        hint = _core.without_keys(f'name the table too: "{target.value}/Table"')
    return ConfigurationError(f"{_shown(target)} is no target", hint=hint)


def _with_slash(target: Hidden[str]) -> str:
    dataset, _, table = target.value.rpartition("/")
    return _core.without_keys(
        f"a name that holds a slash goes into a tuple: (workspace or None, {dataset!r}, {table!r})"
    )


def _workspace(client: Client, name: str | None) -> Verb[Workspace]:
    if not name:
        return client.my_workspace
    return (yield from client._workspace(Hidden(name)))  # noqa: SLF001 - the same package


def _parts(target: Hidden[Any], base_url: str) -> Hidden[tuple[Any, ...]]:
    if is_address(target):
        found = _in_rows_address(target)
        if found is None or not _is_below(target, base_url):
            msg = f"the rows address is on another host than this client's, {base_url}"
            raise ConfigurationError(msg, hint="no token is sent elsewhere; pass base_url= or cloud= to mean that host")
        return Hidden(tuple(part and unquote(part) for part in found.groups()))
    parts = Hidden(_split(target))
    if any(_core.holds_key(part) for part in parts.value):
        msg = "the target looks like an address that may hold a key, but is none, and is not shown for that"
        raise ConfigurationError(msg, hint="a push URL begins with https://, without anything in front of it")
    return parts


def _split(target: Hidden[Any]) -> tuple[Any, ...]:
    if isinstance(target.value, str):
        return tuple(target.value.split("/"))
    return tuple(target.value) if isinstance(target.value, tuple) else ()


def _is_below(target: Hidden[str], base_url: str) -> bool:
    url = urlsplit(target.value.strip())
    return f"{url.scheme}://{url.netloc}".lower() == base_url.lower()


def _shown(target: Hidden[Any]) -> str:
    """Show names; what is something else is told by its type, since nobody knows what is in it."""
    parts = target.value if isinstance(target.value, tuple) else (target.value,)
    plain = all(type(part) is str or part is None for part in parts) and target.value is not None
    return _core.without_keys(repr(target.value)) if plain else type(target.value).__name__


def _table(client: Client, spot: tuple[str | None, str, str], schema: TableSchema | None) -> Verb[Table]:
    workspace_name, dataset_name, table_name = spot
    workspace = yield from _workspace(client, workspace_name)
    dataset = yield from workspace._dataset(Hidden(dataset_name))  # noqa: SLF001 - the same package
    return dataset.table(table_name, schema)


def _create_and_push(
    client: Client,
    spot: tuple[str | None, str, str],
    schema: TableSchema | None,
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
        dataset = yield from workspace._dataset(Hidden(dataset_name))  # noqa: SLF001 - the same package
        yield from _check_table(dataset, table_name)
        table = dataset.table(table_name, schema)
    except NotFoundError:
        known, rows = _known_and_checked(schema, table_name, rows, options)
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


def _known_and_checked(
    schema: TableSchema | None, table_name: str, rows: Rows, options: dict[str, Any]
) -> tuple[TableSchema, Rows]:
    """Say what a new table is to look like, and check what can be read twice: nothing is made for what does not fit."""
    try:
        known, rows = _known(schema, table_name, rows, convert=bool(options.get("convert")))
        known._core.check(rows, options)  # noqa: SLF001 - the same package
    except SourceError as error:
        if error.result is None:
            error.result = PushResult()
        raise
    return known, rows


def _known(schema: TableSchema | None, table_name: str, rows: Rows, *, convert: bool) -> tuple[TableSchema, Rows]:
    """Say what a new table is to look like; answers the rows too, since looking at a generator takes some out."""
    if schema is None:
        first, rows = _first(rows)
        try:
            return TableSchema.infer(table_name, first, convert=convert), rows
        except ConfigurationError as error:
            if "types=" in error.message:
                error.hint = _joined(error.hint, _NO_TYPES.format(table_name))
            raise
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
    look_at("rows", rows)
    if isinstance(rows, ReadAhead):
        return rows.first, rows
    if hasattr(rows, "read_next_batch"):
        return _first_batches(rows)
    if hasattr(rows, "__len__") or hasattr(rows, "__arrow_c_stream__") or not hasattr(rows, "__iter__"):
        return rows, rows
    iterator = iter(rows)
    first = _core.taken_rows(iterator, _INFERRED_ROWS, 0)
    return first, chain(first, iterator)


def _first_batches(reader: Any) -> tuple[Rows, Rows]:
    """Take the first batches of a reader of Arrow, and give a reader of all of them back."""
    batches, count = [], 0
    while count < _INFERRED_ROWS and (batch := _core.taken_rows(reader, 1, count)):
        batches += batch
        count += batch[0].num_rows
    kind = type(reader)
    first = kind.from_batches(reader.schema, batches)
    return first, kind.from_batches(reader.schema, chain(batches, reader))


def _check_table(dataset: Dataset, table_name: str) -> Verb[None]:
    tables = yield from dataset._tables()  # noqa: SLF001 - the same package
    names = [table.name for table in tables]
    if table_name not in names:
        msg = f"dataset `{dataset.name}` has no table `{table_name}`, and the service cannot add one: it has {names}"
        raise ConfigurationError(msg, hint="push to a table that is there, or to a dataset of another name")
