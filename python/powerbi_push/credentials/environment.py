"""What the environment signs in with."""

from __future__ import annotations

import os

from powerbi_push import _core
from powerbi_push.credentials.authority import VARIABLE, authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.hidden import Hidden, frameless

#: What `EnvironmentCredential` needs, named as azure-identity names it.
_VARIABLES = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
_CERTIFICATE = "AZURE_CLIENT_CERTIFICATE_PATH"


class EnvironmentCredential(Credential):
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
            self._core = _core.Account.client_secret(
                os.environ[tenant_id], os.environ[client_id], os.environ[client_secret], authority_of(hidden).value
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
    return hash(tuple(os.environ.get(name) for name in (*_VARIABLES, VARIABLE)))


def _missing() -> str:
    return ", ".join(name for name in _VARIABLES if not os.environ.get(name, "").strip())


def _advice() -> str:
    if os.environ.get(_CERTIFICATE):
        return f"certificates ({_CERTIFICATE}) are not supported yet: set AZURE_CLIENT_SECRET, or pass azure-identity's"
    return f"set {', '.join(_VARIABLES)}"
