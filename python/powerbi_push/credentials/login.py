"""The sign-in of `powerbi-push login`, and the end of one that a cache holds."""

from __future__ import annotations

import os
from pathlib import Path

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden

#: What people call it.
LOGIN = "powerbi-push login"


class LoginCredential(Credential):
    """Whoever has signed in with `powerbi-push login`, for as long as that lasts."""

    def __init__(self, *, authority: str | None = None) -> None:
        """Look at the cache; nothing is sent."""
        hidden, authority = authority_of(Hidden(authority)), None
        self._core = _core.Account.login(login_cache(), hidden.value)


def login_cache() -> Path:
    """Say where `powerbi-push login` keeps sign-ins.

    Raises:
        ConfigurationError: This user has no folder for it.
    """
    told = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_STATE_HOME", "").strip()
    try:
        state = Path(told) if told and Path(told).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        msg = "this user has no home folder to keep a sign-in in"
        raise ConfigurationError(msg, hint="set HOME, or XDG_STATE_HOME") from None
    return state / "powerbi-push" / "sign-ins.json"


def logout(cache: str | os.PathLike[str] | None = None) -> bool:
    """Delete the sign-ins that a cache holds.

    Tokens that a running program has fetched are good until they end, for an hour at most. What was signed in elsewhere
    stays so; an administrator ends all sign-ins of a user with Revoke sessions in the Entra admin center.

    Args:
        cache: The path that a credential was given as ``cache=``; None (default) is that of `powerbi-push login`.

    Returns:
        Whether there was a sign-in.

    Raises:
        ConfigurationError: The file is none of ours, is a link, or others can read it; it stays as it is.
    """
    hidden, cache = Hidden(cache), None
    return _core.logout(login_cache() if hidden.value is None else hidden.value)
