"""Arguments that are objects of this package, judged where they are given; text and numbers are judged in Rust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, TypeVar

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
    try:
        listed = tuple(given)
    except Exception as error:
        msg = f"`{name}` could not be read: {type(error).__name__}"
        raise ConfigurationError(msg) from error
    for one in listed:
        if not isinstance(one, kind):
            refuse(name, f"a list of {kind.__name__}, each of it", one)
    return listed
