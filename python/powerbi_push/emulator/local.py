"""A local Power BI: a strict second reading of the vendor's documents, for tests, demos and first steps.

It listens on 127.0.0.1 only, accepts only the tokens and push URLs that it made itself, and shows at ``/`` what has
arrived. Its one user owns My workspace; its one app signs in with a secret, as at Entra ID.

>>> from powerbi_push import DatasetSchema, TableSchema
>>> with Emulator() as emulator:
...     client = emulator.client()
...     dataset = client.create_dataset(DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})]))
...     _ = dataset.table().push([{"Id": 1}, {"Id": 2}])
...     emulator.rows("Sales/Orders")
[{'Id': 1}, {'Id': 2}]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push import _core
from powerbi_push.calls.arguments import look_at, refuse
from powerbi_push.emulator.certificate import Bundle
from powerbi_push.emulator.microstrategy import MicroStrategy, MicroStrategyAssumptions
from powerbi_push.emulator.pushed import apart, difference, together
from powerbi_push.emulator.records import EmulatorCredential, Request
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.powerbi.client import Client
from powerbi_push.powerbi.dataset import Dataset
from powerbi_push.powerbi.table import Table
from powerbi_push.schema.table import Column, TableSchema, as_table_schema
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from powerbi_push.calls.options import Rows
    from powerbi_push.emulator.assumptions import Assumptions
    from powerbi_push.schema.table import DataType

#: Faults that can be asked for at once; nobody waits for more requests.
_MOST = 2**32 - 1

Role = Literal["Admin", "Member", "Contributor", "Viewer"]
"""What somebody may do in a workspace."""


@shown_unfinished
class Emulator:
    """A local Power BI, running until `close` or the end of a ``with`` block.

    Args:
        port: The port on 127.0.0.1; 0 takes any free one.
        clock: ``"real"``, or ``"virtual"``: time stands still while a request is out, and jumps to the next thing that
            is waited for when none is. Clients that this process makes while it runs share that clock.
        limits: Whether requests are held to the service's limits: 16 MB and 10,000 rows in one request, 75 tables,
            columns and relationships; and for each dataset 120 requests with rows a minute, 1,000,000 rows an hour,
            5 requests that wait for their answer, and once a table holds 250,000 rows 120 requests an hour. A dataset
            that only streams has 15,000 bytes a request and 5 requests a second. More is answered with 429 and
            ``Retry-After``, on the emulator's clock. Values are held to their types with or without limits.
        tls: Whether it speaks https, with a certificate that it makes at its start; see `ca_bundle`.
        assumptions: Other answers to open questions about the service; see `Assumptions`.
        microstrategy_assumptions: The same for its MicroStrategy; see `MicroStrategyAssumptions`.
        keep: A file that keeps the state for the next start: workspaces, datasets with their rows and push URLs, and
            what MicroStrategy holds. It is written at most each second, and at `close`. Tokens, the app's secret and
            what was used of quotas begin anew. The file holds the emulator's secrets; its owner alone may read it.
        in_container: Whether it listens at every address: for a container whose port is published to the loopback
            address of its machine, and to nothing else.

    Raises:
        ConfigurationError: The port is taken, there is no such assumption, another emulator keeps the file, or the file
            is none that an emulator kept.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Literal["real", "virtual"] = "real",
        limits: bool = True,
        tls: bool = False,
        assumptions: Assumptions | None = None,
        microstrategy_assumptions: MicroStrategyAssumptions | None = None,
        keep: str | os.PathLike[str] | None = None,
        in_container: bool = False,
    ) -> None:
        """Start it; it listens when this returns."""
        is_virtual = _core.check_word("clock", clock, ["real", "virtual"]) == "virtual"
        port = _core.check_whole("port", port, 0, 65_535)
        limits, tls = _core.check_flag("limits", limits), _core.check_flag("tls", tls)
        of_powerbi = _answers("assumptions", assumptions)
        of_microstrategy = _answers("microstrategy_assumptions", microstrategy_assumptions)
        kept = None if keep is None else _core.check_path("keep", keep)
        in_container = _core.check_flag("in_container", in_container)
        self._core = _core.Emulator(port, is_virtual, limits, tls, of_powerbi, of_microstrategy, kept, in_container)
        self._bundle = None if self._core.ca_pem is None else Bundle(self._core.ca_pem)

    @property
    def url(self) -> str:
        """Scheme, host and port; the page at this address shows what has arrived."""
        return self._core.url

    @property
    def ca_bundle(self) -> str | None:
        """The path of a PEM file with the certificate that a client must trust; None where it speaks http.

        The file is there until `close`.
        """
        return self._bundle.path if self._bundle else None

    @property
    def credential(self) -> EmulatorCredential:
        """A credential that this emulator accepts."""
        return EmulatorCredential(self._core)

    def client(self, **options: Any) -> Client:
        """Make a client of this emulator.

        Args:
            **options: As for `Client`: `timeout`, `retry`, `credential`. It trusts `ca_bundle`.
        """
        options.setdefault("ca_bundle", self.ca_bundle)
        return Client(options.pop("credential", self.credential), base_url=self.url, **options)

    @property
    def tenant_id(self) -> str:
        """The id of the tenant."""
        return self._core.tenant_id

    @property
    def client_id(self) -> str:
        """The id of the one app that can sign in; it is a service principal, so it has no My workspace."""
        return self._core.client_id

    @property
    def client_secret(self) -> str:
        """The app's secret."""
        return self._core.client_secret

    @property
    def authority(self) -> str:
        """What sign-in libraries take as ``authority``: Entra's endpoints are below it and the tenant's id.

        Most of them ask for https, which is `tls`. With azure-identity:
        ``ClientSecretCredential(e.tenant_id, e.client_id, e.client_secret, authority=e.authority,
        disable_instance_discovery=True, connection_verify=e.ca_bundle)``.
        """
        return self._core.url

    def expire_client_secret(self) -> None:
        """Make the app's secret expired (AADSTS7000222); `client_secret` gives the new one."""
        self._core.expire_client_secret()

    def add_certificate(self, pem: str) -> None:
        """Let the app sign in with a certificate as well, as one uploads it under Certificates & secrets.

        Args:
            pem: The text of a PEM file with the certificate; the key stays with whoever signs in.

        Raises:
            ConfigurationError: It is none.
        """
        self._core.add_certificate(_core.check_text("pem", pem))

    def trust(self, issuer: str, subject: str, pem: str) -> None:
        """Take tokens of another provider in place of the app's secret, as a federated credential says.

        Args:
            issuer: Who the other provider is, as its tokens say in ``iss``.
            subject: Of whom they speak, in ``sub``. Their ``aud`` is ``api://AzureADTokenExchange``.
            pem: The text of a PEM file with the certificate whose key signs them, with RS256 or PS256.

        Raises:
            ConfigurationError: There is no certificate.
        """
        issuer, subject = _core.check_text("issuer", issuer), _core.check_text("subject", subject)
        self._core.trust(issuer, subject, _core.check_text("pem", pem))

    def revoke_sign_ins(self) -> None:
        """End every sign-in of the user (AADSTS50173): refresh tokens so far are good for nothing."""
        self._core.revoke_sign_ins()

    def machine(self, kind: Literal["imds", "app_service", "arc"] = "imds") -> dict[str, str]:
        """Give the variables with which a program finds the identity of a machine here; it is the app's.

        Args:
            kind: Of which machine: a virtual one, App Service, or Azure Arc, whose keys are files in
                ``/var/opt/azcmagent/tokens``.
        """
        return self._core.machine(_core.check_word("kind", kind, ["imds", "app_service", "arc"]))

    def allow(
        self,
        *,
        service_principals: bool | None = None,
        push_url_keys: bool | None = None,
        queries: bool | None = None,
    ) -> None:
        """Set switches of the tenant. All are on until they are set, and after `reset`.

        Args:
            service_principals: Whether service principals may use the API.
            push_url_keys: Whether push URLs let in by their key; "Block ResourceKey Authentication" turns it off.
            queries: Whether datasets may be queried; "Dataset Execute Queries REST API".
        """
        if service_principals is not None:
            self._core.allow_service_principals(_core.check_flag("service_principals", service_principals))
        if push_url_keys is not None:
            self._core.allow_push_url_keys(_core.check_flag("push_url_keys", push_url_keys))
        if queries is not None:
            self._core.allow_queries(_core.check_flag("queries", queries))

    def add_workspace(
        self,
        name: str,
        *,
        role: Role | None = "Admin",
        app_role: Role | None = None,
        dedicated_capacity: bool = False,
    ) -> str:
        """Make a workspace beside My workspace.

        Args:
            name: Its name.
            role: What the emulator's user may do in it: ``"Admin"``, ``"Member"``, ``"Contributor"`` or ``"Viewer"``;
                None if the user is no member.
            app_role: The same for the app that signs in with `client_id`; None, as in the service, until somebody adds
                it.
            dedicated_capacity: Whether it is on a dedicated capacity.

        Returns:
            Its id.

        Raises:
            ConfigurationError: There is no such role.
        """
        name = _core.check_text("name", name)
        roles = _core.check_optional_text("role", role), _core.check_optional_text("app_role", app_role)
        dedicated_capacity = _core.check_flag("dedicated_capacity", dedicated_capacity)
        return self._core.add_workspace(name, *roles, dedicated_capacity)

    def streaming_dataset(
        self, name: str, schema: TableSchema | Mapping[str, DataType] | None = None, *, history: bool = False
    ) -> str:
        """Make a streaming dataset in My workspace, as the service's page does.

        Its one table is ``RealTimeData``; `rows` takes ``"name/RealTimeData"``. It takes 15,000 bytes a request and 5
        requests a second; with `history` what a push dataset takes, but above 15,000 bytes live tiles fail.

        Args:
            name: Its name; datasets of one name may be many.
            schema: Columns by name: ``"Number"``, ``"DateTime"`` or ``"Text"`` as on the page, or any data type. Of a
                `TableSchema` the names and types of its columns. None (default) takes any columns, each of the type of
                the first value that comes for it, which the service does not.
            history: Whether historic data analysis is on.

        Returns:
            Its push URL. The query of it is a secret.

        Raises:
            ConfigurationError: The service would refuse the columns.

        >>> with Emulator() as emulator:
        ...     emulator.streaming_dataset("Sensors", {"at": "DateTime", "celsius": "Number"}).split("?")[0][-5:]
        '/rows'
        """
        if schema is None and not _core.check_flag("history", history):
            return self._core.open_streaming_dataset(_core.check_text("name", name))
        table = as_table_schema("RealTimeData", Hidden(schema))
        if table is None:
            refuse("schema", "a TableSchema or a mapping of columns", schema)
        columns = [(column.name, str(column.data_type)) for column in table.columns]
        name, history = _core.check_text("name", name), _core.check_flag("history", history)
        return self._core.streaming_dataset(name, columns, history)

    def rows(self, target: Any) -> list[dict[str, Any]]:
        """The rows of a table as the emulator understood them, oldest first.

        Each holds the columns that were sent: int, float, bool, str, None, `decimal.Decimal` in Decimal columns and
        `datetime.datetime` in DateTime columns, with the zone UTC where a zone was sent.

        Args:
            target: A `Table`; a `Dataset` with one table; ``"Dataset/Table"``; ``"Workspace/Dataset/Table"``; or
                ``(workspace or None, dataset, table)``. Names or ids.

        Raises:
            NotFoundError: There is no such table; the message lists what there is.
        """
        return self._core.rows(*_place(target))

    def assert_pushed(self, target: Any, rows: Rows, *, ordered: bool = False) -> None:
        """Raise an AssertionError unless a table has exactly these rows.

        They are given as one pushes them, and converted in the same way before they are compared, as with
        ``convert=True``; a cell that is missing is the same as None.

        Args:
            target: As for `rows`.
            rows: Rows of any kind that can be pushed.
            ordered: Whether they must be there in this order; requests that are out at once may change it.

        Raises:
            AssertionError: It says which rows are missing, which are unexpected, and which cells have changed.
            NotFoundError: There is no such table.
            ValidationError: The rows could not have been pushed into this table.

        >>> with Emulator() as emulator:
        ...     url = emulator.streaming_dataset("Sensors", {"celsius": "Number", "room": "Text"})
        ...     from powerbi_push import StreamingDataset
        ...     _ = StreamingDataset(url).push([{"celsius": 20, "room": "attic"}])
        ...     emulator.assert_pushed("Sensors/RealTimeData", [{"celsius": 20, "room": "attic"}])
        ...     emulator.assert_pushed("Sensors/RealTimeData", [{"celsius": 21, "room": "attic"}])
        Traceback (most recent call last):
        AssertionError: `Sensors/RealTimeData`: 1 row arrived of 1
        changed, 1 row:
          celsius: 21.0 arrived as 20.0 in {'celsius': 21.0, 'room': 'attic'}
        """
        place = _place(target)
        columns = self._core.columns(*place)
        shown = "/".join(part for part in place if part)
        look_at("rows", rows)
        rows = [*rows] if isinstance(rows, Iterator) else rows
        if not columns:
            # A dataset that takes any columns has none before its first row.
            if isinstance(rows, Sized) and len(rows) == 0:
                return
            msg = f"`{shown}`: no row has arrived"
            raise AssertionError(msg)
        names = [name for name, _ in columns]
        rows, beside = apart(rows, names) if self._core.takes_any(*place) else (rows, [])
        schema = TableSchema(place[-1] or place[1], [Column(name, data_type) for name, data_type in columns])
        bodies = schema.payloads(rows, convert=True)
        wanted = [row for body in bodies for row in self._core.understood(*place, body)]
        names, wanted = together(names, wanted, beside)
        found = difference(names, wanted, self.rows(target), ordered=_core.check_flag("ordered", ordered))
        if found:
            msg = f"`{shown}`: {found}"
            raise AssertionError(msg)

    @property
    def requests(self) -> list[Request]:
        """The requests to the API so far, oldest first; the newest 100,000 are kept."""
        return [Request(**request) for request in self._core.requests()]

    @property
    def most_in_flight(self) -> int:
        """The most requests to add rows that were ever pending at once for one dataset."""
        return self._core.most_in_flight

    @property
    def watchers(self) -> int:
        """How many streams of changes are open: one for each browser in which some tab shows the page."""
        return self._core.watchers

    def fail_next(
        self,
        status: int = 429,
        *,
        retry_after: float | str | None = None,
        times: int = 1,
        route: str | None = None,
        code: str | None = None,
        message: str | None = None,
        body: str | None = None,
    ) -> None:
        """Answer the next requests with `status`, before anything is done with them.

        Args:
            status: The HTTP status.
            retry_after: The text of the ``Retry-After`` header, or a number of seconds.
            times: How many requests are answered so.
            route: Only requests to this operation (``Datasets_PostRows``, ``PushUrl_PostRows``, ``Entra_Token``), or
                with this part of a path (``/rows``) in theirs; None (default) means all requests but sign-ins.
            code: The service's word for the failure, such as ``PowerBINotAuthorizedException``; of a sign-in an AADSTS
                number, such as ``AADSTS50034``.
            message: The service's sentence.
            body: The body, instead of `code` and `message`. Without any of the three the body is the one that the
                service was seen to send with this status.

        Raises:
            ConfigurationError: There is no such status or route, or both a body and words are given.
        """
        look_at("retry_after", retry_after)
        if retry_after is not None and not isinstance(retry_after, str | int | float):
            refuse("retry_after", "a number of seconds, a str or None", retry_after)
        wait = None if retry_after is None else _core.check_text("retry_after", _text(retry_after))
        status = _core.check_whole("status", status, 0, 65_535)
        times = _core.check_whole("times", times, 0, _MOST)
        words = {"route": route, "code": code, "message": message, "body": body}
        self._core.fail_next(
            status, wait, times, *(_core.check_optional_text(name, given) for name, given in words.items())
        )

    def drop_response(self, times: int = 1, *, route: str | None = None) -> None:
        """Do what the next requests ask for, and close the connection without an answer.

        Args:
            times: How many requests.
            route: As for `fail_next`; None (default) means all requests that add rows.

        Raises:
            ConfigurationError: There is no such route.
        """
        route = _core.check_optional_text("route", route)
        self._core.drop_response(_core.check_whole("times", times, 0, _MOST), route)

    @property
    def microstrategy(self) -> MicroStrategy:
        """The MicroStrategy beside the Power BI: its login, and what has arrived there.

        >>> with Emulator() as emulator:
        ...     emulator.microstrategy.base_url == f"{emulator.url}/MicroStrategyLibrary"
        True
        """
        return MicroStrategy(self._core.microstrategy())

    def expire_tokens(self) -> None:
        """Make all tokens so far expired."""
        self._core.expire_tokens()

    def advance(self, seconds: float) -> None:
        """Move the virtual clock.

        Raises:
            ConfigurationError: The emulator goes by the real time.
        """
        self._core.advance(seconds)

    @property
    def now(self) -> float:
        """The emulator's time in seconds from the start of its clock."""
        return self._core.now()

    def reset(self) -> None:
        """Go back to an empty My workspace: no other workspaces, datasets, push URLs, requests and faults.

        The tenant's switches are on again; tokens stay valid. Of MicroStrategy's datasets, projects and uploads nothing
        stays but the first project; who is logged in stays so.
        """
        self._core.reset()

    def close(self) -> None:
        """Stop listening; a second call does nothing. What was stored can still be read.

        Raises:
            ConfigurationError: The state could not be written to the file that keeps it.
        """
        try:
            self._core.stop()
        finally:
            if self._bundle:
                self._bundle.remove()

    def __enter__(self) -> Self:
        """Stop at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.close()

    def __repr__(self) -> str:
        """Show where it listens."""
        return f"Emulator({self.url!r})"


def _answers(name: str, assumptions: object) -> dict[str, str]:
    if assumptions is None:
        return {}
    look_at(name, assumptions)
    if not isinstance(assumptions, Mapping):
        refuse(name, "a mapping of open questions to answers, or None", assumptions)
    return {_core.check_text(name, switch): _text(answer) for switch, answer in assumptions.items()}


def _text(given: object) -> str:
    return str.__str__(given) if isinstance(given, str) else str(given)


def _place(target: Any) -> tuple[str | None, str, str | None]:
    """Read a target: workspace, dataset, table."""
    look_at("target", target)
    if isinstance(target, Table):
        return target.dataset.workspace.id, target.dataset.id, target.name
    if isinstance(target, Dataset):
        return target.workspace.id, target.id, None
    parts = tuple(str.__str__(target).split("/")) if isinstance(target, str) else target
    match parts:
        case (str(dataset), str(table)):
            return None, dataset, table
        case (None | str() as workspace, str(dataset), str(table)):
            return workspace, dataset, table
        case _:
            shown = repr(target) if type(target) is str else type(target).__name__
            msg = f"`target` {shown} is no table"
            hint = 'give "Dataset/Table", "Workspace/Dataset/Table", or a tuple of these parts'
            raise ConfigurationError(msg, hint=hint)
