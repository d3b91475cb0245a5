"""One way to sign in after the other: what a program does that is given none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from powerbi_push import _core
from powerbi_push.credentials.azure_cli import AzureCliCredential
from powerbi_push.credentials.credential import Credential
from powerbi_push.credentials.environment import EnvironmentCredential
from powerbi_push.credentials.login import LOGIN, LoginCredential, login_cache
from powerbi_push.credentials.managed_identity import ManagedIdentityCredential
from powerbi_push.credentials.variables import (
    CERTIFICATE,
    CLIENT,
    FILE,
    GITHUB,
    MACHINE,
    PASSWORD,
    SECRET,
    TENANT,
    TOKEN,
    missing,
    variable,
)
from powerbi_push.credentials.workload_identity import WorkloadIdentityCredential
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable


class DefaultAzureCredential(Credential):
    """The first way to sign in that is to be had here; it serves from then on.

    In this order: `EnvironmentCredential`, `WorkloadIdentityCredential`, `ManagedIdentityCredential` (of the id
    ``AZURE_CLIENT_ID`` where that is set), whoever has signed in with ``powerbi-push login``, `AzureCliCredential`.
    Where none is to be had the error lists what each of them said. One that somebody has set up is not skipped: where
    it is refused, that is the error.

    Args:
        authority: As for `ClientSecretCredential`, for those that Microsoft Entra signs in.

    Raises:
        ConfigurationError: One of them is set up by half.
    """

    def __init__(self, *, authority: str | None = None) -> None:
        """Read the environment, once; nothing is sent."""
        hidden, authority = Hidden(authority), None
        hidden = Hidden(_core.check_optional_text("authority", hidden.value))
        self._core = _core.Account.chain(
            [(way.name, way.lacking or way.make()._core, way.decides) for way in ways(hidden)]  # noqa: SLF001 - the same package
        )


class _Way(NamedTuple):
    """One way of the chain.

    Attributes:
        name: What people call it.
        make: Makes its credential.
        lacking: Why it is not to be had here, where the environment says so.
        decides: Somebody has set it up: where it fails no other one is tried.
    """

    name: str
    make: Callable[[], Credential]
    lacking: str | None
    decides: bool


def ways(authority: Hidden[str | None]) -> list[_Way]:
    """List the ways of the chain, in their order."""
    return [
        _Way(
            "EnvironmentCredential",
            lambda: EnvironmentCredential(authority=authority.value),
            _no_environment(),
            decides=True,
        ),
        _Way(
            "WorkloadIdentityCredential",
            lambda: WorkloadIdentityCredential(authority=authority.value),
            _no_voucher(),
            decides=True,
        ),
        _Way(
            "ManagedIdentityCredential",
            lambda: ManagedIdentityCredential(client_id=variable(CLIENT)),
            None,
            decides=False,
        ),
        _Way(LOGIN, lambda: LoginCredential(authority=authority.value), None, decides=True),
        _Way("AzureCliCredential", AzureCliCredential, None, decides=False),
    ]


def _no_environment() -> str | None:
    """Say why the environment holds no service principal, where that is no mistake."""
    if variable(SECRET) or variable(CERTIFICATE) or variable(PASSWORD):
        return None
    is_for_others = variable(FILE) or any(map(variable, GITHUB)) or variable(MACHINE[0])
    if variable(TENANT) and variable(CLIENT) and not is_for_others and not login_cache().exists():
        return None
    return f"{missing(TENANT, CLIENT, SECRET)} not set"


def _no_voucher() -> str | None:
    """Say why nobody vouches for this program, where that is no mistake."""
    if variable(FILE):
        return None
    # GitHub sets its own for whatever a run does; an app is what says that they are meant.
    is_github = any(map(variable, GITHUB)) and not missing(TENANT, CLIENT)
    return None if is_github else f"{missing(TENANT, CLIENT, FILE)} not set"


def sign_in_of_environment() -> Hidden[object]:
    """Take the sign-in of the environment, for a client that was given none.

    Raises:
        ConfigurationError: There is one by half.
    """
    return Hidden(variable(TOKEN) or DefaultAzureCredential())
