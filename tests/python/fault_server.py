"""A server that breaks the rules of HTTP as a test orders it: silence, resets, half answers.

```
 accept ──▶ head ──▶ some ──▶ body ──▶ answer ──▶ keep | close | reset | hold
              │        └─ RESET_IN_BODY   ▲
              ├─ RESET_AT_HEAD            │
              └─ early ───────────────────┘
```

Posted rows get the ordered answers, the last one again and again; every other request gets a dataset's description.
An answer may be ordered as a function, which is asked when the head of its request has come.
"""

from __future__ import annotations

import json
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

WATCHDOG = 30.0
DATASET_ID = "cfafbeb1-8037-4d0c-896e-a46fb27ff229"
_DATASET = json.dumps({"id": DATASET_ID, "name": "Sales", "addRowsAPIEnabled": True}).encode()


@dataclass(frozen=True)
class Answer:
    """Bytes to send, at once or in pieces; then the connection is to ``keep``, ``close``, ``reset`` or ``hold``.

    One that is ``early`` comes when the head has come, and the body is not read.
    """

    data: bytes | Iterable[bytes]
    then: str = "keep"
    early: bool = False


RESET_AT_HEAD = Answer(b"", "reset at head")
RESET_IN_BODY = Answer(b"", "reset in body")
RESET = Answer(b"", "reset")
CLOSE = Answer(b"", "close")
SILENCE = Answer(b"", "hold")


def http(
    status: int,
    body: bytes = b"",
    *,
    length: int | None = None,
    request_id: bool = True,
    then: str = "keep",
    **more: str,
) -> Answer:
    """An answer of HTTP; `length` is what its header claims."""
    headers = {"Content-Length": str(len(body) if length is None else length)} | (
        {"RequestId": "r-1"} if request_id else {}
    )
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"HTTP/1.1 {status} Ordered", *(f"{name}: {value}" for name, value in headers.items())]
    return Answer("\r\n".join(lines).encode() + b"\r\n\r\n" + body, then)


CONFIRMED = http(200)
# No connection is left over from it, so that posted rows meet a fresh one.
_DESCRIPTION = http(200, _DATASET, then="close", Connection="close")


@dataclass(frozen=True)
class Received:
    """A request as far as it was read."""

    head: bytes
    body: bytes

    @property
    def is_post_of_rows(self) -> bool:
        """Whether it adds rows."""
        method, target, _ = self.head.split(b" ", 2)
        return method == b"POST" and target.split(b"?")[0].endswith(b"/rows")

    @property
    def rows(self) -> list[Any]:
        """The rows in it."""
        body = json.loads(self.body)
        return list(body["rows"] if isinstance(body, dict) else body)


class FaultServer:
    """Listens on a free port of 127.0.0.1 until the end of the block."""

    def __init__(self, *answers: Answer | Callable[[], Answer]) -> None:
        """Order the answers to posted rows."""
        self._answers = list(answers) or [CONFIRMED]
        self._changed = Condition()
        self._closed = Event()
        self._received: list[Received] = []
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        # What it has not read is mostly not sent yet.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def received(self) -> list[Received]:
        """Everything that came."""
        with self._changed:
            return list(self._received)

    @property
    def posts(self) -> list[Received]:
        """The requests that add rows."""
        return [request for request in self.received if request.is_post_of_rows]

    def wait_for_posts(self, count: int) -> None:
        """Wait until so many requests with rows have come whole."""
        with self._changed:
            assert self._changed.wait_for(lambda: sum(it.is_post_of_rows for it in self._received) >= count, WATCHDOG)

    def table(self, *, ordered: bool = False, **options: Any) -> pbi.Table:
        """Take the table `Orders` of a client that talks to this server."""
        client = pbi.Client(options.pop("credential", "a token"), base_url=self.url, **options)
        return client.dataset(DATASET_ID).table("Orders", {"Id": int, "Item": str}, ordered=ordered)

    def arrived(self) -> Counter[int]:
        """How often each Id came in a whole request."""
        return Counter(row["Id"] for request in self.posts for row in request.rows)

    def __enter__(self) -> Self:
        """Accept."""
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def drop_connections(self) -> None:
        """End the connections that there are; new ones are welcome."""
        with self._changed:
            for connection in self._connections:
                _hang_up(connection)
            self._connections.clear()

    def close(self) -> None:
        """Close every connection; a second call does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        # Closing alone does not wake the thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self._connections.append(connection)
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while self._exchange(connection):
                pass
        except (OSError, ValueError):
            return  # the client is gone, or the test is over

    def _exchange(self, connection: socket.socket) -> bool:
        """Read one request and answer it; answers whether another may come on this connection."""
        data = bytearray()
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65_536)
            data += piece
            if not piece or not data[:1].isalpha():
                _hang_up(connection)  # the end, or TLS, which this server does not speak
                return False
        head, _, body = bytes(data).partition(b"\r\n\r\n")
        head += b"\r\n"
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-1])
        length = int(fields.get(b"content-length", b"0"))
        answer = self._next_answer() if Received(head, b"").is_post_of_rows else _DESCRIPTION
        if answer is RESET_AT_HEAD:
            _reset(connection)
            return False
        rest = bytearray(body)
        while len(rest) < length and not answer.early:
            if answer is RESET_IN_BODY and len(rest) >= length // 8:
                _reset(connection)
                return False
            rest += _received(connection)
        if not answer.early:
            with self._changed:
                self._received.append(Received(head, bytes(rest)))
                self._changed.notify_all()
        for piece in [answer.data] if isinstance(answer.data, bytes) else answer.data:
            connection.sendall(piece)
        self._end(connection, answer.then)
        return answer.then == "keep"

    def _end(self, connection: socket.socket, then: str) -> None:
        if then == "reset":
            _reset(connection)
        elif then == "close":
            _hang_up(connection)
        elif then == "hold":
            self._closed.wait(WATCHDOG)

    def _next_answer(self) -> Answer:
        with self._changed:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Answer) else answer()


def _received(connection: socket.socket) -> bytes:
    """Some bytes; nothing more comes where the client has gone."""
    piece = connection.recv(65_536)
    if not piece:
        raise ConnectionError
    return piece


def _hang_up(connection: socket.socket) -> None:
    """End the connection in order; who waits for it on another thread wakes up."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _reset(connection: socket.socket) -> None:
    """Break the connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closed_port() -> str:
    """The URL of a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
