"""What the environment signs in with."""

from __future__ import annotations

import os

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.credentials.variables import CERTIFICATE, CLIENT, PASSWORD, SECRET, TENANT, missing, variable
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden


class EnvironmentCredential(Credential):
    """A service principal that the environment names, in the variables that azure-identity reads.

    ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID``, and ``AZURE_CLIENT_SECRET`` or else ``AZURE_CLIENT_CERTIFICATE_PATH``
    (a PEM or PKCS#12 file; its password is in ``AZURE_CLIENT_CERTIFICATE_PASSWORD``); ``AZURE_AUTHORITY_HOST`` where
    the cloud's own authority is not meant.

    Args:
        authority: As for `ClientSecretCredential`; it goes before the environment's.

    Raises:
        ConfigurationError: A variable is missing or cannot be right.
    """

    def __init__(self, *, authority: str | None = None) -> None:
        """Read the environment, once; nothing is sent."""
        hidden, authority = authority_of(Hidden(authority)), None
        has_certificate = bool(variable(CERTIFICATE) or variable(PASSWORD))
        by, other = (CERTIFICATE, SECRET) if has_certificate and not variable(SECRET) else (SECRET, CERTIFICATE)
        names = (TENANT, CLIENT, by)
        if lacking := missing(*names):
            msg = f"the environment holds no sign-in: {lacking} not set"
            raise ConfigurationError(msg, hint=f"set {', '.join(names)}; {other} may stand in for {by}")
        # No variable of this function holds one of them: where they were mixed up, any of them is the secret.
        who = Hidden((os.environ[TENANT], os.environ[CLIENT]))
        try:
            if by == SECRET:
                self._core = _core.Account.client_secret(*who.value, os.environ[SECRET], hidden.value)
            else:
                password = Hidden(os.environ.get(PASSWORD) or None)
                path = Hidden(os.environ[CERTIFICATE].strip())
                self._core = _core.Account.certificate(*who.value, path.value, password.value, hidden.value)
        except ConfigurationError as error:
            msg = f"the sign-in that the environment holds in {', '.join(names)}: {error.message}"
            raise ConfigurationError(msg, hint=error.hint) from None
