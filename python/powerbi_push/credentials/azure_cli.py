"""Whoever is signed in to the Azure CLI."""

from __future__ import annotations

from powerbi_push import _core
from powerbi_push.credentials.credential import Credential
from powerbi_push.tracebacks import Hidden


class AzureCliCredential(Credential):
    """Whoever is signed in to the Azure CLI: ``az login`` once, and scripts at one's own desk need nothing more.

    Args:
        tenant_id: The tenant, where ``az`` knows several; default is the one that it has chosen.

    Raises:
        ConfigurationError: The argument cannot be right. ``az`` is run when the first token is needed.
    """

    def __init__(self, *, tenant_id: str | None = None) -> None:
        """Take the argument; nothing is run."""
        hidden, tenant_id = Hidden(tenant_id), None
        self._core = _core.Account.azure_cli(hidden.value)
