"""The two threads of this package: they do for the core what needs Python.

One calls functions of the user's, such as asking a credential for a token; the other wakes event loops.
"""

from __future__ import annotations

import threading
from typing import Any

from powerbi_push import _core, verbs

_NAMES = ("powerbi-push-porter", "powerbi-push-waker")

#: How long the end of the interpreter waits for a function that is being called, in seconds.
_PATIENCE = 2.0


_threads: list[threading.Thread] = []


def start(porter: int) -> None:
    """Start a thread."""
    thread = threading.Thread(target=_serve, args=(porter,), name=_NAMES[porter], daemon=True)
    thread.start()
    _threads.append(thread)


def join() -> None:
    """Wait a little for what the threads are calling, now that the interpreter ends and they begin no more."""
    for thread in _threads:
        thread.join(_PATIENCE)


def _serve(porter: int) -> None:
    while (errand := _core.next_errand(porter)) is not None:
        _run(errand)
        # Nothing of it is kept while the next one is waited for.
        del errand


def _run(errand: _core.Errand) -> None:
    try:
        answer: Any = errand.function(*errand.arguments)
        if hasattr(answer, "__await__"):
            verbs.await_elsewhere(answer, errand)
            return
    except BaseException as raised:  # noqa: BLE001 - whoever waits for the answer raises it
        errand.fail(raised)
    else:
        errand.finish(answer)
