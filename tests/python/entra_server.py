"""A sign-in server that answers as a test orders it, and keeps what it was sent."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import powerbi_push as pbi
from scripted_server import Answered, Asked, ScriptedServer

if TYPE_CHECKING:
    from types import TracebackType

TENANT = "contoso.onmicrosoft.com"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
SECRET = "Abc8Q~canary+of/a=secret"
WATCHDOG = 30.0


@dataclass(frozen=True)
class SignIn:
    """A request for a token; what a GET says behind the `?` is its form."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]

    @property
    def tenant(self) -> str:
        """The tenant that is asked."""
        return self.path.split("/")[1]


@dataclass(frozen=True)
class Said:
    """An answer: a status, a body and headers; without a body a fresh token."""

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    expires_in: object = 3599


def refused(code: int, word: str = "invalid_client", status: int = 401) -> Said:
    """What Entra says when it refuses."""
    ids = "Trace ID: t-1\r\nCorrelation ID: c-1\r\nTimestamp: 2026-01-01 00:00:00Z"
    body = {
        "error": word,
        "error_description": f"AADSTS{code}: What is wrong.\r\n{ids}",
        "error_codes": [code],
        "trace_id": "t-1",
        "correlation_id": "c-1",
    }
    return Said(status, json.dumps(body).encode())


def granted(**more: Any) -> Said:
    """A token with what comes along."""
    fresh = {"token_type": "Bearer", "expires_in": 3599, "access_token": jwt(tid=TENANT)}
    return Said(200, json.dumps(fresh | more).encode())


def jwt(**claims: Any) -> str:
    """A token that tells something about itself."""
    parts = [{"alg": "none"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2ln"])


def claims(token: str) -> dict[str, Any]:
    """What a token tells about itself."""
    payload = token.removeprefix("Bearer ").split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return told


class EntraServer(ScriptedServer):
    """Listens on a free port of 127.0.0.1 until the end of the block; the last answer is given again and again."""

    def __init__(self, *answers: Said) -> None:
        """Order the answers."""
        self._answers = list(answers) or [Said()]
        self._lock = Lock()
        self._received: list[SignIn] = []
        self.go = Event()
        self.go.set()
        super().__init__(self._respond)
        self.authority = self.url

    @property
    def received(self) -> list[SignIn]:
        """Everything that came."""
        with self._lock:
            return list(self._received)

    def credential(self, **other: Any) -> pbi.ClientSecretCredential:
        """Make a credential that signs in here."""
        given = {"tenant_id": TENANT, "client_id": CLIENT_ID, "client_secret": SECRET, "authority": self.authority}
        return pbi.ClientSecretCredential(**given | other)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, whoever waits."""
        self.go.set()
        super().__exit__(kind, error, traceback)

    def _respond(self, request: Asked) -> Answered:
        form = request.target.partition("?")[2] if request.method == "GET" else request.body.decode()
        said, body = self._answer(SignIn(request.path, dict(request.headers), dict(parse_qsl(form))))
        return Answered(said.status, body, said.headers)

    def _answer(self, asked: SignIn) -> tuple[Said, bytes]:
        with self._lock:
            self._received.append(asked)
            number = len(self._received)
            said = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        assert self.go.wait(WATCHDOG)
        token = jwt(tid=asked.tenant, number=number, scope=asked.form.get("scope"))
        fresh = {"token_type": "Bearer", "expires_in": said.expires_in, "access_token": token}
        return said, json.dumps(fresh).encode() if said.body is None else said.body
