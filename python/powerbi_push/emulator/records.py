"""What the emulator hands out: requests that it saw, and tokens that it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from powerbi_push.credentials.token import AccessToken
from powerbi_push.tracebacks import shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powerbi_push import _core

__all__ = ["AccessToken", "EmulatorCredential", "Request"]


@shown_unfinished
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to the API, and how it was answered.

    Attributes:
        number: 1 for the first since the start or the last `Emulator.reset`.
        method: The HTTP method.
        path: The path, as it was sent.
        query: What followed the ``?``, as it was sent, but with ``key=***`` for the key of a push URL.
        operation: The service's own name, such as ``Datasets_PostRows``; names of ours where it has none
            (``PushUrl_PostRows``, ``Datasets_GetSequenceNumbers``, ``Entra_Token``, ``Entra_OpenIdConfiguration``);
            None for a request that is no operation.
        headers: Names in lower case; secrets are replaced by ``***``.
        body: The body; empty once newer requests took its place (64 MiB of bodies are kept).
        status: The status of the answer; None where the connection was closed instead.
        refusal: Why it was refused; None where it was not.
        rows: How many rows it added.
        at: When it was answered, in seconds from the start of the emulator's clock.
    """

    number: int
    method: str
    path: str
    query: str
    operation: str | None
    headers: Mapping[str, str]
    body: bytes
    status: int | None
    refusal: str | None
    rows: int
    at: float

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class EmulatorCredential:
    """A credential that the emulator accepts, of the same shape as azure-identity's."""

    def __init__(self, core: _core.Emulator) -> None:
        """Made by `Emulator.credential`."""
        self._core = core

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Make a token that lasts an hour on the emulator's clock."""
        return AccessToken(*self._core.token())
