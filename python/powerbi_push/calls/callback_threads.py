"""The two threads of this package: they do for the core what needs Python.

One calls functions of the user's, such as asking a credential for a token; the other wakes event loops.
"""

from __future__ import annotations

import inspect
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.calls import verbs

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = ("powerbi-push-callbacks", "powerbi-push-waker")

#: How long the end of the interpreter waits for a function that is being called, in seconds.
_PATIENCE = 2.0


_threads: list[threading.Thread] = []


def start(number: int) -> None:
    """Start a thread."""
    thread = threading.Thread(target=_serve, args=(number,), name=_NAMES[number], daemon=True)
    thread.start()
    _threads.append(thread)


def join() -> None:
    """Wait a little for what the threads are calling, now that the interpreter ends and they begin no more."""
    for thread in _threads:
        thread.join(_PATIENCE)


def _serve(number: int) -> None:
    while (callback := _core.next_callback(number)) is not None:
        _run(callback)
        # Nothing of it is kept while the next one is waited for.
        del callback


def _run(callback: _core.Callback) -> None:
    try:
        answer: Any = callback.function(*callback.arguments)
        if hasattr(answer, "__await__"):
            verbs.await_elsewhere(answer, callback)
            return
    except BaseException as raised:  # noqa: BLE001 - whoever waits for the answer raises it
        callback.fail(raised)
    else:
        callback.finish(answer)


def challenged(get_token: Callable[..., Any], scope: str) -> Callable[[str], Any]:
    """Make a function of the claims that a service wants of a token."""
    return partial(_with_claims, get_token, scope)


def _with_claims(get_token: Callable[..., Any], scope: str, claims: str) -> Any:
    try:
        inspect.signature(get_token).bind(scope, claims=claims)
    except (TypeError, ValueError):
        # A credential that knows nothing of claims may have another token all the same.
        return get_token(scope)
    return get_token(scope, claims=claims)
