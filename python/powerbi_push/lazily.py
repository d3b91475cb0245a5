"""Imports that happen when a name is first asked for.

CPython 3.15 has `lazy from module import name` (PEP 810). Until all have it, `Lazily` does the same for a block of
imports: whoever reads them, a type checker or a packager, sees plain imports.
"""

import builtins


class Lazily:
    """A block in which a module imports names for others: only where they are is noted, and `load` brings one.

    >>> names = Lazily(globals())
    >>> with names:
    ...     from fractions import Fraction as Fraction
    >>> names.homes
    {'Fraction': 'fractions'}
    >>> names.load("Fraction")
    <class 'fractions.Fraction'>
    """

    def __init__(self, namespace: dict[str, object]) -> None:
        self.homes: dict[str, str] = {}
        self._namespace = namespace
        self._import = builtins.__import__

    def __enter__(self) -> None:
        builtins.__import__ = self._note  # type: ignore[assignment]

    def __exit__(self, *raised: object) -> None:
        builtins.__import__ = self._import
        for name in self.homes:
            del self._namespace[name]

    def _note(
        self,
        name: str,
        globals: object = None,  # noqa: A002 - Python calls them so
        locals: object = None,  # noqa: A002
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> object:
        if globals is not self._namespace:
            # Another thread imports something meanwhile.
            return self._import(name, globals, locals, fromlist or (), level)  # type: ignore[arg-type]
        self.homes.update(dict.fromkeys(fromlist or (), name))
        return self

    def __getattr__(self, name: str) -> None:
        """Stand for whatever is imported from a module."""

    def load(self, name: str) -> object:
        """Import the module that `name` is in, and keep the value in the namespace.

        Raises:
            AttributeError: no such name was imported in the block.

        """
        owner = self._namespace["__name__"]
        if name not in self.homes:
            raise AttributeError(f"module {owner!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - whoever asks for nothing pays for nothing

        home = self.homes[name]
        value = import_module(f"{home}.{name}") if home == owner else getattr(import_module(home), name)
        self._namespace[name] = value
        return value
