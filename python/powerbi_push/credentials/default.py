"""One way to sign in after the other: what a program does that is given none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from powerbi_push import _core
from powerbi_push.credentials.azure_cli import AzureCliCredential
from powerbi_push.credentials.credential import Credential
from powerbi_push.credentials.environment import EnvironmentCredential
from powerbi_push.credentials.managed_identity import ManagedIdentityCredential
from powerbi_push.credentials.variables import (
    CERTIFICATE,
    CLIENT,
    FILE,
    GITHUB,
    MACHINE,
    SECRET,
    TENANT,
    TOKEN,
    missing,
    variable,
)
from powerbi_push.credentials.workload_identity import WorkloadIdentityCredential
from powerbi_push.hidden import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable


class DefaultAzureCredential(Credential):
    """The first way to sign in that is to be had here; it serves from then on.

    In this order: `EnvironmentCredential`, `WorkloadIdentityCredential`, `ManagedIdentityCredential` (of the id
    ``AZURE_CLIENT_ID`` where that is set), `AzureCliCredential`. Where none is to be had the error lists what each of
    them said. One that somebody has set up is not skipped: where it is refused, that is the error.

    Args:
        authority: As for `ClientSecretCredential`, for those that Microsoft Entra signs in.

    Raises:
        ConfigurationError: One of them is set up by half.
    """

    def __init__(self, *, authority: str | None = None) -> None:
        """Read the environment, once; nothing is sent."""
        hidden, authority = Hidden(authority), None
        hidden = Hidden(_core.check_optional_text("authority", hidden.value))
        # In each pair: a way to make one, and why there is none.
        ways: list[tuple[Callable[[], Credential] | str, type[Credential], bool]] = [
            (_no_environment() or (lambda: EnvironmentCredential(authority=hidden.value)), EnvironmentCredential, True),
            (
                _no_voucher() or (lambda: WorkloadIdentityCredential(authority=hidden.value)),
                WorkloadIdentityCredential,
                True,
            ),
            (lambda: ManagedIdentityCredential(client_id=variable(CLIENT)), ManagedIdentityCredential, False),
            (AzureCliCredential, AzureCliCredential, False),
        ]
        self._core = _core.Account.chain(
            [(kind.__name__, way if isinstance(way, str) else way()._core, decides) for way, kind, decides in ways]  # noqa: SLF001 - the same package
        )


def _no_environment() -> str | None:
    """Say why the environment holds no service principal, where that is no mistake."""
    if variable(SECRET) or variable(CERTIFICATE):
        return None
    is_for_others = variable(FILE) or variable(GITHUB[0]) or variable(MACHINE[0])
    if variable(TENANT) and variable(CLIENT) and not is_for_others:
        return None
    return f"{missing(TENANT, CLIENT, SECRET)} not set"


def _no_voucher() -> str | None:
    """Say why nobody vouches for this program, where that is no mistake."""
    if variable(FILE):
        return None
    lacking = missing(TENANT, CLIENT, FILE)
    is_github = variable(GITHUB[0]) and variable(GITHUB[1]) and not missing(TENANT, CLIENT)
    return None if is_github else f"{lacking} not set"


def sign_in_of_environment() -> Hidden[object]:
    """Take the sign-in of the environment, for a client that was given none.

    Raises:
        ConfigurationError: There is one by half.
    """
    return Hidden(variable(TOKEN) or DefaultAzureCredential())
