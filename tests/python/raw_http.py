"""Plain HTTP to an emulator, as another program would speak it: nothing of the client's is in the way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from urllib.request import OpenerDirector

    from powerbi_push.emulator import Emulator

FRESH = "fresh"
"""Stands for a token that the emulator mints for this one request."""


@dataclass(frozen=True)
class Reply:
    """What came back; the names of headers are in lower case."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON; None where there is none."""
        return json.loads(self.text) if self.text else None

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status, code and message, as MicroStrategy says them."""
        return self.status, self.json["code"], self.json["message"]


def ask(
    emulator: Emulator,
    path: str,
    body: object = None,
    *,
    method: str | None = None,
    token: str | None = FRESH,
    headers: Mapping[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
) -> Reply:
    """Ask below `/v1.0/myorg`, or for a path that begins with `//` below the root; a `body` is sent as JSON."""
    if token == FRESH:
        token = emulator.credential.get_token().token
    sent = {"Content-Type": "application/json"} if body is not None else {}
    sent |= {"Authorization": f"Bearer {token}"} if token is not None else {}
    data = None if body is None else json.dumps(body).encode()
    url = emulator.url + (path[1:] if path.startswith("//") else f"/v1.0/myorg{path}")
    return _exchange(Request(url, data, {**sent, **(headers or {})}, method=method), trust)  # noqa: S310 - loopback


def submit(url: str, form: Mapping[str, str], *, trust: ssl.SSLContext | None = None) -> Reply:
    """Post a form."""
    return _exchange(Request(url, urlencode(form).encode()), trust)  # noqa: S310 - loopback


def _exchange(request: Request, trust: ssl.SSLContext | None) -> Reply:
    return exchange(build_opener(ProxyHandler({}), *([HTTPSHandler(context=trust)] if trust else [])), request)


def exchange(opener: OpenerDirector, request: Request) -> Reply:
    """Send a request by an opener; a refusal is an answer like any other."""
    try:
        with opener.open(request, timeout=30) as answer:
            return Reply(answer.status, answer.read().decode(), _lowered(answer.headers))
    except HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, refusal.read().decode(), _lowered(refusal.headers))


def _lowered(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
