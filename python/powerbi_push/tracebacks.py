"""What no traceback may show, secrets and helpers of this package, and what every one can: unfinished objects."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from powerbi_push import _core

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Class = TypeVar("Class", bound=type)
Given = ParamSpec("Given")


class Hidden(Generic[T]):
    """Holds a secret; its `repr` does not."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        """Take the secret in."""
        self.value = value

    def __repr__(self) -> str:
        """Show nothing."""
        return "_"

    def __reduce__(self) -> Any:
        """Refuse: what is pickled can be read."""
        msg = "what is hidden cannot be pickled or copied"
        raise TypeError(msg)


def frameless(function: Callable[Given, T]) -> Callable[Given, T]:
    """Have no traceback show a function's own frame, or those below it that are this package's."""
    return partial(_core.inside, function)


def shown_unfinished(cls: Class) -> Class:
    """Let objects be shown whose `__init__` did not come to its end, as tracebacks with local variables do."""
    for name in ("__repr__", "_repr_html_"):
        if name in vars(cls):
            setattr(cls, name, _even_unfinished(vars(cls)[name]))
    return cls


def _even_unfinished(show: Callable[[Any], str]) -> Callable[[Any], str]:
    @wraps(show)
    def shown(self: Any) -> str:
        try:
            return show(self)
        except Exception:  # noqa: BLE001 - an object that holds anything at all can be shown
            return f"{type(self).__name__}(unfinished)"

    return shown
