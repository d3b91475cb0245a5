"""A code that a person enters on another device."""

from __future__ import annotations

import html
import json
import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.credentials.authority import authority_of
from powerbi_push.credentials.credential import Credential
from powerbi_push.display.bar import in_notebook, is_watched
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    import os
    from collections.abc import Callable


class DeviceCodeCredential(Credential):
    """A person who signs in on another device: for boards without a screen, and notebooks that run elsewhere.

    The person opens a page on any device and enters a code there. After that the token is refreshed without anybody.
    The app registration must allow public client flows (Authentication > Settings).

    Args:
        client_id: The Application (client) ID.
        tenant_id: The Directory (tenant) ID, or a domain of the tenant; default is the one of whoever signs in.
        prompt: Called as ``prompt(verification_uri, user_code, expires_on)``, the last a `datetime` in UTC, on a
            thread of this package; what it raises ends the sign-in. Without it the page and the code are shown where a
            person watches: in a notebook, or on stderr where that is a terminal.
        cache: As for `InteractiveBrowserCredential`.
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
        prompt: Callable[[str, str, datetime], object] | None = None,
        cache: str | os.PathLike[str] | None = None,
        authority: str | None = None,
    ) -> None:
        """Take the arguments; nothing is sent."""
        given = Hidden((client_id, tenant_id, authority, cache))
        shown: Hidden[Any] = Hidden(show if prompt is None else prompt)
        del client_id, tenant_id, authority, cache, prompt
        if not callable(shown.value):
            msg = f"`prompt` must be a function or None, not {type(shown.value).__name__}"
            raise TypeError(msg)
        told = partial(_tell, shown.value)
        known = Hidden((*given.value[:2], authority_of(Hidden(given.value[2])).value, given.value[3]))
        self._core = _core.Account.device_code(*known.value, told)


def _tell(prompt: Callable[[str, str, datetime], object], told: str) -> None:
    code: dict[str, Any] = json.loads(told)
    prompt(code["verification_uri"], code["user_code"], datetime.fromtimestamp(code["expires_on"], tz=UTC))


def show(verification_uri: str, user_code: str, expires_on: datetime) -> None:
    """Show a person where to enter the code.

    Raises:
        ConfigurationError: Nobody watches.
    """
    if not is_watched():
        msg = "a person must enter a code to sign in, and nobody watches this program"
        hint = "pass prompt= to say it elsewhere, or sign in without a person (ClientSecretCredential)"
        raise ConfigurationError(msg, hint=hint)
    until = f"{expires_on.astimezone():%H:%M}"
    if in_notebook():
        _display(verification_uri, user_code, until)
    else:
        text = f"To sign in, open {verification_uri} and enter the code {user_code} (until {until})"
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _display(verification_uri: str, user_code: str, until: str) -> None:
    page, code = html.escape(verification_uri), html.escape(user_code)
    link = f'<a href="{page}" target="_blank" rel="noopener noreferrer">{page}</a>'
    shown = sys.modules["IPython"].display
    shown.display(shown.HTML(f"To sign in, open {link} and enter the code <b><code>{code}</code></b> (until {until})"))
