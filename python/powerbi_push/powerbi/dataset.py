"""Datasets: tables under one name and id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.calls.arguments import look_at
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.display import pages
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.powerbi.queries import named_rows
from powerbi_push.powerbi.table import Table
from powerbi_push.schema.table import TableSchema, as_table_schema
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powerbi_push.calls.verbs import Verb
    from powerbi_push.powerbi.workspace import Workspace
    from powerbi_push.schema.dataset import DatasetSchema
    from powerbi_push.schema.table import DataType


@shown_unfinished
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
        self._info = info
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
        return settled(await awaited(self._tables()))

    def _tables(self) -> Verb[list[Table]]:
        names = yield self._core.tables(self.workspace.id, self.id)
        return [self._take(name, None) for name in names]

    def table(
        self,
        name: str | None = None,
        schema: TableSchema | Mapping[str, DataType] | None = None,
        *,
        sequence: bool = False,
        ordered: bool | None = None,
    ) -> Table:
        """Take a table. With a name nothing is sent.

        Args:
            name: The table's name, case counting. Without it the only table is taken: that of the schema, or where none
                is known, the one that the service lists.
            schema: What its rows look like; known already where you created the dataset. Without one each value is
                checked by its own type only.
            sequence: Number each request, so that one which is sent again after a lost answer is not added twice. One
                process may write to the table. Microsoft's reference no longer names these numbers; the service may
                ignore them, and then a resend is counted in `PushResult.maybe_twice` as ever.
            ordered: Send one request at a time, so that rows arrive in your order. None (default) is what `sequence`
                says.

        Raises:
            ConfigurationError: No table can have this name, the schema lacks it, or there are several, or none: the
                message lists them.
            NotFoundError: It is no push dataset, or not there.
        """
        wanted, name, schema = Hidden((name, schema)), None, None
        return run(self._table(wanted, sequence=sequence, ordered=ordered))

    async def table_async(
        self,
        name: str | None = None,
        schema: TableSchema | Mapping[str, DataType] | None = None,
        *,
        sequence: bool = False,
        ordered: bool | None = None,
    ) -> Table:
        """Await `table`."""
        wanted, name, schema = Hidden((name, schema)), None, None
        return settled(await awaited(self._table(wanted, sequence=sequence, ordered=ordered)))

    def _table(self, wanted: Hidden[tuple[Any, Any]], *, sequence: bool, ordered: bool | None) -> Verb[Table]:
        name = None
        look_at("schema", wanted.value[1])
        if wanted.value[0] is not None:
            name = _core.Client.table_name(wanted.value[0])
        elif isinstance(wanted.value[1], TableSchema):
            name = wanted.value[1].name
        if name is None:
            names = list(self._known) or (yield self._core.tables(self.workspace.id, self.id))
            if len(names) != 1:
                has = f"{len(names)} tables" if names else "no table"
                msg = f"dataset `{self.name}` has {has}: which one is meant has to be said"
                raise ConfigurationError(msg, hint=f"name one: {', '.join(names)}" if names else None)
            (name,) = names
        schema = as_table_schema(name, Hidden(wanted.value[1]))
        return self._take(name, schema, sequence=sequence, ordered=ordered)

    def _take(
        self, name: str, schema: TableSchema | None, *, sequence: bool = False, ordered: bool | None = None
    ) -> Table:
        known = self._known
        if known and name not in known:
            msg = f"dataset `{self.name}` has no table `{name}`"
            raise ConfigurationError(msg, hint=f"its tables are {', '.join(known)}; case counts")
        schema = schema or known.get(name)
        sequence, ordered = _core.check_flag("sequence", sequence), _core.check_optional_flag("ordered", ordered)
        if sequence and ordered is False:
            msg = "numbered requests go one at a time: `sequence=True` and `ordered=False` cannot both be"
            raise ConfigurationError(msg)
        return Table(self, name, schema, ordered=bool(ordered), sequence=sequence)

    def query(self, dax: str) -> list[dict[str, Any]]:
        """Ask for what has arrived, in DAX.

        Args:
            dax: One query that gives one table, such as ``EVALUATE TOPN(10, 'Orders', 'Orders'[Id])``.

        Returns:
            One dict a row, with the names that the service gives: ``Orders[Id]``; a column that the query makes,
            ``[Total]`` there, is ``Total``. Values are as JSON has them, so that a date and time is a text.

        Raises:
            ServiceError: The service cannot read the query (400), or the answer would be more than 100,000 rows,
                1,000,000 values or 15 MB.
            PermissionDeniedError: You may not query the dataset, or the tenant setting "Dataset Execute Queries REST
                API" is off.
            ConfigurationError: The dataset is of mode Streaming, which keeps no rows.

        Mirrors Execute Queries and Execute Queries In Group (source: their pages in the Power BI REST reference), which
        take 120 requests a minute and user: this process keeps to that, and waits. The emulator answers the queries of
        `Table.count` and `Table.head` only.
        """
        hidden, dax = Hidden(dax), ""
        return run(self._query(hidden))

    async def query_async(self, dax: str) -> list[dict[str, Any]]:
        """Await `query`."""
        hidden, dax = Hidden(dax), ""
        return settled(await awaited(self._query(hidden)))

    def _query(self, dax: Hidden[str]) -> Verb[list[dict[str, Any]]]:
        return named_rows((yield self._core.query(self.workspace.id, self.id, dax.value)))

    def delete(self) -> None:
        """Delete the dataset with all its rows, reports and tiles.

        Raises:
            NotFoundError: It is not there.
        """
        run(self._delete())

    async def delete_async(self) -> None:
        """Await `delete`."""
        settled(await awaited(self._delete()))

    def _delete(self) -> Verb[None]:
        yield self._core.delete_dataset(self.workspace.id, self.id)

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Dataset({self.name!r}, id={self.id!r})"

    def _repr_html_(self) -> str:
        """Show it in a notebook, with what is known of its tables; nothing is asked."""
        told = [("id", self.id), ("takes rows", "yes" if self.accepts_rows else "no")]
        shown = pages.facts(f"dataset {self.name}", told)
        tables = "".join(table._repr_html_() for table in self._known.values())
        return pages.page(shown, pages.link(self.web_url) or "", tables)
