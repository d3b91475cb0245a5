"""An app that another identity provider vouches for."""

from __future__ import annotations

import os

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.hidden import Hidden

#: Named as azure-identity names them, and as Kubernetes sets them.
TENANT, CLIENT, FILE = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"
#: What a run of GitHub Actions is given that may write id tokens.
_GITHUB = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


class WorkloadIdentityCredential(Credential):
    """An app without a secret, for which another identity provider vouches: Kubernetes, GitHub Actions.

    The other provider's token is in the file that ``AZURE_FEDERATED_TOKEN_FILE`` names, which is read anew each time;
    without that variable a run of GitHub Actions with the permission ``id-token: write`` asks GitHub for one. The app
    registration needs a federated credential (Certificates & secrets > Federated credentials).

    Args:
        tenant_id: The Directory (tenant) ID; default is ``AZURE_TENANT_ID``.
        client_id: The Application (client) ID; default is ``AZURE_CLIENT_ID``.
        token_file_path: The file with the other provider's token; default is ``AZURE_FEDERATED_TOKEN_FILE``.
        authority: As for `ClientSecretCredential`.

    Raises:
        ConfigurationError: Something is missing or cannot be right. Nothing is sent before the first token is needed.
    """

    def __init__(
        self,
        *,
        tenant_id: str | None = None,
        client_id: str | None = None,
        token_file_path: str | os.PathLike[str] | None = None,
        authority: str | None = None,
    ) -> None:
        """Read the environment, once; nothing is sent."""
        given = Hidden((tenant_id, client_id, token_file_path, authority))
        del tenant_id, client_id, token_file_path, authority
        tenant = Hidden(_core.check_optional_text("tenant_id", given.value[0]) or variable(TENANT))
        client = Hidden(_core.check_optional_text("client_id", given.value[1]) or variable(CLIENT))
        file = Hidden(variable(FILE))
        if given.value[2] is not None:
            file.value = str(_core.check_path("token_file_path", given.value[2]))
        github = Hidden(None if file.value else _github())
        known = {TENANT: tenant.value, CLIENT: client.value, FILE: file.value or github.value}
        if missing := ", ".join(name for name, value in known.items() if value is None):
            msg = f"the environment holds no workload identity: {missing} not set"
            hint = f"Kubernetes sets {TENANT}, {CLIENT} and {FILE}; in GitHub Actions set the first two yourself"
            raise ConfigurationError(msg, hint=hint)
        authority_ = authority_of(Hidden(given.value[3]))
        self._core = _core.Account.workload_identity(
            tenant.value, client.value, file.value, github.value, authority_.value
        )


def variable(name: str) -> str | None:
    """Read a variable; an empty one is none."""
    return os.environ.get(name, "").strip() or None


def _github() -> tuple[str, str] | None:
    url, token = map(variable, _GITHUB)
    return (url, token) if url and token else None
