"""Clients: a sign-in to Power BI, and the way to everything that it may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.environment import EmulatorSignIn, emulator_url
from powerbi_push.powerbi.workspace import Workspace
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.retry import Retry
    from powerbi_push.powerbi.dataset import Dataset
    from powerbi_push.powerbi.quotas import Quotas
    from powerbi_push.powerbi.workspace import IfExists
    from powerbi_push.schema.dataset import DatasetSchema


@shown_unfinished
class Client:
    """A sign-in to Power BI. Cheap to make: nothing is sent, and no token fetched, before the first call.

    Args:
        credential: A token string (used until its ``exp``; ``Bearer`` in front, quotes and white space around it are
            taken off); what ``az account get-access-token`` prints; a callable that returns a token or
            ``(token, expires_on)``; any object with ``get_token(scope)``, such as those of azure-identity; the dict
            that msal returns; or one of this package's own, such as `ClientSecretCredential`. Callables and objects
            are called on a thread of this package, one call at a time. Default is the token in
            ``POWERBI_PUSH_TOKEN``, or else what `DefaultAzureCredential` finds.
        cloud: ``public``, ``usgov``, ``usgovhigh``, ``usgovdod`` or ``china``.
        base_url: Scheme and host; default is the cloud's, ``https://api.powerbi.com``. http is for loopback only.
        timeout: Seconds without progress in one exchange that count as a failure; connecting takes at most 10.
        retry: ``"default"``, a `Retry`, or None for one attempt.
        quotas: What is kept before anything is sent: ``"pro"`` (default), ``"free"``, a `Quotas`, or None for nothing.
        proxy: The URL of an HTTP proxy; default is the environment's (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``).
            What is for this machine never goes through one.
        ca_bundle: A PEM file of further authorities; default is the machine's store and ``REQUESTS_CA_BUNDLE``.

    Each verb that asks the service has a twin to await, whose name ends in ``_async``; it takes, answers and raises the
    same. A client may be used by several threads and event loops at once.

    Verbs other than pushes are tried again where that does no harm, and wait where the service asks to be left alone,
    for 120 seconds at most in one request: a longer wait is a `RateLimitedError` at once, whose `retry_after` says how
    long. A service principal has no My workspace: what it asks there is a `PermissionDeniedError` before anything is
    sent (source: "Embed Power BI content with service principal").

    Where the environment variable ``POWERBI_PUSH_EMULATOR`` holds the address of an emulator on this machine, a client
    without `base_url` talks to that one, with its credential, so that production code is tested unchanged. While it is
    set nothing goes anywhere else: another `base_url`, push URL or authority is a `ConfigurationError` before anything
    is sent, and so is a verb of what was made before it was set.

    A text that cannot be a token (it is empty, has blanks inside, or is a JSON Web Token that was cut) is never sent,
    and neither is a token that says that it is for somebody else than the cloud's Power BI: an `AuthenticationError`.

    Raises:
        ConfigurationError: An argument is wrong, such as a token string that cannot be one.
    """

    def __init__(
        self,
        credential: object = None,
        *,
        cloud: str = "public",
        base_url: str | None = None,
        timeout: float = 30.0,
        retry: Literal["default"] | Retry | None = "default",
        quotas: Literal["pro", "free"] | Quotas | None = "pro",
        proxy: str | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
    ) -> None:
        """Make a client; nothing is sent."""
        # From here on no traceback that shows local variables shows the token, or a key that stands at a wrong place.
        sign_in, place, way = Hidden(credential), Hidden((cloud, base_url)), Hidden((proxy, ca_bundle))
        credential, cloud, base_url, proxy, ca_bundle = None, "", None, None, None
        emulator = emulator_url() if place.value[1] is None else None
        if emulator:
            # The credential of production code stays out of it: the emulator has its own.
            sign_in, place = Hidden(EmulatorSignIn(emulator)), Hidden((place.value[0], emulator))
        if sign_in.value is None:
            # Imported here: whoever brings a credential does not pay for all the others.
            from powerbi_push.credentials.default import sign_in_of_environment  # noqa: PLC0415

            sign_in = sign_in_of_environment()
        self._core = _core.Client(sign_in.value, *place.value, timeout, retry, quotas, *way.value)
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
        condition, filter = Hidden(filter), None  # noqa: A001
        return run(self._workspaces(condition))

    async def workspaces_async(self, filter: str | None = None) -> list[Workspace]:  # noqa: A002 - as above
        """Await `workspaces`."""
        condition, filter = Hidden(filter), None  # noqa: A001
        return settled(await awaited(self._workspaces(condition)))

    def _workspaces(self, condition: Hidden[str | None]) -> Verb[list[Workspace]]:
        infos = yield self._core.workspaces(condition.value)
        return [Workspace(self._core, info["id"], info["name"]) for info in infos]

    def workspace(self, name_or_id: str) -> Workspace:
        """Find a workspace by its name, or take the one with that id; for an id nothing is sent.

        Args:
            name_or_id: A name, case counting, or an id such as ``f089354e-8366-4e18-aea3-4cb4a3a50b48``.

        Raises:
            NotFoundError: There is none of this name that you may see; the message lists those there are.
            ConfigurationError: Several have this name; the message lists their ids.
        """
        hidden, name_or_id = Hidden(name_or_id), ""
        return run(self._workspace(hidden))

    async def workspace_async(self, name_or_id: str) -> Workspace:
        """Await `workspace`."""
        hidden, name_or_id = Hidden(name_or_id), ""
        return settled(await awaited(self._workspace(hidden)))

    def _workspace(self, name_or_id: Hidden[str]) -> Verb[Workspace]:
        if _core.Client.is_id(name_or_id.value):
            return Workspace(self._core, _core.check_text("name_or_id", name_or_id.value), None)
        info = yield self._core.workspace(name_or_id.value)
        return Workspace(self._core, info["id"], info["name"])

    def datasets(self) -> list[Dataset]:
        """List the datasets of My workspace; see `Workspace.datasets`."""
        return run(self._my_workspace._datasets())  # noqa: SLF001 - the same package

    async def datasets_async(self) -> list[Dataset]:
        """Await `datasets`."""
        return settled(await awaited(self._my_workspace._datasets()))  # noqa: SLF001 - the same package

    def dataset(self, name_or_id: str) -> Dataset:
        """Find a dataset of My workspace; see `Workspace.dataset`."""
        hidden, name_or_id = Hidden(name_or_id), ""
        return run(self._my_workspace._dataset(hidden))  # noqa: SLF001 - the same package

    async def dataset_async(self, name_or_id: str) -> Dataset:
        """Await `dataset`."""
        hidden, name_or_id = Hidden(name_or_id), ""
        return settled(await awaited(self._my_workspace._dataset(hidden)))  # noqa: SLF001 - the same package

    def create_dataset(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Create a dataset in My workspace; see `Workspace.create_dataset`."""
        return run(self._my_workspace._create_dataset(schema, if_exists))  # noqa: SLF001 - the same package

    async def create_dataset_async(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Await `create_dataset`."""
        return settled(await awaited(self._my_workspace._create_dataset(schema, if_exists)))  # noqa: SLF001 - the same package

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
        return f"Client(base_url={self._core.base_url!r})"

    def __reduce__(self) -> Any:
        """Refuse: a client holds a sign-in."""
        msg = "a client holds a sign-in and cannot be pickled; make one in each process"
        raise TypeError(msg)
