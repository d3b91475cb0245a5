"""Sign-ins: Microsoft Entra is asked by the Rust core, with the same names and methods as in azure-identity."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from powerbi_push import _core
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.hidden import Hidden, frameless, shown_unfinished
from powerbi_push.verbs import awaited, run, settled

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from powerbi_push.verbs import Verb

#: What `EnvironmentCredential` needs, named as azure-identity names it.
_VARIABLES = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_AUTHORITY = "AZURE_AUTHORITY_HOST"
_CERTIFICATE = "AZURE_CLIENT_CERTIFICATE_PATH"


class AccessToken(NamedTuple):
    """A token, and when it ends.

    Attributes:
        token: What goes into the header.
        expires_on: In seconds since 1970.
    """

    token: str
    expires_on: int

    def __repr__(self) -> str:
        """Show when it ends, never the token."""
        return f"AccessToken(token=_, expires_on={self.expires_on})"

    def __reduce__(self) -> Any:
        """Refuse: what is pickled can be read."""
        msg = "an access token is a secret and cannot be pickled or copied; fetch one in each process"
        raise TypeError(msg)


@shown_unfinished
class _ServicePrincipal:
    """What signs in by itself, without a person."""

    _core: _core.ClientSecret

    @property
    def tenant_id(self) -> str:
        """The tenant that it signs in to."""
        return self._core.tenant_id

    @property
    def client_id(self) -> str:
        """The app's id."""
        return self._core.client_id

    def get_token(self, *scopes: str, tenant_id: str | None = None, **_options: Any) -> AccessToken:
        """Fetch a token, or take the one at hand: it is replaced five minutes before it ends.

        Args:
            *scopes: One scope of the form ``resource/.default``, or several of one resource.
            tenant_id: The tenant, where the caller insists on one; it must be this credential's own.
            **_options: What azure-core passes besides changes nothing.

        Raises:
            AuthenticationError: Entra refuses; the hint says what to change.
            TransportError: Entra could not be reached.
            ConfigurationError: There is no scope, or another tenant is wanted.
        """
        hidden, tenant_id = Hidden(tenant_id), None
        return run(self._get_token(scopes, hidden))

    async def get_token_async(self, *scopes: str, tenant_id: str | None = None, **_options: Any) -> AccessToken:
        """Await `get_token`."""
        hidden, tenant_id = Hidden(tenant_id), None
        return settled(await awaited(self._get_token(scopes, hidden)))

    def _get_token(self, scopes: tuple[str, ...], tenant_id: Hidden[str | None]) -> Verb[AccessToken]:
        wanted = Hidden(_core.check_optional_text("tenant_id", tenant_id.value))
        if not scopes or not all(isinstance(scope, str) for scope in scopes):
            msg = "get_token takes `scopes` to ask for as text"
            hint = "Power BI's is https://analysis.windows.net/powerbi/api/.default"
            raise ConfigurationError(msg, hint=hint)
        if wanted.value and wanted.value.lower() != self.tenant_id.lower():
            msg = f"`tenant_id` is another tenant, and this credential signs in to `{self.tenant_id}` only"
            raise ConfigurationError(msg, hint="make another credential for the other tenant")
        return AccessToken(*(yield self._core.get_token(" ".join(scopes))))

    def close(self) -> None:
        """Do nothing: here so that it can stand where azure-identity's credentials stand."""

    def __enter__(self) -> Self:
        """Change nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Change nothing."""

    def __repr__(self) -> str:
        """Show who signs in, never with what."""
        return f"{type(self).__name__}(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"

    def __reduce__(self) -> Any:
        """Refuse: a credential holds a secret."""
        msg = "a credential holds a secret and cannot be pickled or copied; make one in each process"
        raise TypeError(msg)


class ClientSecretCredential(_ServicePrincipal):
    """A service principal that signs in with a secret.

    Clients that are given the same credential share its tokens. Proxy, certificates and timeout are those of the client
    that asks. In Power BI a service principal must be a member of the workspace (Contributor or more), a tenant setting
    must let service principals use the APIs, and there is no My workspace for it.

    Args:
        tenant_id: The Directory (tenant) ID, or a domain of the tenant.
        client_id: The Application (client) ID.
        client_secret: The Value of a secret of the app registration, not its Secret ID.
        authority: The host that signs in, such as ``login.microsoftonline.us``. Default is the environment variable
            ``AZURE_AUTHORITY_HOST``, or else the one of the client's cloud. http is for loopback only.

    Raises:
        ConfigurationError: An argument cannot be right. Nothing is sent before the first token is needed.
    """

    def __init__(self, tenant_id: str, client_id: str, client_secret: str, *, authority: str | None = None) -> None:
        """Take the arguments; nothing is sent."""
        given = Hidden((tenant_id, client_id, client_secret, authority))
        # From here on no traceback that shows local variables shows the secret, wherever it was put by mistake.
        del tenant_id, client_id, client_secret, authority
        self._core = _core.ClientSecret(*given.value[:3], _authority(Hidden(given.value[3])).value)


class EnvironmentCredential(_ServicePrincipal):
    """A service principal that the environment names, in the variables that azure-identity reads.

    ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID``, ``AZURE_CLIENT_SECRET``, and ``AZURE_AUTHORITY_HOST`` where the cloud's
    own authority is not meant. A certificate (``AZURE_CLIENT_CERTIFICATE_PATH``) is not taken yet.

    Args:
        authority: As for `ClientSecretCredential`; it goes before the environment's.

    Raises:
        ConfigurationError: A variable is missing or cannot be right.
    """

    def __init__(self, *, authority: str | None = None) -> None:
        """Read the environment, once; nothing is sent."""
        hidden, authority = Hidden(authority), None
        if missing := _missing():
            msg = f"the environment holds no sign-in: {missing} not set"
            raise ConfigurationError(msg, hint=_advice())
        tenant_id, client_id, client_secret = _VARIABLES
        try:
            self._core = _core.ClientSecret(
                os.environ[tenant_id], os.environ[client_id], os.environ[client_secret], _authority(hidden).value
            )
        except ConfigurationError as error:
            msg = f"the sign-in that the environment holds in {', '.join(_VARIABLES)}: {error.message}"
            raise ConfigurationError(msg, hint=error.hint) from None


@frameless
def sign_in_of_environment() -> EnvironmentCredential:
    """Take the sign-in of the environment, for a client that was given none.

    Raises:
        ConfigurationError: There is none, or one that cannot be right; the hint names every way to sign in.
    """
    if missing := _missing():
        msg = "a client needs a credential"
        hint = (
            "pass a token string, a callable that returns one, ClientSecretCredential(tenant_id, client_id, "
            "client_secret), another object with get_token(scope) such as azure-identity's, or msal's result; or set "
            f"{', '.join(_VARIABLES)} ({missing} not set)"
        )
        raise ConfigurationError(msg, hint=hint)
    return EnvironmentCredential()


def mark_of_environment() -> int:
    """Tell the environment's sign-in from another one, without keeping it."""
    return hash(tuple(os.environ.get(name) for name in (*_VARIABLES, _AUTHORITY)))


def _missing() -> str:
    return ", ".join(name for name in _VARIABLES if not os.environ.get(name, "").strip())


def _authority(given: Hidden[str | None]) -> Hidden[str | None]:
    """Say who signs in, where it is not left to the cloud."""
    if given.value is None or (type(given.value) is str and not given.value):
        return Hidden(os.environ.get(_AUTHORITY, "").strip() or None)
    return given


def _advice() -> str:
    if os.environ.get(_CERTIFICATE):
        return f"certificates ({_CERTIFICATE}) are not supported yet: set AZURE_CLIENT_SECRET, or pass azure-identity's"
    return f"set {', '.join(_VARIABLES)}"
