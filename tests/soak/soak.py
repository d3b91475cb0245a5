"""Deliver for some minutes through random faults, and hold every row to account all along.

    python tests/soak/soak.py [MINUTES]

Senders, one of them numbered and two with an outbox, and pushes deliver to a local Power BI, in real time. Every few
seconds another episode begins: errors of the service, told waits, lost answers, ended tokens, refusals, a quiet time.
After each of them all is flushed and counted: accepted rows are there, nothing else is, rows are there twice at most as
often as it was said. Memory and open files are watched; after a warm-up they must not grow (`memory.py`).
"""

from __future__ import annotations

import ctypes
import gc
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import far
from accounts import Lane, Pushes, Sends
from memory import Sample, judge
from powerbi_push import Client, DatasetSchema, Retry, TableSchema

if TYPE_CHECKING:
    from collections.abc import Callable

    from far import Far

EPISODE = 6.0
"""Seconds of an episode, at most."""


def episodes(emulator: Far, dice: random.Random) -> dict[str, Callable[[], None]]:
    """What can happen."""

    def fail(status: int, times: int, **more: Any) -> Callable[[], None]:
        return lambda: emulator.fail_next(status, times=dice.randint(1, times), **more)

    def everything() -> None:
        emulator.drop_response(times=2)
        emulator.fail_next(503, times=2)
        emulator.expire_tokens()

    return {
        "a quiet time": lambda: None,
        "500": fail(500, 4),
        "503": fail(503, 4),
        "408": fail(408, 4),
        "429 for a second": fail(429, 3, retry_after=1),
        "429 without a word": fail(429, 2),
        "answers lost": lambda: emulator.drop_response(times=dice.randint(1, 6)),
        "tokens ended": emulator.expire_tokens,
        "all at once": everything,
    }


def main(minutes: float) -> int:
    """Soak; answers 1 where something is wrong."""
    seed = int(time.time())
    dice = random.Random(seed)
    print(f"soak: {minutes:g} minutes, seed {seed}", flush=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, far.running() as emulator:
        seen: dict[str, int] = {}
        samples: list[Sample] = []
        total = 0
        makers = lanes_of(emulator, Path(name))
        while time.monotonic() - begun < minutes * 60:
            lanes = [make() for make in makers]
            for _ in range(5):
                kind, strike = dice.choice(list(episodes(emulator, dice).items()))
                seen[kind] = seen.get(kind, 0) + 1
                strike()
                until = time.monotonic() + EPISODE * dice.random()
                while time.monotonic() < until:
                    for lane in lanes:
                        lane.feed(dice)
                    time.sleep(0.005)
                for lane in lanes:
                    lane.settle()
            total += sum(lane.close() for lane in lanes)
            del lanes, lane  # they remember their rows
            samples.append((time.monotonic() - begun, resident(), open_files()))
            print(f"soak: {samples[-1][0]:4.0f} s, {total:,} rows, {samples[-1][1] >> 20} MiB, {samples[-1][2]} files")
    print(f"soak: episodes {dict(sorted(seen.items()))}")
    verdict = judge(samples, minutes)
    print(f"soak: {verdict}")
    return int(not verdict.passed)


def lanes_of(emulator: Far, folder: Path) -> list[Callable[[], Lane]]:
    """Make the tables; each function makes a lane to one of them, from its beginning."""
    options: dict[str, Any] = {"quotas": None, "retry": Retry(attempts=100, first_delay=0.01, max_delay=0.1)}
    client = Client(emulator.token, base_url=emulator.url(), **options)

    def table(name: str, **more: Any) -> Any:
        return client.create_dataset(DatasetSchema(name, [TableSchema("Orders", {"Id": int})])).table("Orders", **more)

    sending: dict[str, Any] = {"max_delay": 0.05, "on_error": lambda _: None}
    plain, durable, pushed = table("Plain"), table("Durable"), table("Pushed")
    numbered = table("Numbered", sequence=True)
    kept, kept_too = {"outbox": folder / "durable.db"}, {"outbox": folder / "numbered.db"}
    return [
        lambda: Sends(emulator, plain, sending),
        lambda: Sends(emulator, durable, sending | kept),
        lambda: Sends(emulator, numbered, sending | kept_too, exact=True),
        lambda: Pushes(emulator, pushed),
    ]


def resident() -> int:
    """Bytes of memory that this process holds, but for what its heap has free and has not given back to the system."""
    gc.collect()
    with suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
