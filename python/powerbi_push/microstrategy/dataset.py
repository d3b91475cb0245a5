"""Datasets: tables under one name and id, updated in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.calls.options import LoadOptions, given, takes
from powerbi_push.calls.verbs import awaited, run, settled, within
from powerbi_push.tracebacks import shown_unfinished

if TYPE_CHECKING:
    from typing import TypeAlias, Unpack

    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.results import PushResult
    from powerbi_push.microstrategy.upload import Upload

    Policy: TypeAlias = Literal["add", "update", "upsert", "replace"]


@shown_unfinished
@dataclass(frozen=True, slots=True)
class Table:
    """A table of a dataset.

    Attributes:
        name: Its name.
        columns: Names of columns and their data types; ``"Any"`` where the service does not tell more.
        key: The columns that make the key: those of its attributes. Two rows with the same values there are one.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]


@shown_unfinished
class Dataset:
    """A dataset of a Library.

    Attributes:
        id: The service's id. An update keeps it, so that dashboards built on the dataset stay.
        name: Unique in its folder only.
        created: What became of the rows that it was made with: a `PushResult`, or several by table; None without rows.
    """

    def __init__(
        self,
        core: _core.Library,
        info: dict[str, Any],
        model: _core.LibraryModel | None = None,
        *,
        made: Literal["one", "many"] | None = None,
        is_new: bool = True,
    ) -> None:
        """Made by `Client.dataset` and `Client.create_dataset`."""
        self._core = core
        self.id: str = info["id"]
        self.name: str = info["name"]
        self.created: PushResult | dict[str, PushResult] | None = None
        self._model = model or _core.LibraryModel(None, [], [], None, None)
        self._made = made
        self._is_new = made is not None and is_new

    def tables(self) -> list[Table]:
        """List the tables, with their columns.

        Raises:
            NotFoundError: The dataset is not there.
        """
        return run(self._tables())

    async def tables_async(self) -> list[Table]:
        """Await `tables`."""
        return settled(await awaited(self._tables()))

    def _tables(self) -> Verb[list[Table]]:
        yield from self.known()
        return [Table(name, dict(columns), tuple(key)) for name, columns, key in self._model.tables or ()]

    def known(self) -> Verb[None]:
        """Have the columns asked for, where they are not known; used by uploads."""
        if self._model.tables is None:
            yield self._core.describe(self.id, self._model)

    @takes(LoadOptions)
    def push(
        self, rows: Rows, table: str | None = None, *, policy: Policy | None = None, **options: Unpack[LoadOptions]
    ) -> PushResult:
        """Check rows, send them, publish them, and wait until that is done: all of them are there then, or none.

        Rows that were sent and are not published count as ``unsent``; those of which nobody knows whether they were
        published, since there was no answer, as ``in_doubt``.

        Args:
            rows: Rows. All are read and checked before the first request.
            table: The name of the table; default is the only one.
            policy: What becomes of rows that are there: ``"add"`` adds new keys and leaves known ones alone,
                ``"update"`` overwrites known ones and leaves new ones out, ``"upsert"`` does both, ``"replace"``
                empties the table first. None (default) is ``"replace"`` for the first push into a dataset that this
                client has made, else ``"add"``. The key is all columns of attributes.
            **options: See `LoadOptions`.

        Raises:
            ConfigurationError: There is no such table or policy, the table has no key, or another upload to the dataset
                is under way; nothing was sent.
            ValidationError: Rows do not fit; nothing was sent.
            ServiceError: The service refuses; the message holds its words, its ``iServerCode`` and its ``ticketId``.
            OutboxFullError: The disk with the chunks is full; nothing was published.
            TransportError: The service cannot be reached.
            DeadlineError: `timeout` has passed.
        """
        told = given("Dataset.push", LoadOptions, options)
        return run(self._push(rows, table, policy, told))

    @takes(LoadOptions)
    async def push_async(
        self, rows: Rows, table: str | None = None, *, policy: Policy | None = None, **options: Unpack[LoadOptions]
    ) -> PushResult:
        """Await `push`; async iterables are rows too. A cancelled push leaves no upload behind."""
        told = given("Dataset.push_async", LoadOptions, options)
        return settled(await awaited(self._push(rows, table, policy, told)))

    def _push(self, rows: Any, table: Any, policy: Any, options: dict[str, Any]) -> Verb[PushResult]:
        limit, options = in_time(options)
        way = "size" if self._made == "one" else "many"
        upload = _core.LibraryUpload(self._core, self._model, self.name, way, None)
        upload.claim(self.id)
        try:
            yield from within(limit, self.known())
            count = yield upload.collect(rows, table, self.usual(policy), options)
            if not count:
                nothing: dict[str, PushResult] = upload.results()
                return next(iter(nothing.values()))
            results: dict[str, PushResult] = yield upload.publish(self.id, self._is_new, sending(options))
        finally:
            upload.discard()
        self.note_published()
        tell_of_keys(self.name, results)
        return next(iter(results.values()))

    def usual(self, policy: Any) -> Any:
        """Take the policy that was said, or the usual one; used by uploads."""
        return policy if policy is not None else "replace" if self._is_new else "add"

    def note_published(self) -> None:
        """Take note that there are rows in it; used by uploads."""
        self._is_new = False

    def upload(self, *, chunk_bytes: int = 100_000_000) -> Upload:
        """Begin an upload of several tables, which are published together; nothing is sent yet.

        Args:
            chunk_bytes: Bytes of Base64 in one chunk, from 50,000,000 to 200,000,000; what is less is one chunk
                (source: "Create a dataset incrementally with multiple requests").

        Raises:
            ConfigurationError: Another upload to the dataset is under way.
        """
        from powerbi_push.microstrategy.upload import Upload  # noqa: PLC0415 - which knows datasets

        core = _core.LibraryUpload(self._core, self._model, self.name, "many", chunk_bytes)
        core.claim(self.id)
        return Upload(self, core)

    @property
    def is_new(self) -> bool:
        """Whether this client has made it, and nothing was published yet."""
        return self._is_new

    def delete(self) -> None:
        """Delete the dataset. What was built on it stays behind without data.

        Raises:
            NotFoundError: It is not there.
        """
        run(self._delete())

    async def delete_async(self) -> None:
        """Await `delete`."""
        settled(await awaited(self._delete()))

    def _delete(self) -> Verb[None]:
        yield self._core.delete_dataset(self.id)

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Dataset({self.name!r}, id={self.id!r})"


def in_time(options: dict[str, Any]) -> tuple[_core.Deadline | None, dict[str, Any]]:
    """Have the time limit of a call begin, for everything that it does."""
    if options.get("timeout") is None:
        return None, options
    limit = _core.Deadline(options["timeout"])
    return limit, {**options, "timeout": limit}


def sending(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of sending them."""
    return {name: options[name] for name in ("timeout", "progress") if name in options}


def tell_of_keys(dataset: str, results: dict[str, PushResult]) -> None:
    """Say that keys repeat, once."""
    if count := sum(result.repeated_keys for result in results.values()):
        from powerbi_push.delivery.notices import log  # noqa: PLC0415 - only where there is something to say

        keys = "1 key repeats" if count == 1 else f"{count:,} keys repeat"
        rules = "the service keeps or joins such rows by its own rules"
        log(f"dataset `{dataset}`: {keys} among the rows of one push: {rules}")
