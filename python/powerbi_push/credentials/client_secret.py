"""An app that signs in with a secret."""

from __future__ import annotations

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.tracebacks import Hidden


class ClientSecretCredential(Credential):
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
        self._core = _core.Account.client_secret(*given.value[:3], authority_of(Hidden(given.value[3])).value)
