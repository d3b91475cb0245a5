"""Clients: a session with a MicroStrategy Library, in one project."""

from __future__ import annotations

import atexit
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

from powerbi_push import _core
from powerbi_push.calls.arguments import look_at, refuse
from powerbi_push.calls.options import ModelOptions, given, takes
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.exceptions import ConfigurationError, PowerBIPushError
from powerbi_push.microstrategy.creation import create, roles
from powerbi_push.microstrategy.dataset import Dataset
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.schema.table import specification
from powerbi_push.tracebacks import Hidden, frameless, shown_unfinished

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.retry import Retry


#: Clients that are there still, whose sessions end with the program.
_OPEN: WeakSet[Client] = WeakSet()


@atexit.register
def _close_all() -> None:
    for client in list(_OPEN):
        with suppress(Exception):
            client.close()


@shown_unfinished
class Client:
    """A session with a MicroStrategy Library. Nothing is sent, and nobody signed in, before the first call.

    Args:
        base_url: The address of the Library, with or without ``/api`` at its end, such as
            ``https://example.com/MicroStrategyLibrary``. http is for loopback only.
        username: Who signs in.
        password: What only that one knows.
        api_token: An API token, in place of `username` and `password`.
        oauth_token: An access token of OAuth, in place of both; it is used as long as it lasts.
        login_mode: ``"standard"`` (default), ``"ldap"``, or ``"anonymous"`` for a guest.
        project: The name or the id of the project that everything is in; None (default) is the only one.
        timeout: Seconds without progress in one exchange that count as a failure; connecting takes at most 10.
        retry: ``"default"``, a `Retry`, or None for one attempt.
        proxy: The URL of an HTTP proxy; default is the environment's.
        ca_bundle: A PEM file of further authorities; default is the machine's store and ``REQUESTS_CA_BUNDLE``.
        spool_dir: The folder in which chunks wait, in files that nobody else can open and that are gone with them;
            default is the system's temporary folder. Where that is memory, chunks count as memory.

    Use it in a ``with`` statement: at the end of that the session is logged out; of a client that nobody closes, at the
    end of the program. Where the session has ended meanwhile there is one further login, and an upload that was under
    way is sent again from its start.

    Each verb that asks the service has a twin to await, whose name ends in ``_async``.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        base_url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        api_token: str | None = None,
        oauth_token: str | None = None,
        login_mode: Literal["standard", "ldap", "anonymous"] = "standard",
        project: str | None = None,
        timeout: float = 30.0,
        retry: Literal["default"] | Retry | None = "default",
        proxy: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        spool_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        """Check the arguments; nothing is sent."""
        # From here on no traceback that shows local variables shows a password or a token.
        who = Hidden((username, password, api_token, oauth_token))
        place, way = Hidden((base_url, project)), Hidden((proxy, ca_bundle))
        base_url, username, password, api_token, oauth_token = "", None, None, None, None
        project, proxy, ca_bundle = None, None, None
        login = _login(who, login_mode)
        self._core = _core.Library(place.value[0], *login.value, place.value[1], timeout, retry, *way.value, spool_dir)

        _OPEN.add(self)

    @property
    def base_url(self) -> str:
        """The address of the Library."""
        return self._core.base_url

    def datasets(self) -> list[Dataset]:
        """List the datasets that the user may see in the project.

        Raises:
            AuthenticationError: The login is refused.
            ConfigurationError: There are several projects, and none was said.
            NotFoundError: There is no such project.
        """
        return run(self._datasets())

    async def datasets_async(self) -> list[Dataset]:
        """Await `datasets`."""
        return settled(await awaited(self._datasets()))

    def _datasets(self) -> Verb[list[Dataset]]:
        infos = yield self._core.datasets()
        return [Dataset(self._core, info) for info in infos]

    def dataset(self, name_or_id: str) -> Dataset:
        """Find a dataset by its id, or by its name.

        Raises:
            NotFoundError: There is none.
            ConfigurationError: Several have this name; the message lists their ids.
        """
        hidden, name_or_id = Hidden(name_or_id), ""
        return run(self._dataset(hidden))

    async def dataset_async(self, name_or_id: str) -> Dataset:
        """Await `dataset`."""
        hidden, name_or_id = Hidden(name_or_id), ""
        return settled(await awaited(self._dataset(hidden)))

    def _dataset(self, name_or_id: Hidden[str]) -> Verb[Dataset]:
        info = yield self._core.dataset(name_or_id.value)
        return Dataset(self._core, info)

    @takes(ModelOptions)
    def create_dataset(
        self, schema: DatasetSchema, rows: Rows | Mapping[str, Rows] | None = None, **options: Unpack[ModelOptions]
    ) -> Dataset:
        """Make a dataset, with rows or without.

        Without rows the model is defined, and nothing is published before the first push. With rows all of them are
        read and checked before anything is sent, and what became of them is `Dataset.created`.

        Args:
            schema: Its tables. Columns of one name in several tables are one attribute or metric.
            rows: Rows of the only table, or a mapping of the names of tables to rows.
            **options: See `ModelOptions`.

        Raises:
            ConfigurationError: The service would refuse the dataset; nothing was sent.
            ValidationError: Rows do not fit; nothing was sent.
            ServiceError: The service refuses; the message holds its words, its ``iServerCode`` and its ``ticketId``.
            PowerBIPushError: As for `Dataset.push`.
        """
        return run(self._create_dataset(schema, rows, given("Client.create_dataset", ModelOptions, options)))

    @takes(ModelOptions)
    async def create_dataset_async(
        self, schema: DatasetSchema, rows: Rows | Mapping[str, Rows] | None = None, **options: Unpack[ModelOptions]
    ) -> Dataset:
        """Await `create_dataset`."""
        told = given("Client.create_dataset_async", ModelOptions, options)
        return settled(await awaited(self._create_dataset(schema, rows, told)))

    def _create_dataset(self, schema: Any, rows: Any, options: dict[str, Any]) -> Verb[Dataset]:
        own = ("folder_id", "description", "attributes", "metrics", "workflow")
        folder_id, description, attributes, metrics, workflow = (options.pop(name, None) for name in own)
        look_at("schema", schema)
        if not isinstance(schema, DatasetSchema):
            refuse("schema", "a DatasetSchema", schema)
        if schema.target != "microstrategy":
            schema = DatasetSchema(
                schema.name, schema.tables, relationships=schema.relationships, target="microstrategy"
            )
        parts = roles("attributes", attributes), roles("metrics", metrics)
        model = _core.LibraryModel(specification(schema), *parts, description, folder_id)
        return (yield from create(self._core, schema, model, rows, workflow, options))

    def close(self) -> None:
        """Log out, and refuse further calls with `ClosedError`."""
        run(self._close())

    async def close_async(self) -> None:
        """Await `close`."""
        settled(await awaited(self._close()))

    def _close(self) -> Verb[None]:
        _OPEN.discard(self)
        yield self._core.close()

    def __enter__(self) -> Self:
        """Enter; it is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it. What a body raised counts for more than a logout that fails."""
        try:
            self.close()
        except Exception as refused:
            if not _is_over(raised, refused):
                raise

    async def __aenter__(self) -> Self:
        """Enter; it is closed at the end."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        try:
            await self.close_async()
        except Exception as refused:
            if not _is_over(raised, refused):
                raise

    def __repr__(self) -> str:
        """Show where it leads."""
        return f"Client({self.base_url!r})"


def _is_over(raised: BaseException | None, refused: Exception) -> bool:
    """Say if a failing logout may be forgotten: what a body raises counts for more, and work is done without it."""
    if raised is None and isinstance(refused, PowerBIPushError):
        from powerbi_push.delivery.notices import log  # noqa: PLC0415 - only where there is something to say

        log(f"{refused.message}; the session ends by itself when nobody uses it")
        return True
    return raised is not None


@frameless
def _login(who: Hidden[tuple[Any, Any, Any, Any]], login_mode: Any) -> Hidden[tuple[str, Any, Any]]:
    """Find out how to sign in: the way, the name and the secret."""
    username, password, api_token, oauth_token = who.value
    mode = _core.check_word("login_mode", login_mode, ["standard", "ldap", "anonymous"])
    tokens = [("api_token", api_token), ("oauth_token", oauth_token)]
    said = [name for name, token in tokens if token is not None]
    if len(said) > 1 or (said and (password is not None or mode != "standard")):
        msg = "several ways to sign in are given: it takes username= and password=, or one of the tokens"
        raise ConfigurationError(msg)
    for name, token in tokens:
        if token is not None:
            if not _core.check_text(name, token):
                msg = f"`{name}` is empty"
                raise ConfigurationError(msg)
            return Hidden((name, None, token))
    if mode == "anonymous":
        return Hidden((mode, username, None))
    if not username or password is None:
        msg = "username= and password= are missing"
        hint = 'or give api_token=, oauth_token=, or login_mode="anonymous"'
        raise ConfigurationError(msg, hint=hint)
    return Hidden((mode, username, password))
