"""Arguments that are objects of this package, judged where they are given; text and numbers are judged in Rust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, TypeVar

from powerbi_push import _core
from powerbi_push.exceptions import ConfigurationError

T = TypeVar("T")


def refuse(name: str, what: str, given: object) -> NoReturn:
    """Say what an argument has to be. What it is instead is told by its type alone: it may be a secret."""
    msg = f"`{name}` must be {what}, not {type(given).__name__}"
    raise TypeError(msg)


def items(name: str, given: object, kind: type[T]) -> tuple[T, ...]:
    """Take several objects of one kind."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        refuse(name, f"a list of {kind.__name__}", given)
    taken = listed(f"`{name}`", given)
    for one in taken:
        if not isinstance(one, kind):
            refuse(name, f"a list of {kind.__name__}, each of it", one)
    return taken


def listed(argument: str, given: Iterable[T]) -> tuple[T, ...]:
    """Read several objects, which may raise what they like."""
    try:
        return tuple(given)
    except Exception as error:
        msg = f"{argument} could not be read: {type(error).__name__}"
        raise ConfigurationError(msg) from error


def shown(given: object) -> str:
    """Show what was given where a message has to: texts, classes and data types; of everything else, the type."""
    if isinstance(given, str):
        return _core.without_keys(repr(str.__str__(given)))
    if isinstance(given, type) or type(given).__module__.startswith(("numpy", "pandas", "polars", "pyarrow")):
        return _core.without_keys(repr(given))
    return type(given).__name__
