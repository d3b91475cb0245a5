"""A tap on the wire: it passes every exchange on to a server untouched, and keeps what both sides said."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_HOPS = {"host", "connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Exchange:
    """What a client asked, and what it was answered."""

    method: str
    target: str
    body: bytes
    status: int
    answer: bytes


class WireTap:
    """Listens on a free port of 127.0.0.1 until the end of the block."""

    def __init__(self, url: str) -> None:
        """Tap the wire to the server at `url`."""
        self.exchanges: list[Exchange] = []
        tap, where = self, urlsplit(url)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65_537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPConnection(where.hostname or "", where.port)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOPS}
                connection.request(self.command, self.path, body or None, headers | {"Host": where.netloc})
                answer = connection.getresponse()
                content = answer.read()
                tap.exchanges.append(Exchange(self.command, self.path, body, answer.status, content))
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOPS:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to listen."""
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
