"""Conservation: what fillers were told is accepted, held against what came to the service."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi
from fault_server import CONFIRMED, DATASET_ID, RESET_AT_HEAD, Answer, FaultServer
from filler import MANY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

FILLER = Path(__file__).with_name("filler.py")
ENDLESS = 10_000_000
RANGE = 100_000_000
"""Ids of one filler."""


class Service:
    """A service that is up or down, fillers of outboxes for it, and the ledger of both."""

    def __init__(self) -> None:
        """Nobody has sent anything."""
        self.up = True
        self.server = FaultServer(self._answer)
        self.accepted: set[int] = set()
        self.refused: set[int] = set()
        self.refusals: Counter[str] = Counter()
        self.opened = False
        self._runs = 0
        self._read = 0
        self._there: Counter[int] = Counter()

    def _answer(self) -> Answer:
        return CONFIRMED if self.up else RESET_AT_HEAD

    def __enter__(self) -> Self:
        """Listen."""
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.server.close()

    def filler(
        self, outbox: Path, count: int = ENDLESS, before: Sequence[str] = (), what: str = ""
    ) -> subprocess.Popen[bytes]:
        """Start a filler, below other programs where they are given; a thread of it may do something else meanwhile."""
        first = self._runs * RANGE
        self._runs += 1
        command = [sys.executable, str(FILLER), self.server.url, DATASET_ID, str(outbox), str(first), str(count), what]
        return subprocess.Popen([*before, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)

    def heard(self, said: bytes) -> int:
        """Enter what a filler said; a last line without its end does not count. Answers how many rows that are."""
        before = len(self.accepted)
        for line in said.decode().splitlines(keepends=True):
            words = line.split()
            if not line.endswith("\n"):
                continue
            if words[0] == "refused":
                self.refusals[words[1]] += 1
                self.refused.update(range(int(words[2]), int(words[3])))
            elif words[0] == "open":
                self.opened = True
            else:
                self.accepted.update(range(int(words[0]), int(words[1])))
        return len(self.accepted) - before

    def there(self) -> Counter[int]:
        """How often each row has come."""
        posts = self.server.posts
        for post in posts[self._read :]:
            self._there.update(row["Id"] for row in json.loads(post.body)["rows"])
        self._read = len(posts)
        return self._there

    def drain(self, outbox: Path) -> pbi.SenderStats:
        """Deliver what is in an outbox."""
        self.up = True
        client = pbi.Client("opaque", base_url=self.server.url, quotas=None)
        table = client.dataset(DATASET_ID).table("Orders", {"Id": int})
        options: dict[str, Any] = {"outbox": outbox, "max_delay": 0.001}
        with table.sender(**options) as sender:
            sender.flush(timeout=60.0)
            return sender.stats

    def check(self) -> None:
        """No accepted row is lost, and none is there that nobody sent."""
        there = self.there()
        lost = self.accepted - set(there)
        assert not lost, f"{len(lost)} accepted rows are lost: {sorted(lost)[:5]}"
        # A run may have ended between accepting rows and saying so.
        unsaid = Counter(number // RANGE for number in set(there) - self.accepted)
        assert all(count <= MANY for count in unsaid.values()), unsaid
