"""Arguments that are objects of this package, judged where they are given; text and numbers are judged in Rust."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any, NoReturn, TypeVar

from powerbi_push import _core
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden, frameless

T = TypeVar("T")
#: Nobody means so many of anything.
_FAR_TOO_MANY = 10_001
#: Characters of a text that a message shows.
_LONGEST = 100


@frameless
def refuse(name: str, what: str, given: object) -> NoReturn:
    """Say what an argument has to be. What it is instead is told by its type alone: it may be a secret."""
    msg = f"`{name}` must be {what}, not {type(given).__name__}"
    raise TypeError(msg)


@frameless
def look_at(name: str, given: object) -> None:
    """Refuse what cannot even be asked what it is: an object whose ``__class__`` raises."""
    try:
        isinstance(given, _Nothing)
    except Exception as error:
        msg = f"`{name}` cannot be looked at: its __class__ raises {type(error).__name__}"
        raise TypeError(msg) from error


class _Nothing:
    """What nobody gives."""


def is_address(target: Hidden[Any]) -> bool:
    """Whether a target is an address, be it of rows or a push URL."""
    return isinstance(target.value, str) and target.value.lstrip().lower().startswith(("https:", "http:"))


def owned_by(what: str, name: str) -> str:
    """Say whose something is, in a message that any name fits into."""
    return f"{what} `{_core.without_keys(name[:_LONGEST])}`"


@frameless
def items(owner: str, name: str, given: object, kind: type[T], target: str) -> tuple[T, ...]:
    """Take several objects of one kind."""
    look_at(name, given)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        refuse(name, f"a list of {kind.__name__}", given)
    taken = listed(owner, name, given, target=target)
    for one in taken:
        look_at(name, one)
        if not isinstance(one, kind):
            refuse(name, f"a list of {kind.__name__}, each of it", one)
    return taken


def listed(owner: str, what: str, given: Iterable[T], argument: str | None = None, *, target: str) -> tuple[T, ...]:
    """Read what a schema is made of, which may raise what it likes; what has no end is not read to it.

    Args:
        owner: Whose they are.
        what: What they are.
        given: Where they are.
        argument: What the caller calls them, where it is something else.
        target: For whom they are, which decides how many are far too many.

    Raises:
        ConfigurationError: It cannot be read, or there are far more of them than any schema has.
    """
    try:
        taken = tuple(_core.taken(given, _FAR_TOO_MANY))
        count = len(given) if isinstance(given, Sized) else len(taken)
    except Exception as error:
        msg = f"`{argument or what}` of {owner} could not be read: {type(error).__name__}"
        raise ConfigurationError(msg) from error
    at_least = len(taken) == count == _FAR_TOO_MANY
    _core.check_count(target, owner, what, count - at_least, at_least)
    return taken


def keyless(error: OSError) -> OSError | None:
    """Take an error for a cause: the system's own has the whole name of a file in it, which may be a push URL."""
    name = str(error.filename)
    return error if _core.without_keys(name) == name else None


def shown(given: object) -> str:
    """Show what was given where a message has to: texts, classes and data types; of everything else, the type."""
    if isinstance(given, str):
        return _core.without_keys(repr(str.__str__(given)[:_LONGEST]))
    if isinstance(given, type) or type(given).__module__.startswith(("numpy", "pandas", "polars", "pyarrow")):
        return _core.without_keys(repr(given)[:_LONGEST])
    return type(given).__name__
