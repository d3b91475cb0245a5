"""The program in the server's namespace: a local Power BI, and a relay to it from the cable.

It says its url, a token and a dataset; then for each line: `rows` says how often each row is there, `cut` closes the
connections that there are.
"""

from __future__ import annotations

import json
import socket
import sys
from collections import Counter
from contextlib import suppress
from threading import Lock, Thread

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

_lock = Lock()
_open: list[socket.socket] = []


def main(address: str) -> None:
    """Serve until stdin ends."""
    with Emulator(limits=False) as emulator:
        port = int(emulator.url.rpartition(":")[2])
        schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})])
        dataset = emulator.client().create_dataset(schema)
        listener = socket.create_server((address, port))
        Thread(target=_accept, args=(listener, port), daemon=True).start()
        _say([f"http://localhost:{port}", emulator.credential.get_token().token, dataset.id])
        for line in sys.stdin:
            if line.strip() == "cut":
                _cut()
                _say("cut")
            else:
                _say(Counter(row["Id"] for row in emulator.rows("Sales/Orders")))


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", port))
        with _lock:
            _open.extend([near, far])
        for one, other in ((near, far), (far, near)):
            Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


def _cut() -> None:
    with _lock:
        for connection in _open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        _open.clear()


if __name__ == "__main__":
    main(sys.argv[1])
