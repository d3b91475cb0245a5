"""The identity that Azure gives a machine."""

from __future__ import annotations

from powerbi_push import _core
from powerbi_push.credentials.credential import Credential
from powerbi_push.tracebacks import Hidden


class ManagedIdentityCredential(Credential):
    """The identity that Azure gives a machine: virtual machines, App Service, Functions, Container Apps, Azure Arc.

    No secret is needed. The environment says who is asked: ``IDENTITY_ENDPOINT`` with ``IDENTITY_HEADER`` (App Service)
    or with ``IMDS_ENDPOINT`` (Azure Arc), else the instance metadata service, whose host is
    ``AZURE_POD_IDENTITY_AUTHORITY_HOST`` where that is set. That is plain http by its nature, and never goes through a
    proxy. In Power BI the identity is a service principal: see `ClientSecretCredential`.

    Args:
        client_id: The Client ID of a user-assigned identity; default is the machine's own.

    Raises:
        ConfigurationError: The argument cannot be right, or the environment says one half only. Nothing is sent before
            the first token is needed.
    """

    def __init__(self, *, client_id: str | None = None) -> None:
        """Read the environment, once; nothing is sent."""
        hidden, client_id = Hidden(client_id), None
        self._core = _core.Account.managed_identity(hidden.value)
