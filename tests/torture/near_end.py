"""The program in the client's namespace: a sender that is given a row every millisecond or so.

It says that it runs; then for each line: `stats` says the sender's figures, `end` flushes and says the result.
"""

from __future__ import annotations

import json
import sys
from threading import Event, Thread
from typing import Any

import powerbi_push as pbi

TIMEOUT = 3.0


def main(url: str, token: str, dataset: str) -> None:
    """Send until it is told to end."""
    client = pbi.Client(token, base_url=url, quotas=None, timeout=TIMEOUT)
    table = client.dataset(dataset).table("Orders", {"Id": int})
    ended = Event()
    with table.sender(max_rows=200, max_delay=0.05) as sender:

        def feed() -> None:
            number = 0
            while not ended.wait(0.001):
                sender.send({"Id": number})
                number += 1

        feeding = Thread(target=feed, daemon=True)
        feeding.start()
        _say("running")
        for line in sys.stdin:
            if line.strip() == "end":
                ended.set()
                feeding.join()
                result = sender.flush(timeout=60.0)
                names = ("read", "confirmed", "in_doubt", "rejected", "maybe_twice", "requests")
                _say({name: getattr(result, name) for name in names})
            else:
                stats: Any = sender.stats
                _say({name: getattr(stats, name) for name in ("accepted", "confirmed", "state", "maybe_twice")})


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
