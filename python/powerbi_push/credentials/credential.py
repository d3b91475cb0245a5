"""What all our credentials have in common: the names and methods of azure-identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.credentials.token import AccessToken
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from powerbi_push.calls.verbs import Verb


@shown_unfinished
class Credential:
    """A way to sign in, done by the core."""

    _core: _core.Account

    @property
    def tenant_id(self) -> str | None:
        """The tenant that it signs in to, where it is known."""
        return self._core.tenant_id

    @property
    def client_id(self) -> str | None:
        """The app's id, where there is one."""
        return self._core.client_id

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **_options: Any
    ) -> AccessToken:
        """Fetch a token, or take the one at hand: it is replaced five minutes before it ends.

        Args:
            *scopes: One scope of the form ``resource/.default``, or several of one resource.
            claims: What a service wants of a new token, in JSON: it came with a refusal, and goes to Entra as it is.
            tenant_id: The tenant, where the caller insists on one; it must be this credential's own.
            **_options: What azure-core passes besides changes nothing.

        Raises:
            AuthenticationError: Entra refuses; the hint says what to change.
            TransportError: Entra could not be reached.
            ConfigurationError: There is no scope, or another tenant is wanted.
        """
        hidden, tenant_id, claims = Hidden((tenant_id, claims)), None, None
        return run(self._get_token(scopes, hidden))

    async def get_token_async(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **_options: Any
    ) -> AccessToken:
        """Await `get_token`."""
        hidden, tenant_id, claims = Hidden((tenant_id, claims)), None, None
        return settled(await awaited(self._get_token(scopes, hidden)))

    def _get_token(self, scopes: tuple[str, ...], given: Hidden[tuple[str | None, str | None]]) -> Verb[AccessToken]:
        wanted = Hidden(_core.check_optional_text("tenant_id", given.value[0]))
        claims = Hidden(_core.check_optional_text("claims", given.value[1]) or None)
        if not scopes or not all(isinstance(scope, str) for scope in scopes):
            msg = "get_token takes `scopes` to ask for as text"
            hint = "Power BI's is https://analysis.windows.net/powerbi/api/.default"
            raise ConfigurationError(msg, hint=hint)
        own = self.tenant_id
        if wanted.value and own and wanted.value.lower() != own.lower():
            msg = f"`tenant_id` is another tenant, and this credential signs in to `{own}` only"
            raise ConfigurationError(msg, hint="make another credential for the other tenant")
        return AccessToken(*(yield self._core.get_token(" ".join(scopes), claims.value)))

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
        known = {"tenant_id": self.tenant_id, "client_id": self.client_id}
        shown = ", ".join(f"{name}={value!r}" for name, value in known.items() if value is not None)
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> Any:
        """Refuse: a credential holds a secret."""
        msg = "a credential holds a secret and cannot be pickled or copied; make one in each process"
        raise TypeError(msg)
