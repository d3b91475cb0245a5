"""An app that signs in with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    import os


class CertificateCredential(Credential):
    """A service principal that signs in with a certificate instead of a secret.

    The certificate is uploaded under Certificates & secrets of the app registration. The file is read when the
    credential is made, and again for each token, so that it may be renewed. What is said of service principals at
    `ClientSecretCredential` is true here too.

    Args:
        tenant_id: The Directory (tenant) ID, or a domain of the tenant.
        client_id: The Application (client) ID.
        certificate_path: A PEM or PKCS#12 (``.pfx``) file that holds the certificate and its private key (RSA).
        password: What the key or the file is encrypted with.
        authority: As for `ClientSecretCredential`.

    Raises:
        ConfigurationError: An argument cannot be right, or the file cannot be used. Nothing is sent before the first
            token is needed.
    """

    def __init__(
        self,
        tenant_id: str,
        client_id: str,
        certificate_path: str | os.PathLike[str],
        *,
        password: str | None = None,
        authority: str | None = None,
    ) -> None:
        """Read the file; nothing is sent."""
        given = Hidden((tenant_id, client_id, certificate_path, password, authority))
        del tenant_id, client_id, certificate_path, password, authority
        self._core = _core.Account.certificate(*given.value[:4], authority_of(Hidden(given.value[4])).value)
