"""A person who signs in with the browser of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    import os


class InteractiveBrowserCredential(Credential):
    """A person who signs in with the browser of this machine: for notebooks and scripts at one's own desk.

    The system's browser opens the page of Microsoft Entra (the environment variable ``BROWSER`` may name another), and
    comes back to a port of this machine. After that the token is refreshed without anybody. The app registration needs
    the platform "Mobile and desktop applications" with the redirect address ``http://localhost``. Whoever does not sign
    in within 5 minutes gets an `AuthenticationError`.

    Args:
        client_id: The Application (client) ID.
        tenant_id: The Directory (tenant) ID, or a domain of the tenant; default is the one of whoever signs in.
        redirect_port: The port that the browser comes back to; 0 (default) is any that is free.
        cache: The path of a file that keeps the sign-in for other processes, which need nobody then: readable by this
            user alone, in a folder that nobody else can enter, made where it is missing. `logout` clears it. None
            (default) keeps it in memory. Whoever can read the file can sign in.
        authority: As for `ClientSecretCredential`.

    Raises:
        ConfigurationError: An argument cannot be right, or others can read the cache. Nothing is sent before the first
            token is needed.
    """

    def __init__(
        self,
        client_id: str,
        *,
        tenant_id: str = "organizations",
        redirect_port: int = 0,
        cache: str | os.PathLike[str] | None = None,
        authority: str | None = None,
    ) -> None:
        """Take the arguments; nothing is sent."""
        given = Hidden((client_id, tenant_id, authority, cache, redirect_port))
        del client_id, tenant_id, authority, cache, redirect_port
        known = Hidden((*given.value[:2], authority_of(Hidden(given.value[2])).value, *given.value[3:]))
        self._core = _core.Account.browser(*known.value, _open)


def _open(page: str) -> bool:
    # Imported here: only whoever signs in so pays for it.
    import webbrowser  # noqa: PLC0415

    hidden, page = Hidden(page), ""
    return webbrowser.open(hidden.value)
