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
