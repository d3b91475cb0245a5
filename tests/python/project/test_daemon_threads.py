"""Interpreters that end while a daemon's thread runs the user's code below ours: without an abort, for each way in."""

from __future__ import annotations

import time

import pytest

from busy_threads import KINDS, WITH_FRAMES, complaints, end
from conftest import WATCHDOG

#: Long enough for the interpreter to be gone when the user's code comes back, short enough to be waited for.
PAUSE = 0.1


@pytest.mark.parametrize("kind", KINDS | WITH_FRAMES)
def test_an_interpreter_waits_for_what_a_thread_of_a_daemon_does_for_us(kind: str) -> None:
    assert complaints(end((KINDS | WITH_FRAMES)[kind], PAUSE), WATCHDOG) == ""


def test_code_that_takes_its_time_is_waited_for_too() -> None:
    begun = time.monotonic()
    assert complaints(end(KINDS["validate(generator)"], 2.0), WATCHDOG) == ""
    assert time.monotonic() - begun >= 2.0


def test_code_that_does_not_come_back_is_waited_for_five_seconds() -> None:
    endless = """
        class Held(Row):
            def keys(self):
                begun.set()
                threading.Event().wait(600.0)
        daemon(lambda: TABLE.validate([Held()]))
    """
    begun = time.monotonic()
    # The process is gone before the thread asks for anything: what it would do then is Python's to say.
    assert complaints(end(endless, 0.0), WATCHDOG) == ""
    assert 5.0 <= time.monotonic() - begun < 5.0 + WATCHDOG / 3
