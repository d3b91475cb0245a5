"""How verbs run: each is written once, as a generator of the core's operations, and then run or awaited.

A verb yields an operation and gets its answer back. `run` does that on this thread, `awaited` on an event loop.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from powerbi_push import _core
from powerbi_push.calls.async_rows import Reader, looking_in
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import frameless

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable, Generator, Iterator
    from typing import TypeAlias

    from powerbi_push._core import Callback, Deadline, Operation

Answer = TypeVar("Answer")
if TYPE_CHECKING:
    #: What it yields is to be done, what it is sent is the answer to that, what it returns is the verb's own answer.
    Verb: TypeAlias = Generator[Operation, Any, Answer]

#: The event loops that wait for an operation; the last one is asked where a credential has to be awaited.
_loops: list[AbstractEventLoop] = []


#: Does what a verb says, on this thread. A traceback ends at the verb, as this has no frame in it.
run = _core.run


#: Answers or raises what `awaited` has come to, for the same reason: ``settled(await awaited(verb))``.
settled = _core.settled


async def awaited(verb: Verb[Answer]) -> tuple[Answer, BaseException | None]:
    """Do what a verb says, on this event loop; what it raises comes second."""
    import asyncio  # noqa: PLC0415 - costs a script that never awaits 30 ms

    # An operation is under way when it is made, and may ask a credential at once.
    with _waiting(asyncio.get_running_loop()):
        return await _done(verb)


async def _done(verb: Verb[Answer]) -> tuple[Answer, BaseException | None]:
    go_on: Callable[[], Operation] = partial(next, verb)
    nothing: Any = None
    try:
        while True:
            operation = go_on()
            try:
                go_on = partial(verb.send, await _outcome(operation))
            except BaseException as raised:  # noqa: BLE001 - the verb decides
                go_on = partial(verb.throw, raised)
    except StopIteration as end:
        return end.value, None
    except GeneratorExit:
        raise  # the loop is gone, and nothing can be answered
    except BaseException as raised:  # noqa: BLE001 - `settled` raises it
        return nothing, raised


async def _outcome(operation: Operation) -> Any:
    """Go through an operation; a cancelled one begins nothing more, and one cancelled twice waits for nothing."""
    import asyncio  # noqa: PLC0415

    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    operation.listen(loop.call_soon_threadsafe, woken.set)
    async with Reader(operation, woken) as reader:
        while True:
            woken.clear()
            state = operation.step()
            if state == "done":
                return operation.answer
            try:
                if state == "wait":
                    with looking_in(loop, woken):
                        await woken.wait()
                else:
                    await (reader.feed() if state == "feed" else asyncio.sleep(0))
            except asyncio.CancelledError as cancelled:
                await reader.stop()
                operation.interrupt(cancelled)


@frameless
def begin_time_limit(options: dict[str, Any]) -> Deadline | None:
    """Have the time limit of a call begin: it is for everything that the call does."""
    if options.get("timeout") is None:
        return None
    options["timeout"] = limit = _core.Deadline(options["timeout"])
    return limit


def within(limit: Deadline | None, verb: Verb[Answer]) -> Verb[Answer]:
    """Have each operation of a verb end with the time limit of the call that it is part of."""
    go_on: Callable[[], Operation] = partial(next, verb)
    try:
        while True:
            operation = go_on()
            if limit is not None:
                operation.limit(limit)
            try:
                go_on = partial(verb.send, (yield operation))
            except BaseException as raised:  # noqa: BLE001 - the verb decides
                go_on = partial(verb.throw, raised)
    except StopIteration as end:
        answer: Answer = end.value
        return answer


@contextmanager
def _waiting(loop: AbstractEventLoop) -> Iterator[None]:
    _loops.append(loop)
    try:
        yield
    finally:
        _loops.remove(loop)


def await_elsewhere(answer: Awaitable[object], callback: Callback) -> None:
    """Await what a credential answered on an event loop that waits for one of our operations."""
    import asyncio  # noqa: PLC0415

    async def report() -> None:
        try:
            callback.finish(await answer)
        except BaseException as raised:
            callback.fail(raised)
            raise

    if not _loops:
        if hasattr(answer, "close"):
            answer.close()
        msg = "the credential is asynchronous, and this verb cannot await it"
        hint = "use the verbs that end in _async, or give the client the credential's synchronous twin"
        raise ConfigurationError(msg, hint=hint)
    asyncio.run_coroutine_threadsafe(report(), _loops[-1])
