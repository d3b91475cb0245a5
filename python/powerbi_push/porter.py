"""The one thread of this package: it does for the core what needs Python, such as asking a credential for a token."""

from __future__ import annotations

import atexit
import threading

from powerbi_push import _core

#: How long the end of the interpreter waits for a function that is being called, in seconds.
_PATIENCE = 2.0


def start() -> None:
    """Start the thread, and see to its end before the interpreter's."""
    thread = threading.Thread(target=_serve, name="powerbi-push-porter", daemon=True)
    thread.start()
    atexit.register(_stop, thread)


def _serve() -> None:
    while (errand := _core.next_errand()) is not None:
        try:
            answer = errand.function(*errand.arguments)
        except BaseException as raised:  # noqa: BLE001 - whoever waits for the answer raises it
            errand.fail(raised)
        else:
            errand.finish(answer)
            del answer
        # Nothing of it is kept while the next one is waited for.
        del errand


def _stop(thread: threading.Thread) -> None:
    _core.close_porter()
    thread.join(_PATIENCE)
