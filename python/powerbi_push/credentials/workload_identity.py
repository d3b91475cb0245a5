"""An app that another identity provider vouches for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.credentials.variables import CLIENT, FILE, GITHUB, TENANT, missing, variable
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    import os


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
        path = Hidden(None if given.value[2] is None else _core.check_path("token_file_path", given.value[2]))
        file = Hidden(path.value or variable(FILE))
        github = Hidden(None if file.value else _github())
        vouching = FILE if file.value or github.value else _vouching()
        is_known = {TENANT: bool(tenant.value), CLIENT: bool(client.value), vouching: bool(file.value or github.value)}
        if lacking := ", ".join(name for name, known in is_known.items() if not known):
            given_as = "tenant_id, client_id and token_file_path"
            msg = f"the environment holds no workload identity: {lacking} not set, nor given as {given_as}"
            hint = f"Kubernetes sets {TENANT}, {CLIENT} and {FILE}; in GitHub Actions set the first two yourself"
            if vouching in GITHUB:
                hint += f", and give the job the permission `id-token: write`, which brings {' and '.join(GITHUB)}"
            raise ConfigurationError(msg, hint=hint)
        authority_ = authority_of(Hidden(given.value[3]))
        self._core = _core.Account.workload_identity(
            tenant.value, client.value, file.value, github.value, authority_.value
        )


def _vouching() -> str:
    """Name the variable that is missing where nobody vouches: GitHub's second one where its first one is there."""
    there = [name for name in GITHUB if variable(name)]
    return missing(*GITHUB) if there else FILE


def _github() -> tuple[str, str] | None:
    url, token = map(variable, GITHUB)
    return (url, token) if url and token else None
