"""Two machines in one: a local Power BI in one network namespace, a sender in another, a cable between them.

```
 client's namespace                                server's namespace
 sender ─▶ http://localhost:PORT ─▶ veth ═══════ veth ─▶ relay 10.213.0.1:PORT ─▶ emulator 127.0.0.1:PORT
           (its own /etc/hosts)
```

The client may speak http to `localhost` only; here that name leads to the other machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from places import allowed, needs, needs_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER, CLIENT = "10.213.0.1", "10.213.0.2"
HOSTS = f"{SERVER} localhost\n"
HERE = Path(__file__).parent
WATCHDOG = 60.0


class Program:
    """A program in a namespace, asked by lines."""

    def __init__(self, namespace: str, setup: str, program: str, *arguments: str) -> None:
        """Start it; `setup` is a shell's command that goes before it."""
        line = f'{setup} && exec "$0" "$@"'
        command = ["ip", "netns", "exec", namespace, "sh", "-c", line, sys.executable, str(HERE / program), *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> Any:
        """Give what it says next."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def ask(self, word: str) -> Any:
        """Give what it answers to a word."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


class Network:
    """The two machines and what can be done to the cable."""

    def __init__(self, tag: str, hosts: Path) -> None:
        """Lay the cable and start both programs."""
        self._server_space, self._client_space, self._hosts = f"{tag}s", f"{tag}c", hosts
        self.programs: list[Program] = []
        ends = ((self._server_space, "far", SERVER), (self._client_space, "near", CLIENT))
        for space, _, _ in ends:
            allowed("ip", "netns", "add", space)
        allowed("ip", "-n", ends[0][0], "link", "add", "far", "type", "veth", "peer", "near", "netns", ends[1][0])
        for space, device, address in ends:
            allowed("ip", "-n", space, "address", "add", f"{address}/30", "dev", device)
            allowed("ip", "-n", space, "link", "set", "lo", "up")
            allowed("ip", "-n", space, "link", "set", device, "up")

    def start(self) -> None:
        """Start both programs; rows flow when this returns."""
        self.server = Program(self._server_space, "true", "far_end.py", SERVER)
        self.programs.append(self.server)
        url, token, dataset = self.server.hear()
        self.names_resolve(whether=True)
        bind = f"mount --bind {self._hosts} /etc/hosts"
        self.client = Program(self._client_space, bind, "near_end.py", url, token, dataset)
        self.programs.append(self.client)
        self.client.hear()
        self.wait_for(lambda stats: stats["confirmed"] > 100)

    def names_resolve(self, *, whether: bool) -> None:
        """Say whether the service's name is known."""
        self._hosts.write_text(HOSTS if whether else "")

    def cable(self, state: str) -> None:
        """Set the cable `up` or `down`."""
        allowed("ip", "-n", self._server_space, "link", "set", "far", state)

    def answers(self, *, pass_: bool) -> None:
        """Say whether what the server sends arrives; what the client sends does."""
        allowed("ip", "-n", self._server_space, "route", "del" if pass_ else "add", "blackhole", CLIENT)

    def wait_for(self, claim: Callable[[dict[str, Any]], object]) -> float:
        """Wait until the sender's figures are so; answers for how long."""
        begun = time.monotonic()
        while not claim(self.client.ask("stats")):
            time.sleep(0.02)
            assert time.monotonic() - begun < WATCHDOG, self.client.ask("stats")
        return time.monotonic() - begun

    def end(self) -> None:
        """Take everything away."""
        for program in self.programs:
            program.end()
        for space in (self._server_space, self._client_space):
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    """Give the two machines, or skip where they cannot be had."""
    needs_root()
    needs("ip")
    tag = f"pbi{os.getpid()}"
    try:
        made = Network(tag, folder / "hosts")
        try:
            made.start()
            yield made
        finally:
            made.end()
    finally:
        for space in (f"{tag}s", f"{tag}c"):
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)
