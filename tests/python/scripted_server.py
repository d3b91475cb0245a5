"""The scriptable server of the Python tests: HTTP on this machine, each request answered as a function says.

What breaks the rules of HTTP is told by `fault_server`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self


@dataclass(frozen=True)
class Asked:
    """A request; the names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target as far as the `?`."""
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Answered:
    """An answer; its length is told as it is."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class ScriptedServer:
    """Listens on a free port of 127.0.0.1 until the end of the block."""

    def __init__(self, answer: Callable[[Asked], Answered]) -> None:
        """Have `answer` answer whatever comes, each request on a thread of its own."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65_537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                said = answer(Asked(self.command, self.path, headers, body))
                with suppress(OSError):  # whoever asked may be gone
                    self.send_response_only(said.status)
                    for name, value in (said.headers | {"Content-Length": str(len(said.body))}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(said.body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
