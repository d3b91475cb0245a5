"""Thousands of interpreters that end in every way while they are busy: in time, without a panic."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from busy_threads import KINDS, complaints, end
from places import COMPLAINTS, started
from programs import ASKED, PUSHING

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = 12
PATIENCE = 5.0 + 1.0  # what an exit may take: a sender's close_timeout, and one second
START = 10.0  # what a start may take on a machine with other work

#: What an interpreter is busy with; each says `busy` once it is.
BUSY = {
    "daemon threads that push": """
        emulator = Emulator(limits=False)
        table = emulator.client(quotas=None).create_dataset(SCHEMA).table()
    """
    + PUSHING,
    "a sender with rows, and daemon threads that send": """
        emulator = Emulator(limits=False)
        sender = emulator.client(quotas=None).create_dataset(SCHEMA).table().sender(max_delay=3600.0)
        def send():
            for number in range(10**9):
                sender.send({"Id": number})
        for _ in range(2):
            threading.Thread(target=lambda: quietly(send), daemon=True).start()
        while sender.stats.confirmed == 0:
            time.sleep(0.001)
    """,
    "a sender in an outage": """
        emulator = Emulator(limits=False)
        table = emulator.client(quotas=None).create_dataset(SCHEMA).table()
        emulator.fail_next(503, times=10**6, route="Datasets_PostRows")
        sender = table.sender(max_delay=0.001, close_timeout=0.2)
        sender.send_many({"Id": number} for number in range(1000))
        while sender.stats.last_error is None:
            time.sleep(0.001)
    """,
    "a credential that is being asked": ASKED,
    "an event loop with pushes": """
        import asyncio
        emulator = Emulator(limits=False)
        table = emulator.client(quotas=None).create_dataset(SCHEMA).table()
        pushed = threading.Event()
        async def push():
            while True:
                await table.push_async([{"Id": number} for number in range(1000)])
                pushed.set()
        async def main():
            await asyncio.gather(push(), push())
        threading.Thread(target=lambda: quietly(lambda: asyncio.run(main())), daemon=True).start()
        pushed.wait()
    """,
}

#: A signal that comes just before a thread begins to wait is heard by Python when the thread wakes up.
WAIT = "[time.sleep(0.01) for _ in iter(int, 1)]"

#: How it ends, with which code, and how long the line or two may be that say so.
ENDS = {
    "plainly": ("", 0),
    "by sys.exit": ("sys.exit(3)", 3),
    "by os._exit": ("os._exit(4)", 4),
    "by an exception": ("raise SystemError('the end of a program')", 1),
    "by SIGTERM": (WAIT, -signal.SIGTERM),
    "by SIGINT": (WAIT, -signal.SIGINT),
    "by an exit in a thread, and plainly": ("threading.Thread(target=sys.exit).start()", 0),
    "by a handler of SIGTERM that exits": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); print('ready', flush=True); " + WAIT,
        5,
    ),
    "by a second end within atexit": ("import atexit; atexit.register(lambda: os._exit(6))", 6),
}
SIGNALS = {
    "by SIGTERM": signal.SIGTERM,
    "by SIGINT": signal.SIGINT,
    "by a handler of SIGTERM that exits": signal.SIGTERM,
}


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("busy", BUSY)
def test_a_busy_interpreter_ends_in_time_and_without_a_panic(busy: str, how: str) -> None:
    statement, code = ENDS[how]
    for _ in range(TIMES):
        process = started(f"{BUSY[busy]}\n        print('busy', flush=True)\n        {statement}\n")
        with process:
            took, complaint = _ended(process, how)
        assert process.returncode == code, complaint
        assert took < PATIENCE, f"{took:.1f} s"
        assert not [word for word in COMPLAINTS if word in complaint], complaint


def _ended(process: subprocess.Popen[str], how: str) -> tuple[float, str]:
    """Seconds from when it was busy to its end, and what it said on stderr."""
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    if how == "by a handler of SIGTERM that exits":
        assert process.stdout.readline() == "ready\n"
    begun = time.monotonic()
    if how in SIGNALS:
        process.send_signal(SIGNALS[how])
    try:
        _, complaint = process.communicate(timeout=PATIENCE + START)
    except BaseException:
        process.kill()
        raise
    return time.monotonic() - begun, complaint


#: Ends of each kind for each CPython: a thousand of them.
ENDS_OF_A_KIND = 1_000 // len(KINDS) + 1
#: How long the user's code takes: gone at once, gone when the interpreter is, and long after it would be.
PAUSES = (0.001, 0.02, 0.1, 0.5)
TOGETHER = 4


def pythons() -> Iterator[str]:
    """This CPython, and those that `make smoke` has made environments for."""
    yield sys.executable
    for python in sorted(Path(__file__).parents[2].glob(".venv-3.*/bin/python")):
        if subprocess.run([python, "-c", "import powerbi_push"], capture_output=True).returncode == 0:
            yield str(python)


def is_of_this_tree(python: str) -> bool:
    """Whether its core is no older than any source."""
    where = "from powerbi_push import _core; print(_core.__file__)"
    core = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    tree = Path(__file__).parents[2]
    sources = [tree / "Cargo.toml", tree / "Cargo.lock", *(tree / "src").rglob("*.rs")]
    return Path(core).stat().st_mtime >= max(source.stat().st_mtime for source in sources)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("python", [*pythons()])
def test_an_interpreter_with_daemons_in_the_users_code_never_aborts(python: str, kind: str) -> None:
    assert is_of_this_tree(python), f"{python} has an older build: `make develop smoke` brings this one"
    seen = []
    for first in range(0, ENDS_OF_A_KIND, TOGETHER):
        numbers = range(first, min(first + TOGETHER, ENDS_OF_A_KIND))
        processes = [end(KINDS[kind], PAUSES[number % len(PAUSES)], python) for number in numbers]
        seen += [complaints(process, PATIENCE + START) for process in processes]
    assert len(seen) == ENDS_OF_A_KIND
    assert [complaint for complaint in seen if complaint] == []
