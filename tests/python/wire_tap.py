"""A tap on the wire: it passes every exchange on to a server untouched, and keeps what both sides said."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

from scripted_server import Answered, Asked, ScriptedServer

_HOPS = {"host", "connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Exchange:
    """What a client asked, and what it was answered."""

    method: str
    target: str
    body: bytes
    status: int
    answer: bytes


class WireTap(ScriptedServer):
    """Listens on a free port of 127.0.0.1 until the end of the block."""

    def __init__(self, url: str) -> None:
        """Tap the wire to the server at `url`."""
        self.exchanges: list[Exchange] = []
        self._where = urlsplit(url)
        super().__init__(self._pass_on)

    def _pass_on(self, asked: Asked) -> Answered:
        connection = http.client.HTTPConnection(self._where.hostname or "", self._where.port)
        headers = {name: value for name, value in asked.headers.items() if name not in _HOPS}
        connection.request(asked.method, asked.target, asked.body or None, headers | {"Host": self._where.netloc})
        answer = connection.getresponse()
        content = answer.read()
        self.exchanges.append(Exchange(asked.method, asked.target, asked.body, answer.status, content))
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOPS}
        connection.close()
        return Answered(answer.status, content, headers)
