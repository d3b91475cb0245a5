"""A box for what no traceback may show."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Hidden(Generic[T]):
    """Holds a secret; its `repr` does not."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        """Take the secret in."""
        self.value = value

    def __repr__(self) -> str:
        """Show nothing."""
        return "_"
